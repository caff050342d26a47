// Package postman writes the environment with which the Postman collections of
// api/postman run against a running suite, and runs them with newman as a test.
package postman

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"medunion/api/secretfile"
	"medunion/api/token"
	"medunion/deploy/local/suite"
	"medunion/deploy/local/visit"
)

// guest is the local name of the patient who joins when the collections run.
const guest = "guest"

// value is one variable of an environment; Postman masks those of type secret.
type value struct {
	Key     string `json:"key"`
	Value   string `json:"value"`
	Type    string `json:"type"`
	Enabled bool   `json:"enabled"`
}

// environment is the file that Postman and newman import.
type environment struct {
	ID     string  `json:"id"`
	Name   string  `json:"name"`
	Values []value `json:"values"`
	Scope  string  `json:"_postman_variable_scope"`
}

func (e *environment) plain(key, text string) {
	e.Values = append(e.Values, value{Key: key, Value: text, Type: "default", Enabled: true})
}

func (e *environment) secret(key, text string) {
	e.Values = append(e.Values, value{Key: key, Value: text, Type: "secret", Enabled: true})
}

// Write makes the guest's agent ready and writes the environment to a file, mode 0600, for
// the parties whom visit.Join has made. Its tokens hold for 24 hours.
func Write(ctx context.Context, s *suite.Suite, plan visit.Plan, path string) error {
	e := environment{ID: "6d656475-6e69-5f6e-8000-656e7669726f", Name: "medunion on this machine", Scope: "environment"}
	e.services(s, plan)
	for _, add := range []func() error{
		func() error { return e.tokens(s, s.Hospitals[plan.Home]) },
		func() error { return e.people(s, plan) },
		func() error { return e.guest(ctx, s) },
	} {
		if err := add(); err != nil {
			return fmt.Errorf("environment for Postman: %w", err)
		}
	}
	text, err := json.MarshalIndent(e, "", "  ")
	if err != nil {
		return err
	}
	return secretfile.Replace(path, append(text, '\n'))
}

// services are the addresses, and what the plan says of them. "hospital" is the doctor's own.
func (e *environment) services(s *suite.Suite, plan visit.Plan) {
	home := s.Hospitals[plan.Home]
	e.plain("cloud", s.Cloud)
	e.plain("cloudId", string(s.Pins().CloudID))
	e.plain("portal", s.Portal)
	e.plain("authority", s.Authority)
	e.plain("hospital", home.URL)
	e.plain("hospitalAdmin", home.Admin)
	e.plain("hospitalId", string(home.ID))
	if other := s.Hospitals[(plan.Home+1)%len(s.Hospitals)]; other != home {
		e.plain("otherHospital", other.URL)
	}
	e.plain("hospitalCount", strconv.Itoa(len(s.Hospitals)))
	e.plain("department", string(plan.Department))
	e.plain("withheldClass", string(plan.Withheld.Class))
	e.plain("withheldDepartment", string(plan.Withheld.Department))
}

// tokens are those of the operators and of the hospital's desk and systems, and one of each
// issuer that has expired.
func (e *environment) tokens(s *suite.Suite, home *suite.Hospital) error {
	now := time.Now()
	expired := now.Add(-48 * time.Hour)
	for _, t := range []struct {
		key   string
		issue func() (string, error)
	}{
		{"operatorToken", s.OperatorToken},
		{"adminToken", func() (string, error) { return home.Token(token.ScopeAdmin) }},
		{"importToken", func() (string, error) { return home.Token(token.ScopeFHIRImport) }},
		{"expiredOperatorToken", func() (string, error) { return s.OperatorTokenAt(expired) }},
		{"expiredAdminToken", func() (string, error) { return home.TokenAt(expired, token.ScopeAdmin) }},
	} {
		text, err := t.issue()
		if err != nil {
			return err
		}
		e.secret(t.key, text)
	}
	return nil
}

// people are the doctor and the patient of the demonstration, each by an agent.
func (e *environment) people(s *suite.Suite, plan visit.Plan) error {
	mrn, err := visit.MRN(plan.File.Patient().Raw)
	if err != nil {
		return err
	}
	e.plain("patientMrn", mrn)
	if err := e.agent(s, "doctor", "doctor-"+visit.DoctorID); err != nil {
		return err
	}
	if err := e.agent(s, "patient", visit.PatientName); err != nil {
		return err
	}
	return e.passphrase(s, "patient", visit.PatientName)
}

// guest starts the agent of a patient who has not registered, or has in an earlier run.
func (e *environment) guest(ctx context.Context, s *suite.Suite) error {
	if _, err := s.StartNewPatient(ctx, guest); err != nil {
		return err
	}
	if err := e.agent(s, guest, guest); err != nil {
		return err
	}
	return e.passphrase(s, guest, guest)
}

// agent is the address and the token of somebody's agent.
func (e *environment) agent(s *suite.Suite, who, name string) error {
	api, err := s.API(name)
	if err != nil {
		return err
	}
	t, err := os.ReadFile(api.TokenFile)
	if err != nil {
		return err
	}
	e.plain(who+"Agent", api.URL)
	e.secret(who+"Token", strings.TrimSpace(string(t)))
	return nil
}

func (e *environment) passphrase(s *suite.Suite, who, name string) error {
	pass, err := s.Passphrase(name)
	if err != nil {
		return err
	}
	e.secret(who+"Passphrase", string(pass))
	return nil
}
