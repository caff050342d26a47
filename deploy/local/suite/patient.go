package suite

import (
	"context"
	"fmt"
	"os"

	"medunion/api/doctorcert"
	"medunion/api/message"
	"medunion/deploy/local/authority"
	patient "medunion/patient-agent/agent"
)

// StartPatient starts a patient's agent, by a local name, and registers it at the
// public cloud with a code minted for it, unless an earlier run has. The returned
// passphrase stands for what the person knows.
func (s *Suite) StartPatient(ctx context.Context, name string) (*patient.Agent, []byte, error) {
	folder := "agents/" + name
	file, err := s.state.passphrase(folder + "/passphrase")
	if err != nil {
		return nil, nil, err
	}
	text, err := readTrimmed(file)
	if err != nil {
		return nil, nil, err
	}
	pass := []byte(text)
	verify, err := s.Authorized()
	if err != nil {
		return nil, nil, err
	}
	a, err := patient.New(patient.Config{Store: s.state.path(folder, "store"), Suite: s.opt.Suite, Cloud: s.Cloud, Pins: s.pins,
		VerifyCertificate: verify, Authority: authority.DefaultName, Logger: s.log("patient"), Trace: s.opt.Trace})
	if err != nil {
		return nil, nil, fmt.Errorf("patient's agent: %w", err)
	}
	s.onClose(a.Close)
	return a, pass, s.openPatient(ctx, a, pass)
}

// openPatient unlocks the store of an earlier run, or registers.
func (s *Suite) openPatient(ctx context.Context, a *patient.Agent, pass []byte) error {
	if a.Status().Exists {
		if err := a.Unlock(pass); err != nil {
			return err
		}
	}
	if a.Status().Registered {
		return nil
	}
	code, err := s.PatientCode(ctx)
	if err != nil {
		return err
	}
	if _, err := a.Register(ctx, code, pass); err != nil {
		return fmt.Errorf("patient's registration: %w", err)
	}
	return nil
}

// PatientCode mints a single-use registration code, as the operator's desk does.
func (s *Suite) PatientCode(ctx context.Context) (string, error) {
	t, err := s.OperatorToken()
	if err != nil {
		return "", err
	}
	var answer struct {
		Code string `json:"code"`
	}
	err = s.post(ctx, s.Cloud+"/v1/operator/patient-codes", t, "application/json", nil, &answer)
	return answer.Code, err
}

// Authorized returns the verifier of doctors' certificates under the pinned keys of
// the development authority.
func (s *Suite) Authorized() (message.CertificateVerifier, error) {
	_, path := s.Files()
	jwks, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	a, err := doctorcert.NewAuthority(authority.DefaultName, jwks)
	if err != nil {
		return nil, err
	}
	return a.Verify, nil
}

// Pins is what every party holds of the public cloud.
func (s *Suite) Pins() message.Pins { return s.pins }
