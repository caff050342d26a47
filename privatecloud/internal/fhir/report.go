package fhir

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"text/tabwriter"
)

// Outcome is what became of one resource.
type Outcome int

// Outcomes. The first three are counted by whoever stores, the others by
// Parse, which leaves such resources out of its Bundle.
const (
	Stored    Outcome = iota // a first version was written
	Updated                  // a further version was written
	Unchanged                // the same bytes were there already
	Invalid                  // not valid FHIR R4
	Unknown                  // of a type that is not stored
	TooLarge                 // larger than Limits.ResourceBytes
	Unplaced                 // of no patient, or of more than one
)

// Counts is how many resources were found and what became of them. In a dry
// run Found exceeds the sum of the others by what would have been stored.
type Counts struct {
	Found     int `json:"found"`
	Stored    int `json:"stored"`
	Updated   int `json:"updated"`
	Unchanged int `json:"unchanged"`
	Invalid   int `json:"invalid"`
	Unknown   int `json:"unknown"`
	TooLarge  int `json:"tooLarge"`
	Unplaced  int `json:"unplaced"`
}

func (c *Counts) add(d Counts) {
	c.Found += d.Found
	c.Stored += d.Stored
	c.Updated += d.Updated
	c.Unchanged += d.Unchanged
	c.Invalid += d.Invalid
	c.Unknown += d.Unknown
	c.TooLarge += d.TooLarge
	c.Unplaced += d.Unplaced
}

func (c *Counts) of(o Outcome) *int {
	switch o {
	case Stored:
		return &c.Stored
	case Updated:
		return &c.Updated
	case Unchanged:
		return &c.Unchanged
	case Invalid:
		return &c.Invalid
	case Unknown:
		return &c.Unknown
	case TooLarge:
		return &c.TooLarge
	default:
		return &c.Unplaced
	}
}

// Problem is one thing that an importer should look at. It names places and
// rules, never content.
type Problem struct {
	File    int    `json:"file,omitempty"`    // number of the file in sorted order, from 1; 0 outside a folder
	Entry   int    `json:"entry"`             // index in the bundle, from 0; -1 for the bundle itself
	Type    string `json:"type,omitempty"`    // resource type
	Pointer string `json:"pointer,omitempty"` // JSON pointer into the resource
	Reason  string `json:"reason"`
}

// maxProblems and maxTypes bound a report's memory: hostile input has a
// problem, or a new type, every few bytes. R4 has 148 resource types.
const (
	maxProblems = 1000
	maxTypes    = 250
)

// Report says what an import found and did. The zero value is an empty
// report. It is not for concurrent use.
type Report struct {
	Files     int               `json:"files"`
	Bundles   int               `json:"bundles"` // read, the refused ones not included
	Refused   int               `json:"refused"` // bundles refused as a whole
	Bytes     int64             `json:"bytes"`   // read from the source
	Patients  int               `json:"patients"`
	Resources map[string]Counts `json:"resources"` // by resource type
	Problems  []Problem         `json:"problems"`
	Omitted   int               `json:"omittedProblems"` // beyond the first 1000
}

// Count records what became of one resource of the given type.
func (r *Report) Count(resourceType string, o Outcome) {
	r.change(resourceType, func(c *Counts) { *c.of(o)++ })
}

func (r *Report) found(resourceType string) {
	r.change(resourceType, func(c *Counts) { c.Found++ })
}

func (r *Report) change(resourceType string, by func(*Counts)) {
	if r.Resources == nil {
		r.Resources = map[string]Counts{}
	}
	name := typeName(resourceType)
	if _, present := r.Resources[name]; !present && len(r.Resources) >= maxTypes {
		name = "(others)"
	}
	c := r.Resources[name]
	by(&c)
	r.Resources[name] = c
}

func (r *Report) refuse(resourceType string, o Outcome, p Problem) {
	r.Count(resourceType, o)
	p.Type = typeName(resourceType)
	r.problem(p)
}

func (r *Report) problem(p Problem) {
	if len(r.Problems) == maxProblems {
		r.Omitted++
		return
	}
	r.Problems = append(r.Problems, p)
}

// Add adds up two reports; the other's problems come last.
func (r *Report) Add(other Report) {
	r.Files += other.Files
	r.Bundles += other.Bundles
	r.Refused += other.Refused
	r.Bytes += other.Bytes
	r.Patients += other.Patients
	r.Omitted += other.Omitted
	for t, c := range other.Resources {
		r.change(t, func(sum *Counts) { sum.add(c) })
	}
	for _, p := range other.Problems {
		r.problem(p)
	}
}

// Total adds up the counts of all types.
func (r *Report) Total() (sum Counts) {
	for _, c := range r.Resources {
		sum.add(c)
	}
	return sum
}

// JSON writes the report as one JSON object, the total included.
func (r *Report) JSON(w io.Writer) error {
	type plain Report // without the methods
	view := struct {
		plain
		Total Counts `json:"total"`
	}{plain(*r), r.Total()}
	if view.Resources == nil {
		view.Resources = map[string]Counts{}
	}
	if view.Problems == nil {
		view.Problems = []Problem{}
	}
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(view)
}

// Text writes the report as a table followed by the problems.
func (r *Report) Text(w io.Writer) error {
	_, err := fmt.Fprintf(w, "%d files, %d bundles, %d refused, %d patients, %.1f MB\n",
		r.Files, r.Bundles, r.Refused, r.Patients, float64(r.Bytes)/1e6)
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(table, "found\tstored\tupdated\tunchanged\tinvalid\tunknown\ttoo large\tunplaced\t  type\n")
	row := func(name string, c Counts) {
		fmt.Fprintf(table, "%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t  %s\n", c.Found, c.Stored, c.Updated,
			c.Unchanged, c.Invalid, c.Unknown, c.TooLarge, c.Unplaced, name)
	}
	for _, name := range slices.Sorted(maps.Keys(r.Resources)) {
		row(name, r.Resources[name])
	}
	row("total", r.Total())
	if err := table.Flush(); err != nil {
		return err
	}
	return r.textProblems(w)
}

func (r *Report) textProblems(w io.Writer) error {
	for _, p := range r.Problems {
		if _, err := fmt.Fprintln(w, p); err != nil {
			return err
		}
	}
	if r.Omitted == 0 {
		return nil
	}
	_, err := fmt.Fprintf(w, "and %d problems more\n", r.Omitted)
	return err
}

// String writes a problem as one line.
func (p Problem) String() string {
	s := ""
	if p.File > 0 {
		s = fmt.Sprintf("file %d: ", p.File)
	}
	if p.Entry >= 0 {
		s += fmt.Sprintf("entry %d: ", p.Entry)
	}
	if p.Type != "" {
		s += p.Type + ": "
	}
	s += p.Reason
	if p.Pointer != "" {
		s += " at " + p.Pointer
	}
	return s
}

var typeForm = regexp.MustCompile(`^[A-Z][A-Za-z]{1,39}$`)

// typeName keeps what a source writes in the place of a type out of the
// report unless it has the form of one.
func typeName(resourceType string) string {
	if typeForm.MatchString(resourceType) {
		return resourceType
	}
	return "(malformed)"
}
