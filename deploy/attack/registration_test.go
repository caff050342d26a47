package attack_test

import (
	"bytes"
	"crypto/ecdh"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"testing"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/ecc"
)

// registers sends a registration request, edited and signed anew by its own keys.
func (u *union) registers(p *person, edit func(*message.Registration), after func(*message.RegistrationRequest), operator bool) func() error {
	u.Helper()
	q := must(p.RequestRegistration(must(u.cloud.Challenge()), u.code()))
	edit(&q.Registration)
	q.Possession = must(ecc.ProvePossession(rand.Reader, *p.keys.X, ecc.Sum(q.Registration.Encode())))
	q.Signature = p.keys.Sign.Sign(q.Registration.Encode())
	after(&q)
	return func() error { _, err := u.cloud.Register(u.Context(), q.Encode(), operator); return err }
}

func TestAttack4_Registration(t *testing.T) {
	u := newUnion(t, ecc.SuiteX25519)
	d, known := u.doctor(), u.patient()
	cert := d.Certificate()
	h := ecc.Sum(cert)
	nothing, same := func(*message.Registration) {}, func(*message.RegistrationRequest) {}
	attempts := map[string]func() error{
		"a patient as a doctor": u.registers(u.stranger(u.suite, rand.Reader), func(r *message.Registration) { r.Role = message.Doctor }, same, false),
		"a patient as a doctor, with another's Cert_D": u.registers(u.stranger(u.suite, rand.Reader), func(r *message.Registration) {
			r.Role, r.ID, r.Attribute = message.Doctor, d.ID(), h[:]
		}, func(q *message.RegistrationRequest) { q.Admission = cert }, false),
		"a patient as a hospital": u.registers(u.stranger(u.suite, rand.Reader), func(r *message.Registration) {
			r.Role, r.ID, r.Attribute = message.Hospital, "st-evil", []byte("https://evil.example")
		}, func(q *message.RegistrationRequest) { q.Admission = nil }, false),
		"shifted: ID_P := ID_D, B_P := H(Cert_D)": u.registers(u.stranger(u.suite, rand.Reader), func(r *message.Registration) {
			r.ID, r.Attribute = d.ID(), h[:]
		}, same, false),
		"no proof of possession": u.registers(u.stranger(u.suite, rand.Reader), nothing, func(q *message.RegistrationRequest) {
			q.Possession = make([]byte, ecc.PossessionSize)
		}, false),
		"another's proof of possession": u.registers(u.stranger(u.suite, rand.Reader), nothing, func(q *message.RegistrationRequest) {
			q.Possession = must(ecc.ProvePossession(rand.Reader, must(ecc.GenerateScalar(rand.Reader)), ecc.Sum(q.Registration.Encode())))
		}, false),
		"no signature":            u.registers(u.stranger(u.suite, rand.Reader), nothing, func(q *message.RegistrationRequest) { q.Signature = make([]byte, 64) }, false),
		"no code":                 u.registers(u.stranger(u.suite, rand.Reader), nothing, func(q *message.RegistrationRequest) { q.Admission = []byte("AAAAA-AAAAA-AAAAA-AAAAA") }, false),
		"an identity that exists": u.registers(u.stranger(u.suite, rand.Reader), func(r *message.Registration) { r.ID = known.keys.ID }, same, false),
	}
	for name, attempt := range attempts {
		u.refused(name, attempt, problem.KindRefused, problem.KindInvalid, problem.KindConflict)
	}
	u.smallOrder()
	ok(t, u.registers(u.stranger(u.suite, rand.Reader), nothing, same, false)())
}

// smallOrder registers with signing keys under which Go's verifier takes a fixed
// signature: the points of order 1, 2, 4 and 8.
func (u *union) smallOrder() {
	u.Helper()
	p := u.stranger(u.suite, rand.Reader)
	q := must(p.RequestRegistration(must(u.cloud.Challenge()), u.code()))
	order2 := bytes.Repeat([]byte{0xff}, 32)
	order2[0], order2[31] = 0xec, 0x7f
	for name, key := range map[string][]byte{"order 1": append([]byte{1}, make([]byte, 31)...), "order 2": order2, "order 4": make([]byte, 32)} {
		raw := bytes.ReplaceAll(q.Encode(), p.keys.Sign.Public().Bytes(), key)
		signature := append(append([]byte{1}, make([]byte, 31)...), make([]byte, 32)...) // R = identity, s = 0
		raw = bytes.ReplaceAll(raw, q.Signature, signature)
		u.refused("PUK_P of "+name, func() error { _, err := u.cloud.Register(u.Context(), raw, false); return err }, problem.KindRefused, problem.KindInvalid)
	}
	_, err := u.cloud.Register(u.Context(), q.Encode(), false)
	ok(u, err)
}

