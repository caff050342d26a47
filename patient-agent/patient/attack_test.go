package patient_test

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"time"

	"medunion/api/message"
	"medunion/ecc"
	"medunion/patient-agent/internal/peers"
	"medunion/patient-agent/patient"
)

// The attacks are numbered as in the protocol's list. Here is the patient's side of
// 1, 2, 3, 5, 6, 7, 8, 9, 10, 13, 14, 18 and 21; the other parties' sides stand in
// their own packages.

func TestAttack01Replay(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	v, m1 := s.begin(s.d)
	m2 := peers.Must(s.d.M2(m1))
	s.Ok(v.ReceiveM2(m2))
	if err := v.ReceiveM2(m2); !errors.Is(err, patient.ErrOrder) {
		t.Errorf("M2 again: %v", err)
	}
	_, m3, err := v.Share(s.choices(), s.uv)
	s.Ok(err)
	s.Ok(s.d.ReceiveM3(m3))
	m10 := s.d.M10(finding, nil)
	_, err = v.ReceiveM10(m10)
	s.Ok(err)
	if _, err := v.ReceiveM10(m10); !errors.Is(err, patient.ErrOrder) {
		t.Errorf("M10 again: %v", err)
	}
	later, _ := s.begin(s.d)
	refused(t, "M2 of an earlier visit", later.ReceiveM2(m2))
	other, _ := s.shared()
	_, err = other.ReceiveM10(m10)
	refused(t, "M10 of an earlier visit", err)
}

func TestAttack01ReplayedReplies(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	h, v := s.hospital(peers.AnnaID)
	ask := func() (*patient.PendingQuestion, message.Message) {
		p, m, err := s.p.AskHospital(v, message.Question{Kind: message.AskReleases, From: 1})
		s.Ok(err)
		return p, h.Answer(peers.Must(h.Ask(m)), nil, false)
	}
	first, answer := ask()
	_, err := first.Open(answer)
	s.Ok(err)
	if _, err := first.Open(answer); !errors.Is(err, patient.ErrOrder) {
		t.Errorf("an answer again: %v", err)
	}
	second, _ := ask()
	_, err = second.Open(answer)
	refused(t, "the answer to an earlier, equal question", err)
}

func TestAttack02TimesAndHeaders(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	for what, edit := range map[string]func(*message.Header){
		"T":      func(h *message.Header) { h.Time++ },
		"N":      func(h *message.Header) { h.Nonce[0] ^= 1 },
		"sid":    func(h *message.Header) { h.Session[0] ^= 1 },
		"seq":    func(h *message.Header) { h.Seq++ },
		"kid_to": func(h *message.Header) { h.To[0] ^= 1 },
		"type":   func(h *message.Header) { h.Type = message.TypeM9 },
	} {
		v, m1 := s.begin(s.d)
		m2 := peers.Must(s.d.M2(m1))
		edit(&m2.Header)
		refused(t, "M2, outer header changed: "+what, v.ReceiveM2(m2))
		v, _ = s.shared()
		m10 := s.d.M10(finding, nil)
		edit(&m10.Header)
		_, err := v.ReceiveM10(m10)
		refused(t, "M10, outer header changed: "+what, err)
	}
	old := s.Cloud.Revocations()
	s.Now = s.Now.Add(message.MaxRevocationAge + time.Millisecond)
	if _, err := message.OpenRevocations(old, s.Pins, s.Millis()); !errors.Is(err, message.ErrExpired) {
		t.Errorf("an old revocation list: %v", err)
	}
}

