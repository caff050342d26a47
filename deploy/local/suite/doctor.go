package suite

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"medunion/api/httpserver"
	"medunion/api/message"
	"medunion/api/openapi/doctoragent"
	"medunion/deploy/local/authority"
	doctor "medunion/doctor-portal/agent"
)

// DoctorProfile is what the medical authority certifies.
type DoctorProfile struct {
	ID          message.ID // ID_D
	Name        string
	Departments []message.Code
	Affiliation message.ID // a hospital, or "" for none
}

// StartDoctor starts a doctor's agent and takes it through its set-up, as far as
// that has not happened in an earlier run: certificate request, Cert_D from the
// development authority, registration. It returns once patients can reach it.
func (s *Suite) StartDoctor(ctx context.Context, p DoctorProfile) (*doctor.Agent, error) {
	name := "agents/doctor-" + string(p.ID)
	pass, err := s.state.passphrase(name + "/passphrase")
	if err != nil {
		return nil, err
	}
	addr, err := s.state.address(name)
	if err != nil {
		return nil, err
	}
	pins, keys := s.Files()
	a, err := doctor.Start(context.WithoutCancel(ctx), doctor.Config{Dev: true, Listen: addr, Store: s.state.path(name, "store"), PassphraseFile: pass,
		TokenFile: s.state.path(name, "token"), Portal: s.Portal, PinsFile: pins, Authority: authority.DefaultName, AuthorityFile: keys,
		ID: string(p.ID), Suite: int(s.opt.Suite), Development: s.opt.Development, Trace: s.opt.Trace, Logger: s.log("doctor"), Edge: s.altered(name, httpserver.Edge{})})
	if err != nil {
		return nil, fmt.Errorf("doctor's agent: %w", err)
	}
	s.onClose(a.Close)
	s.operates(name, a.OperationsURL(), a.URL())
	s.apis["doctor-"+string(p.ID)] = API{URL: a.URL(), TokenFile: s.state.path(name, "token"), Folder: s.state.path(name)}
	if a.Doctor().State == doctoragent.New {
		if err := s.certify(ctx, a, p); err != nil {
			return nil, err
		}
	}
	if a.Doctor().State == doctoragent.Certified {
		if err := a.Register(ctx); err != nil {
			return nil, fmt.Errorf("doctor's registration: %w", err)
		}
	}
	return a, WaitFor(ctx, 20*time.Second, lookEvery, "the doctor's agent to be online", func() (bool, error) { return a.Doctor().Online, nil })
}

// certify asks the development authority for Cert_D, over HTTP as a doctor would.
func (s *Suite) certify(ctx context.Context, a *doctor.Agent, p DoctorProfile) error {
	q := message.CertificateRequest{Authority: authority.DefaultName, Licence: "L-" + string(p.ID), Name: p.Name, Affiliation: string(p.Affiliation)}
	for _, d := range p.Departments {
		q.Departments = append(q.Departments, string(d))
	}
	request, err := a.RequestCertificate(q)
	if err != nil {
		return err
	}
	jwt, err := s.Certify(ctx, request)
	if err != nil {
		return err
	}
	return a.SetCertificate([]byte(jwt))
}

// Certify returns the development authority's Cert_D for a certificate request.
func (s *Suite) Certify(ctx context.Context, request []byte) (string, error) {
	var answer struct {
		Certificate string `json:"certificate"`
	}
	if err := s.post(ctx, s.Authority+"/v1/certificates", "", "application/json", request, &answer); err != nil {
		return "", fmt.Errorf("medical authority: %w", err)
	}
	return answer.Certificate, nil
}

// post sends a body and decodes the JSON answer of a 2xx status.
func (s *Suite) post(ctx context.Context, url, bearer, kind string, body []byte, answer any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", kind)
	if bearer != "" {
		req.Header.Set("Authorization", "Bearer "+bearer)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, 16<<20))
	if err != nil {
		return err
	}
	if resp.StatusCode >= 300 {
		return fmt.Errorf("status %d: %s", resp.StatusCode, b)
	}
	return json.Unmarshal(b, answer)
}
