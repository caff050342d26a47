package doctor_test

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/doctor-portal/doctor"
	"medunion/doctor-portal/internal/peers"
	"medunion/ecc"
)

// The attacks are numbered as in the protocol's list. Here is the doctor's side of
// 1, 2, 3, 5, 7, 8, 9, 10, 11, 12, 13, 14, 16 and 18; the other parties' sides stand
// in their own packages.

func (s *scene) answer(m1 message.Message) error {
	_, _, err := s.d.AnswerM1(context.Background(), m1)
	return err
}

func TestAttack01ReplayOfM1(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	m1 := s.p.M1(s.d)
	s.Ok(s.answer(m1))
	if err := s.answer(m1); !errors.Is(err, peers.ErrSeen) {
		t.Errorf("replay inside the window: %v", err)
	}
	restarted, err := doctor.Load(s.Config(), s.d.Export())
	s.Ok(err)
	s.Ok(restarted.AcceptRevocations(s.Cloud.Revocations()))
	_, _, err = restarted.AnswerM1(context.Background(), m1)
	if !errors.Is(err, peers.ErrSeen) {
		t.Errorf("replay after a restart: %v", err)
	}
	s.Now = s.Now.Add(doctor.MaxM1Age + time.Second)
	if err := s.answer(m1); problem.KindOf(err) != problem.KindStale {
		t.Errorf("replay after the window: %v", err)
	}
	s.Seen.Down = problem.Unavailable(time.Second, nil)
	if err := s.answer(s.NewPatient("aa").M1(s.d)); problem.KindOf(err) != problem.KindUnavailable {
		t.Errorf("no store of seen messages: %v", err)
	}
}

func TestAttack02TimeHeaderNonce(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	cred, pre := peers.Must(s.d.Credential()), peers.First(s.d.Prekey())
	at := func(d time.Duration) func(*message.Header) {
		return func(h *message.Header) { h.Time = message.MillisOf(s.Now.Add(d)) }
	}
	s.Ok(s.answer(s.p.M1To(cred, pre, at(-doctor.MaxM1Age))))
	s.Ok(s.answer(s.p.M1To(cred, pre, at(2*time.Second))))
	for _, d := range []time.Duration{-doctor.MaxM1Age - time.Millisecond, 2*time.Second + time.Millisecond} {
		if err := s.answer(s.p.M1To(cred, pre, at(d))); problem.KindOf(err) != problem.KindStale {
			t.Errorf("T off by %v: %v", d, err)
		}
	}
	honest := s.p.M1(s.d)
	for name, edit := range map[string]func(*message.Header){
		"T":   func(h *message.Header) { h.Time++ },
		"N":   func(h *message.Header) { h.Nonce[0] ^= 1 },
		"sid": func(h *message.Header) { h.Session[0] ^= 1 },
		"seq": func(h *message.Header) { h.Seq = 2 },
	} {
		m := honest
		edit(&m.Header)
		refused(t, "outer header changed: "+name, s.answer(m))
	}
	s.Ok(s.answer(honest))
	reused := s.p.M1To(cred, pre, func(h *message.Header) { h.Nonce = honest.Header.Nonce })
	if err := s.answer(reused); !errors.Is(err, peers.ErrSeen) {
		t.Errorf("N reused under a new signature: %v", err)
	}
}

func TestAttack03ReencryptedAndSwapped(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	evil := s.NewDoctor("dr-evil")
	m1 := s.p.M1(evil) // the patient consults evil, who passes her request on
	key := prekeyOf(s, evil, m1.Header.To)
	body := peers.Must(message.Open(m1, key, "dr-evil")).Plaintext
	to := peers.Must(message.DecodePrekey(peers.First(s.d.Prekey()).TBS)).Key
	sealing := peers.Must(message.Begin(s.Rand, to, peers.DoctorID, m1.Header))
	refused(t, "Sig_P1 re-encrypted to another doctor", s.answer(peers.Must(sealing.Seal(body))))

	v := s.opened()
	one, m4, err := v.BeginSearch(message.ModeRead, s.Cloud.Prekey())
	s.Ok(err)
	_, other, err := v.BeginSearch(message.ModeRead, s.Cloud.Prekey())
	s.Ok(err)
	_, err = one.ReceiveM5(s.Cloud.M5(other))
	refused(t, "the M5 of another search", err)
	_, err = one.ReceiveM5(s.Cloud.M5(m4))
	if problem.KindOf(err) != problem.KindConflict {
		t.Errorf("a search that failed goes on: %v", err)
	}

	q, _ := s.searched(v, message.ModeRead)
	a, _, err := q.BeginSession(s.anna.Cred, s.anna.Prekey())
	s.Ok(err)
	_, m6, err := q.BeginSession(s.anna.Cred, s.anna.Prekey())
	s.Ok(err)
	refused(t, "the M7 of another session", a.ReceiveM7(s.anna.M7(m6)))
}