// badPoints are no points of the group, or the identity.
func badPoints() map[string][]byte {
	p := must(ecc.GenerateScalar(rand.Reader)).Public().Bytes()
	high, odd := slices.Clone(p), slices.Clone(p)
	high[31] |= 0x80                                                        // not canonical
	odd[0] |= 1                                                             // a negative field element
	other := must(ecdh.P256().GenerateKey(rand.Reader)).PublicKey().Bytes() // 4, x, y
	return map[string][]byte{"identity": make([]byte, 32), "above the field": bytes.Repeat([]byte{0xff}, 32), "not canonical": high, "negative": odd,
		"short": p[:31], "empty": {}, "P-256": append([]byte{2 + other[64]&1}, other[1:33]...)}
}

// with replaces one field of an encoding.
func with(l ecc.Label, b []byte, fields, i int, v []byte) []byte {
	f := must(ecc.Decode(l, b, fields))
	f[i] = v
	return ecc.Encode(l, f...)
}

// resealed is a message to an HPKE key with another body.
func resealed(to ecc.KEMPublicKey, recipient message.ID, h message.Header, body func(message.Header) []byte) message.Message {
	s := must(message.Begin(rand.Reader, to, recipient, h))
	return must(s.Seal(body(s.Header())))
}

// TestAttack5_BadPointAsAnyR: X_X in M0, R_P2 in M1, R_D2 in M2, R_D3 in M6 and R_HPC2
// in M7. All but the point is as it should be, signatures over it too.
func TestAttack5_BadPointAsAnyR(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	good := must(ecc.GenerateScalar(rand.Reader)).Public().Bytes()
	honest := s.doctor()
	for name, bad := range badPoints() {
		s.beforeArithmetic("X_P: "+name, s.m0(bad))
		s.beforeArithmetic("R_P2: "+name, func() error { _, _, err := honest.AnswerM1(t.Context(), s.m1(honest, bad)); return err })
		s.beforeArithmetic("R_D3: "+name, s.attempt(s.anna.node, s.m6(bad)))
		v, m1, err := s.p.Begin(s.p.card(s.r.physician))
		ok(t, err)
		s.beforeArithmetic("R_D2: "+name, func() error { return v.ReceiveM2(s.m2(m1, bad)) })
		s.beforeArithmetic("R_HPC2: "+name, s.answersM6(bad))
	}
	ok(t, s.m0(nil)())
	_, _, err := honest.AnswerM1(t.Context(), s.m1(honest, good))
	ok(t, err)
	s.mustAsk(s.anna.node, s.m6(good))
	// With a good point the two answers come as far as the key confirmation.
	v, m1, err := s.p.Begin(s.p.card(s.r.physician))
	ok(t, err)
	if err := v.ReceiveM2(s.m2(m1, good)); err == nil || errors.Is(err, message.ErrFormat) {
		t.Errorf("M2 with a good point: %s", problem.Reason(err))
	}
	if err := s.answersM6(good)(); err == nil || errors.Is(err, message.ErrFormat) {
		t.Errorf("M7 with a good point: %s", problem.Reason(err))
	}
	s.whole(s.p, s.r.physician)
}

// beforeArithmetic expects a refusal by the decoder, which hands no point on.
func (s *scene) beforeArithmetic(what string, attack func() error) {
	s.Helper()
	err := s.refused(what, attack, problem.KindRefused, problem.KindInvalid)
	if !errors.Is(err, message.ErrFormat) {
		s.Errorf("%s was refused only later: %s", what, problem.Reason(err))
	}
}

// m0 is a registration with these bytes as X_P, nil for her own.
func (s *scene) m0(x []byte) func() error {
	p := s.stranger(s.suite, rand.Reader)
	q := must(p.RequestRegistration(must(s.cloud.Challenge()), s.code()))
	f := must(ecc.Decode(ecc.LabelRegistrationRequest, q.Encode(), 4))
	g := must(ecc.Decode(ecc.LabelRegistration, f[0], 7))
	i := slices.IndexFunc(g, func(b []byte) bool { return bytes.Equal(b, p.keys.X.Public().Bytes()) })
	if x != nil {
		g[i] = x
	}
	f[0] = ecc.Encode(ecc.LabelRegistration, g...)
	f[2] = p.keys.Sign.Sign(f[0])
	raw := ecc.Encode(ecc.LabelRegistrationRequest, f...)
	return func() error { _, err := s.cloud.Register(s.Context(), raw, false); return err }
}

