package hospital_test

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"testing"

	"medunion/api/fhirbundle"
	"medunion/api/message"
	"medunion/api/problem"
	"medunion/ecc"
	"medunion/privatecloud/hospital"
	"medunion/privatecloud/internal/peers"
)

func resources(t testing.TB, pages [][]byte) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, p := range pages {
		entries, err := fhirbundle.Split(p)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if _, twice := out[e.Type+"/"+e.ID]; twice {
				t.Errorf("%s/%s came twice", e.Type, e.ID)
			}
			out[e.Type+"/"+e.ID] = string(e.Resource)
		}
	}
	return out
}

func names(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }

func TestVisit(t *testing.T) {
	for _, suite := range []ecc.Suite{ecc.SuiteX25519, ecc.SuiteXWing} {
		t.Run(suite.String(), func(t *testing.T) {
			s := newScene(t, suite)
			got, receipt := s.release(s.open(), message.Filter{})
			if want := []string{"Observation/o1", "Observation/o2", "Patient/p1"}; !slices.Equal(names(got), want) {
				t.Fatalf("received %v", names(got))
			}
			for _, r := range s.rec {
				if text, ok := got[r.Type+"/"+r.ID]; ok && text != string(r.Bytes) {
					t.Errorf("%s changed", r.ID)
				}
			}
			if receipt != 1 {
				t.Errorf("receipt %d", receipt)
			}
			last := s.trail()[len(s.trail())-1]
			if last.What != hospital.EventReleased || last.Receipt != 1 || last.Count != 3 || last.Patient != s.p.Cred.Info.ID || last.Licence != "L-dr-okafor" {
				t.Errorf("audit %+v", last)
			}
		})
	}
}

func TestFilter(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	x := s.open()
	for name, c := range map[string]struct {
		f    message.Filter
		want []string
	}{
		"class":       {message.Filter{Classes: []message.Code{"LAB"}}, []string{"Observation/o1"}},
		"department":  {message.Filter{Departments: []message.Code{"GENERAL"}}, []string{"Patient/p1"}},
		"not granted": {message.Filter{Departments: []message.Code{"SURGERY"}}, nil},
		"since":       {message.Filter{Since: 1_650_000_000_000}, []string{"Observation/o2", "Patient/p1"}},
		"until":       {message.Filter{Until: 1_650_000_000_000}, []string{"Observation/o1", "Patient/p1"}},
	} {
		if got, _ := s.release(x, c.f); !slices.Equal(names(got), c.want) {
			t.Errorf("%s: %v", name, names(got))
		}
	}
}

func TestReleaseHoldsTheNewestVersions(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	changed := s.rec[1]
	changed.Bytes = []byte(`{"resourceType":"Observation","id":"o1","status":"amended"}`)
	moved := s.rec[2]
	moved.Department = "SURGERY"
	out := s.load(mrn, []hospital.Resource{s.rec[0], changed, moved})
	if want := []hospital.Outcome{hospital.Unchanged, hospital.Updated, hospital.Updated}; !slices.Equal(out, want) {
		t.Fatalf("outcomes %v", out)
	}
	got, _ := s.release(s.open(), message.Filter{})
	if _, there := got["Observation/o2"]; there || got["Observation/o1"] != string(changed.Bytes) {
		t.Errorf("received %v", names(got))
	}
}

func TestPages(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	var rs []hospital.Resource
	for i := range 5 {
		r := resource("DocumentReference", fmt.Sprintf("d%d", i), "OUTPATIENT", "DOCUMENT", 0)
		r.Bytes = fmt.Appendf(nil, `{"resourceType":"DocumentReference","id":"d%d","x":"%s"}`, i, bytes.Repeat([]byte("a"), 900<<10))
		rs = append(rs, r)
	}
	s.load(mrn, rs)
	x := s.open()
	r, err := s.h.Release(t.Context(), x.M8(message.Filter{}))
	if err != nil {
		t.Fatal(err)
	}
	pages, err := peers.All(r)
	if err != nil || len(pages) != 3 {
		t.Fatalf("%d pages, %v", len(pages), err)
	}
	contents, _, _ := x.Pages(t, pages)
	if got := resources(t, contents); len(got) != 8 {
		t.Errorf("received %v", names(got))
	}
	for _, p := range pages {
		if len(p.Encode()) > message.TypeM9.Limit() {
			t.Error("a page exceeds the limit")
		}
	}
}

func TestReleaseOfNothingHasOnePage(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	c := s.p.Consent(peers.Terms{Doctor: s.d, Grants: []message.Grant{s.h.Grant([]message.Code{"EMERGENCY"}, []message.Code{"LAB"})}})
	got, receipt := s.release(s.openWith(c), message.Filter{})
	if len(got) != 0 || receipt != 1 {
		t.Errorf("%v, receipt %d", names(got), receipt)
	}
}

var diagnosis = []byte(`{"resourceType":"Bundle","type":"collection","entry":[{"fullUrl":"urn:uuid:11111111-2222-3333-4444-555555555555",` +
	`"resource":{"resourceType":"Condition", "id":"dx1", "subject":{"reference":"Patient/p1"}, "note":[{"text":"rest and fluids"}]}}]}`)

