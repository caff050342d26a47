package fhir

import (
	"fmt"
	"slices"
	"strings"
)

// whose says to whom a resource belongs, as far as known.
type whose struct {
	patient string // "Patient/<id>"; "" if it names nobody
	many    bool   // it names several patients
	lost    bool   // it names somebody who cannot be told
}

// join takes over what another resource or reference adds.
func (w whose) join(o whose) whose {
	switch {
	case w.patient == "":
		w.patient = o.patient
	case o.patient != "" && o.patient != w.patient:
		w.many = true
	}
	w.many = w.many || o.many
	w.lost = w.lost || o.lost
	return w
}

// placement finds out whose the items are and where they happened.
type placement struct {
	items []item
	links *resolver
	whose []whose
	next  [][]int // per item, the items it refers to
}

// ownerHops bounds how far ownership is followed, as from a Provenance to an
// Observation to a Device to a Patient.
const ownerHops = 6

func place(items []item, limits Limits, report *Report) (Bundle, error) {
	links, err := newResolver(items)
	if err != nil {
		return Bundle{}, err
	}
	p := &placement{items: items, links: links, whose: make([]whose, len(items)), next: make([][]int, len(items))}
	p.findOwners()
	p.findReferences()
	patients := p.patients(report)
	if len(patients) > limits.Patients {
		return Bundle{}, fmt.Errorf("%w: more than %d patients", ErrTooLarge, limits.Patients)
	}
	p.findVisits(report)
	return p.bundle(patients, report), nil
}

// findOwners settles for each item whom it names, directly or through the
// items that it belongs to.
func (p *placement) findOwners() {
	through := make([][]int, len(p.items))
	for i, it := range p.items {
		if it.Type == "Patient" {
			p.whose[i].patient = "Patient/" + it.ID
			continue
		}
		for _, reference := range it.owners {
			if j, ok := p.links.find(reference); ok {
				through[i] = append(through[i], j)
			} else {
				p.whose[i] = p.whose[i].join(unresolved(reference))
			}
		}
	}
	for range ownerHops {
		changed := false
		for i := range p.items {
			before := p.whose[i]
			for _, j := range through[i] {
				p.whose[i] = p.whose[i].join(p.whose[j])
			}
			changed = changed || p.whose[i] != before
		}
		if !changed {
			return
		}
	}
}

func unresolved(reference string) whose {
	if name, relative, ok := foreignPatient(reference); ok {
		return whose{patient: name, lost: !relative}
	}
	return whose{lost: !otherThanPatient(reference)}
}

func (p *placement) findReferences() {
	for i, it := range p.items {
		for _, reference := range it.references {
			if j, ok := p.links.find(reference); ok {
				p.next[i] = append(p.next[i], j)
			}
		}
		slices.Sort(p.next[i])
		p.next[i] = slices.Compact(p.next[i])
	}
}

// patients groups the items that name one patient each, and reports those that
// name several or somebody unknown.
func (p *placement) patients(report *Report) []Patient {
	var patients []Patient
	position := map[string]int{}
	for i, it := range p.items {
		w := p.whose[i]
		switch {
		case w.many:
			p.drop(i, "it names more than one patient", report)
			continue
		case w.lost && !strings.HasPrefix(w.patient, "Patient/"):
			p.drop(i, "its patient is not in the bundle", report)
			continue
		case w.patient == "":
			continue
		}
		n, ok := position[w.patient]
		if !ok {
			n = len(patients)
			position[w.patient] = n
			patients = append(patients, Patient{ID: strings.TrimPrefix(w.patient, "Patient/"), Entry: -1})
		}
		if it.Type == "Patient" {
			patients[n].Entry = i
		}
		p.items[i].Patient = w.patient
		patients[n].Entries = append(patients[n].Entries, i)
	}
	for n := range patients {
		p.addShared(&patients[n])
	}
	if len(patients) == 1 {
		p.addRest(&patients[0])
	}
	return patients
}

// drop reports an item that no patient gets. It stays in place, so that
// positions hold, and is marked by its outcome.
func (p *placement) drop(i int, reason string, report *Report) {
	p.whose[i] = whose{many: true}
	it := p.items[i]
	report.refuse(it.Type, Unplaced, Problem{Entry: it.Index, Reason: reason})
}

// addShared adds what the patient's resources refer to and is nobody's own:
// organizations, practitioners, medications. It never passes through another
// patient's resource.
func (p *placement) addShared(patient *Patient) {
	has := map[int]bool{}
	queue := slices.Clone(patient.Entries)
	for len(queue) > 0 {
		i := queue[0]
		queue = queue[1:]
		for _, j := range p.next[i] {
			if !has[j] && p.whose[j] == (whose{}) {
				has[j] = true
				queue = append(queue, j)
				patient.Entries = append(patient.Entries, j)
			}
		}
	}
	slices.Sort(patient.Entries)
}

// addRest gives the only patient of a bundle what nobody refers to and is nobody
// else's: the sender put it into her record.
func (p *placement) addRest(patient *Patient) {
	for i := range p.items {
		if p.whose[i] == (whose{}) && !slices.Contains(patient.Entries, i) {
			patient.Entries = append(patient.Entries, i)
		}
	}
	slices.Sort(patient.Entries)
}

// findVisits gives each item the facts of the encounter that places it. The
// encounter of another patient places nothing.
func (p *placement) findVisits(report *Report) {
	for i := range p.items {
		it := &p.items[i]
		if it.visit != nil {
			it.visit.Organization = p.organization(it.visit.Organization)
			it.Visit = it.visit
			continue
		}
		if it.Encounter == "" || it.Patient == "" {
			continue
		}
		j, ok := p.links.find(it.Encounter)
		switch {
		case !ok:
			p.note(it, "its encounter is not in the bundle", report)
		case p.items[j].visit == nil: // an EpisodeOfCare, for one
			it.Encounter = ""
		case p.items[j].Patient != it.Patient:
			p.note(it, "its encounter is another patient's", report)
			it.Encounter = ""
		default:
			it.Encounter = "Encounter/" + p.items[j].ID
			it.Visit = p.items[j].visit
		}
	}
}

func (p *placement) note(it *item, reason string, report *Report) {
	report.problem(Problem{Entry: it.Index, Type: it.Type, Reason: reason + "; it is kept without one"})
}

// organization adds what the bundle's Organization resource says.
func (p *placement) organization(o Organization) Organization {
	j, ok := p.links.find(o.Reference)
	if !ok || p.items[j].Type != "Organization" {
		return o
	}
	more := p.items[j].organization
	return Organization{
		Reference:   "Organization/" + p.items[j].ID,
		Names:       append(o.Names, more.Names...),
		Identifiers: append(o.Identifiers, more.Identifiers...),
	}
}

// bundle keeps the items that some patient has, and reports the others.
func (p *placement) bundle(patients []Patient, report *Report) Bundle {
	kept := make([]bool, len(p.items))
	for _, patient := range patients {
		for _, i := range patient.Entries {
			kept[i] = true
		}
	}
	position := make([]int, len(p.items))
	b := Bundle{Patients: patients}
	for i, it := range p.items {
		switch {
		case kept[i]:
			position[i] = len(b.Entries)
			b.Entries = append(b.Entries, it.Entry)
		case p.whose[i] == (whose{}):
			p.drop(i, "it names no patient, and no patient's resource refers to it", report)
		}
	}
	for n := range patients {
		for k, i := range patients[n].Entries {
			patients[n].Entries[k] = position[i]
		}
		if patients[n].Entry >= 0 {
			patients[n].Entry = position[patients[n].Entry]
		}
	}
	return b
}