func TestAttack03RepliesSwapped(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	evil := s.NewDoctor("dr-evil")
	a, mA := s.begin(s.d)
	b, mB := s.begin(s.d)
	toA, toB := peers.Must(s.d.M2(mA)), peers.Must(s.d.M2(mB))
	refused(t, "M2 of the other session", a.ReceiveM2(toB))
	refused(t, "M2 of the other session", b.ReceiveM2(toA))

	v, m1 := s.begin(s.d)
	evil.Pre = s.d.Pre // evil reads it and answers in his own name
	if _, err := evil.M2(m1); err == nil {
		t.Error("M1 to one doctor opens for another")
	}
	toEvil, mE := s.begin(evil)
	moved := peers.Must(evil.M2(mE))
	moved.Header.Session = m1.Header.Session
	refused(t, "another doctor's M2, moved to this session", v.ReceiveM2(moved))
	_ = toEvil

	h, hv := s.hospital(peers.AnnaID)
	p1, e1, err := s.p.Enrol(hv, "DESKCODE", departments)
	s.Ok(err)
	p2, e2, err := s.p.Enrol(hv, "DESKCODE", departments)
	s.Ok(err)
	r1, r2 := peers.Must(h.Enrol(e1)), peers.Must(h.Enrol(e2))
	_, err = p1.Accept(r2)
	refused(t, "the receipt of the other enrolment", err)
	_, err = p2.Accept(r1)
	refused(t, "the receipt of the other enrolment", err)

	c1, _, err := s.p.AskCloud(s.Cloud.Prekey(), "GENERAL", message.Question{Kind: message.AskEntries})
	s.Ok(err)
	_, q2, err := s.p.AskCloud(s.Cloud.Prekey(), "SURGERY", message.Question{Kind: message.AskEntries})
	s.Ok(err)
	_, err = c1.Open(s.Cloud.Answer(peers.Must(s.Cloud.Ask(q2)), message.EncodeEntries(nil), false))
	refused(t, "the answer about another locator", err)
}

func TestAttack05BadPoints(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	for what, point := range map[string][]byte{"identity": make([]byte, 32), "non-canonical": bytes.Repeat([]byte{0xff}, 32),
		"short": make([]byte, 31), "P-256": append([]byte{4}, bytes.Repeat([]byte{1}, 64)...), "empty": nil} {
		s.d.EditBody2 = func(body []byte) []byte {
			f := peers.Must(ecc.Decode(ecc.LabelBodyM2, body, 5))
			return ecc.Encode(ecc.LabelBodyM2, f[0], f[1], point, f[3], f[4])
		}
		v, m1 := s.begin(s.d)
		m2 := peers.Must(s.d.M2(m1))
		refused(t, "R_D2 is "+what, v.ReceiveM2(m2))
		if _, _, err := v.Share(s.choices(), s.uv); !errors.Is(err, patient.ErrOrder) {
			t.Errorf("R_D2 is %s: shared nevertheless", what)
		}
	}
}

func TestAttack06UserVerification(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	thief := peers.Must(ecc.GenerateSigningKey(s.Rand))
	refused(t, "another verification key", s.p.VerifyUser(thief.Public()))
	refused(t, "none", s.p.VerifyUser(ecc.VerifyKey{}))
	s.Ok(s.p.VerifyUser(s.uv.Public()))
	v := s.answered()
	given, m3, err := v.Share(s.choices(), thief)
	refused(t, "a consent with the wrong key", err)
	if len(m3.Ciphertext) != 0 || len(given.CON.SigmaP) != 0 {
		t.Error("something of a consent was made")
	}
	if bytes.Contains(s.p.Identity().Encode(), s.uv.Seed()) {
		t.Error("the store holds the verification key")
	}
	_, m3, err = v.Share(s.choices(), s.uv) // the right passphrase, at the second attempt
	s.Ok(err)
	s.Ok(s.d.ReceiveM3(m3))
}

// thief makes a thief's role of stolen keys.
func (s *scene) thief(edit func(*patient.Identity)) *patient.Patient {
	id := peers.Must(patient.DecodeIdentity(s.p.Identity().Encode()))
	edit(&id)
	return peers.Must(patient.New(s.Config(), id))
}

