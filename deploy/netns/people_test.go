package netns

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"medunion/api/certs"
	"medunion/api/doctorcert"
	"medunion/api/message"
	"medunion/api/openapi/doctoragent"
	"medunion/api/problem"
	"medunion/api/token"
	"medunion/deploy/local/source"
	"medunion/deploy/local/suite"
	"medunion/deploy/local/visit"
	doctor "medunion/doctor-portal/agent"
	"medunion/ecc/vault"
	patient "medunion/patient-agent/agent"
)

// cheap makes a key store in milliseconds: here nobody guesses passphrases.
var cheap = vault.Params{MemoryKiB: vault.MinMemoryKiB, Time: 1, Lanes: 1}

// visitors are a doctor and a patient with a record at the hospital, and the plan by which
// they meet.
type visitors struct {
	*world
	t    *testing.T
	p    *visit.Parties
	plan visit.Plan
}

func meet(t *testing.T) *visitors {
	v := &visitors{world: newWorld(t), t: t, plan: smallest(t)}
	v.p = &visit.Parties{Suite: &suite.Suite{Hospitals: []*suite.Hospital{{ID: hospitalID, URL: hospitalURL}}}, Log: &visit.Log{}, Passphrase: []byte("a patient's passphrase")}
	v.record()
	v.startDoctor()
	v.startPatient()
	return v
}

// smallest is the patient with the shortest record: the way is tested here, not the load.
func smallest(t *testing.T) visit.Plan {
	s, err := source.Read(os.DirFS("../local/testdata/synthea"), 1)
	ok(t, err)
	s.Files = []source.File{slices.MinFunc(s.Files, func(a, b source.File) int { return len(a.Items) - len(b.Items) })}
	return visit.NewPlan(s)
}

func (v *visitors) record() {
	v.t.Helper()
	v.desk("/fhir/bundles", "application/fhir+json", v.plan.File.Bundle(0))
}

func (v *visitors) startDoctor() {
	v.t.Helper()
	a, err := doctor.Start(v.t.Context(), doctor.Config{Listen: "127.0.0.1:0", Store: filepath.Join(v.t.TempDir(), "doctor"), Passphrase: []byte("a doctor's passphrase"),
		TokenFile: filepath.Join(v.t.TempDir(), "token"), Portal: portalURL, Pins: &v.pins, Authority: authorityName, AuthorityJWKS: v.jwks, ID: "dr-netns",
		Logger: slog.New(slog.DiscardHandler)})
	ok(v.t, err)
	v.t.Cleanup(func() { _ = a.Close() })
	q := message.CertificateRequest{Authority: authorityName, Licence: "L-1", Name: "Doctor", Affiliation: string(hospitalID), Departments: []string{string(v.plan.Department)}}
	status, body := v.post(v.authority.URL+"/v1/certificates", "", "application/json", must(a.RequestCertificate(q)))
	var answer struct{ Certificate string }
	if json.Unmarshal(body, &answer) != nil || answer.Certificate == "" {
		v.t.Fatalf("certificate: %d %s", status, body)
	}
	ok(v.t, a.SetCertificate([]byte(answer.Certificate)))
	v.tries("the doctor's registration", func() error { return a.Register(v.t.Context()) })
	v.p.Doctor = a
	v.until("the doctor to be online", func() bool { return a.Doctor().Online })
}

func (v *visitors) startPatient() {
	v.t.Helper()
	jwks, err := doctorcert.NewAuthority(authorityName, v.jwks)
	ok(v.t, err)
	a, err := patient.New(patient.Config{Store: filepath.Join(v.t.TempDir(), "patient"), Cost: cheap, Cloud: cloudURL, Pins: v.pins, VerifyCertificate: jwks.Verify,
		Authority: authorityName, CloudPins: must(certs.ParsePins([]string{v.pairs[cloud].Pin()})), Networks: []string{allNetworks}})
	ok(v.t, err)
	v.t.Cleanup(func() { _ = a.Close() })
	v.p.Patient = a
	status, body := v.post(cloudURL+"/v1/operator/patient-codes", v.token("publiccloud", token.ScopeOperator), "application/json", nil)
	var minted struct{ Code string }
	if json.Unmarshal(body, &minted) != nil || status != http.StatusCreated {
		v.t.Fatalf("patient's code: %d %s", status, body)
	}
	v.tries("the patient's registration", func() error { _, err := a.Register(v.t.Context(), minted.Code, v.p.Passphrase); return err })
	mrn, err := visit.MRN(v.plan.File.Patient().Raw)
	ok(v.t, err)
	ok(v.t, json.Unmarshal(v.desk("/v1/desk-codes", "application/json", fmt.Appendf(nil, `{"mrn":%q}`, mrn)), &minted))
	v.tries("the enrolment", func() error { _, err := a.Enrol(v.t.Context(), hospitalID, minted.Code); return err })
	ok(v.t, v.p.AwaitIndex(v.t.Context(), v.plan))
}

