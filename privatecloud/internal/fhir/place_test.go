package fhir_test

import (
	"maps"
	"strings"
	"testing"
	"time"

	"medunion/privatecloud/internal/fhir"
)

func encounter(id, subject, more string) string {
	return `{"resourceType":"Encounter","id":"` + id + `","status":"finished","class":{"code":"AMB"},` +
		`"subject":{"reference":"` + subject + `"}` + more + `}`
}

func TestReferencesResolve(t *testing.T) {
	const base = "https://hospital.example/fhir/"
	for _, tt := range []struct {
		name, patient, reference string
		placed                   bool
	}{
		{"urn:uuid", "urn:uuid:a1 ", "urn:uuid:a1", true},
		{"type and id", "", "Patient/1", true},
		{"type and id with fullUrl", base + "Patient/1 ", "Patient/1", true},
		{"absolute", base + "Patient/1 ", base + "Patient/1", true},
		{"absolute, versioned", base + "Patient/1 ", base + "Patient/1/_history/7", true},
		{"relative, versioned", "", "Patient/1/_history/7", true},
		{"absolute, patient without fullUrl", "", base + "Patient/1", true},
		{"absolute on another server", base + "Patient/1 ", "https://other.example/Patient/1", false},
		{"absolute, patient known by urn", "urn:uuid:a1 ", base + "Patient/1", false},
		{"unknown urn", "urn:uuid:a1 ", "urn:uuid:a2", false},
		{"contained", "", "#1", false},
		{"case", "", "patient/1", false},
	} {
		b, report := parse(t, collection(tt.patient+patient("1"), observation("o", tt.reference, "")))
		want := "Patient/1"
		if tt.placed {
			want += " Observation/o"
		}
		if got := records(b)["1"]; got != want {
			t.Errorf("%s: %s", tt.name, got)
		}
		if n := report.Resources["Observation"].Unplaced; (n == 0) != tt.placed {
			t.Errorf("%s: %d unplaced, %s", tt.name, n, reasons(report))
		}
	}
}

func TestPatientsApart(t *testing.T) {
	practitioner := func(id string) string { return `{"resourceType":"Practitioner","id":"` + id + `"}` }
	organization := func(id, partOf string) string {
		return `{"resourceType":"Organization","id":"` + id + `","name":"x"` + partOf + `}`
	}
	role := `{"resourceType":"PractitionerRole","id":"r","practitioner":{"reference":"Practitioner/p2"},"organization":{"reference":"Organization/o2"}}`
	b, report := parse(t, collection(
		patient("1"), patient("2"), practitioner("p1"), practitioner("p2"), practitioner("p3"), role,
		organization("o1", ""), organization("o2", `,"partOf":{"reference":"Organization/o1"}`),
		observation("a", "Patient/1", `,"performer":[{"reference":"Practitioner/p1"}]`),
		observation("b", "Patient/2", `,"performer":[{"reference":"PractitionerRole/r"}],"derivedFrom":[{"reference":"Observation/a"}]`),
		`{"resourceType":"Device","id":"d","patient":{"reference":"Patient/1"}}`,
		observation("c", "Device/d", ""),
		`{"resourceType":"Provenance","id":"v","recorded":"2020-01-01T00:00:00Z","target":[{"reference":"Observation/c"}],"agent":[{"who":{"reference":"Practitioner/p1"}}]}`,
		`{"resourceType":"Provenance","id":"w","recorded":"2020-01-01T00:00:00Z","target":[{"reference":"Observation/a"},{"reference":"Observation/b"}],"agent":[{"who":{"reference":"Practitioner/p1"}}]}`,
		observation("s", "Location/ward", ""),
		observation("k", "Patient/known", ""),
	))
	want := map[string]string{
		"1":     "Patient/1 Practitioner/p1 Observation/a Device/d Observation/c Provenance/v",
		"2":     "Patient/2 Practitioner/p2 PractitionerRole/r Organization/o1 Organization/o2 Observation/b",
		"known": "Observation/k",
	}
	if got := records(b); !maps.Equal(got, want) {
		t.Errorf("%v", got)
	}
	for _, p := range b.Patients {
		if (p.Entry == -1) != (p.ID == "known") || p.Entry >= 0 && b.Entries[p.Entry].ID != p.ID {
			t.Errorf("patient %s: entry %d", p.ID, p.Entry)
		}
	}
	const problems = `entry 13: Provenance: it names more than one patient
entry 4: Practitioner: it names no patient, and no patient's resource refers to it
entry 14: Observation: it names no patient, and no patient's resource refers to it`
	if got := reasons(report); got != problems {
		t.Errorf("%s", got)
	}
}