func TestAttack07StolenKeys(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	random := peers.Must(ecc.GenerateScalar(s.Rand))
	onlyPRK := s.thief(func(id *patient.Identity) { id.S = &random })
	v, m1, err := onlyPRK.Begin(s.verified(s.d))
	s.Ok(err)
	m2, err := s.d.M2(m1) // Sig_P1 holds: only the session key tells
	s.Ok(err)
	refused(t, "PRK_P without S_P: no SEK", v.ReceiveM2(m2))
	if _, _, err := v.Share(s.choices(), s.uv); !errors.Is(err, patient.ErrOrder) {
		t.Errorf("PRK_P without S_P: M3 was made: %v", err)
	}
	onlyS := s.thief(func(id *patient.Identity) { id.Sign = peers.Must(ecc.GenerateSigningKey(s.Rand)) })
	_, m1, err = onlyS.Begin(s.verified(s.d))
	s.Ok(err)
	if _, err := s.d.M2(m1); err == nil {
		t.Error("S_P without PRK_P: the doctor answers M1")
	}
}

// TestAttack08KeyCompromiseImpersonation: who holds all of the patient's keys, and
// some of the doctor's, does not become the doctor to her.
func TestAttack08KeyCompromiseImpersonation(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	stolenS := *s.p.Identity().S
	for what, edit := range map[string]func(*peers.Doctor){
		"without S_D":                 func(d *peers.Doctor) { d.S = peers.Must(ecc.GenerateScalar(s.Rand)) },
		"with S_P in the place of it": func(d *peers.Doctor) { d.S = stolenS },
		"without PRK_D":               func(d *peers.Doctor) { d.Sign = peers.Must(ecc.GenerateSigningKey(s.Rand)) },
	} {
		v, m1 := s.begin(s.d)
		attacker := *s.d
		edit(&attacker)
		refused(t, what, v.ReceiveM2(peers.Must(attacker.M2(m1))))
	}
}

// TestAttack09LaterCompromise: the messages of a visit do not open with what the
// patient's store holds.
func TestAttack09LaterCompromise(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	v, m1 := s.begin(s.d)
	m2 := peers.Must(s.d.M2(m1))
	s.Ok(v.ReceiveM2(m2))
	_, m3, err := v.Share(s.choices(), s.uv)
	s.Ok(err)
	id := peers.Must(patient.DecodeIdentity(s.p.Identity().Encode()))
	for _, m := range []message.Message{m1, m2} {
		if _, err := message.Open(m, id.KEM, id.ID); !errors.Is(err, ecc.ErrOpen) {
			t.Errorf("%s opens with the stored HPKE key: %v", m.Header.Type, err)
		}
	}
	// The best guess with both long-term keys: everything but r_5, x_1 and x_2, which are gone.
	guess := peers.Must(ecc.GenerateScalar(s.Rand))
	th1 := message.Transcript(message.Transcript0(s.Suite, m1.Header.Session), m1)
	a := ecc.Agreement{Label: ecc.LabelSEK1, TH: th1, CInitiator: id.Credential.Hash(), CResponder: s.d.C,
		RInitiator: guess.Public(), RResponder: s.d.R6.Public(), EncResponder: m2.Ciphertext[:32]}
	sek := peers.Must(a.Initiator(ecc.Secrets{S: *id.S, R: guess, X1: make([]byte, 32), X2: make([]byte, 32)}, peers.Must(s.d.Cred.ImplicitKey(s.Pins))))
	if _, err := message.OpenSession(sek.Channel(ecc.PatientToDoctor, message.Transcript(th1, m2)), m3); !errors.Is(err, ecc.ErrOpen) {
		t.Errorf("M3 opens later: %v", err)
	}
}

// recorder keeps the randomness that a role has drawn.
type recorder struct {
	io.Reader
	drawn bytes.Buffer
}

func (r *recorder) Read(b []byte) (int, error) {
	n, err := r.Reader.Read(b)
	r.drawn.Write(b[:n])
	return n, err
}

