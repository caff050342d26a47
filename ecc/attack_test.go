package ecc

// Attacks of the protocol's list (by its numbers) as far as they are decided by the
// cryptography alone. Each shows with a control that the attacker's computation is live: given the one
// value that the protocol keeps from it, the same code succeeds.

import (
	"bytes"
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"testing"
)

// 4: a patient registers the bytes of a doctor. With the role and the injective encoding under the hash, the key
// obtained fits nobody else's credential.
func TestAttack4_PatientRegistersAsDoctor(t *testing.T) {
	issuer := mustIssuer(t)
	x := mustScalar(t)
	id, cert := []byte("dr1"), []byte("Cert_D of dr1")
	asPatient := Encode(LabelInfo, []byte("P"), id, cert)
	pk, err := issuer.Issue(rand.Reader, []byte("req"), x.Public(), asPatient)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Accept(x, asPatient, pk, issuer.Public()); err != nil {
		t.Fatalf("control: %v", err)
	}
	foreign := map[string][]byte{
		"as doctor":            Encode(LabelInfo, []byte("D"), id, cert),
		"shifted":              Encode(LabelInfo, []byte("P"), []byte("dr1C"), cert[1:]),
		"fields joined":        Encode(LabelInfo, []byte("P"), slices.Concat(id, cert)),
		"trailing empty field": Encode(LabelInfo, []byte("P"), id, cert, nil),
	}
	for name, info := range foreign {
		if _, err := Accept(x, info, pk, issuer.Public()); !errors.Is(err, ErrKey) {
			t.Errorf("%s: the partial key fits: %v", name, err)
		}
	}
}

