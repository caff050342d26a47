package attack_test

import (
	"crypto/rand"
	"fmt"
	"testing"
	"time"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/doctor-portal/doctor"
	"medunion/ecc"
)

// holder is a party whose secrets are the test's: what a thief of a device has.
type holder struct {
	u           *union
	cred        message.Credential
	s           ecc.Scalar
	sign        ecc.SigningKey
	certificate []byte // of a doctor
}

// holders are a patient, a doctor and a hospital.
func (u *union) holders() map[message.Role]*holder {
	u.Helper()
	p, c := u.patient(), u.clinic("st-line")
	d := u.doctor().turn()
	return map[message.Role]*holder{
		message.Patient:  {u: u, cred: *p.keys.Credential, s: *p.keys.S, sign: p.keys.Sign},
		message.Doctor:   {u: u, cred: d.cred, s: d.s, sign: d.sign, certificate: d.cert},
		message.Hospital: c.holder(),
	}
}

func (c *clinic) holder() *holder { return &holder{u: c.u, cred: c.cred, s: c.s, sign: c.sign} }

// renewal makes M0 by which the holder renews, edited before and after it is signed, and the
// x_X of it.
func (h *holder) renewal(edit func(*message.Registration), after func(*message.Renewal)) (message.RegistrationRequest, ecc.Scalar) {
	h.u.Helper()
	x, i := must(ecc.GenerateScalar(rand.Reader)), h.cred.Info
	q := message.Registration{Suite: i.Suite, Role: i.Role, ID: i.ID, X: x.Public(), Keys: i.Keys, Attribute: i.Attribute, Challenge: must(h.u.cloud.Challenge())}
	if edit != nil {
		edit(&q)
	}
	r := must(message.Renew(rand.Reader, h.cred, h.s, h.sign, q, h.certificate))
	if after != nil {
		after(&r)
	}
	return message.RegistrationRequest{Registration: q, Possession: must(ecc.ProvePossession(rand.Reader, x, ecc.Sum(q.Encode()))),
		Signature: h.sign.Sign(q.Encode()), Admission: r.Encode()}, x
}

// sends hands a request to the public cloud.
func (u *union) sends(q message.RegistrationRequest) func() error {
	return func() error { _, err := u.cloud.Register(u.Context(), q.Encode(), false); return err }
}

// tries is an attempt to renew.
func (h *holder) tries(edit func(*message.Registration), after func(*message.Renewal)) func() error {
	h.u.Helper()
	q, _ := h.renewal(edit, after)
	return h.u.sends(q)
}

// renewed is the holder of the next credential.
func (h *holder) renewed() *holder {
	h.u.Helper()
	q, x := h.renewal(nil, nil)
	raw, err := h.u.cloud.Register(h.u.Context(), q.Encode(), false)
	ok(h.u, err)
	n, reply := *h, must(message.DecodeRegistrationReply(raw))
	n.cred = reply.Credential
	n.s = must(ecc.Accept(x, n.cred.Info.Encode(), ecc.PartialKey{R: n.cred.R, D: reply.D}, h.u.signing().PK))
	return &n
}

// TestAttack23_Renewal: of each role, whoever has one of the two secrets, or is another, or wants
// to be more than she was, renews nothing, and nothing changes by the attempt.
func TestAttack23_Renewal(t *testing.T) {
	u := newUnion(t, ecc.SuiteX25519)
	others := u.patient()
	for role, h := range u.holders() {
		foreign := must(ecc.GenerateSigningKey(rand.Reader))
		noS, noPRK := *h, *h
		noS.s, noPRK.sign = *others.keys.S, foreign
		attempts := map[string]func() error{
			"with PRK_X only":           noS.tries(nil, nil),
			"with S_X only":             noPRK.tries(func(q *message.Registration) { q.Keys.Sign = foreign.Public() }, nil),
			"with neither":              h.tries(nil, func(r *message.Renewal) { r.Possession, r.Signature = make([]byte, 64), make([]byte, 64) }),
			"for another's ID":          h.tries(func(q *message.Registration) { q.ID = others.keys.ID }, nil),
			"of another's credential":   h.tries(nil, func(r *message.Renewal) { r.Credential = *others.keys.Credential }),
			"with another attribute":    h.tries(func(q *message.Registration) { q.Attribute = another(role) }, nil),
			"with another role's right": h.tries(func(q *message.Registration) { q.Role = next(role) }, nil),
		}
		for what, attempt := range attempts {
			u.refused(fmt.Sprintf("%s: %s", role, what), attempt, problem.KindRefused, problem.KindInvalid)
		}
		q, _ := h.renewal(nil, nil)
		ok(t, u.sends(q)())
		u.refused(string(role)+": a request of before", u.sends(q))
		h.renewed()
	}
}

// another is an attribute that the role could have, and has not.
func another(role message.Role) []byte {
	switch role {
	case message.Patient:
		return message.PatientAttribute{Kind: message.KindPassphrase, Beta: message.Hash{9}}.Encode()
	case message.Hospital:
		return []byte("https://st-evil.example.org")
	}
	return make([]byte, 32)
}

func next(role message.Role) message.Role {
	return map[message.Role]message.Role{message.Patient: message.Doctor, message.Doctor: message.Hospital, message.Hospital: message.Patient}[role]
}

