package hospital_test

import (
	"strings"
	"testing"

	"medunion/api/message"
	"medunion/api/message/softkey"
	"medunion/api/problem"
	"medunion/ecc"
	"medunion/privatecloud/hospital"
)

// passkeyScene is a scene whose patient consents with a passkey.
func passkeyScene(t *testing.T) *scene {
	s := newScene(t, ecc.SuiteX25519)
	s.p = s.w.PasskeyPatient()
	s.load("MRN-4712", []hospital.Resource{resource("Observation", "o9", "OUTPATIENT", "LAB", 1_600_000_000_000)})
	s.h.EnrolPatient(t, s.p, "MRN-4712")
	return s
}

func TestConsentByPasskeyIsHonoured(t *testing.T) {
	s := passkeyScene(t)
	if got, _ := s.release(s.open(), message.Filter{}); len(got) == 0 {
		t.Error("nothing was released")
	}
	s.h.RequirePasskey = true
	x := s.open()
	if got, _ := s.release(x, message.Filter{}); len(got) == 0 {
		t.Error("nothing was released where a passkey is required")
	}
	salted, d5 := x.D5(diagnosis)
	if _, err := s.h.StoreDiagnosis(t.Context(), x.M11(salted, d5)); err != nil {
		t.Error(problem.Reason(err))
	}
}

func TestAttack06_WrongPasskey(t *testing.T) {
	s := passkeyScene(t)
	right := s.p.Key
	for name, wrong := range map[string]*softkey.Key{
		"another passkey":         softkey.EdDSA(200, "localhost", "http://localhost:8091"),
		"at another site":         at(*right, "https://evil-localhost"),
		"without verification":    flagged(*right, softkey.Present),
		"of another site's pages": at(*right, "http://localhost.evil.example"),
	} {
		s.p.Key = wrong
		c := s.consent()
		s.p.Key = right
		c.Assertion.Key, c.Assertion.RPIDHash = right.COSE(), message.RPIDHash(right.RPID) // so that β_P fits
		x := s.visit(c, s.w.Ticket(s.d, c.Consent, message.ModeRead))
		if err := s.sendM6(x); err != nil {
			t.Fatal(problem.Reason(err))
		}
		s.refused(s.asksM8(x), name)
	}
}

func at(k softkey.Key, origin string) *softkey.Key { k.Origin = origin; return &k }

func flagged(k softkey.Key, flags byte) *softkey.Key { k.Flags = flags; return &k }

// A hospital may refuse the weaker kind: for release and for storage, audited, and
// outside like every other refusal.
func TestPolicyAgainstPassphrases(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	x := s.open()
	s.release(x, message.Filter{}) // without the policy
	s.h.RequirePasskey = true
	weak := s.asksM8(x)
	s.refused(weak, "M8")
	if trail := s.trail(); !strings.Contains(trail[len(trail)-1].Reason, "requires a passkey") {
		t.Errorf("audited: %q", trail[len(trail)-1].Reason)
	}
	salted, d5 := x.D5(diagnosis)
	_, err := s.h.StoreDiagnosis(t.Context(), x.M11(salted, d5))
	s.refused(err, "M11")

	c := s.consent()
	c.SigmaP = s.d.Sign.Sign(message.TBSSigmaP(c.Consent))
	y := s.visit(c, s.w.Ticket(s.d, c.Consent, message.ModeRead))
	if err := s.sendM6(y); err != nil {
		t.Fatal(problem.Reason(err))
	}
	forged := s.asksM8(y)
	if problem.From(weak).Document("") != problem.From(forged).Document("") {
		t.Error("the policy can be told from a forged consent")
	}
	c = s.consent()
	c.Assertion.Kind = message.KindWebAuthn // a doctor cannot dress it up
	z := s.visit(c, s.w.Ticket(s.d, c.Consent, message.ModeRead))
	if err := s.sendM6(z); err != nil {
		t.Fatal(problem.Reason(err))
	}
	s.refused(s.asksM8(z), "a passphrase called a passkey")
}
