package attack_test

import (
	"testing"
	"time"

	"medunion/api/message"
	"medunion/ecc"
	"medunion/patient-agent/patient"
)

// renewed is the patient with the credential that the public cloud gave her for the one
// that she has.
func (p *person) renewed() *person {
	p.u.Helper()
	draft := must(p.DraftRenewal())
	q := p.with(func(i *patient.Identity) { *i = draft })
	req := must(q.RequestRenewal(must(p.u.cloud.Challenge())))
	reply, err := p.u.cloud.Register(p.u.Context(), req.Encode(), false)
	ok(p.u, err)
	ok(p.u, q.AcceptRenewal(must(message.DecodeRegistrationReply(reply)), false))
	q.keys = q.Identity()
	return q
}

// question is one that is not sent yet.
func (p *person) question(h *house) message.Message {
	p.u.Helper()
	_, m, err := p.AskHospital(p.hospital(h), message.Question{Kind: message.AskReleases, From: 1})
	ok(p.u, err)
	return m
}

// A patient renews and goes on: at her hospitals without their desks, with her doctor, and
// with what she allowed before. Her hospital then takes no question from the old credential.
func TestRenewedPatient(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	forHours := func(c *patient.Choices) { c.Expires = s.clock.Now().Add(6 * time.Hour) }
	before := s.p.consent(s.r.physician, forHours)
	s.later(20 * time.Minute)
	s.r.physician.refresh()
	old := s.p
	s.p = old.renewed()
	if a, b := s.p.keys.Credential.Info, old.keys.Credential.Info; a.Epoch != b.Epoch+1 || !a.Keys.Sign.Equal(b.Keys.Sign) {
		t.Errorf("number %d after %d", a.Epoch, b.Epoch)
	}
	old.receipts(s.anna) // nobody has shown the new one here
	known := len(s.p.receipts(s.anna))
	s.refused("a question under the old credential", s.attempt(s.anna.node, old.question(s.anna)))
	v := s.open(s.p, s.r.physician, s.terms())
	search, _ := v.search(message.ModeRead)
	v.fetch(v.session(search, s.anna), s.anna, message.Filter{})
	if n := len(s.p.receipts(s.anna)); n == known {
		t.Error("the visit released nothing")
	}
	s.later(20 * time.Minute)
	s.r.physician.refresh()
	after := old.consent(s.r.physician, forHours)
	ticket := s.mint(after, message.ModeRead, nil)
	s.refused("M8 under the old credential, for a consent of afterwards", s.attempt(s.anna.node, s.r.connect(s.anna, after, ticket).m8(old.authority(after, ticket))))
	ticket = s.mint(before, message.ModeRead, nil)
	_, err := s.send(s.anna.node, s.r.connect(s.anna, before, ticket).m8(old.authority(before, ticket)))
	ok(t, err)
}

// TestAttack23_StolenLine: whoever renews with stolen keys gains nothing that outlasts the revocation
// of any credential of the line, and until then cannot keep the theft from its holder.
func TestAttack23_StolenLine(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	con := s.p.consent(s.r.physician, nil)
	thief := s.p.renewed()
	draft := must(s.p.DraftRenewal())
	q := s.p.with(func(i *patient.Identity) { *i = draft })
	reply, err := s.cloud.Register(t.Context(), must(q.RequestRenewal(must(s.cloud.Challenge()))).Encode(), false)
	ok(t, err)
	if err := q.AcceptRenewal(must(message.DecodeRegistrationReply(reply)), false); err != patient.ErrRenewedElsewhere {
		t.Errorf("her own renewal: %v", err)
	}
	thief.receipts(s.bern) // the thief is first at Bern, and nobody yet at St Anna
	s.refused("her question at a hospital where the thief was first", s.attempt(s.bern.node, s.p.question(s.bern)))
	ticket := s.mint(con, message.ModeRead, nil)
	hers, theirs := s.p.question(s.anna), thief.question(s.bern)
	m8, m1 := s.r.connect(s.anna, con, ticket), s.r.connect(s.bern, con, ticket)
	ok(t, s.cloud.RevokeCredential(t.Context(), "kim", s.p.keys.Credential.Hash()))
	for _, h := range []*house{s.anna, s.bern} {
		s.refresh(h)
	}
	s.refused("her question after the revocation", s.attempt(s.anna.node, hers))
	s.refused("the thief's", s.attempt(s.bern.node, theirs))
	s.refused("M8 under her credential", s.attempt(s.anna.node, m8.m8(s.p.authority(con, ticket))))
	s.refused("M8 under the thief's", s.attempt(s.bern.node, m1.m8(thief.authority(con, ticket))))
	again := must(thief.DraftRenewal())
	late := thief.with(func(i *patient.Identity) { *i = again })
	req := must(late.RequestRenewal(must(s.cloud.Challenge())))
	s.refused("the thief renews once more", func() error { _, err := s.cloud.Register(t.Context(), req.Encode(), false); return err })
}