// TestAttack23_AnotherLicence: a certificate of the authority for the same keys, and for another doctor's licence.
func TestAttack23_AnotherLicence(t *testing.T) {
	u := newUnion(t, ecc.SuiteX25519)
	h := u.holders()[message.Doctor]
	q := message.CertificateRequest{Authority: authorityName, Licence: "L-evil", Name: "Dr Okafor", Departments: []string{"OUTPATIENT"}, Keys: h.cred.Info.Keys}
	h.certificate = must(u.authority.Issue(q, u.clock.Now()))
	attr := ecc.Sum(h.certificate)
	u.refused("another licence", h.tries(func(r *message.Registration) { r.Attribute = attr[:] }, nil))
}

// TestAttack23_TheLineIsRevoked: a thief who renewed before the loss was noticed is out once the line
// is revoked, whichever credential the operator names, and renews no more; nor does one of an ended credential.
func TestAttack23_TheLineIsRevoked(t *testing.T) {
	u := newUnion(t, ecc.SuiteX25519)
	for role, h := range u.holders() {
		thief := h.renewed()
		again := thief.renewed()
		ok(t, u.cloud.RevokeCredential(t.Context(), "kim", h.cred.Hash()))
		u.clock.move(6 * time.Second)
		list := u.revoked()
		for n, x := range []*holder{h, thief, again} {
			if !list.Contains(x.cred.Hash()) {
				t.Errorf("%s: number %d is good", role, n+1)
			}
			u.refused(fmt.Sprintf("%s: number %d renews", role, n+1), x.tries(nil, nil))
		}
	}
	ended := u.clinic("st-ended").holder()
	u.clock.move(3 * 365 * 24 * time.Hour)
	u.refused("a credential that has ended", ended.tries(nil, nil))
}

// A doctor whose device was stolen comes back with new keys and a new certificate of her licence; the
// thief, who has both of her secrets and her certificate, comes back with nothing.
func TestAttack23_StolenDoctor(t *testing.T) {
	u := newUnion(t, ecc.SuiteX25519)
	d := u.doctor()
	licence := must(u.verify(d.Certificate(), u.clock.Now())).Licence
	thief := &holder{u: u, cred: d.cred, s: d.turn().s, sign: d.turn().sign, certificate: d.Certificate()}
	u.refused("the thief under another ID, while her credential is good", thief.anew("dr-thief"), problem.KindConflict)
	ok(t, u.cloud.RevokeCredential(t.Context(), "kim", d.cred.Hash()))
	u.refused("the thief renews", thief.tries(nil, nil))
	u.refused("the thief under another ID", thief.anew("dr-thief"))
	u.refused("the thief under hers", thief.anew(d.cred.Info.ID))

	again := must(doctor.New((&physician{u: u, seen: &seenStore{seen: map[[16]byte]bool{}}, rand: rand.Reader}).config(), u.suite, d.cred.Info.ID))
	q, _ := again.RequestCertificate(message.CertificateRequest{Authority: authorityName, Licence: licence, Name: "Dr Okafor", Departments: []string{"OUTPATIENT"}})
	ok(t, again.SetCertificate(must(u.authority.Issue(q, u.clock.Now()))))
	reply, err := u.cloud.Register(t.Context(), must(again.Register(must(u.cloud.Challenge()))).Encode(), false)
	ok(t, err)
	ok(t, again.AcceptRegistration(must(message.DecodeRegistrationReply(reply))))
	if n := must(again.Credential()).Info.Epoch; n != 2 {
		t.Errorf("she has number %d", n)
	}
}

// anew registers with the certificate alone, as at first.
func (h *holder) anew(id message.ID) func() error {
	h.u.Helper()
	q, _ := h.renewal(func(r *message.Registration) { r.ID = id }, nil)
	q.Admission = h.certificate
	return h.u.sends(q)
}

// A doctor renews in the middle of a visit: it goes on under the credential with which it began, and the
// next one is under the new one. Her card of before is answered as such once she can be
// reached under the new one.
func TestRenewedDoctor(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	d, old := s.r.physician, s.r.physician.cred
	v := s.open(s.p, d, s.terms())
	reply, err := s.cloud.Register(t.Context(), must(d.Register(must(s.cloud.Challenge()))).Encode(), false)
	ok(t, err)
	ok(t, d.AcceptRegistration(must(message.DecodeRegistrationReply(reply))))
	search, _ := v.search(message.ModeRead)
	v.fetch(v.session(search, s.anna), s.anna, message.Filter{})
	if _, err := s.cloud.Doctor(t.Context(), old.Hash()); err != nil {
		t.Errorf("her card before she is reached by the next: %v", err)
	}
	d.cred = must(d.Credential())
	d.refresh()
	if d.cred.Info.Epoch != old.Info.Epoch+1 {
		t.Errorf("number %d", d.cred.Info.Epoch)
	}
	_, err = s.cloud.Doctor(t.Context(), old.Hash())
	if problem.KindOf(err) != problem.KindNotFound {
		t.Errorf("the card of before: %v", err)
	}
	v = s.open(s.p, d, s.terms())
	search, _ = v.search(message.ModeRead)
	v.fetch(v.session(search, s.anna), s.anna, message.Filter{})
}