// A resource of two patients must reach neither, in whichever order the
// bundle names them.
func TestTwoPatientsInOneResource(t *testing.T) {
	group := `{"resourceType":"Group","id":"g","type":"person","actual":true,"member":[` +
		`{"entity":{"reference":"Patient/1"}},{"entity":{"reference":"https://other.example/Patient/1"}}]}`
	known := "urn:uuid:p " + patient("1")
	for _, resources := range [][]string{{known, group}, {group, known}} {
		b, report := parse(t, collection(resources...))
		if got := records(b)["1"]; got != "Patient/1" || report.Resources["Group"].Unplaced != 1 {
			t.Errorf("%s, %s", got, reasons(report))
		}
	}
}

func TestEncounterThatPlaces(t *testing.T) {
	const ref = `{"reference":"urn:uuid:e"}`
	subject := `"subject":{"reference":"Patient/1"}`
	for name, resource := range map[string]string{
		"encounter":         observation("x", "Patient/1", `,"encounter":`+ref),
		"context":           `{"resourceType":"MedicationAdministration","id":"x","status":"completed","medicationCodeableConcept":{"text":"x"},"effectiveDateTime":"2020",` + subject + `,"context":` + ref + `}`,
		"context.encounter": `{"resourceType":"DocumentReference","id":"x","status":"current","content":[{"attachment":{}}],` + subject + `,"context":{"encounter":[` + ref + `]}}`,
		"Claim item": `{"resourceType":"Claim","id":"x","status":"active","type":{},"use":"claim","patient":{"reference":"Patient/1"},"created":"2020","provider":{},"priority":{},"insurance":[{"sequence":1,"focal":true,"coverage":{}}],` +
			`"item":[{"sequence":1,"productOrService":{}},{"sequence":2,"productOrService":{},"encounter":[` + ref + `,{"reference":"Encounter/other"}]}]}`,
		"Encounter": encounter("e2", "Patient/1", ""),
	} {
		b, report := parse(t, collection(patient("1"), "urn:uuid:e "+encounter("e", "Patient/1", ""), resource))
		e := b.Entries[2]
		want := "Encounter/e"
		if name == "Encounter" {
			want = "Encounter/e2"
		}
		if e.Encounter != want || e.Visit == nil || len(report.Problems) > 0 {
			t.Errorf("%s: %q, %v, %s", name, e.Encounter, e.Visit, reasons(report))
		}
	}
}

func TestEncounterThatDoesNotPlace(t *testing.T) {
	episode := `{"resourceType":"EpisodeOfCare","id":"ep","status":"active","patient":{"reference":"Patient/1"}}`
	for _, tt := range []struct{ name, reference, encounter, problem string }{
		{"not in the bundle", "Encounter/gone", "Encounter/gone", "its encounter is not in the bundle"},
		{"another patient's", "Encounter/e2", "", "its encounter is another patient's"},
		{"an episode", "EpisodeOfCare/ep", "", ""},
	} {
		b, report := parse(t, collection(patient("1"), patient("2"), encounter("e2", "Patient/2", ""), episode,
			observation("o", "Patient/1", `,"encounter":{"reference":"`+tt.reference+`"}`)))
		e := b.Entries[4]
		if e.Visit != nil || e.Encounter != tt.encounter || !strings.Contains(reasons(report), tt.problem) ||
			(tt.problem == "") != (len(report.Problems) == 0) {
			t.Errorf("%s: %q, %v, %s", tt.name, e.Encounter, e.Visit, reasons(report))
		}
	}
}

