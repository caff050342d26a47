package fhir

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"medunion/api/message"
)

// Rules place an encounter in a department. The first rule that holds decides;
// if none does, or there is no encounter, the department is Default.
//
// As JSON:
//
//	{"default": "GENERAL", "rules": [
//	  {"department": "SURGERY", "type": [{"system": "http://snomed.info/sct", "code": "305408004"}]},
//	  {"department": "SURGERY", "organization": [{"name": "Day Surgery West"}], "class": [{"code": "AMB"}]}
//	]}
//
// The zero value places everything in "", so rules come from DefaultRules or
// LoadRules.
type Rules struct {
	Default string `json:"default"`
	Rules   []Rule `json:"rules"`
}

// Rule holds for an encounter if each list that it has matches. A list matches
// if one of its items does.
type Rule struct {
	Department   string              `json:"department"`
	ServiceType  []ConceptMatch      `json:"serviceType,omitempty"`
	Type         []ConceptMatch      `json:"type,omitempty"`
	Class        []ConceptMatch      `json:"class,omitempty"`
	Organization []OrganizationMatch `json:"organization,omitempty"`
}

// ConceptMatch matches a coding by its code, in one system or, without System,
// in any. With Text it matches the concept's words instead, ignoring case.
type ConceptMatch struct {
	System string `json:"system,omitempty"`
	Code   string `json:"code,omitempty"`
	Text   string `json:"text,omitempty"`
}

// OrganizationMatch matches an organization by exactly one of: the reference
// ("Organization/<id>", or as the source writes it where its bundle lacks the
// organization), the name ignoring case, an identifier (System may be "").
type OrganizationMatch struct {
	Reference  string `json:"reference,omitempty"`
	Name       string `json:"name,omitempty"`
	System     string `json:"system,omitempty"`
	Identifier string `json:"identifier,omitempty"`
}

// LoadRules reads rules and checks them against the departments of the public
// parameters. Unknown members, trailing data, departments that are not in the
// list, rules without a condition and conditions without content are refused.
func LoadRules(r io.Reader, departments []string) (Rules, error) {
	decoder := json.NewDecoder(r)
	decoder.DisallowUnknownFields()
	var rules Rules
	if err := decoder.Decode(&rules); err != nil {
		return Rules{}, fmt.Errorf("department rules: %w", err)
	}
	if _, err := decoder.Token(); err != io.EOF {
		return Rules{}, errors.New("department rules: data after the rules")
	}
	if err := rules.Validate(departments); err != nil {
		return Rules{}, err
	}
	return rules, nil
}

// Validate returns an error unless every rule has a condition and a department
// of the list.
func (r Rules) Validate(departments []string) error {
	if !slices.Contains(departments, r.Default) {
		return fmt.Errorf("department rules: the default %q is not a department", r.Default)
	}
	for i, rule := range r.Rules {
		if !slices.Contains(departments, rule.Department) {
			return fmt.Errorf("department rule %d: %q is not a department", i, rule.Department)
		}
		if err := rule.validate(); err != nil {
			return fmt.Errorf("department rule %d: %w", i, err)
		}
	}
	return nil
}

func (r Rule) validate() error {
	concepts := slices.Concat(r.ServiceType, r.Type, r.Class)
	if len(concepts)+len(r.Organization) == 0 {
		return errors.New("no condition")
	}
	for _, c := range concepts {
		if (c.Code == "") == (c.Text == "") || c.Text != "" && c.System != "" {
			return errors.New("a concept is matched by a code, with or without system, or by a text")
		}
	}
	for _, c := range r.Class {
		if c.Text != "" {
			return errors.New("a class is matched by its code")
		}
	}
	for _, o := range r.Organization {
		given := 0
		for _, s := range []string{o.Reference, o.Name, o.Identifier} {
			if s != "" {
				given++
			}
		}
		if given != 1 || o.System != "" && o.Identifier == "" {
			return errors.New("an organization is matched by one of reference, name and identifier")
		}
	}
	return nil
}

// Department returns the department of an encounter; v may be nil.
func (r Rules) Department(v *Visit) string {
	if v == nil {
		return r.Default
	}
	for _, rule := range r.Rules {
		if rule.holds(v) {
			return rule.Department
		}
	}
	return r.Default
}

func (r Rule) holds(v *Visit) bool {
	class := Concept{Codings: []message.Coding{v.Class}}
	return matches(r.ServiceType, v.ServiceType) &&
		matches(r.Type, v.Types...) &&
		matches(r.Class, class) &&
		(len(r.Organization) == 0 || slices.ContainsFunc(r.Organization, v.Organization.is))
}

// matches is true for an empty list: it is no condition.
func matches(list []ConceptMatch, concepts ...Concept) bool {
	if len(list) == 0 {
		return true
	}
	for _, m := range list {
		if slices.ContainsFunc(concepts, m.in) {
			return true
		}
	}
	return false
}

func (m ConceptMatch) in(c Concept) bool {
	if m.Text != "" {
		return slices.ContainsFunc(c.Words, func(w string) bool { return strings.EqualFold(w, m.Text) })
	}
	return slices.ContainsFunc(c.Codings, func(c message.Coding) bool {
		return c.Code == m.Code && (m.System == "" || m.System == c.System)
	})
}

func (o Organization) is(m OrganizationMatch) bool {
	switch {
	case m.Reference != "":
		return o.Reference == m.Reference
	case m.Name != "":
		return slices.ContainsFunc(o.Names, func(n string) bool { return strings.EqualFold(n, m.Name) })
	}
	return slices.ContainsFunc(o.Identifiers, func(i message.Coding) bool {
		return i.Code == m.Identifier && (m.System == "" || m.System == i.System)
	})
}
