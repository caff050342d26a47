package patient_test

import (
	"crypto/rand"
	"errors"
	"testing"
	"time"

	"medunion/api/message"
	"medunion/api/message/softkey"
	"medunion/api/problem"
	"medunion/ecc"
	"medunion/patient-agent/internal/peers"
	"medunion/patient-agent/patient"
)

// passkeyScene is a registered patient whose user verification is a passkey.
func passkeyScene(t *testing.T) (*scene, *softkey.Key) {
	s := newScene(t, ecc.SuiteX25519)
	k := softkey.EdDSA(7, "localhost", "http://localhost:8091")
	id := peers.Must(patient.NewPasskeyIdentity(rand.Reader, s.Suite, k.Passkey()))
	p := peers.Must(patient.New(patient.Config{Now: func() time.Time { return s.Now }, Rand: rand.Reader, Pins: s.Pins, VerifyCertificate: s.VerifyCertificate}, id))
	q := peers.Must(p.RequestRegistration(make([]byte, message.ChallengeSize), "CODE"))
	s.Ok(p.AcceptRegistration(s.Reply(q)))
	s.p = p
	return s, k
}

func assertion(d *patient.Draft, k *softkey.Key) message.Assertion {
	c := d.Challenge()
	return message.AssertWebAuthn(k.COSE(), message.RPIDHash(k.RPID), d.Epoch(), k.Assert(c[:]))
}

func TestApprovedByAPasskey(t *testing.T) {
	s, k := passkeyScene(t)
	draft := peers.Must(s.p.Prepare(s.verified(s.d), s.choices())) // before M1
	approved := peers.Must(draft.Approve(assertion(draft, k)))
	v := s.answered()
	given, m3, err := v.ShareApproved(approved)
	s.Ok(err)
	s.Ok(s.d.ReceiveM3(m3))
	if given.CON.Consent != draft.Consent() || given.CON.Assertion.Kind != message.KindWebAuthn || s.d.M3.CON.Consent.Hash() != draft.Consent().Hash() {
		t.Error("another consent than the one approved was given")
	}
	again := s.answered()
	if _, _, err := again.ShareApproved(approved); !errors.Is(err, patient.ErrOrder) {
		t.Errorf("shared in a second visit: %v", err)
	}
	id := peers.Must(patient.DecodeIdentity(s.p.Identity().Encode()))
	if id.Attribute.Kind != message.KindWebAuthn || id.Attribute.Beta != k.Passkey().Beta(1) {
		t.Errorf("attr_P %+v", id.Attribute)
	}
}

// TestAttack06WrongPasskey: nothing is signed for another verification than hers.
func TestAttack06WrongPasskey(t *testing.T) {
	s, k := passkeyScene(t)
	draft := peers.Must(s.p.Prepare(s.verified(s.d), s.choices()))
	twin := peers.Must(s.p.Prepare(s.verified(s.d), s.choices()))
	if draft.Challenge() == twin.Challenge() {
		t.Fatal("two drafts of the same choices have one challenge")
	}
	uv := peers.Must(ecc.GenerateSigningKey(rand.Reader))
	for name, a := range map[string]message.Assertion{
		"another passkey":    assertion(draft, softkey.EdDSA(8, "localhost", "http://localhost:8091")),
		"another site's":     assertion(draft, softkey.EdDSA(7, "patient.example", "https://patient.example")),
		"over another draft": assertion(twin, k),
		"a passphrase":       message.AssertPassphrase(uv, 1, draft.Consent()),
		"nothing":            {},
	} {
		if approved, err := draft.Approve(a); problem.KindOf(err) != problem.KindRefused || approved != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := draft.Approve(assertion(draft, k)); err != nil {
		t.Error(err)
	}
	v := s.answered()
	if _, _, err := v.Share(s.choices(), uv); problem.KindOf(err) != problem.KindRefused {
		t.Errorf("by a passphrase's key: %v", err)
	}
}

// TestApprovalIsForOneDoctorAndTime: an approved consent goes to nobody else, and not
// when it is over.
func TestApprovalIsForOneDoctorAndTime(t *testing.T) {
	s, k := passkeyScene(t)
	draft := peers.Must(s.p.Prepare(s.verified(s.d), s.choices()))
	approved := peers.Must(draft.Approve(assertion(draft, k)))
	other := s.NewDoctor("dr-other")
	v, m1, err := s.p.Begin(s.verified(other))
	s.Ok(err)
	s.Ok(v.ReceiveM2(peers.Must(other.M2(m1))))
	if _, _, err := v.ShareApproved(approved); problem.KindOf(err) != problem.KindRefused {
		t.Errorf("to another doctor: %v", err)
	}
	c := s.choices()
	c.Expires = s.Now.Add(time.Minute)
	short := peers.Must(s.p.Prepare(s.verified(s.d), c))
	brief := peers.Must(short.Approve(assertion(short, k)))
	w := s.answered()
	s.Now = s.Now.Add(2 * time.Minute)
	if _, _, err := w.ShareApproved(brief); problem.KindOf(err) != problem.KindRefused {
		t.Errorf("when it is over: %v", err)
	}
	v, _, err = s.p.Begin(s.verified(s.d))
	s.Ok(err)
	if _, _, err := v.ShareApproved(approved); !errors.Is(err, patient.ErrOrder) {
		t.Errorf("before M2: %v", err)
	}
}