// prekeyOf takes a private prekey out of a doctor's export, as a thief or the
// doctor himself could.
func prekeyOf(s *scene, d *doctor.Doctor, kid message.Hash) ecc.KEMPrivateKey {
	for _, k := range exportedKeys(s.Suite, d.Export()) {
		if k.Public().ID() == kid {
			return k
		}
	}
	s.T.Fatal("no such prekey")
	return ecc.KEMPrivateKey{}
}

// exportedKeys are all HPKE keys of an exported identity.
func exportedKeys(suite ecc.Suite, export []byte) []ecc.KEMPrivateKey {
	f := peers.Must(ecc.Decode(ecc.LabelDoctorIdentity, export, 10))
	keys := []ecc.KEMPrivateKey{peers.Must(ecc.DecodeKEMPrivateKey(suite, f[3]))}
	for _, b := range peers.Must(ecc.DecodeList(ecc.LabelList, f[9], 16)) {
		p := peers.Must(ecc.Decode(ecc.LabelDoctorPrekey, b, 3))
		keys = append(keys, peers.Must(ecc.DecodeKEMPrivateKey(suite, p[0])))
	}
	return keys
}

// badPoints are encodings that are no Ristretto255 point to compute with.
func badPoints() map[string][]byte {
	order2 := bytes.Repeat([]byte{0xff}, 32)
	p256 := append([]byte{4}, bytes.Repeat([]byte{1}, 64)...)
	return map[string][]byte{"identity": make([]byte, 32), "non-canonical": order2, "short": make([]byte, 31), "P-256": p256, "empty": nil}
}

func TestAttack05BadPoints(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	pre := peers.Must(message.DecodePrekey(peers.First(s.d.Prekey()).TBS))
	ske := peers.Must(ecc.GenerateKEM(s.Suite, s.Rand))
	for name, bad := range badPoints() {
		h := peers.Must(message.NewHeader(s.Rand, s.Suite, message.TypeM1, [16]byte{}, s.Millis()))
		sealing := peers.Must(message.Begin(s.Rand, pre.Key, peers.DoctorID, h))
		m1 := ecc.Encode(ecc.LabelBodyM1, s.p.Cred.Encode(), bad, ske.Public().Bytes(), make([]byte, 64))
		if err := s.answer(peers.Must(sealing.Seal(m1))); problem.KindOf(err) != problem.KindInvalid {
			t.Errorf("R_P2 %s: %v", name, err)
		}
	}
	q, _ := s.searched(s.opened(), message.ModeRead)
	for name, bad := range badPoints() {
		session, m6, err := q.BeginSession(s.anna.Cred, s.anna.Prekey())
		s.Ok(err)
		b := peers.Must(message.DecodeM6(s.Suite, peers.Must(message.Open(m6, s.anna.Kem, peers.AnnaID)).Plaintext))
		h := peers.Must(message.NewHeader(s.Rand, s.Suite, message.TypeM7, m6.Header.Session, s.Millis()))
		sealing := peers.Must(message.Begin(s.Rand, b.PKe, peers.DoctorID, h))
		m7 := ecc.Encode(ecc.LabelBodyM7, s.anna.Cred.Encode(), bad, make([]byte, 32), make([]byte, 64))
		if err := session.ReceiveM7(peers.Must(sealing.Seal(m7))); problem.KindOf(err) != problem.KindInvalid {
			t.Errorf("R_HPC2 %s: %v", name, err)
		}
	}
}

func TestAttack07StolenHalves(t *testing.T) {
	// PRK_P without S_P: M1 and M2 pass, SEK_1 cannot be made, M3 fails.
	s := newScene(t, ecc.SuiteX25519)
	v, m2, err := s.d.AnswerM1(context.Background(), s.p.M1(s.d))
	s.Ok(err)
	opened := peers.Must(message.Open(m2, s.p.Ske, peers.PatientID))
	s.p.RD = peers.Must(message.DecodeM2(opened.Plaintext)).R
	s.p.Th2 = message.Transcript(s.p.Th1, m2)
	guess := ecc.Secrets{S: peers.Must(ecc.GenerateScalar(s.Rand)), R: s.p.R5, X1: s.p.X1, X2: opened.Export}
	s.p.Channels(peers.Must(s.p.Agreement(opened.Enc).Initiator(guess, peers.Must(s.p.Doctor.ImplicitKey(s.Pins)))))
	refused(t, "M3 by a thief of PRK_P alone", v.ReceiveM3(s.p.M3(s.p.Consent(nil))))

	// S_P without PRK_P: M1 is refused.
	s = newScene(t, ecc.SuiteX25519)
	s.p.Sign = peers.Must(ecc.GenerateSigningKey(s.Rand))
	refused(t, "M1 by a thief of S_P alone", s.answer(s.p.M1(s.d)))
}

