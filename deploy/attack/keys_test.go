package attack_test

import (
	"bytes"
	"crypto/elliptic"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"
	"time"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/doctor-portal/doctor"
	"medunion/ecc"
	"medunion/patient-agent/patient"
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
	high[31] |= 0x80                                  // not canonical
	odd[0] |= 1                                       // a negative field element
	x, y := elliptic.P256().ScalarBaseMult([]byte{7}) //nolint:staticcheck // a point of the wrong curve, no cryptography
	return map[string][]byte{"identity": make([]byte, 32), "above the field": bytes.Repeat([]byte{0xff}, 32), "not canonical": high, "negative": odd,
		"short": p[:31], "empty": {}, "P-256": elliptic.MarshalCompressed(elliptic.P256(), x, y)}
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
		tbs := message.TBSP1(h, s.p.keys.Credential.Hash(), d.cred.Hash(), x, key, s.pins.PK)
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
		tbs := with(ecc.LabelSigD3, message.TBSD3(h, s.anna.cred.Hash(), s.r.cred.Hash(), x, key, message.Hash{1}, message.Hash(sha256.Sum256(r)), s.pins.PK), 8, 3, r)
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
		tbs := with(ecc.LabelSigD1, message.TBSD1(h, th, s.p.keys.Credential.Hash(), s.r.cred.Hash(), body.R, x, s.r.cert, s.pins.PK), 8, 5, r)
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
		tbs := with(ecc.LabelSigHPC1, message.TBSHPC1(h, th, eve.cred.Hash(), s.r.cred.Hash(), b.R, p, s.pins.PK), 7, 5, r)
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

// stolenVisit is what a party does who speaks as a patient with what he has stolen, and carries on
// where her own client would stop.
type stolenVisit struct {
	s    *scene
	d    *physician
	keys patient.Identity
	r5   ecc.Scalar
	key  ecc.KEMPrivateKey
	x1   []byte
	m1   message.Message
}

func (s *scene) steals(d *physician, keys patient.Identity) *stolenVisit {
	v := &stolenVisit{s: s, d: d, keys: keys, r5: must(ecc.GenerateScalar(rand.Reader)), key: must(ecc.GenerateKEM(s.suite, rand.Reader))}
	pre := must(message.DecodePrekey(s.prekey(d.cred).TBS))
	h := must(message.NewHeader(rand.Reader, s.suite, message.TypeM1, [16]byte{}, s.clock.millis()))
	b := must(message.Begin(rand.Reader, pre.Key, d.ID(), h))
	v.x1 = b.Export()
	tbs := message.TBSP1(b.Header(), keys.Credential.Hash(), d.cred.Hash(), v.r5.Public(), v.key.Public(), s.pins.PK)
	v.m1 = must(b.Seal(message.M1{Patient: *keys.Credential, R: v.r5.Public(), PKe: v.key.Public(), SigP1: keys.Sign.Sign(tbs)}.Encode()))
	return v
}

// m3 goes on under the key that the stolen secrets give.
func (v *stolenVisit) m3(m2 message.Message, con message.CON) message.Message {
	o := must(message.Open(m2, v.key, v.keys.ID))
	b := must(message.DecodeM2(o.Plaintext))
	th1 := message.Transcript(message.Transcript0(v.s.suite, v.m1.Header.Session), v.m1)
	a := ecc.Agreement{Label: ecc.LabelSEK1, TH: th1, CInitiator: v.keys.Credential.Hash(), CResponder: v.d.cred.Hash(), RInitiator: v.r5.Public(),
		RResponder: b.R, EncResponder: o.Enc}
	sek := must(a.Initiator(ecc.Secrets{S: *v.keys.S, R: v.r5, X1: v.x1, X2: o.Export}, must(v.d.cred.ImplicitKey(v.s.pins))))
	th2 := message.Transcript(th1, m2)
	h := must(message.NewHeader(rand.Reader, v.s.suite, message.TypeM3, v.m1.Header.Session, v.s.clock.millis()))
	h.Seq, h.To = 2, message.PeerID(v.d.cred.Hash())
	msd := must(message.Salted(rand.Reader, signals))
	sig := v.keys.Sign.Sign(message.TBSP2(h, th2, v.keys.Credential.Hash(), v.d.cred.Hash(), msd, con.Consent.Hash()))
	return must(message.SealSession(sek.Channel(ecc.PatientToDoctor, th2), h, message.M3{MSD: msd, Patient: v.keys.ID, CON: con, SigP2: sig}.Encode()))
}

// TestAttack7_StolenHalves: PRK_P without S_P, and S_P without PRK_P.
func TestAttack7_StolenHalves(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	honest := s.doctor()
	con := s.p.consent(honest, nil)
	run := func(keys patient.Identity) (*doctor.Visit, message.Message, error) {
		v := s.steals(honest, keys)
		dv, m2, err := honest.AnswerM1(t.Context(), v.m1)
		if err != nil {
			return nil, message.Message{}, err
		}
		return dv, v.m3(m2, con), nil
	}
	wrong := must(ecc.GenerateScalar(rand.Reader))
	onlySign := s.p.keys
	onlySign.S = &wrong
	dv, m3, err := run(onlySign)
	ok(t, err)
	s.refused("PRK_P alone: M3", func() error { return dv.ReceiveM3(m3) })
	onlyS := s.p.keys
	onlyS.Sign = must(ecc.GenerateSigningKey(rand.Reader))
	s.refused("S_P alone: M1", func() error { _, _, err := run(onlyS); return err })
	device := s.p.with(func(i *patient.Identity) { i.S = &wrong })
	v, m1, err := device.Begin(device.card(honest))
	ok(t, err)
	_, m2, err := honest.AnswerM1(t.Context(), m1)
	ok(t, err)
	s.refused("PRK_P alone in her own client: M2", func() error { return v.ReceiveM2(m2) })
	dv, m3, err = run(s.p.keys)
	ok(t, err)
	ok(t, dv.ReceiveM3(m3)) // with both halves the same steps succeed
}

// TestAttack8_KeyCompromiseImpersonation: whoever has one side's long-term keys cannot be
// somebody else to that side.
func TestAttack8_KeyCompromiseImpersonation(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	victim := s.p.keys // stolen from the patient; the doctor is honest
	v, m1, err := s.p.Begin(s.p.card(s.r.physician))
	ok(t, err)
	forged := s.m2Signed(m1, must(ecc.GenerateSigningKey(rand.Reader)), must(ecc.GenerateScalar(rand.Reader)))
	s.refused("a doctor to the patient whose keys are known", func() error { return v.ReceiveM2(forged) })
	v, m1, err = s.p.Begin(s.p.card(s.r.physician))
	ok(t, err)
	half := s.m2Signed(m1, s.r.sign, *victim.S) // even with PRK_D: S_D is missing
	s.refused("a doctor with PRK_D but not S_D", func() error { return v.ReceiveM2(half) })
	v, m1, err = s.p.Begin(s.p.card(s.r.physician))
	ok(t, err)
	ok(t, v.ReceiveM2(s.m2Signed(m1, s.r.sign, s.r.s)))

	other := s.patient().keys // the doctor's keys are known; the patient is honest
	keys := s.p.keys
	keys.Sign, keys.S = s.r.sign, &s.r.s
	s.refused("a patient to the doctor whose keys are known", func() error {
		_, _, err := s.r.AnswerM1(t.Context(), s.steals(s.r.physician, keys).m1)
		return err
	})
	_, _, err = s.r.AnswerM1(t.Context(), s.steals(s.r.physician, other).m1)
	ok(t, err)
	s.impersonatedHospital()
}

// impersonatedHospital: the doctor's keys do not make a hospital to her.
func (s *scene) impersonatedHospital() {
	s.Helper()
	v := s.open(s.p, s.r.physician, s.terms())
	q, _ := v.search(message.ModeRead)
	x, m6, err := q.BeginSession(s.anna.cred, s.prekey(s.anna.cred))
	ok(s, err)
	eve := s.clinic("eve")
	h := must(message.NewHeader(rand.Reader, s.suite, message.TypeM7, m6.Header.Session, s.clock.millis()))
	// Without the prekey of St Anna the body of M6, and pk_e6 in it, stay closed; so does the way to an answer.
	if _, err := message.Open(m6, eve.pre, s.anna.id); err == nil {
		s.Error("another hospital's prekey opens M6")
	}
	if _, err := message.Open(m6, s.r.kem, s.anna.id); err == nil {
		s.Error("the doctor's own key opens M6")
	}
	guess := resealed(s.r.kem.Public(), s.r.ID(), h, func(h message.Header) []byte {
		p := must(ecc.GenerateScalar(rand.Reader)).Public()
		return message.M7{Hospital: s.anna.cred, R: p, SigHPC1: s.r.sign.Sign(h.Encode())}.Encode()
	})
	s.refused("a hospital to the doctor whose keys are known", func() error { return x.ReceiveM7(guess) })
	v.session(q, s.bern)
}

// m2Signed answers M1 with a signing key and an S_D of the caller's choice.
func (s *scene) m2Signed(m1 message.Message, sign ecc.SigningKey, sD ecc.Scalar) message.Message {
	o := must(message.Open(m1, s.prekeyOf(s.r, m1.Header.To), s.r.ID()))
	b := must(message.DecodeM1(s.suite, o.Plaintext))
	h := must(message.NewHeader(rand.Reader, s.suite, message.TypeM2, m1.Header.Session, s.clock.millis()))
	seal := must(message.Begin(rand.Reader, b.PKe, b.Patient.Info.ID, h))
	r6 := must(ecc.GenerateScalar(rand.Reader))
	th := message.Transcript(message.Transcript0(s.suite, h.Session), m1)
	a := ecc.Agreement{Label: ecc.LabelSEK1, TH: th, CInitiator: b.Patient.Hash(), CResponder: s.r.cred.Hash(), RInitiator: b.R, RResponder: r6.Public(),
		EncResponder: seal.Enc()}
	sek := must(a.Responder(ecc.Secrets{S: sD, R: r6, X1: o.Export, X2: seal.Export()}, must(b.Patient.ImplicitKey(s.pins))))
	tbs := message.TBSD1(seal.Header(), th, a.CInitiator, a.CResponder, b.R, a.RResponder, s.r.cert, s.pins.PK)
	return must(seal.Seal(message.M2{Doctor: s.r.cred, Certificate: s.r.cert, R: a.RResponder, Confirm: sek.Confirm("D", tbs), SigD1: sign.Sign(tbs)}.Encode()))
}

// TestAttack9_KeysLater: everything was recorded, and a day later every store is stolen.
// No key is left that opens what was recorded.
func TestAttack9_KeysLater(t *testing.T) {
	u := newUnion(t, ecc.SuiteX25519)
	p, d := u.patient(), u.doctor()
	u.record()
	p.enrol(u.anna, lab("a", 10))
	v := u.whole(p, d)
	recorded := map[message.Hash]string{v.m1.Header.To: "M1"}
	for _, s := range u.recorded() {
		m := must(message.Decode(s.raw))
		if m.Header.Type != message.TypeM8 && m.Header.Type != message.TypeM11 { // those name the peer, not a key
			recorded[m.Header.To] = string(m.Header.Type)
		}
	}
	if held := u.heldKeys(d); len(recorded) < 3 || !held[v.m1.Header.To] {
		t.Fatalf("%d keys recorded, M1's held: the search finds nothing", len(recorded))
	}
	u.later(25*time.Hour + 20*time.Minute)
	u.later(24 * time.Hour)
	d.refresh()
	held := u.heldKeys(d)
	for kid, what := range recorded {
		if held[kid] {
			t.Errorf("the key that opens %s is still there", what)
		}
	}
	for _, b := range [][]byte{d.Export(), p.Identity().Encode()} {
		if bytes.Contains(b, signals[:40]) {
			t.Error("a long-term store holds M_SD")
		}
	}
	if len(held) < 4 {
		t.Errorf("%d keys held now: the parties' present prekeys are missing", len(held))
	}
}

// heldKeys are the public names of every private HPKE key that any store holds.
func (u *union) heldKeys(d *physician) map[message.Hash]bool {
	u.Helper()
	out := map[message.Hash]bool{}
	r := d.turn()
	for _, k := range append(r.pre, r.kem) {
		out[k.Public().ID()] = true
	}
	for _, p := range must(u.cloud.OwnPrekeys.Own(u.Context(), 0)) {
		out[must(message.DecodePrekey(must(message.DecodeSigned(p.Signed)).TBS)).Key.ID()] = true
	}
	for name, docs := range u.dump() {
		if name == u.anna.config.Database+" prekeys" || name == u.bern.config.Database+" prekeys" {
			for _, doc := range docs {
				out[kidOf(doc)] = true
			}
		}
	}
	return out
}

// tape remembers what was drawn from it.
type tape struct{ taken [][]byte }

func (t *tape) Read(b []byte) (int, error) {
	n, err := io.ReadFull(rand.Reader, b)
	t.taken = append(t.taken, slices.Clone(b[:n]))
	return n, err
}

// scalar is the ephemeral on the tape whose public point is this one.
func (t *tape) scalar(r ecc.Point) ecc.Scalar {
	for _, b := range t.taken {
		if x, err := ecc.GenerateScalar(bytes.NewReader(b)); err == nil && x.Public().Equal(r) {
			return x
		}
	}
	panic("the ephemeral is not on the tape")
}

// TestAttack10_BothEphemerals: r5, r6 and both HPKE exports leak. K3, which takes S_P or
// S_D, keeps SEK_1: M3 opens with it, and without it does not.
func TestAttack10_BothEphemerals(t *testing.T) {
	u := newUnion(t, ecc.SuiteX25519)
	tp, td := &tape{}, &tape{}
	p, d := u.patientOf(u.suite, tp), u.doctorOf(u.suite, td, "OUTPATIENT")
	p.enrol(u.anna, lab("a", 10))
	v := u.open(p, d, u.terms())
	r := d.turn()
	o1 := must(message.Open(v.m1, u.prekeyOf(r, v.m1.Header.To), d.ID()))
	m1 := must(message.DecodeM1(u.suite, o1.Plaintext))
	sk := tp.kem(u.suite, m1.PKe)
	o2 := must(message.Open(v.m2, sk, p.keys.ID))
	m2 := must(message.DecodeM2(o2.Plaintext))
	r5, r6 := tp.scalar(m1.R), td.scalar(m2.R)
	th1 := message.Transcript(message.Transcript0(u.suite, v.m1.Header.Session), v.m1)
	a := ecc.Agreement{Label: ecc.LabelSEK1, TH: th1, CInitiator: p.keys.Credential.Hash(), CResponder: d.cred.Hash(), RInitiator: m1.R, RResponder: m2.R,
		EncResponder: o2.Enc}
	open := func(sek ecc.SessionKey) error {
		_, err := message.OpenSession(sek.Channel(ecc.PatientToDoctor, message.Transcript(th1, v.m2)), v.m3)
		return err
	}
	aP, aD := must(p.keys.Credential.ImplicitKey(u.pins)), must(d.cred.ImplicitKey(u.pins))
	guess := must(ecc.GenerateScalar(rand.Reader))
	for name, sek := range map[string]ecc.SessionKey{
		"as the patient": must(a.Initiator(ecc.Secrets{S: guess, R: r5, X1: o1.Export, X2: o2.Export}, aD)),
		"as the doctor":  must(a.Responder(ecc.Secrets{S: guess, R: r6, X1: o1.Export, X2: o2.Export}, aP)),
		"r5 for S_P":     must(a.Initiator(ecc.Secrets{S: r5, R: r5, X1: o1.Export, X2: o2.Export}, aD)),
		"r6 for S_D":     must(a.Responder(ecc.Secrets{S: r6, R: r6, X1: o1.Export, X2: o2.Export}, aP)),
		"no K at all":    mustExtract(o1.Export, o2.Export),
	} {
		if open(sek) == nil {
			t.Errorf("%s: M3 opens without S_P and S_D", name)
		}
	}
	ok(t, open(must(a.Responder(ecc.Secrets{S: r.s, R: r6, X1: o1.Export, X2: o2.Export}, aP))))
	ok(t, open(must(a.Initiator(ecc.Secrets{S: *p.keys.S, R: r5, X1: o1.Export, X2: o2.Export}, aD))))
}

func mustExtract(x1, x2 []byte) ecc.SessionKey {
	return must(ecc.DecodeSessionKey(must(hkdf.Extract(sha256.New, append(slices.Clone(x1), x2...), nil))))
}

// kem is the one-time key on the tape with this public part.
func (t *tape) kem(s ecc.Suite, k ecc.KEMPublicKey) ecc.KEMPrivateKey {
	for _, b := range t.taken {
		if x, err := ecc.GenerateKEM(s, bytes.NewReader(b)); err == nil && x.Public().ID() == k.ID() {
			return x
		}
	}
	panic("the one-time key is not on the tape")
}

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
