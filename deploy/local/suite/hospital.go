package suite

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"medunion/api/message"
	"medunion/api/token"
	"medunion/deploy/local/authority"
	hospital "medunion/privatecloud/server"
)

// Hospital is one hospital of the suite. Stop and Start do what its operator would.
type Hospital struct {
	ID    message.ID
	URL   string // where patients and portals reach it: its address in the directory
	Admin string // where its own systems and desk reach it

	suite  *Suite
	config hospital.Config
	service
}

// ImportReport is what a hospital says of an import: how many resources it found,
// stored, and had already.
type ImportReport struct {
	Total struct {
		Found     int `json:"found"`
		Stored    int `json:"stored"`
		Updated   int `json:"updated"`
		Unchanged int `json:"unchanged"`
	} `json:"total"`
}

// deskCodeLife is longer than a hospital's 15 minutes: whoever tries the suite reads first.
const deskCodeLife = 24 * time.Hour

// HospitalID is the ID_HPC of the suite's hospital number i, from 0.
func HospitalID(i int) message.ID { return message.ID(fmt.Sprintf("hospital-%d", i+1)) }

func (s *Suite) startHospitals(ctx context.Context) error {
	operator, err := s.OperatorToken()
	if err != nil {
		return err
	}
	if err := s.state.write("keys/operator.token", []byte(operator)); err != nil {
		return err
	}
	for i := range s.opt.Hospitals {
		if err := s.startHospital(ctx, HospitalID(i)); err != nil {
			return fmt.Errorf("%s: %w", HospitalID(i), err)
		}
	}
	g, ctx := errgroup.WithContext(ctx)
	for _, h := range s.Hospitals {
		g.Go(func() error { return s.ready(ctx, string(h.ID)) })
	}
	return g.Wait()
}

func (s *Suite) startHospital(ctx context.Context, id message.ID) error {
	name := string(id)
	listen, err := s.state.address(name)
	if err != nil {
		return err
	}
	admin, err := s.state.address(name + "-admin")
	if err != nil {
		return err
	}
	pass, err := s.state.passphrase("keys/" + name + ".passphrase")
	if err != nil {
		return err
	}
	pins, jwks := s.Files()
	config := hospital.Config{Dev: true, ID: name, Suite: uint8(s.opt.Suite), Listen: listen, AdminListen: admin,
		Keys: s.state.path("keys", name), InitKeys: true, PassphraseFile: pass, Cloud: s.Cloud, PinsFile: pins,
		OperatorToken: s.state.path("keys/operator.token"), Authority: authority.DefaultName, AuthorityFile: jwks,
		Operators: operators, OperatorsFile: s.state.path("keys/operators.jwks.json"), MongoURI: s.Mongo, Database: name,
		RedisAddrs: []string{s.Redis}, WindowTimeout: windowTimeout, Edge: s.edge(name), DeskCodeLife: deskCodeLife, Releases: 8, MaxRelease: 256 << 20, Development: s.opt.Development, Logger: s.log(name)}
	h := &Hospital{ID: id, URL: "http://" + listen, Admin: "http://" + admin, suite: s, config: config}
	h.start = func(ctx context.Context) (func() error, error) {
		i, err := hospital.Start(ctx, config)
		if err != nil {
			return nil, err
		}
		s.operates(name, i.OperationsURL(), h.URL)
		return i.Close, nil
	}
	s.onClose(h.close)
	s.Hospitals = append(s.Hospitals, h)
	return h.Start(ctx)
}

// Reregister registers the hospital anew while it is stopped, as its operator does when its credential is over.
func (h *Hospital) Reregister(ctx context.Context) error {
	return hospital.Reregister(ctx, h.config, func(format string, args ...any) { h.config.Logger.Info(fmt.Sprintf(format, args...)) })
}

// Import sends a FHIR Bundle as the hospital's record system would.
func (h *Hospital) Import(ctx context.Context, bundle []byte) (ImportReport, error) {
	var r ImportReport
	t, err := h.Token(token.ScopeFHIRImport)
	if err != nil {
		return r, err
	}
	err = h.suite.post(ctx, h.Admin+"/fhir/bundles", t, "application/fhir+json", bundle, &r)
	return r, err
}

// DeskCode mints a one-time enrolment code for a medical record number.
func (h *Hospital) DeskCode(ctx context.Context, mrn string) (string, error) {
	t, err := h.Token(token.ScopeAdmin)
	if err != nil {
		return "", err
	}
	body, err := json.Marshal(map[string]string{"mrn": mrn})
	if err != nil {
		return "", err
	}
	var answer struct {
		Code string `json:"code"`
	}
	err = h.suite.post(ctx, h.Admin+"/v1/desk-codes", t, "application/json", body, &answer)
	return answer.Code, err
}

// Token lets its holder use the hospital's administration for a day.
func (h *Hospital) Token(scopes ...token.Scope) (string, error) {
	return h.TokenAt(time.Now(), scopes...)
}

// TokenAt is a Token of one day from the given time.
func (h *Hospital) TokenAt(t time.Time, scopes ...token.Scope) (string, error) {
	return h.suite.token(t, string(h.ID), scopes...)
}