// until polls.
func (v *visitors) until(what string, yes func() bool) {
	v.t.Helper()
	for end := time.Now().Add(2 * time.Minute); !yes(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			for name, p := range v.services {
				v.t.Logf("%s said:\n%s", name, p.said())
			}
			v.t.Fatalf("waiting for %s", what)
		}
	}
}

// tries does something again for a while: a replay window that has just met its Redis
// refuses everybody, and says so.
func (v *visitors) tries(what string, do func() error) {
	v.t.Helper()
	var err error
	for range 20 {
		if err = do(); err == nil {
			return
		}
		time.Sleep(500 * time.Millisecond)
	}
	v.t.Fatalf("%s: %s", what, problem.Reason(err))
}

// sits brings the patient to the doctor: M1 to M3. It returns the visit's name at the doctor
// and at the patient.
func (v *visitors) sits() (atDoctor, atPatient string) {
	v.t.Helper()
	card, err := v.p.Doctor.Card()
	ok(v.t, err)
	before := len(v.p.Doctor.Visits())
	atPatient, err = v.p.Patient.StartVisit(v.t.Context(), patient.Request{Link: card.Link, Passphrase: v.p.Passphrase, Department: v.plan.Department, MaxUses: 20})
	ok(v.t, err)
	v.until("the patient in the waiting list", func() bool {
		list := v.p.Doctor.Visits()
		return len(list) > before && list[len(list)-1].State == doctoragent.Waiting
	})
	atDoctor = v.p.Doctor.Visits()[before].ID
	_, err = v.p.Doctor.OpenVisit(atDoctor)
	ok(v.t, err)
	return atDoctor, atPatient
}

// searched runs M4 to M9 to their end and says how they ended.
func (v *visitors) searched(id string) doctoragent.Visit {
	v.t.Helper()
	_, err := v.p.Doctor.FetchRecords(id, message.Filter{})
	ok(v.t, err)
	return v.ended(id)
}

// ended waits for the end of a search.
func (v *visitors) ended(id string) (out doctoragent.Visit) {
	v.t.Helper()
	var err error
	v.until("the end of the search", func() bool {
		out, err = v.p.Doctor.Visit(id)
		return err == nil && out.Search != nil && out.Search.State != doctoragent.SearchStateRunning
	})
	return out
}

// whole says whether the record came completely.
func whole(v doctoragent.Visit) bool {
	return v.Search.State == doctoragent.SearchStateDone && len(v.Hospitals) == 1 && v.Hospitals[0].State == doctoragent.HospitalProgressStateVerified
}

func (v *visitors) diagnose(id string) doctoragent.DiagnosisResult {
	v.t.Helper()
	r, err := v.p.Doctor.SendFinding(v.t.Context(), id, doctor.Finding{Text: "Finding of " + id, Note: "Note of " + id})
	ok(v.t, err)
	return r
}

// closes ends the visit at the doctor's desk, once the patient has her diagnosis.
func (v *visitors) closes(atDoctor, atPatient string) patient.Visit {
	v.t.Helper()
	ctx, cancel := context.WithTimeout(v.t.Context(), time.Minute)
	defer cancel()
	seen, err := v.p.Patient.Visit(atPatient)
	for err == nil && !seen.Over() {
		seen, err = v.p.Patient.Wait(ctx, atPatient, seen.State)
	}
	ok(v.t, err)
	if seen.State != patient.Diagnosed || seen.Consent == nil {
		v.t.Errorf("the patient's visit ends as %v: %s", seen.State, seen.Says)
	}
	_, err = v.p.Doctor.CloseVisit(atDoctor)
	ok(v.t, err)
	return seen
}
