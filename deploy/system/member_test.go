package system_test

import (
	"context"
	"encoding/hex"
	"net/http"
	"os"
	"strconv"
	"testing"

	"medunion/api/problem"
	"medunion/ecc"
	"medunion/ecc/vault"
	patient "medunion/patient-agent/agent"
)

// cheap makes a key store in milliseconds: here nobody guesses passphrases.
var cheap = vault.Params{MemoryKiB: vault.MinMemoryKiB, Time: 1, Lanes: 1}

// member is a patient with her agent, registered and enrolled at one hospital.
type member struct {
	agent *patient.Agent
	store string
	pass  []byte
	c     string // c_P in hex
}

// passphrase of every member.
const passphrase = "correct horse battery staple"

// join makes a patient: a registration with the operator's code, an enrolment with one
// of the hospital's desk.
func join(ctx context.Context, s site, at place, mrn string) (*member, error) {
	m, err := register(ctx, s)
	if err != nil {
		return nil, err
	}
	return m, m.enrol(ctx, at, mrn)
}

func register(ctx context.Context, s site) (*member, error) {
	dir, err := os.MkdirTemp(scratch, "patient-")
	if err != nil {
		return nil, err
	}
	m := &member{store: dir + "/store", pass: []byte(passphrase)}
	if err := m.meet(s); err != nil {
		return nil, err
	}
	var out struct{ Code string }
	if err := ask(ctx, http.MethodPost, s.Cloud+"/v1/operator/patient-codes", s.Operator, nil, &out); err != nil {
		return nil, err
	}
	id, err := m.agent.Register(ctx, out.Code, m.pass)
	m.c = hex.EncodeToString(id.Credential[:])
	return m, err
}

// meet gives the agent the site's addresses, anew after a restart.
func (m *member) meet(s site) error {
	verify, err := s.verifier()
	if err != nil {
		return err
	}
	if m.agent != nil {
		if err := m.agent.Close(); err != nil {
			return err
		}
	}
	m.agent, err = patient.New(patient.Config{Store: m.store, Suite: ecc.SuiteX25519, Cost: cheap, Cloud: s.Cloud, Pins: s.Pins,
		VerifyCertificate: verify, Authority: s.Authority})
	if err != nil || !m.agent.Status().Exists {
		return err
	}
	return m.agent.Unlock(m.pass)
}

func (m *member) enrol(ctx context.Context, at place, mrn string) error {
	var desk struct{ Code string }
	if err := ask(ctx, http.MethodPost, at.Admin+"/v1/desk-codes", at.Token, map[string]string{"mrn": mrn}, &desk); err != nil {
		return err
	}
	_, err := m.agent.Enrol(ctx, at.ID, desk.Code)
	return err
}

// enrolLoad lets one patient after the other register and enrol.
type enrolLoad struct {
	at       site
	n        int
	members  []*member // acknowledged by the hospital, and before by the public cloud
	verified int
}

func (l *enrolLoad) acknowledged() int { return len(l.members) }

func (l *enrolLoad) meet(_ context.Context, s site) error { l.at = s; return nil }

func (l *enrolLoad) step(ctx context.Context) error {
	l.n++
	mrn := "enrolled-" + strconv.Itoa(l.n)
	at := l.at.Hospitals[0]
	if _, err := importBundle(ctx, at, map[string][]byte{"Patient/" + mrn: patientResource(mrn)}); err != nil {
		return err
	}
	m, err := join(ctx, l.at, at, mrn)
	if err != nil {
		return err
	}
	l.members = append(l.members, m)
	return m.agent.Close()
}

// verify: every registration stands in the public log, and every patient of the last
// round reads her record where she enrolled.
func (l *enrolLoad) verify(t *testing.T, ctx context.Context) {
	all, err := logged(ctx, l.at)
	if err != nil {
		t.Error(err)
		return
	}
	for _, m := range l.members {
		if !all[m.c] {
			t.Error("an acknowledged registration is lost")
		}
	}
	for _, m := range l.members[l.verified:] {
		ok(t, m.meet(l.at))
		err := patiently(ctx, func() error { _, err := m.agent.Record(ctx, l.at.Hospitals[0].ID); return err })
		if err != nil {
			t.Errorf("an acknowledged enrolment is lost: %v", problem.Reason(err))
		}
		ok(t, m.agent.Close())
	}
	l.verified = len(l.members)
}
