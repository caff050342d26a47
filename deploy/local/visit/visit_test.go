package visit

import (
	"bytes"
	"os"
	"slices"
	"strings"
	"testing"

	"medunion/api/message"
	"medunion/deploy/local/source"
)

func plan(t *testing.T, n int) Plan {
	t.Helper()
	s, err := source.Read(os.DirFS("../testdata/synthea"), n)
	if err != nil {
		t.Fatal(err)
	}
	return NewPlan(s)
}

func honest(p Plan) []Resource {
	var out []Resource
	for _, i := range p.File.Items {
		for _, h := range i.Hospitals {
			if p.Allows(i) {
				out = append(out, Resource{Hospital: h, Type: i.Type, ID: i.ID, Raw: i.Raw})
			}
		}
	}
	return out
}

func TestPlanWithholdsWhatThePatientHas(t *testing.T) {
	p := plan(t, 2)
	if len(p.File.Hospitals) != 2 {
		t.Fatal("the patient is at one hospital")
	}
	if !slices.Contains(p.File.Classes(), p.Withheld.Class) || !slices.Contains(p.File.Departments(), p.Withheld.Department) {
		t.Errorf("withholds %+v of %v, %v", p.Withheld, p.File.Classes(), p.File.Departments())
	}
	if p.Withheld.Department == p.Department {
		t.Error("the doctor's own department is withheld")
	}
}

func TestCompareSeesEveryFault(t *testing.T) {
	p := plan(t, 2)
	good := honest(p)
	if r := Compare(p, nil, good); !r.Holds() || r.Stored <= r.Allowed {
		t.Fatalf("%+v", r)
	}
	var withheld Resource
	for _, i := range p.File.Items {
		if !p.Allows(i) {
			withheld = Resource{Hospital: i.Hospitals[0], Type: i.Type, ID: i.ID, Raw: i.Raw}
		}
	}
	changed := slices.Clone(good)
	changed[0].Raw = append(bytes.Clone(changed[0].Raw), ' ')
	moved := slices.Clone(good)
	moved[len(moved)-1].Hospital = 7
	for name, got := range map[string][]Resource{"one missing": good[1:], "one leaked": append(slices.Clone(good), withheld),
		"one changed": changed, "one twice": append(slices.Clone(good), good[0]), "from another hospital": moved,
		"one for another": append(slices.Clone(good[1:]), withheld), "nothing": nil} {
		if r := Compare(p, nil, got); r.Holds() {
			t.Errorf("%s: %+v passes", name, r)
		}
	}
}

func TestCompareKnowsEarlierDiagnoses(t *testing.T) {
	p := plan(t, 2)
	d := Resource{Hospital: 1, Type: "Condition", ID: "d", Raw: []byte("{}")}
	got := append(honest(p), d)
	if r := Compare(p, []Resource{d}, got); !r.Holds() {
		t.Errorf("%+v", r)
	}
	changed := d
	changed.Raw = []byte("{ }")
	if r := Compare(p, []Resource{changed}, got); r.Mismatched != 1 {
		t.Errorf("%+v", r)
	}
	if r := Compare(p, nil, got); r.Leaked != 1 {
		t.Errorf("%+v", r)
	}
}

func TestLogHasEachMessageOnce(t *testing.T) {
	var l Log
	for range 2 { // two visits
		l.Add(message.Sent{Type: message.TypeM1, From: message.Patient, To: message.Doctor, Bytes: 5})
		l.Add(message.Sent{Type: message.TypeM1, From: message.Patient, To: message.Doctor, Bytes: 5})
		for range 2 { // two hospitals
			l.Add(message.Sent{Type: message.TypeM6, From: message.Doctor, To: message.Hospital, Bytes: 6})
		}
	}
	var names []string
	for _, m := range l.Messages() {
		names = append(names, m.Name)
	}
	if got := strings.Join(names, " "); got != "M1 M6 M6 M1 M6 M6" {
		t.Error(got)
	}
}

func TestAddedIsWhatTheSecondVisitBrings(t *testing.T) {
	good := honest(plan(t, 2))
	added := Resource{Hospital: 0, Type: "Condition", ID: "new", Raw: []byte("{}")}
	if got := Added(good, append(slices.Clone(good), added)); len(got) != 1 || got[0].ID != "new" {
		t.Error(got)
	}
}