func TestDiagnosis(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	x := s.open()
	s.release(x, message.Filter{})
	salted, d5 := x.D5(diagnosis)
	m, err := s.h.StoreDiagnosis(t.Context(), x.M11(salted, d5))
	if err != nil {
		t.Fatal(problem.Reason(err))
	}
	first := x.Stored(t, m, salted, d5)
	if first.Record != 5 || len(first.Entries) != 1 {
		t.Fatalf("%+v", first)
	}
	// The same diagnosis again, as after a lost answer: nothing is appended.
	m, err = s.h.StoreDiagnosis(t.Context(), x.M11(salted, d5))
	if err != nil {
		t.Fatal(problem.Reason(err))
	}
	if again := x.Stored(t, m, salted, d5); again.Record != first.Record || again.Time != first.Time {
		t.Errorf("%+v", again)
	}
	got, receipt := s.release(s.open(), message.Filter{})
	if !bytes.Contains([]byte(got["Condition/dx1"]), []byte("rest and fluids")) || len(got) != 4 {
		t.Errorf("the next visit received %v", names(got))
	}
	if receipt != 3 { // release, diagnosis, release
		t.Errorf("receipt %d", receipt)
	}
}

// A doctor's resource never passes for a newer version of the hospital's own.
func TestDiagnosisReplacesNothing(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	x := s.open()
	salted, d5 := x.D5([]byte(`{"resourceType":"Bundle","type":"collection","entry":[{"resource":{"resourceType":"Observation","id":"o1",` +
		`"status":"final","code":{"text":"overwritten"},"subject":{"reference":"Patient/p1"}}}]}`))
	m, err := s.h.StoreDiagnosis(t.Context(), x.M11(salted, d5))
	if err != nil {
		t.Fatal(problem.Reason(err))
	}
	x.Stored(t, m, salted, d5)
	y := s.open()
	r, err := s.h.Release(t.Context(), y.M8(message.Filter{}))
	if err != nil {
		t.Fatal(err)
	}
	pages, _ := peers.All(r)
	contents, _, _ := y.Pages(t, pages)
	if !bytes.Contains(contents[0], s.rec[1].Bytes) || !bytes.Contains(contents[0], []byte("overwritten")) {
		t.Error("the imported observation is hidden by the doctor's")
	}
}

func TestQuestions(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	x := s.open()
	s.release(x, message.Filter{})
	salted, d5 := x.D5(diagnosis)
	m, err := s.h.StoreDiagnosis(t.Context(), x.M11(salted, d5))
	if err != nil {
		t.Fatal(problem.Reason(err))
	}
	x.Stored(t, m, salted, d5)

	releases, err := message.DecodeReleases(s.ask(message.Question{Kind: message.AskReleases}))
	if err != nil || len(releases) != 2 {
		t.Fatalf("%d releases, %v", len(releases), err)
	}
	r := releases[0]
	if r.Number != 1 || r.Licence != "L-dr-okafor" || r.Name != "Dr dr-okafor" || r.Department != "OUTPATIENT" || r.Purpose != "TREATMENT" ||
		r.Resources != 3 || len(r.Pages) != 1 || r.Consent != x.CON.Consent.Hash() ||
		!slices.Equal(r.Departments, []message.Code{"GENERAL", "OUTPATIENT"}) || !slices.Equal(r.Classes, []message.Code{"DEMOGRAPHIC", "LAB", "VITAL"}) {
		t.Errorf("%+v", r)
	}
	if w := releases[1]; w.Number != 2 || len(w.Pages) != 0 || w.Resources != 1 {
		t.Errorf("%+v", w)
	}
	if later, err := message.DecodeReleases(s.ask(message.Question{Kind: message.AskReleases, From: 2})); err != nil || len(later) != 1 {
		t.Errorf("from 2: %d, %v", len(later), err)
	}

	diagnoses, err := message.DecodeDiagnoses(s.ask(message.Question{Kind: message.AskDiagnoses}))
	if err != nil || len(diagnoses) != 1 {
		t.Fatalf("%d diagnoses, %v", len(diagnoses), err)
	}
	if _, err := message.OpenD5(diagnoses[0].SigD5, diagnoses[0].Doctor, s.p.Cred.Info.ID, x.CON.Consent.Hash(), diagnoses[0].Diagnosis); err != nil {
		t.Error(err)
	}

	own, err := fhirbundle.Split(s.ask(message.Question{Kind: message.AskRecord}))
	if err != nil || len(own) != 5 || !bytes.Equal(own[3].Resource, s.rec[3].Bytes) {
		t.Errorf("own record: %d, %v", len(own), err)
	}
	if rest, err := fhirbundle.Split(s.ask(message.Question{Kind: message.AskRecord, From: 4})); err != nil || len(rest) != 1 {
		t.Errorf("own record from 4: %d, %v", len(rest), err)
	}
	if none, err := fhirbundle.Split(s.ask(message.Question{Kind: message.AskRecord, From: 5})); err != nil || len(none) != 0 {
		t.Errorf("own record from 5: %d, %v", len(none), err)
	}
	x2 := s.p.Ask(t, s.h.Party.Cred, s.h.Prekey(t, s.w), message.Question{Kind: message.AskUses})
	if _, err := s.h.Ask(t.Context(), x2.M); problem.KindOf(err) != problem.KindInvalid {
		t.Errorf("a question for the public cloud: %v", err)
	}
}

func (s *scene) ask(q message.Question) []byte {
	s.t.Helper()
	x := s.p.Ask(s.t, s.h.Party.Cred, s.h.Prekey(s.t, s.w), q)
	m, err := s.h.Ask(s.t.Context(), x.M)
	if err != nil {
		s.t.Fatal(problem.Reason(err))
	}
	return x.Answer(s.t, m).Content
}
