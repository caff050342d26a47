package hospital_test

import (
	"testing"
	"time"

	"medunion/api/message"
	"medunion/ecc"
)

// The first message of an exchange is number 1, although it is signed and sealed as it should be.
func TestFirstMessagesAreNumberedOne(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	newcomer := s.w.NewPatient()
	s.load("MRN-2", s.rec[:1])
	code, _, err := s.h.NewDeskCode(t.Context(), "MRN-2")
	if err != nil {
		t.Fatal(err)
	}
	newcomer.Seq, s.p.Seq = 2, 2
	_, err = s.h.Enrol(t.Context(), newcomer.Enrol(t, s.h.Party.Cred, s.h.Prekey(t, s.w), code).M)
	s.refused(err, "an enrolment numbered 2")
	_, err = s.h.Ask(t.Context(), s.p.Ask(t, s.h.Party.Cred, s.h.Prekey(t, s.w), message.Question{Kind: message.AskReleases}).M)
	s.refused(err, "a question numbered 2")
}

// A client whose clock is a little behind takes a prekey that was made just now.
func TestPrekeyBeginsInThePast(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	all := s.w.Published()
	cred := s.h.Party.Cred
	behind := s.w.Now().Add(-5 * time.Minute)
	if _, err := message.OpenPrekey(all[len(all)-1], cred.Hash(), ecc.SuiteX25519, cred.Info.Keys.Sign, behind); err != nil {
		t.Error(err)
	}
}