func TestVisit(t *testing.T) {
	b, _ := parse(t, collection(patient("1"),
		"urn:uuid:o "+`{"resourceType":"Organization","id":"west","name":"West","identifier":[{"system":"urn:s","value":"7"}]}`,
		encounter("e", "Patient/1", `,"type":[{"coding":[{"system":"urn:t","code":"t1","display":"T one"}]},{"text":"T two"}],`+
			`"serviceType":{"coding":[{"code":"s1"}]},"serviceProvider":{"reference":"urn:uuid:o","display":"West wing"}`)))
	v := b.Entries[2].Visit
	if v.Class.Code != "AMB" || len(v.Types) != 2 || v.Types[0].Codings[0].Code != "t1" || v.Types[1].Words[0] != "T two" ||
		v.ServiceType.Codings[0].Code != "s1" {
		t.Errorf("%+v", v)
	}
	o := v.Organization
	if o.Reference != "Organization/west" || strings.Join(o.Names, ",") != "West wing,West" || o.Identifiers[0].Code != "7" {
		t.Errorf("%+v", o)
	}
}

func TestDates(t *testing.T) {
	day := func(y int, m time.Month, d int) time.Time { return time.Date(y, m, d, 0, 0, 0, 0, time.UTC) }
	for more, want := range map[string]time.Time{
		``:                               {},
		`,"effectiveDateTime":"2019"`:    day(2019, 1, 1),
		`,"effectiveDateTime":"2019-05"`: day(2019, 5, 1),
		`,"effectivePeriod":{"start":"2019-05-07"},"issued":"2020-01-01T00:00:00Z"`: day(2019, 5, 7),
		`,"effectivePeriod":{"end":"2019-05-07"},"issued":"2020-01-02T00:00:00Z"`:   day(2020, 1, 2),
		`,"effectiveDateTime":"2019-05-08T01:30:00.5+02:00"`:                        time.Date(2019, 5, 7, 23, 30, 0, 5e8, time.UTC),
	} {
		b, report := parse(t, collection(patient("1"), observation("o", "Patient/1", more)))
		if len(b.Entries) != 2 || !b.Entries[1].Date.Equal(want) {
			t.Errorf("%s: %s", more, reasons(report))
		}
	}
	b, _ := parse(t, collection(patient("1"),
		`{"resourceType":"Specimen","id":"s","subject":{"reference":"Patient/1"},"collection":{"collectedDateTime":"2018-02-03"}}`,
		`{"resourceType":"AllergyIntolerance","id":"a","patient":{"reference":"Patient/1"},"category":["food"],"recordedDate":"2018-02-04"}`))
	if !b.Entries[1].Date.Equal(day(2018, 2, 3)) || !b.Entries[2].Date.Equal(day(2018, 2, 4)) {
		t.Errorf("%v %v", b.Entries[1].Date, b.Entries[2].Date)
	}
	if c := b.Entries[2].Categories; len(c) != 1 || c[0].Code != "food" {
		t.Errorf("%v", c)
	}
}

func TestUnresolvedConditionalReferences(t *testing.T) {
	b, report := parse(t, collection(patient("1"),
		`{"resourceType":"Organization","id":"o","name":"x","identifier":[{"system":"urn:s","value":"7"}]}`,
		encounter("e", "Patient/1", `,"serviceProvider":{"reference":"Organization?identifier=urn:s|7"},`+
			`"participant":[{"individual":{"reference":"Practitioner?identifier=urn:s|8"}}]`)))
	if got := records(b)["1"]; got != "Patient/1 Organization/o Encounter/e" || len(report.Problems) > 0 {
		t.Errorf("%s, %s", got, reasons(report))
	}
	if o := b.Entries[2].Visit.Organization; o.Reference != "Organization/o" {
		t.Errorf("%+v", o)
	}
	var none fhir.Entry
	if fhir.DefaultRules().Department(none.Visit) != "GENERAL" {
		t.Error("a resource without encounter is not GENERAL")
	}
}
