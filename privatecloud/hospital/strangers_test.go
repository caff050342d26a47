package hospital_test

import (
	"testing"
	"time"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/ecc"
)

// Whoever has proved nothing cannot fill the audit trail; what is left out is counted, and
// refusals of senders who are known are all there.
func TestStrangersCannotFillTheAuditTrail(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	junk := s.p.Ask(t, s.h.Party.Cred, s.h.Prekey(t, s.w), message.Question{Kind: message.AskReleases}).M
	junk.Ciphertext[len(junk.Ciphertext)-1] ^= 1
	before := len(s.trail())
	for range 1000 {
		if _, err := s.h.Ask(t.Context(), junk); problem.KindOf(err) != problem.KindRefused {
			t.Fatal(problem.Reason(err))
		}
	}
	if n := len(s.trail()) - before; n != 100 {
		t.Errorf("1000 messages of a stranger wrote %d lines", n)
	}
	x := s.openWith(s.consent())
	s.refused(s.sendM6(x), "M6 again, of a known doctor")
	s.w.Clock.Move(10 * time.Second)
	_, err := s.h.Ask(t.Context(), junk)
	s.refused(err, "a stranger's, later")
	if trail := s.trail(); trail[len(trail)-1].Count != 900 {
		t.Errorf("the line counts %d left out", trail[len(trail)-1].Count)
	}
}