// TestAttack10EphemeralsLeaked: r_5 and r_6 with the exports, and no long-term key.
func TestAttack10EphemeralsLeaked(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	rec := &recorder{Reader: s.Rand}
	cfg := s.Config()
	cfg.Rand = rec
	s.p = peers.Must(patient.New(cfg, s.p.Identity()))
	v, m1 := s.begin(s.d)
	r5 := peers.Must(ecc.GenerateScalar(bytes.NewReader(rec.drawn.Bytes()))) // the first that Begin draws
	ske := peers.Must(ecc.GenerateKEM(s.Suite, bytes.NewReader(rec.drawn.Bytes()[64:])))
	m2 := peers.Must(s.d.M2(m1))
	o := peers.Must(message.Open(m2, ske, s.p.ID())) // the leak is real: it opens M2
	x1 := peers.Must(message.Open(m1, s.d.Pre, peers.DoctorID)).Export
	s.Ok(v.ReceiveM2(m2))
	_, m3, err := v.Share(s.choices(), s.uv)
	s.Ok(err)
	th1 := message.Transcript(message.Transcript0(s.Suite, m1.Header.Session), m1)
	a := ecc.Agreement{Label: ecc.LabelSEK1, TH: th1, CInitiator: s.p.Identity().Credential.Hash(), CResponder: s.d.C,
		RInitiator: r5.Public(), RResponder: s.d.R6.Public(), EncResponder: o.Enc}
	open := func(sP ecc.Scalar) error {
		sek := peers.Must(a.Initiator(ecc.Secrets{S: sP, R: r5, X1: x1, X2: o.Export}, peers.Must(s.d.Cred.ImplicitKey(s.Pins))))
		_, err := message.OpenSession(sek.Channel(ecc.PatientToDoctor, message.Transcript(th1, m2)), m3)
		return err
	}
	if err := open(peers.Must(ecc.GenerateScalar(s.Rand))); !errors.Is(err, ecc.ErrOpen) {
		t.Errorf("both ephemerals open M3: %v", err)
	}
	s.Ok(open(*s.p.Identity().S)) // with S_P it would: nothing else was missing
}

// TestAttack13DiagnosisOfAnotherVisit: what M10 says of patient, consent, signals or
// content differs from the visit's.
func TestAttack13DiagnosisOfAnotherVisit(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	for what, edit := range map[string]func(*message.D5){
		"patient": func(d *message.D5) { d.Patient = "somebody" },
		"doctor":  func(d *message.D5) { d.Doctor[0] ^= 1 },
		"consent": func(d *message.D5) { d.Consent[0] ^= 1 },
		"signals": func(d *message.D5) { d.MSD[0] ^= 1 },
		"content": func(d *message.D5) { d.Diagnosis[0] ^= 1 },
	} {
		v, _ := s.shared()
		_, err := v.ReceiveM10(s.d.M10(finding, edit))
		refused(t, "another "+what, err)
	}
	v, _ := s.shared()
	s.d.Sign = s.NewDoctor("dr-else").Sign
	_, err := v.ReceiveM10(s.d.M10(finding, nil))
	refused(t, "signed by another", err)
}

func TestAttack14TamperedChannel(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	for what, change := range map[string]func(message.Message) message.Message{
		"bit flip":   func(m message.Message) message.Message { m.Ciphertext[5] ^= 1; return m },
		"truncation": func(m message.Message) message.Message { m.Ciphertext = m.Ciphertext[:len(m.Ciphertext)-1]; return m },
		"extension":  func(m message.Message) message.Message { m.Ciphertext = append(m.Ciphertext, 0); return m },
		"reorder":    func(m message.Message) message.Message { m.Header.Seq = 3; return m },
	} {
		v, _ := s.shared()
		honest := s.d.M10(finding, nil)
		bad := honest
		bad.Ciphertext = bytes.Clone(honest.Ciphertext)
		_, err := v.ReceiveM10(change(bad))
		refused(t, what, err)
		if _, err := v.ReceiveM10(honest); !errors.Is(err, patient.ErrOrder) {
			t.Errorf("%s: the session is still open: %v", what, err)
		}
	}
	v := s.answered()
	_, m3, err := v.Share(s.choices(), s.uv)
	s.Ok(err)
	_, err = v.ReceiveM10(s.d.Reflect(m3))
	refused(t, "reflection of M3", err)

	v, m1 := s.begin(s.d)
	m2 := peers.Must(s.d.M2(m1))
	bad := m2
	bad.Ciphertext = bytes.Clone(m2.Ciphertext)
	bad.Ciphertext[len(bad.Ciphertext)-1] ^= 1
	refused(t, "M2, bit flip", v.ReceiveM2(bad))
	if err := v.ReceiveM2(m2); !errors.Is(err, patient.ErrOrder) {
		t.Errorf("M2 after a bad one: %v", err)
	}
}