// 4: registration without knowing x. X = X' - rP would turn a victim's commitment X' into a key of the attacker's choice.
func TestAttack4_MissingProofOfPossession(t *testing.T) {
	x, victim := mustScalar(t), mustScalar(t)
	context := H(LabelRegistration, []byte("request"))
	proof, err := ProvePossession(rand.Reader, x, context)
	if err != nil {
		t.Fatal(err)
	}
	if err := VerifyPossession(x.Public(), context, proof); err != nil {
		t.Fatalf("control: %v", err)
	}
	rogue, err := victim.Public().add(x.Public())
	if err != nil {
		t.Fatal(err)
	}
	refused := map[string]error{
		"no proof":        VerifyPossession(x.Public(), context, nil),
		"zeros":           VerifyPossession(x.Public(), context, make([]byte, PossessionSize)),
		"victim's key":    VerifyPossession(victim.Public(), context, proof),
		"rogue key":       VerifyPossession(rogue, context, proof),
		"other request":   VerifyPossession(x.Public(), H(LabelRegistration, []byte("other")), proof),
		"short":           VerifyPossession(x.Public(), context, proof[:63]),
		"trailing byte":   VerifyPossession(x.Public(), context, append(slices.Clone(proof), 0)),
		"no key":          VerifyPossession(Point{}, context, proof),
		"T as identity":   VerifyPossession(x.Public(), context, slices.Concat(make([]byte, 32), proof[32:])),
		"z not reduced":   VerifyPossession(x.Public(), context, slices.Concat(proof[:32], bytes.Repeat([]byte{0xff}, 32))),
		"halves exchange": VerifyPossession(x.Public(), context, slices.Concat(proof[32:], proof[:32])),
	}
	for name, err := range refused {
		if !errors.Is(err, ErrSignature) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for i := range proof {
		proof[i] ^= 1
		if err := VerifyPossession(x.Public(), context, proof); err == nil {
			t.Errorf("byte %d changed, still valid", i)
		}
		proof[i] ^= 1
	}
}

// 4: small-order PUK. Go's own verifier accepts one fixed signature for any message under such a key.
func TestAttack4_SmallOrderPUK(t *testing.T) {
	sig := make([]byte, SignatureSize)
	sig[0] = 1
	live := 0
	for _, y := range smallOrderY {
		for _, sign := range []byte{0, 0x80} {
			key := slices.Clone(y[:])
			key[31] |= sign
			for m := range 16 { // under a key of order 8 about every eighth message verifies
				if ed25519.Verify(key, []byte{byte(m)}, sig) {
					live++
				}
			}
			if k, err := DecodeVerifyKey(key); !errors.Is(err, ErrKey) || k.Valid() {
				t.Errorf("%x accepted", key)
			}
		}
	}
	if live == 0 {
		t.Error("control: no forged signature verifies under any small-order key")
	}
	wing := mustKEM(t, SuiteXWing).Public().Bytes()
	for _, u := range smallOrderU {
		if _, err := DecodeKEMPublicKey(SuiteX25519, u[:]); !errors.Is(err, ErrKey) {
			t.Errorf("X25519 key %x accepted", u)
		}
		copy(wing[len(wing)-32:], u[:])
		if _, err := DecodeKEMPublicKey(SuiteXWing, wing); !errors.Is(err, ErrKey) {
			t.Errorf("X-Wing key ending in %x accepted", u)
		}
	}
}

// 5: identity, non-canonical, short, or P-256 bytes as any R. Agreement takes only Points, and this is their only door.
func TestAttack5_BadPointAsR(t *testing.T) {
	good := mustScalar(t).Public().Bytes()
	if _, err := DecodePoint(good); err != nil {
		t.Fatalf("control: %v", err)
	}
	p256, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	raw := p256.PublicKey().Bytes()
	bad := map[string][]byte{
		"identity": make([]byte, 32), "nil": nil, "empty": {}, "31 bytes": good[:31], "33 bytes": append(slices.Clone(good), 0),
		"64 bytes": slices.Concat(good, good), "top bit": append(slices.Clone(good[:31]), good[31]|0x80),
		"negative": append([]byte{good[0] | 1}, good[1:]...), "p": unhex(t, "ed"+hexFF(30)+"7f"), "p+1": unhex(t, "ee"+hexFF(30)+"7f"),
		"all ones": bytes.Repeat([]byte{0xff}, 32), "P-256 uncompressed": raw,
		"P-256 compressed": append([]byte{2 | raw[64]&1}, raw[1:33]...), "P-256 infinity": {0},
	}
	for name, b := range bad {
		if p, err := DecodePoint(b); !errors.Is(err, ErrPoint) || p.Valid() || p.Bytes() != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	return need[[]byte](t)(hex.DecodeString(s))
}

func hexFF(n int) string { return hex.EncodeToString(bytes.Repeat([]byte{0xff}, n)) }

// shared is K1, K2, K3 in the attacker's hands.
type shared struct{ k1, k2, k3 Point }

// attackerSEK is the derivation that anyone can do who has K1, K2, K3 and both exports.
func attackerSEK(t *testing.T, a Agreement, k shared, x1, x2 []byte) SessionKey {
	t.Helper()
	salt := H(a.Label, a.TH[:], a.CInitiator[:], a.CResponder[:], a.RInitiator.Bytes(), a.RResponder.Bytes(), a.EncResponder)
	ikm := Encode(LabelIKM, k.k1.Bytes(), k.k2.Bytes(), k.k3.Bytes(), x1, x2)
	return need[SessionKey](t)(DecodeSessionKey(need[[]byte](t)(hkdf.Extract(sha256.New, ikm, salt[:]))))
}

// products returns every s p and every sum of two of them: what somebody can compute who
// knows the scalars and the points, as far as the protocol's equations combine them.
func products(t *testing.T, scalars []Scalar, points []Point) map[string]Point {
	t.Helper()
	out := map[string]Point{}
	for i, s := range scalars {
		for j, p := range points {
			out[fmt.Sprintf("s%d p%d", i, j)] = need[Point](t)(p.mul(s))
		}
	}
	for _, p := range points {
		out[p.String()] = p
	}
	single := make([]Point, 0, len(out))
	for _, p := range out {
		single = append(single, p)
	}
	for i, p := range single {
		for j, q := range single[:i] {
			if sum, err := p.add(q); err == nil {
				out[fmt.Sprintf("%d+%d", i, j)] = sum
			}
		}
	}
	return out
}

// contains tells whether the attacker's products hold p.
func contains(m map[string]Point, p Point) bool {
	for _, q := range m {
		if q.Equal(p) {
			return true
		}
	}
	return false
}

// honest returns the run's true K1, K2, K3 and its key.
func (v run) honest(t *testing.T) (shared, SessionKey) {
	t.Helper()
	k1, k2, k3, err := v.si.sharedPoints(v.a.RResponder, v.r.A)
	if err != nil {
		t.Fatal(err)
	}
	k, _ := v.keys(t)
	if got := attackerSEK(t, v.a, shared{k1, k2, k3}, v.si.X1, v.si.X2); !sameKey(got, k) {
		t.Fatal("control: the attacker's derivation does not give SEK from K1, K2, K3")
	}
	return shared{k1, k2, k3}, k
}

// publicPoints is what the network and the credentials show.
func (v run) publicPoints() []Point {
	return []Point{v.a.RInitiator, v.a.RResponder, v.i.A, v.r.A}
}

// noKey fails if any of the candidates in K's open place gives the run's key.
func noKey(t *testing.T, v run, want SessionKey, candidates map[string]Point, fill func(Point) shared) {
	t.Helper()
	for name, p := range candidates {
		if sameKey(attackerSEK(t, v.a, fill(p), v.si.X1, v.si.X2), want) {
			t.Errorf("SEK computed from %s", name)
		}
	}
}

// 10: both ephemerals leaked, with both exports. K1 = r5 A_D + r6 A_P and K2 = r5 R_D2 are then public; K3 = S_P A_D is not.
func TestAttack10_BothEphemeralsLeaked(t *testing.T) {
	v := newRun(t, mustIssuer(t), SuiteX25519)
	k, sek := v.honest(t)
	known := products(t, []Scalar{v.si.R, v.sr.R}, v.publicPoints())
	if !contains(known, k.k1) || !contains(known, k.k2) {
		t.Fatal("control: as printed, r5 and r6 give K1 and K2")
	}
	if contains(known, k.k3) {
		t.Fatal("K3 follows from the ephemerals")
	}
	noKey(t, v, sek, known, func(p Point) shared { return shared{k.k1, k.k2, p} })
}

// 9: every long-term key later, with both exports, but erased ephemerals: K1 and K3 are public, K2 = r5 r6 P is not.
func TestAttack9_LongTermKeysLater(t *testing.T) {
	v := newRun(t, mustIssuer(t), SuiteX25519)
	k, sek := v.honest(t)
	known := products(t, []Scalar{v.i.S, v.r.S}, v.publicPoints())
	if !contains(known, k.k1) || !contains(known, k.k3) {
		t.Fatal("control: S_P and S_D give K1 and K3")
	}
	if contains(known, k.k2) {
		t.Fatal("K2 follows from the long-term keys")
	}
	noKey(t, v, sek, known, func(p Point) shared { return shared{k.k1, p, k.k3} })
}

// 8: the patient's S_P is stolen; the thief poses as the doctor towards her, with an r6 of its own. It needs r5 A_D for K1.
func TestAttack8_KeyCompromiseImpersonation(t *testing.T) {
	issuer := mustIssuer(t)
	for name, initiatorCompromised := range map[string]bool{"doctor posed as to the patient": true, "patient posed as to the doctor": false} {
		t.Run(name, func(t *testing.T) {
			v := newRun(t, issuer, SuiteX25519)
			k, sek := v.honest(t)
			stolen := []Scalar{v.i.S, v.sr.R} // S_P and the thief's own r6
			if !initiatorCompromised {
				stolen = []Scalar{v.r.S, v.si.R} // S_D and the thief's own r5
			}
			known := products(t, stolen, v.publicPoints())
			if !contains(known, k.k2) || !contains(known, k.k3) {
				t.Fatal("control: the thief computes K2 and K3")
			}
			if contains(known, k.k1) {
				t.Fatal("K1 follows from the compromised side alone")
			}
			noKey(t, v, sek, known, func(p Point) shared { return shared{p, k.k2, k.k3} })
		})
	}
}

// 7: PRK_P stolen, not S_P. The thief signs M1 and opens M2, but neither K1 nor K3 is in reach, so kc_D does not check
// and nothing that it seals opens.
func TestAttack7_StolenSigningKeyOnly(t *testing.T) {
	v := newRun(t, mustIssuer(t), SuiteX25519)
	sek := need[SessionKey](t)(v.a.Responder(v.sr, v.i.A)) // the doctor answers M1, whose R is the thief's own
	thief := v.si
	thief.S = mustScalar(t)
	guess := need[SessionKey](t)(v.a.Initiator(thief, v.r.A))
	known := products(t, []Scalar{v.si.R}, v.publicPoints())
	k, _ := v.honest(t)
	if !contains(known, k.k2) || contains(known, k.k1) || contains(known, k.k3) {
		t.Error("the thief should reach K2 and no more")
	}
	tbs := []byte("to be signed")
	kc := sek.Confirm("D", tbs)
	if err := guess.VerifyConfirm("D", tbs, kc[:]); !errors.Is(err, ErrSignature) {
		t.Errorf("kc_D checks: %v", err)
	}
	th := H(LabelTranscript, []byte("th2"))
	m3 := need[[]byte](t)(guess.Channel(PatientToDoctor, th).Seal(1, nil, []byte("M3")))
	if _, err := sek.Channel(PatientToDoctor, th).Open(1, nil, m3); !errors.Is(err, ErrOpen) {
		t.Errorf("M3 opens: %v", err)
	}
}

// 7: S_P stolen, not PRK_P: Sig_P1 under any other key does not verify.
func TestAttack7_StolenImplicitKeyOnly(t *testing.T) {
	patient := need[SigningKey](t)(GenerateSigningKey(rand.Reader))
	S := mustScalar(t)
	thief := need[SigningKey](t)(SigningKeyFromSeed(S.SecretBytes()))
	tbs := Encode(LabelSigP1, []byte("fields"))
	if err := patient.Public().Verify(tbs, patient.Sign(tbs)); err != nil {
		t.Fatalf("control: %v", err)
	}
	if err := patient.Public().Verify(tbs, thief.Sign(tbs)); !errors.Is(err, ErrSignature) {
		t.Errorf("M1 accepted: %v", err)
	}
}

// 14: flips, reflection, reorder and truncation of session messages.
func TestAttack14_AlteredChannelMessages(t *testing.T) {
	v := newRun(t, mustIssuer(t), SuiteX25519)
	kp, kd := v.keys(t)
	th := H(LabelTranscript, []byte("th2"))
	out, in := kp.Channel(PatientToDoctor, th), kd.Channel(PatientToDoctor, th)
	hdr := []byte("hdr")
	c := need[[]byte](t)(out.Seal(1, hdr, []byte("M3")))
	if pt, err := in.Open(1, hdr, c); err != nil || string(pt) != "M3" {
		t.Fatalf("control: %v", err)
	}
	for i := range c {
		c[i] ^= 1
		if _, err := in.Open(1, hdr, c); !errors.Is(err, ErrOpen) {
			t.Errorf("byte %d flipped: %v", i, err)
		}
		c[i] ^= 1
	}
	open := func(ch Channel, seq uint64, aad, c []byte) error { _, err := ch.Open(seq, aad, c); return err }
	refused := map[string]error{
		"reflected":        open(kp.Channel(DoctorToPatient, th), 1, hdr, c),
		"other session":    open(kd.Channel(PatientToDoctor, H(LabelTranscript, []byte("x"))), 1, hdr, c),
		"other number":     open(in, 2, hdr, c),
		"other header":     open(in, 1, []byte("hdx"), c),
		"truncated":        open(in, 1, hdr, c[:len(c)-1]),
		"only the tag":     open(in, 1, hdr, c[:16]),
		"empty":            open(in, 1, hdr, nil),
		"trailing byte":    open(in, 1, hdr, append(slices.Clone(c), 0)),
		"hospital channel": open(kd.Channel(DoctorToHospital, th), 1, hdr, c),
	}
	for name, err := range refused {
		if !errors.Is(err, ErrOpen) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if seq := NewSequence(1); seq.Accept(1) == nil || seq.Accept(3) == nil || seq.Accept(0) == nil || seq.Value() != 1 {
		t.Error("a replayed, missing or zero number was accepted")
	}
}

// 18: a message of suite 2 is not opened as one of suite 1, nor a key of one suite decoded as the other's.
func TestAttack18_SuiteDowngrade(t *testing.T) {
	wing := mustKEM(t, SuiteXWing)
	same := need[KEMPrivateKey](t)(DecodeKEMPrivateKey(SuiteX25519, wing.SecretBytes()))
	c := need[[]byte](t)(need[*Sender](t)(wing.Public().Setup(rand.Reader, nil)).Seal(nil, []byte("M1")))
	if _, err := wing.Open(nil, nil, c); err != nil {
		t.Fatalf("control: %v", err)
	}
	if _, err := same.Open(nil, nil, c); !errors.Is(err, ErrOpen) {
		t.Errorf("opened under suite 1: %v", err)
	}
	if wing.Public().ID() == same.Public().ID() {
		t.Error("the key id does not depend on the suite")
	}
	for _, s := range []Suite{0, SuiteX25519, 3, 255} {
		if _, err := DecodeKEMPublicKey(s, wing.Public().Bytes()); !errors.Is(err, ErrKey) {
			t.Errorf("an X-Wing key decodes under suite %d", s)
		}
	}
}
