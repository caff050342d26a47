package attack_test

import (
	"bytes"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"io"
	"slices"
	"testing"
	"time"

	"medunion/api/message"
	"medunion/doctor-portal/doctor"
	"medunion/ecc"
	"medunion/patient-agent/patient"
)

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
	tbs := message.TBSP1(b.Header(), keys.Credential.Hash(), d.cred.Hash(), v.r5.Public(), v.key.Public(), s.pins.First.PK)
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
	tbs := message.TBSD1(seal.Header(), th, a.CInitiator, a.CResponder, b.R, a.RResponder, s.r.cert, s.pins.First.PK)
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
