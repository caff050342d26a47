package attack_test

import (
	"bytes"
	"crypto/rand"
	"strings"
	"testing"

	"medunion/api/message"
	"medunion/api/message/softkey"
	"medunion/api/problem"
	"medunion/ecc"
	"medunion/patient-agent/patient"
)

// passkeyPatient registers a patient whose user verification is a passkey, and enrols
// her at both hospitals.
func (u *union) passkeyPatient(k *softkey.Key) *person {
	u.Helper()
	p := &person{u: u, rand: rand.Reader}
	p.keys = must(patient.NewPasskeyIdentity(rand.Reader, u.suite, k.Passkey()))
	p.Patient = must(patient.New(p.config(), p.keys))
	req, err := p.RequestRegistration(must(u.cloud.Challenge()), u.code())
	ok(u, err)
	reply, err := u.cloud.Register(u.Context(), req.Encode(), false)
	ok(u, err)
	ok(u, p.AcceptRegistration(must(message.DecodeRegistrationReply(reply))))
	p.keys = p.Identity()
	p.enrol(u.anna, lab("a", 10))
	p.enrol(u.bern, lab("b", 10))
	return p
}

func approval(d *patient.Draft, k *softkey.Key) message.Assertion {
	c := d.Challenge()
	return message.AssertWebAuthn(k.COSE(), message.RPIDHash(k.RPID), d.Epoch(), k.Assert(c[:]))
}

// TestHonestPasskey: a whole visit of a patient who consents with a passkey.
func TestHonestPasskey(t *testing.T) {
	suites(t, func(t *testing.T, s ecc.Suite) {
		u := newUnion(t, s)
		k := softkey.ES256(1, "localhost", "http://localhost:8091")
		p, d := u.passkeyPatient(k), u.doctor()
		v := u.begun(p, d)
		draft := must(p.Prepare(v.pv.Doctor(), u.terms()))
		given, m3, err := v.pv.ShareApproved(must(draft.Approve(approval(draft, k))))
		ok(u, err)
		v.m3, v.con, v.consent = m3, given.CON, given.CON.Consent.Hash()
		ok(u, v.dv.ReceiveM3(m3))
		search, _ := v.search(message.ModeRead)
		anna := v.session(search, u.anna)
		if r := v.fetch(anna, u.anna, message.Filter{}); !strings.Contains(string(r.Pages[0]), `"a"`) {
			u.Errorf("released %s", r.Pages[0])
		}
		g := must(v.dv.Diagnose(diagnosis))
		got, err := v.pv.ReceiveM10(must(v.dv.M10()))
		ok(u, err)
		if !bytes.Equal(got.Content, diagnosis) {
			u.Error("the diagnosis changed on the way")
		}
		v.index(v.store(anna, u.anna, g))
	})
}

// TestAttack6_WrongPasskeyAtAHospital: a dishonest doctor brings a consent that the
// patient's device signed, with a user verification that is not hers.
func TestAttack6_WrongPasskeyAtAHospital(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	k := softkey.ES256(1, "localhost", "http://localhost:8091")
	s.p = s.passkeyPatient(k)
	draft := must(s.p.Prepare(s.p.card(s.r.physician), s.terms()))
	other := must(s.p.Prepare(s.p.card(s.r.physician), s.terms()))
	stranger, unverified, elsewhere := softkey.ES256(2, "localhost", "http://localhost:8091"), *k, *k
	unverified.Flags, elsewhere.Origin = softkey.Present, "https://localhost.evil.example"
	passphrase := must(ecc.GenerateSigningKey(rand.Reader))
	good := s.signed(draft, approval(draft, k))
	if err := s.attempt(s.anna.node, s.asksM8(good))(); err != nil {
		t.Fatalf("an honest consent: %s", problem.Reason(err))
	}
	for name, a := range map[string]message.Assertion{
		"another passkey":                   approval(draft, stranger),
		"another passkey in her key's name": {Kind: message.KindWebAuthn, Key: k.COSE(), RPIDHash: message.RPIDHash("localhost"), Epoch: 1, Proof: approval(draft, stranger).Proof},
		"without verification":              approval(draft, &unverified),
		"at another site":                   approval(draft, &elsewhere),
		"over another consent":              approval(other, k),
		"a passphrase":                      message.AssertPassphrase(passphrase, 1, draft.Consent()),
	} {
		if _, err := draft.Approve(a); problem.KindOf(err) != problem.KindRefused {
			t.Errorf("%s: her own device signs: %v", name, err)
		}
		con := good
		con.Assertion = a
		if err := s.attempt(s.anna.node, s.asksM8(con))(); problem.KindOf(err) != problem.KindRefused || err == nil {
			t.Errorf("%s at the hospital: %v", name, err)
		}
	}
}

// signed is a consent as it stands in M3.
func (s *scene) signed(d *patient.Draft, a message.Assertion) message.CON {
	s.Helper()
	v := s.begun(s.p, s.r.physician)
	given, _, err := v.pv.ShareApproved(must(d.Approve(a)))
	ok(s, err)
	return given.CON
}