func TestAttack18Downgrade(t *testing.T) {
	s := newScene(t, ecc.SuiteXWing)
	v, m1 := s.begin(s.d)
	if m1.Header.Suite != ecc.SuiteXWing {
		t.Fatal("M1 of suite 2 says another")
	}
	m2 := peers.Must(s.d.M2(m1))
	m2.Header.Suite = ecc.SuiteX25519
	refused(t, "M2's header says suite 1", v.ReceiveM2(m2))

	s.Suite = ecc.SuiteX25519 // a doctor and a hospital of suite 1 in the same world
	weak, hospital := s.NewDoctor("dr-weak"), s.NewHospital(peers.AnnaID, "http://127.0.0.1:1")
	_, err := s.p.VerifyCard(weak.C, weak.Card(), s.revocations())
	refused(t, "a doctor of suite 1", err)
	_, err = s.p.VerifyHospital(hospital.Cred, hospital.Prekey(), s.revocations())
	refused(t, "a hospital of suite 1", err)
	mixed := message.Prekey{Suite: ecc.SuiteXWing, Owner: hospital.C, Key: peers.Must(ecc.GenerateKEM(ecc.SuiteXWing, s.Rand)).Public(),
		NotBefore: s.Millis(), NotAfter: s.Millis().Add(time.Hour)}
	_, err = s.p.VerifyHospital(hospital.Cred, message.Sign(hospital.Sign, mixed.Encode()), s.revocations())
	refused(t, "a hospital of suite 1 with a prekey of suite 2", err)
	weakCloud := *s.Cloud
	weakCloud.KEM = peers.Must(ecc.GenerateKEM(ecc.SuiteX25519, s.Rand))
	_, _, err = s.p.AskCloud(weakCloud.Prekey(), "GENERAL", message.Question{Kind: message.AskEntries})
	refused(t, "the public cloud's prekey of suite 1", err)

	card := s.d.Card()
	card.Prekey = message.Sign(s.d.Sign, message.Prekey{Suite: ecc.SuiteX25519, Owner: s.d.C, Key: weak.Pre.Public(),
		NotBefore: s.Millis(), NotAfter: s.Millis().Add(time.Hour)}.Encode())
	_, err = s.p.VerifyCard(s.d.C, card, s.revocations())
	refused(t, "the right doctor's prekey of suite 1", err)
}

// TestAttack21ForeignRevocation: a revocation speaks for the asker's own locators and
// credential, whatever consent it names.
func TestAttack21ForeignRevocation(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	_, given := s.shared()
	con := given.CON
	h, _ := s.hospital(peers.AnnaID)
	stranger, _ := s.NewPatient()
	q := message.Question{Kind: message.AskRevoke, Consent: con.Consent.Hash()}
	_, m, err := stranger.AskCloud(s.Cloud.Prekey(), "SURGERY", q)
	s.Ok(err)
	asked := peers.Must(s.Cloud.Ask(m))
	for _, l := range con.OpenC.Locators {
		if asked.Locator == l {
			t.Error("a stranger speaks for a locator of the consent")
		}
	}
	hv, err := stranger.VerifyHospital(h.Cred, h.Prekey(), s.revocations())
	s.Ok(err)
	_, m, err = stranger.AskHospital(hv, q)
	s.Ok(err)
	if peers.Must(h.Ask(m)).Patient.Hash() == s.p.Identity().Credential.Hash() {
		t.Error("a stranger speaks as the patient")
	}
	_, m, err = s.p.AskCloud(s.Cloud.Prekey(), "SURGERY", q)
	s.Ok(err)
	if l := peers.Must(s.Cloud.Ask(m)).Locator; l != con.OpenC.Locators[0] && l != con.OpenC.Locators[1] {
		t.Error("her own revocation is not of a locator of her consent")
	}
	same := con.Consent
	same.CommitH[0] ^= 1 // another patient's consent with the same cid
	if same.CID != con.Consent.CID || same.Hash() == con.Consent.Hash() {
		t.Error("consents with one cid must differ in their hash")
	}
}
