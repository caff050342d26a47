package source_test

import (
	"bytes"
	"os"
	"testing"
	"testing/fstest"

	"medunion/api/fhirbundle"
	"medunion/deploy/local/source"
)

func synthea(t *testing.T, n int) source.Source {
	t.Helper()
	s, err := source.Read(os.DirFS("../testdata/synthea"), n)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Each resource is somewhere, and its bytes are a slice of its file.
func TestEveryResourceHasAHospitalAndItsOwnBytes(t *testing.T) {
	for n := 1; n <= 3; n++ {
		s := synthea(t, n)
		if len(s.Files) != 12 {
			t.Fatalf("%d files", len(s.Files))
		}
		for _, f := range s.Files {
			raw, err := os.ReadFile("../testdata/synthea/" + f.Name)
			if err != nil {
				t.Fatal(err)
			}
			for _, i := range f.Items {
				if len(i.Hospitals) == 0 || i.Hospitals[0] >= n {
					t.Errorf("%s of %s is at %v of %d", i.Type, f.Name, i.Hospitals, n)
				}
				if !bytes.Contains(raw, i.Raw) {
					t.Errorf("%s of %s: bytes differ from the file", i.Type, f.Name)
				}
			}
		}
	}
}

// One file's resources go where their encounter's organization is; what has no
// encounter goes to the first hospital; Patient, Practitioner and Organization to each.
func TestSpreadFollowsTheEncountersOrganization(t *testing.T) {
	f := synthea(t, 2).Richest()
	if len(f.Hospitals) != 2 {
		t.Fatalf("%s is at %v", f.Name, f.Hospitals)
	}
	at := map[string][]int{}
	for _, i := range f.Items {
		at[i.Key()] = i.Hospitals
	}
	for _, i := range f.Items {
		switch {
		case i.Type == "Patient" || i.Type == "Practitioner" || i.Type == "Organization":
			if len(i.Hospitals) != 2 {
				t.Errorf("%s is at %v", i.Type, i.Hospitals)
			}
		case i.Encounter == "":
			if i.Hospitals[0] != f.Hospitals[0] {
				t.Errorf("%s without encounter is at %v", i.Type, i.Hospitals)
			}
		case at[i.Encounter][0] != i.Hospitals[0]:
			t.Errorf("%s is at %v, its encounter at %v", i.Type, i.Hospitals, at[i.Encounter])
		}
	}
}

func TestRichestPrefersTwoHospitals(t *testing.T) {
	s := synthea(t, 2)
	best := s.Richest()
	for _, f := range s.Files {
		if len(f.Hospitals) > 1 && f.Count() > best.Count() {
			t.Errorf("%s has more than %s", f.Name, best.Name)
		}
	}
	if f := synthea(t, 1).Richest(); len(f.Hospitals) != 1 || f.Count() == 0 {
		t.Error("with one hospital the richest patient of all is meant")
	}
}

func TestBundlesTogetherHoldTheWholeFile(t *testing.T) {
	s := synthea(t, 2)
	for _, f := range s.Files {
		total := 0
		for h := range s.Hospitals {
			if b := f.Bundle(h); b != nil {
				e, err := fhirbundle.Split(b)
				if err != nil {
					t.Fatal(err)
				}
				total += len(e)
			}
		}
		if total != f.Count() {
			t.Errorf("%s: %d in bundles, %d counted", f.Name, total, f.Count())
		}
	}
}

func TestBadFoldersAreRefusedByName(t *testing.T) {
	for name, body := range map[string]string{
		"nobody":   `{"resourceType":"Bundle","type":"collection","entry":[{"fullUrl":"urn:uuid:1","resource":{"resourceType":"Organization","id":"o"}}]}`,
		"not JSON": `{`,
	} {
		if _, err := source.Read(fstest.MapFS{"a.json": {Data: []byte(body)}}, 2); err == nil {
			t.Error(name, "was read")
		}
	}
	if _, err := source.Read(fstest.MapFS{}, 2); err == nil {
		t.Error("an empty folder was read")
	}
}

// A folder as generators write it also holds lists of organizations, and types
// that no hospital stores: both are left out, and said.
func TestWhatIsLeftOutIsSaid(t *testing.T) {
	patient := `{"fullUrl":"urn:uuid:00000000-0000-4000-8000-000000000001","resource":{"resourceType":"Patient","id":"p"}}`
	foreign := `{"fullUrl":"urn:uuid:00000000-0000-4000-8000-000000000002","resource":{"resourceType":"Recipe","id":"r"}}`
	bundle := func(entries string) *fstest.MapFile {
		return &fstest.MapFile{Data: []byte(`{"resourceType":"Bundle","type":"collection","entry":[` + entries + `]}`)}
	}
	s, err := source.Read(fstest.MapFS{"a.json": bundle(patient + "," + foreign),
		"b.json": bundle(`{"fullUrl":"urn:uuid:00000000-0000-4000-8000-000000000003","resource":{"resourceType":"Organization","id":"o","name":"n"}}`),
		"c.json": {Data: []byte(`{"resourceType":"Bundle","type":"batch"}`)}}, 2)
	if err != nil || len(s.Files) != 1 || len(s.Notes) != 3 {
		t.Fatal(s.Notes, err)
	}
	if s.Files[0].Count() != 1 {
		t.Error("only the patient herself is placed:", s.Files[0].Count())
	}
}