// m1 is the patient's M1 with these bytes as R_P2, made by hand (Eq. 11-13).
func (s *scene) m1(d *physician, r []byte) message.Message {
	pre := must(message.DecodePrekey(s.prekey(d.cred).TBS))
	h := must(message.NewHeader(rand.Reader, s.suite, message.TypeM1, [16]byte{}, s.clock.millis()))
	return resealed(pre.Key, d.ID(), h, func(h message.Header) []byte {
		x := must(ecc.GenerateScalar(rand.Reader)).Public()
		key := must(ecc.GenerateKEM(s.suite, rand.Reader)).Public()
		tbs := message.TBSP1(h, s.p.keys.Credential.Hash(), d.cred.Hash(), x, key, s.pins.First.PK)
		tbs = with(ecc.LabelSigP1, tbs, 6, 3, r)
		body := message.M1{Patient: *s.p.keys.Credential, R: x, PKe: key, SigP1: s.p.keys.Sign.Sign(tbs)}.Encode()
		return with(ecc.LabelBodyM1, body, 4, 1, r)
	})
}

// m6 is the doctor's M6 with these bytes as R_D3.
func (s *scene) m6(r []byte) message.Message {
	pre := must(message.DecodePrekey(s.prekey(s.anna.cred).TBS))
	return resealed(pre.Key, s.anna.id, s.r.header(message.TypeM6), func(h message.Header) []byte {
		x := must(ecc.GenerateScalar(rand.Reader)).Public()
		key := must(ecc.GenerateKEM(s.suite, rand.Reader)).Public()
		tbs := with(ecc.LabelSigD3, message.TBSD3(h, s.anna.cred.Hash(), s.r.cred.Hash(), x, key, message.Hash{1}, message.Hash(sha256.Sum256(r)), s.pins.First.PK), 8, 3, r)
		body := message.M6{Doctor: s.r.cred, Certificate: s.r.cert, R: x, PKe: key, Consent: message.Hash{1}, Ticket: sha256.Sum256(r),
			SigD3: s.r.sign.Sign(tbs)}.Encode()
		return with(ecc.LabelBodyM6, body, 7, 2, r)
	})
}

// m2 answers an M1 with these bytes as R_D2, signed by the doctor.
func (s *scene) m2(m1 message.Message, r []byte) message.Message {
	body := must(message.DecodeM1(s.suite, must(message.Open(m1, s.prekeyOf(s.r, m1.Header.To), s.r.ID())).Plaintext))
	h := must(message.NewHeader(rand.Reader, s.suite, message.TypeM2, m1.Header.Session, s.clock.millis()))
	return resealed(body.PKe, s.p.keys.ID, h, func(h message.Header) []byte {
		x := must(ecc.GenerateScalar(rand.Reader)).Public()
		th := message.Transcript(message.Transcript0(s.suite, h.Session), m1)
		tbs := with(ecc.LabelSigD1, message.TBSD1(h, th, s.p.keys.Credential.Hash(), s.r.cred.Hash(), body.R, x, s.r.cert, s.pins.First.PK), 8, 5, r)
		b := message.M2{Doctor: s.r.cred, Certificate: s.r.cert, R: x, SigD1: s.r.sign.Sign(tbs)}.Encode()
		return with(ecc.LabelBodyM2, b, 5, 2, r)
	})
}

// answersM6 lets a dishonest hospital of the consent answer with these bytes as R_HPC2.
func (s *scene) answersM6(r []byte) func() error {
	s.serial++
	eve := s.clinic(message.ID(fmt.Sprintf("eve-%d", s.serial)))
	c := s.terms()
	c.Grants = append(c.Grants, message.Grant{Hospital: eve.cred.Info.ID, Departments: []message.Code{"GENERAL"}, Classes: []message.Code{"LAB"}})
	v := s.open(s.p, s.r.physician, c)
	q, _ := v.search(message.ModeRead)
	x, m6, err := q.BeginSession(eve.cred, s.prekey(eve.cred))
	ok(s, err)
	m7 := eve.m7(m6, func(h message.Header, b message.M6, th message.Hash) []byte {
		p := must(ecc.GenerateScalar(rand.Reader)).Public()
		tbs := with(ecc.LabelSigHPC1, message.TBSHPC1(h, th, eve.cred.Hash(), s.r.cred.Hash(), b.R, p, s.pins.First.PK), 7, 5, r)
		return with(ecc.LabelBodyM7, message.M7{Hospital: eve.cred, R: p, SigHPC1: eve.sign.Sign(tbs)}.Encode(), 4, 1, r)
	})
	return func() error { return x.ReceiveM7(m7) }
}

func (c *clinic) m7(m6 message.Message, body func(message.Header, message.M6, message.Hash) []byte) message.Message {
	b := must(message.DecodeM6(c.u.suite, must(message.Open(m6, c.pre, c.cred.Info.ID)).Plaintext))
	h := must(message.NewHeader(rand.Reader, c.u.suite, message.TypeM7, m6.Header.Session, c.u.clock.millis()))
	th := message.Transcript(message.Transcript0(c.u.suite, h.Session), m6)
	return resealed(b.PKe, b.Doctor.Info.ID, h, func(h message.Header) []byte { return body(h, b, th) })
}
