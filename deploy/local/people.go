package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"medunion/api/message"
	"medunion/api/secretfile"
	"medunion/deploy/local/source"
	"medunion/deploy/local/suite"
	"medunion/deploy/local/visit"
)

// newcomer is the local name of the patient who has not registered.
const newcomer = "new-patient"

// pages is what the guide says of the two pages.
type pages struct {
	Doctor           suite.ExportedDoctor
	DoctorPassphrase string
	Patient          string // link
	PatientName      string
	Passphrase       string // of the patient
	New              newPatient
}

// newPatient is somebody who can register and be linked: what the desks give her.
type newPatient struct {
	Link, Name, Code string
	Desks            []desk
}

// desk is a hospital's code for her.
type desk struct {
	Hospital message.ID
	Code     string
}

// makePages makes a doctor ready whose keys wait in a file, and an agent of a patient
// who is still to register.
func makePages(ctx context.Context, s *suite.Suite, plan visit.Plan, src source.Source, p *visit.Parties) (out pages, err error) {
	out.Doctor, err = s.ExportDoctor(ctx, suite.DoctorProfile{ID: "dr-lindqvist", Name: "Ida Lindqvist",
		Departments: []message.Code{plan.Department}, Affiliation: s.Hospitals[plan.Home].ID})
	if err != nil {
		return out, err
	}
	pass, err := secretfile.Passphrase(out.Doctor.PassphraseFile)
	if err != nil {
		return out, err
	}
	out.DoctorPassphrase, out.Passphrase, out.PatientName = string(pass), string(p.Passphrase), name(plan.File)
	patient, err := s.API(visit.PatientName)
	if err != nil {
		return out, err
	}
	if out.Patient, err = patient.Page(); err != nil {
		return out, err
	}
	out.New, err = makeNewPatient(ctx, s, other(src, plan.File))
	return out, err
}

// living leaves out those whose record ends with their death: they consult nobody.
func living(src source.Source) source.Source {
	out := source.Source{Hospitals: src.Hospitals}
	for _, f := range src.Files {
		var p struct {
			Dead any `json:"deceasedBoolean"`
			Died any `json:"deceasedDateTime"`
		}
		if json.Unmarshal(f.Patient().Raw, &p) == nil && p.Died == nil && p.Dead != true {
			out.Files = append(out.Files, f)
		}
	}
	if len(out.Files) == 0 {
		return src
	}
	return out
}

// other is the richest patient but one, or the only one.
func other(src source.Source, taken source.File) source.File {
	rest := source.Source{Hospitals: src.Hospitals}
	for _, f := range src.Files {
		if f.Name != taken.Name {
			rest.Files = append(rest.Files, f)
		}
	}
	if len(rest.Files) == 0 {
		return taken
	}
	return rest.Richest()
}

func makeNewPatient(ctx context.Context, s *suite.Suite, f source.File) (n newPatient, err error) {
	if _, err = s.StartNewPatient(ctx, newcomer); err != nil {
		return n, err
	}
	api, err := s.API(newcomer)
	if err != nil {
		return n, err
	}
	if n.Link, err = api.Page(); err != nil {
		return n, err
	}
	if n.Code, err = s.PatientCode(ctx); err != nil {
		return n, fmt.Errorf("registration code: %w", err)
	}
	n.Name = name(f)
	n.Desks, err = deskCodes(ctx, s, f)
	return n, err
}

func deskCodes(ctx context.Context, s *suite.Suite, f source.File) (out []desk, err error) {
	mrn, err := visit.MRN(f.Patient().Raw)
	if err != nil {
		return nil, err
	}
	for _, n := range f.Hospitals {
		code, err := s.Hospitals[n].DeskCode(ctx, mrn)
		if err != nil {
			return nil, fmt.Errorf("desk code at %s: %w", s.Hospitals[n].ID, err)
		}
		out = append(out, desk{Hospital: s.Hospitals[n].ID, Code: code})
	}
	return out, nil
}

// name is a patient's name as her record has it.
func name(f source.File) string {
	var p struct {
		Name []struct {
			Text   string   `json:"text"`
			Given  []string `json:"given"`
			Family string   `json:"family"`
		} `json:"name"`
	}
	if json.Unmarshal(f.Patient().Raw, &p) != nil || len(p.Name) == 0 {
		return f.Short()
	}
	if n := p.Name[0]; n.Text == "" {
		return strings.Join(append(n.Given, n.Family), " ")
	}
	return p.Name[0].Text
}

// writeRecordings puts what a patient may attach where a browser can be shown it.
func writeRecordings(dir string) error {
	files, err := fs.Sub(testdata, "testdata/signals")
	if err != nil {
		return err
	}
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	return os.CopyFS(dir, files)
}
