package message_test

import (
	"regexp"
	"slices"
	"testing"

	"medunion/api/message"
)

func TestDefaultClassTable(t *testing.T) {
	if n := len(message.DefaultClasses); n > 20 {
		t.Errorf("%d classes, at most 20", n)
	}
	form := regexp.MustCompile(`^[A-Z]{1,12}$`)
	used := map[string]bool{message.ClassOther: true}
	seen := map[message.ClassRule]bool{}
	for _, r := range message.DefaultClassRules {
		key := r
		key.Class = ""
		if seen[key] {
			t.Errorf("two rules for %+v", key)
		}
		seen[key], used[r.Class] = true, true
		if !slices.Contains(message.DefaultClasses, r.Class) {
			t.Errorf("rule %+v names a class that is not in the list", r)
		}
		if r.CategorySystem != "" && r.CategoryCode == "" {
			t.Errorf("rule %+v has a system and no code", r)
		}
	}
	for _, c := range message.DefaultClasses {
		if !form.MatchString(c) {
			t.Errorf("class %q", c)
		}
		if !used[c] {
			t.Errorf("no rule leads to class %s", c)
		}
	}
}

func TestClassOf(t *testing.T) {
	const category = "http://terminology.hl7.org/CodeSystem/observation-category"
	codes := func(pairs ...string) (cs []message.Coding) {
		for i := 0; i < len(pairs); i += 2 {
			cs = append(cs, message.Coding{System: pairs[i], Code: pairs[i+1]})
		}
		return cs
	}
	for _, tt := range []struct {
		name, resource string
		categories     []message.Coding
		want           string
	}{
		{"code of its system", "Observation", codes(category, "laboratory"), "LAB"},
		{"code without system", "Observation", codes("", "laboratory"), "LAB"},
		{"type alone", "Observation", nil, "DIAGNOSTIC"},
		{"unknown category", "Observation", codes(category, "x"), "DIAGNOSTIC"},
		{"second category decides", "Observation",
			codes("urn:x", "x", category, "vital-signs"), "VITAL"},
		{"first rule of two", "Observation",
			codes(category, "laboratory", category, "social-history"), "SOCIAL"},
		{"foreign system", "DiagnosticReport", codes("urn:x", "GE"), "DIAGNOSTIC"},
		{"right system", "DiagnosticReport",
			codes("http://terminology.hl7.org/CodeSystem/v2-0074", "GE"), "GENETIC"},
		{"category of another type", "Condition", codes(category, "laboratory"), "PROBLEM"},
		{"unknown type", "ValueSet", nil, "OTHER"},
		{"no type", "", nil, "OTHER"},
	} {
		if got := message.ClassOf(message.DefaultClassRules, tt.resource, tt.categories); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}

func TestClassOfPrefersSystemOverAnySystem(t *testing.T) {
	rules := []message.ClassRule{
		{ResourceType: "Observation", Class: "C"},
		{ResourceType: "Observation", CategoryCode: "a", Class: "B"},
		{ResourceType: "Observation", CategorySystem: "urn:s", CategoryCode: "a", Class: "A"},
	}
	for system, want := range map[string]string{"urn:s": "A", "urn:t": "B", "": "B"} {
		if got := message.ClassOf(rules, "Observation", []message.Coding{{System: system, Code: "a"}}); got != want {
			t.Errorf("system %q: %s, want %s", system, got, want)
		}
	}
}
