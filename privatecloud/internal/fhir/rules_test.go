package fhir_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"medunion/api/message"
	"medunion/privatecloud/internal/fhir"
)

func TestDefaultRules(t *testing.T) {
	const sct, st = "http://snomed.info/sct", "http://terminology.hl7.org/CodeSystem/service-type"
	const act = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
	concept := func(system, code string) fhir.Concept {
		return fhir.Concept{Codings: []message.Coding{{System: "urn:local", Code: "x"}, {System: system, Code: code}}}
	}
	rules := fhir.DefaultRules()
	if err := rules.Validate(message.DefaultDepartments); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ class, kind, service, want string }{
		{"EMER", "", "", "EMERGENCY"},
		{"EMER", "305408004", "", "EMERGENCY"},
		{"IMP", "50849002", "", "EMERGENCY"},
		{"AMB", "", "117", "EMERGENCY"},
		{"IMP", "305408004", "", "SURGERY"},
		{"AMB", "305408004", "", "SURGERY"},
		{"IMP", "", "221", "SURGERY"},
		{"AMB", "424441002", "", "OBSTETRICS"},
		{"IMP", "", "482", "OBSTETRICS"},
		{"IMP", "183452005", "", "INPATIENT"},
		{"ACUTE", "", "", "INPATIENT"},
		{"NONAC", "", "", "INPATIENT"},
		{"AMB", "185349003", "", "OUTPATIENT"},
		{"VR", "", "", "OUTPATIENT"},
		{"HH", "", "124", "OUTPATIENT"},
		{"FLD", "", "", "GENERAL"},
		{"", "", "", "GENERAL"},
	} {
		v := &fhir.Visit{Class: message.Coding{System: act, Code: tt.class}, ServiceType: concept(st, tt.service)}
		v.Types = []fhir.Concept{concept("urn:x", "305408004"), concept(sct, tt.kind)}
		if got := rules.Department(v); got != tt.want {
			t.Errorf("%+v: %s", tt, got)
		}
	}
	if got := rules.Department(nil); got != "GENERAL" {
		t.Errorf("no encounter: %s", got)
	}
}

func TestDefaultRulesSurviveJSON(t *testing.T) {
	text, err := json.Marshal(fhir.DefaultRules())
	if err != nil {
		t.Fatal(err)
	}
	got, err := fhir.LoadRules(bytes.NewReader(text), message.DefaultDepartments)
	if err != nil || !reflect.DeepEqual(got, fhir.DefaultRules()) {
		t.Errorf("%v", err)
	}
}

func TestRuleConditions(t *testing.T) {
	const text = `{"default":"D","rules":[
	  {"department":"A","organization":[{"reference":"Organization/1"},{"name":"west wing"},{"system":"urn:s","identifier":"7"}],"class":[{"code":"AMB"},{"code":"VR"}]},
	  {"department":"B","organization":[{"identifier":"8"}]},
	  {"department":"C","type":[{"text":"Check Up"}]}]}`
	rules, err := fhir.LoadRules(strings.NewReader(text), []string{"A", "B", "C", "D"})
	if err != nil {
		t.Fatal(err)
	}
	visit := func(class string, o fhir.Organization, words ...string) *fhir.Visit {
		return &fhir.Visit{Class: message.Coding{Code: class}, Organization: o, Types: []fhir.Concept{{Words: words}}}
	}
	identified := func(system, value string) fhir.Organization {
		return fhir.Organization{Identifiers: []message.Coding{{System: system, Code: value}}}
	}
	for name, tt := range map[string]struct {
		visit *fhir.Visit
		want  string
	}{
		"reference":          {visit("AMB", fhir.Organization{Reference: "Organization/1"}), "A"},
		"second class":       {visit("VR", fhir.Organization{Reference: "Organization/1"}), "A"},
		"name, other case":   {visit("AMB", fhir.Organization{Names: []string{"x", "West Wing"}}), "A"},
		"identifier":         {visit("AMB", identified("urn:s", "7")), "A"},
		"one of two holds":   {visit("IMP", fhir.Organization{Reference: "Organization/1"}), "D"},
		"other system":       {visit("AMB", identified("urn:t", "7")), "D"},
		"any system":         {visit("AMB", identified("urn:t", "8")), "B"},
		"words":              {visit("AMB", fhir.Organization{}, "check up"), "C"},
		"part of the words":  {visit("AMB", fhir.Organization{}, "check up 2"), "D"},
		"nothing holds":      {visit("AMB", fhir.Organization{}), "D"},
		"empty organization": {&fhir.Visit{}, "D"},
	} {
		if got := rules.Department(tt.visit); got != tt.want {
			t.Errorf("%s: %s, want %s", name, got, tt.want)
		}
	}
}

func TestLoadRulesRefuses(t *testing.T) {
	rule := func(conditions string) string {
		return `{"default":"A","rules":[{"department":"A"` + conditions + `}]}`
	}
	for name, text := range map[string]string{
		"no default":             `{"rules":[]}`,
		"unknown default":        `{"default":"X"}`,
		"unknown department":     `{"default":"A","rules":[{"department":"X","class":[{"code":"AMB"}]}]}`,
		"no department":          `{"default":"A","rules":[{"class":[{"code":"AMB"}]}]}`,
		"unknown member":         rule(`,"klass":[{"code":"AMB"}]`),
		"no condition":           rule(``),
		"empty list":             rule(`,"class":[]`),
		"empty concept":          rule(`,"class":[{}]`),
		"system without code":    rule(`,"type":[{"system":"urn:s"}]`),
		"code and text":          rule(`,"type":[{"code":"x","text":"y"}]`),
		"class by text":          rule(`,"class":[{"text":"AMB"}]`),
		"empty organization":     rule(`,"organization":[{}]`),
		"two of an organization": rule(`,"organization":[{"reference":"a","name":"b"}]`),
		"system without value":   rule(`,"organization":[{"system":"a","name":"b"}]`),
		"trailing data":          `{"default":"A"} {}`,
		"not JSON":               `default: A`,
	} {
		if _, err := fhir.LoadRules(strings.NewReader(text), []string{"A"}); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestNewClassifierRefuses(t *testing.T) {
	rules := []message.ClassRule{{ResourceType: "Patient", Class: "X"}}
	if _, err := fhir.NewClassifier(rules, []string{"OTHER"}); err == nil {
		t.Error("a class outside the list is accepted")
	}
	if _, err := fhir.NewClassifier(nil, []string{"X"}); err == nil {
		t.Error("a list without the default class is accepted")
	}
	c, err := fhir.NewClassifier(rules, []string{"X", "OTHER"})
	if err != nil || c.Class(fhir.Entry{Type: "Patient"}) != "X" || c.Class(fhir.Entry{Type: "Claim"}) != "OTHER" {
		t.Errorf("%v", err)
	}
}
