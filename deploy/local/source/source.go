// Package source reads a folder of FHIR Bundles, one patient each, and spreads
// every patient's resources over hospitals by the organizations of her encounters.
// It keeps the source's bytes, so that what a doctor receives later can be compared
// with the files and not with what a store says.
package source

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"sort"
	"strings"

	"medunion/api/fhirbundle"
	"medunion/api/message"
	"medunion/privatecloud/placement"
)

// Item is one resource with where it belongs.
type Item struct {
	placement.Resource
	Hospitals []int // positions of the hospitals that hold it
}

// Key is "Type/id".
func (i Item) Key() string { return i.Type + "/" + i.ID }

// File is one bundle: one patient.
type File struct {
	Name      string
	Items     []Item
	Hospitals []int // that hold something of hers, in the order of her encounters
}

// Source is a folder, spread over Hospitals hospitals.
type Source struct {
	Hospitals int
	Files     []File
	Notes     []string // what was left out, by file
}

// ErrPatients says that a bundle is of several patients.
var ErrPatients = errors.New("a bundle must be of one patient")

// errNobody marks a bundle without a patient, such as a list of organizations.
var errNobody = errors.New("no patient in it")

// everywhere are the types that each hospital of a patient holds.
var everywhere = []string{"Patient", "Practitioner", "Organization"}

// Read reads every *.json of the folder in the order of names and spreads it over
// n hospitals: organizations are numbered as first seen, modulo n. A file that no
// hospital would import, or that is not of one patient, is left out and noted.
func Read(dir fs.FS, n int) (Source, error) {
	names, err := fs.Glob(dir, "*.json")
	if err != nil || len(names) == 0 {
		return Source{}, errors.Join(err, errors.New("no FHIR bundles (*.json) in the folder"))
	}
	sort.Strings(names)
	s := Source{Hospitals: n}
	numbers := map[string]int{}
	for _, name := range names {
		f, left, err := readFile(dir, name, n, numbers)
		switch {
		case err != nil:
			s.Notes = append(s.Notes, fmt.Sprintf("%s is left out: %v", path.Base(name), err))
			continue
		case left > 0:
			s.Notes = append(s.Notes, fmt.Sprintf("%s: %d resources that no hospital stores are left out", path.Base(name), left))
		}
		s.Files = append(s.Files, f)
	}
	if len(s.Files) == 0 {
		return s, errors.New("no patient in the folder")
	}
	return s, nil
}

func readFile(dir fs.FS, name string, n int, numbers map[string]int) (f File, left int, err error) {
	r, err := dir.Open(name)
	if err != nil {
		return File{}, 0, err
	}
	defer r.Close()
	resources, left, err := placement.Of(r)
	if err != nil {
		return File{}, 0, err
	}
	if err := onePatient(resources); err != nil {
		return File{}, 0, err
	}
	f = File{Name: name}
	for _, res := range resources {
		if o := res.Organization; o != "" {
			if _, seen := numbers[o]; !seen {
				numbers[o] = len(numbers)
			}
			f.visit(numbers[o] % n)
		}
	}
	f.spread(resources, n, numbers)
	return f, left, nil
}

func onePatient(resources []placement.Resource) error {
	n := 0
	for _, r := range resources {
		if r.Type == "Patient" {
			n++
		}
	}
	switch n {
	case 0:
		return errNobody
	case 1:
		return nil
	}
	return ErrPatients
}

// visit adds a hospital once.
func (f *File) visit(hospital int) {
	if !slices.Contains(f.Hospitals, hospital) {
		f.Hospitals = append(f.Hospitals, hospital)
	}
}

// spread decides for each resource who holds it. A patient without any encounter
// is at the first hospital.
func (f *File) spread(resources []placement.Resource, n int, numbers map[string]int) {
	if len(f.Hospitals) == 0 {
		f.Hospitals = []int{0}
	}
	for _, r := range resources {
		item := Item{Resource: r, Hospitals: f.Hospitals[:1]}
		switch {
		case slices.Contains(everywhere, r.Type):
			item.Hospitals = f.Hospitals
		case r.Organization != "":
			item.Hospitals = []int{numbers[r.Organization] % n}
		}
		f.Items = append(f.Items, item)
	}
}

// At returns the patient's resources at one hospital, in the source's order.
func (f File) At(hospital int) []Item {
	var out []Item
	for _, i := range f.Items {
		if slices.Contains(i.Hospitals, hospital) {
			out = append(out, i)
		}
	}
	return out
}

// Bundle is the collection Bundle that a hospital imports of the patient, the
// resources' bytes unchanged; nil if it holds nothing of hers.
func (f File) Bundle(hospital int) []byte {
	var entries []fhirbundle.Entry
	for _, i := range f.At(hospital) {
		entries = append(entries, fhirbundle.Entry{FullURL: i.FullURL, Type: i.Type, ID: i.ID, Resource: i.Raw})
	}
	if len(entries) == 0 {
		return nil
	}
	return fhirbundle.Collection(entries)
}

// Count is how many resources all her hospitals hold together; one that two hold
// counts twice.
func (f File) Count() (n int) {
	for _, i := range f.Items {
		n += len(i.Hospitals)
	}
	return n
}

// Patient is the Patient resource.
func (f File) Patient() Item {
	for _, i := range f.Items {
		if i.Type == "Patient" {
			return i
		}
	}
	return Item{}
}

// Departments and classes that the patient has records in, sorted.
func (f File) Departments() []message.Code {
	return f.codes(func(i Item) message.Code { return i.Department })
}

// Classes lists the record classes that the patient has, sorted.
func (f File) Classes() []message.Code { return f.codes(func(i Item) message.Code { return i.Class }) }

func (f File) codes(of func(Item) message.Code) []message.Code {
	var all []message.Code
	for _, i := range f.Items {
		all = append(all, of(i))
	}
	return message.SortCodes(all)
}

// Richest is the patient with the most resources among those at two hospitals or
// more; if nobody is, among all. The first in the order of names wins a tie.
func (s Source) Richest() File {
	best, found := File{}, false
	for _, f := range s.Files {
		spread := len(f.Hospitals) > 1
		if spread && !found || spread == found && f.Count() > best.Count() {
			best, found = f, spread
		}
	}
	return best
}

// Short is the file's name without its ending, for reports.
func (f File) Short() string { return strings.TrimSuffix(path.Base(f.Name), ".json") }
