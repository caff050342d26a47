// Package visit runs one whole visit over a running suite and compares what the
// doctor received with the source files.
package visit

import (
	"slices"

	"medunion/api/message"
	"medunion/deploy/local/source"
)

// Plan is who consults whom, and what she keeps to herself.
type Plan struct {
	File       source.File
	Home       int          // the doctor's hospital, one of hers
	Department message.Code // in which the doctor acts
	Withheld   Withheld
}

// Withheld is what the patient does not share.
type Withheld struct {
	Class      message.Code `json:"class"`
	Department message.Code `json:"department"` // "" if she has one only
}

// reticent are the classes that people rather keep to themselves, in the order in
// which one is chosen to be withheld.
var reticent = []message.Code{"GENETIC", "SOCIAL", "SURVEY", "FAMILY", "FINANCIAL", "MEDICATION"}

// kept are the classes and departments that a visit needs: who the patient is, what
// the diagnosis becomes, and what belongs to no encounter.
var kept = []message.Code{"DEMOGRAPHIC", "ADMIN", "DIAGNOSTIC", "PROBLEM", message.DepartmentGeneral}

// NewPlan chooses the richest patient, a doctor at her first hospital who acts in
// the department where most of her records are, one class to withhold, and one
// other department where she has several.
func NewPlan(s source.Source) Plan {
	f := s.Richest()
	p := Plan{File: f, Home: f.Hospitals[0], Department: busiest(f)}
	p.Withheld.Class = pick(f.Classes(), reticent)
	if others := without(f.Departments(), append(kept, p.Department)); len(others) > 0 {
		p.Withheld.Department = others[0]
	}
	return p
}

// busiest is the department with the most records but GENERAL, which collects what
// belongs to none.
func busiest(f source.File) message.Code {
	count := map[message.Code]int{}
	for _, i := range f.Items {
		count[i.Department]++
	}
	delete(count, message.DepartmentGeneral)
	best := message.Code(message.DepartmentGeneral)
	for _, d := range f.Departments() {
		if count[d] > count[best] {
			best = d
		}
	}
	return best
}

// pick returns the first preferred code that is there, else the first that a visit
// can do without.
func pick(have, preferred []message.Code) message.Code {
	for _, c := range preferred {
		if slices.Contains(have, c) {
			return c
		}
	}
	if rest := without(have, kept); len(rest) > 0 {
		return rest[0]
	}
	return have[0]
}

func without(codes, drop []message.Code) []message.Code {
	return slices.DeleteFunc(slices.Clone(codes), func(c message.Code) bool { return slices.Contains(drop, c) })
}

// Allows reports whether the patient shares a resource.
func (p Plan) Allows(i source.Item) bool {
	return i.Class != p.Withheld.Class && i.Department != p.Withheld.Department
}