// TestAttack08KeyCompromiseImpersonation: who holds all keys of the doctor still
// cannot pose to her as a patient or as a hospital.
func TestAttack08KeyCompromiseImpersonation(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	honest := s.p.Sign
	s.p.Sign = peers.Must(ecc.SigningKeyFromSeed(peers.Must(ecc.Decode(ecc.LabelDoctorIdentity, s.d.Export(), 10))[2]))
	refused(t, "a patient impersonated with the doctor's own keys", s.answer(s.p.M1(s.d)))
	s.p.Sign = honest

	q, _ := s.searched(s.opened(), message.ModeRead)
	session, m6, err := q.BeginSession(s.anna.Cred, s.anna.Prekey())
	s.Ok(err)
	s.anna.S = peers.Must(ecc.DecodeScalar(peers.Must(ecc.Decode(ecc.LabelDoctorIdentity, s.d.Export(), 10))[8])) // S_D for S_HPC
	refused(t, "a hospital impersonated with S_D, though its PRK_HPC is stolen too", session.ReceiveM7(s.anna.M7(m6)))

	session, m6, err = q.BeginSession(s.anna.Cred, s.anna.Prekey())
	s.Ok(err)
	s.anna.S, s.anna.Sign = ecc.Scalar{}, peers.Must(ecc.GenerateSigningKey(s.Rand))
	refused(t, "a hospital impersonated without PRK_HPC", session.ReceiveM7(s.anna.M7(m6)))
}

// TestAttack09KeysLater: a recorded visit stays closed to who later gets every
// long-term key of both, once the prekey's day is over.
func TestAttack09KeysLater(t *testing.T) {
	suites(t, func(t *testing.T, suite ecc.Suite) {
		s := newScene(t, suite)
		m1 := s.p.M1(s.d)
		v, m2, err := s.d.AnswerM1(context.Background(), m1)
		s.Ok(err)
		s.p.ReceiveM2(m2)
		m3 := s.p.M3(s.p.Consent(nil))
		s.Ok(v.ReceiveM3(m3))
		if _, err := message.Open(m1, prekeyOf(s, s.d, m1.Header.To), peers.DoctorID); err != nil {
			t.Fatal("the test does not find the keys while they are there")
		}
		s.Now = s.Now.Add(doctor.PrekeyLife)
		peers.First(s.d.Prekey()) // the agent's hourly work
		export := s.d.Export()
		for _, k := range exportedKeys(suite, export) {
			named := m1
			named.Header.To = k.Public().ID() // so that the key is tried at all
			if _, err := message.Open(named, k, peers.DoctorID); err == nil {
				t.Error("M1 opens under a key that was kept")
			}
		}
		// With both S, but neither r5 nor r6 nor x1: any guess of them gives another key.
		sD := peers.Must(ecc.DecodeScalar(peers.Must(ecc.Decode(ecc.LabelDoctorIdentity, export, 10))[8]))
		r := peers.Must(ecc.GenerateScalar(s.Rand))
		a := s.p.Agreement(m2.Ciphertext[:suite.EncSize()])
		a.RResponder = r.Public()
		sek := peers.Must(a.Responder(ecc.Secrets{S: sD, R: r, X1: make([]byte, 32), X2: make([]byte, 32)}, peers.Must(s.p.Cred.ImplicitKey(s.Pins))))
		if _, err := message.OpenSession(sek.Channel(ecc.PatientToDoctor, s.p.Th2), m3); err == nil {
			t.Error("M3 opens with the long-term keys")
		}
	})
}

// TestAttack10BothEphemerals: r5, r6, x1 and x2 leak, S_P and S_D do not.
func TestAttack10BothEphemerals(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	m1 := s.p.M1(s.d)
	from := len(s.Tape.Taken)
	v, m2, err := s.d.AnswerM1(context.Background(), m1)
	s.Ok(err)
	s.p.ReceiveM2(m2)
	r6 := peers.Must(ecc.GenerateScalar(bytes.NewReader(s.Tape.Taken[from : from+64])))
	if !r6.Public().Equal(s.p.RD) {
		t.Fatal("the test does not hold r6")
	}
	opened := peers.Must(message.Open(m2, s.p.Ske, peers.PatientID))
	m3 := s.p.M3(s.p.Consent(nil))
	s.Ok(v.ReceiveM3(m3))
	a, wrong := s.p.Agreement(opened.Enc), peers.Must(ecc.GenerateScalar(s.Rand))
	asDoctor := peers.Must(a.Responder(ecc.Secrets{S: wrong, R: r6, X1: s.p.X1, X2: s.p.X2}, peers.Must(s.p.Cred.ImplicitKey(s.Pins))))
	asPatient := peers.Must(a.Initiator(ecc.Secrets{S: wrong, R: s.p.R5, X1: s.p.X1, X2: s.p.X2}, peers.Must(s.p.Doctor.ImplicitKey(s.Pins))))
	for _, sek := range []ecc.SessionKey{asDoctor, asPatient} {
		if _, err := message.OpenSession(sek.Channel(ecc.PatientToDoctor, s.p.Th2), m3); err == nil {
			t.Error("M3 opens with both ephemerals")
		}
	}
}
