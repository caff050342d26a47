package attack_test

import (
	"crypto/rand"
	"testing"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/ecc"
)

// TestAttack18_Downgrade: parties of suite 2 are given what is of suite 1.
func TestAttack18_Downgrade(t *testing.T) {
	s := newScene(t, ecc.SuiteXWing)
	con := s.p.consent(s.r.physician, nil)
	low := s.doctorOf(ecc.SuiteX25519, rand.Reader).turn()
	weak := s.patientOf(ecc.SuiteX25519, rand.Reader)

	down := func(m message.Message) message.Message { m.Header.Suite = ecc.SuiteX25519; return m }
	m4 := s.searches(con)
	s.refused("M4: suite in the header", s.attempt(s.pc(), down(m4)), problem.KindRefused, problem.KindInvalid)
	s.mustAsk(s.pc(), m4)
	pre := must(message.DecodePrekey(s.cloudPrekey(ecc.SuiteX25519).TBS))
	weakM4, _ := low.m4(con, message.ModeRead, edits[message.M4]{body: func(m *message.M4) { m.Doctor, m.Certificate = s.r.cred, s.r.cert }, key: s.r.sign})
	if weakM4.Header.Suite != ecc.SuiteX25519 || weakM4.Header.To != pre.Key.ID() {
		t.Fatal("the control is not what it says")
	}
	s.refused("M4 of suite 1 with credentials of suite 2", s.attempt(s.pc(), weakM4))
	m6 := s.r.m6(s.anna, con.Consent.Hash(), message.TicketHash(s.mint(con, message.ModeRead, nil)), edits[message.M6]{}).m6
	s.refused("M6: suite in the header", s.attempt(s.anna.node, down(m6)))
	s.refused("M6 with a credential of suite 1", s.attempt(s.anna.node, s.r.m6(s.anna, con.Consent.Hash(), ecc.Sum(nil), edits[message.M6]{
		body: func(m *message.M6) { m.Doctor, m.Certificate = low.cred, low.cert }, key: low.sign}).m6))
	s.mustAsk(s.anna.node, m6)
	_, m1, err := s.p.Begin(s.p.card(s.r.physician))
	ok(t, err)
	s.refused("M1: suite in the header", func() error { _, _, err := s.r.AnswerM1(t.Context(), down(m1)); return err })
	mixed := s.steals(s.r.physician, weak.keys) // under suite 2, with a credential of suite 1
	s.refused("M1 with a credential of suite 1", func() error { _, _, err := s.r.AnswerM1(t.Context(), mixed.m1); return err })
	s.refused("a card of suite 1", func() error {
		_, err := s.p.VerifyCard(low.cred.Hash(), s.cardOf(low.physician), s.union.revoked())
		return err
	})
	_, _, err = s.r.AnswerM1(t.Context(), m1)
	ok(t, err)
	s.whole(s.p, s.r.physician)
}
