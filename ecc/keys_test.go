package ecc

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"math"
	"math/big"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestScalarCanonical(t *testing.T) {
	one, max := big.NewInt(1), new(big.Int).Sub(groupOrder, big.NewInt(1))
	for _, n := range []*big.Int{one, max} {
		s, err := DecodeScalar(scalarBytes(n))
		if err != nil || !bytes.Equal(s.SecretBytes(), scalarBytes(n)) {
			t.Errorf("%v: %v", n, err)
		}
	}
	twice := new(big.Int).Lsh(groupOrder, 1)
	bad := [][]byte{
		make([]byte, 32), scalarBytes(groupOrder), scalarBytes(new(big.Int).Add(groupOrder, one)), scalarBytes(twice),
		scalarBytes(new(big.Int).Add(twice, one)), bytes.Repeat([]byte{0xff}, 32), scalarBytes(max)[:31], append(scalarBytes(max), 0), nil,
	}
	for _, b := range bad {
		if s, err := DecodeScalar(b); !errors.Is(err, ErrScalar) || s.Valid() {
			t.Errorf("%x: %v", b, err)
		}
	}
	if _, err := need[Scalar](t)(DecodeScalar(scalarBytes(one))).add(need[Scalar](t)(DecodeScalar(scalarBytes(max)))); !errors.Is(err, ErrScalar) {
		t.Errorf("1 + (order - 1): %v", err)
	}
}

// GenerateScalar and the nonces depend on their reader (circl's own do not).
func TestScalarsComeFromTheReader(t *testing.T) {
	a, b := need[Scalar](t)(GenerateScalar(newStream("a"))), need[Scalar](t)(GenerateScalar(newStream("a")))
	c := need[Scalar](t)(GenerateScalar(newStream("c")))
	if !a.Public().Equal(b.Public()) || a.Public().Equal(c.Public()) {
		t.Error("the reader does not decide")
	}
}

func TestPointsAddAsScalars(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := HashToScalar(rapid.SliceOf(rapid.Byte()).Draw(t, "a"))
		b := HashToScalar(append([]byte("b"), rapid.SliceOf(rapid.Byte()).Draw(t, "b")...))
		sum, err := a.add(b)
		if err != nil {
			t.Fatal(err)
		}
		left, err := a.Public().add(b.Public())
		if err != nil || !left.Equal(sum.Public()) {
			t.Fatalf("aP + bP: %v", err)
		}
		ab, err := a.mul(b)
		if err != nil {
			t.Fatal(err)
		}
		if p, err := b.Public().mul(a); err != nil || !p.Equal(ab.Public()) {
			t.Fatalf("a(bP): %v", err)
		}
		if p, err := DecodePoint(left.Bytes()); err != nil || !p.Equal(left) {
			t.Fatalf("coding: %v", err)
		}
	})
}

// r is hedged: a source that repeats itself gives two different requests, commitments or infos different
// nonces. With one r and two e the difference of the partial keys would give s away.
func TestIssueWithRepeatedRandomness(t *testing.T) {
	issuer := mustIssuer(t)
	X := mustScalar(t).Public()
	issue := func(req, info string, X Point) PartialKey {
		return need[PartialKey](t)(issuer.Issue(newStream("stuck"), []byte(req), X, []byte(info)))
	}
	first := issue("req", "info", X)
	if again := issue("req", "info", X); !again.R.Equal(first.R) || !bytes.Equal(again.D.SecretBytes(), first.D.SecretBytes()) {
		t.Error("control: the same inputs should give the same key from a stuck source")
	}
	for name, pk := range map[string]PartialKey{"request": issue("req2", "info", X), "info": issue("req", "info2", X)} {
		if pk.R.Equal(first.R) {
			t.Errorf("another %s got the same nonce", name)
		}
	}
	Y := mustScalar(t).Public()
	difference := need[Point](t)(pointFrom(curve.NewElement().Add(X.e, curve.NewElement().Neg(Y.e))))
	if shifted := need[Point](t)(issue("req", "info", Y).R.add(difference)); shifted.Equal(first.R) {
		t.Error("another X got the same nonce")
	}
	other := need[*Issuer](t)(NewIssuer(issuer.s, bytes.Repeat([]byte{9}, 32)))
	if pk := need[PartialKey](t)(other.Issue(newStream("stuck"), []byte("req"), X, []byte("info"))); pk.R.Equal(first.R) {
		t.Error("the hedging key does not enter the nonce")
	}
}

// The same for the proof of possession, where one k for two challenges would give x away.
func TestProveWithRepeatedRandomness(t *testing.T) {
	x := mustScalar(t)
	a := need[[]byte](t)(ProvePossession(newStream("stuck"), x, Hash{1}))
	b := need[[]byte](t)(ProvePossession(newStream("stuck"), x, Hash{2}))
	c := need[[]byte](t)(ProvePossession(newStream("other"), x, Hash{1}))
	if bytes.Equal(a[:32], b[:32]) || bytes.Equal(a[:32], c[:32]) {
		t.Error("the nonce does not depend on context and reader")
	}
	if err := VerifyPossession(x.Public(), Hash{2}, b); err != nil {
		t.Error(err)
	}
}

// Any altered input of Eq. 4, 7, 10 is refused by the party.
func TestAcceptRefuses(t *testing.T) {
	issuer, x, info := mustIssuer(t), mustScalar(t), []byte("info")
	pk := need[PartialKey](t)(issuer.Issue(rand.Reader, []byte("req"), x.Public(), info))
	S := need[Scalar](t)(Accept(x, info, pk, issuer.Public()))
	if !S.Public().Equal(need[Point](t)(ImplicitKey(info, pk.R, issuer.Public()))) {
		t.Fatal("S_X P is not A_X")
	}
	second := func(_ Scalar, err error) error { return err }
	for name, err := range map[string]error{
		"x": second(Accept(mustScalar(t), info, pk, issuer.Public())), "info": second(Accept(x, []byte("inf"), pk, issuer.Public())),
		"PK": second(Accept(x, info, pk, mustIssuer(t).Public())), "R": second(Accept(x, info, PartialKey{x.Public(), pk.D}, issuer.Public())),
		"d": second(Accept(x, info, PartialKey{pk.R, x}, issuer.Public())),
	} {
		if !errors.Is(err, ErrKey) {
			t.Errorf("another %s: %v", name, err)
		}
	}
}

func TestVerifyKeyRefuses(t *testing.T) {
	good := need[SigningKey](t)(GenerateSigningKey(rand.Reader)).Public().Bytes()
	bad := map[string][]byte{
		"short": good[:31], "long": append(slices.Clone(good), 0), "nil": nil, "negative zero, y = 1": unhex(t, "01"+zeros(30)+"80"),
		"negative zero, y = -1": unhex(t, "ec"+hexFF(30)+"ff"), "y = p + 3": unhex(t, "f0"+hexFF(30)+"7f"), "y = p": unhex(t, "ed"+hexFF(30)+"7f"),
		"y = p + 1, identity": unhex(t, "ee"+hexFF(30)+"7f"), "y = 2^255 - 1": unhex(t, hexFF(31)+"7f"), "off the curve, y = 2": unhex(t, "02"+zeros(31)),
	}
	for name, b := range bad {
		if k, err := DecodeVerifyKey(b); !errors.Is(err, ErrKey) || k.Valid() {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func zeros(n int) string { return unhexedZeros[:2*n] }

const unhexedZeros = "0000000000000000000000000000000000000000000000000000000000000000"

// onEdwards agrees with Go's own decoding: it verifies under a key only if it can decompress it.
// A decodable key of our choice has no signature at hand, so the comparison is on honest keys (always good)
// and on random bytes, of which half are no point.
func TestOnEdwards(t *testing.T) {
	for range 200 {
		pub, _, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := DecodeVerifyKey(pub); err != nil {
			t.Fatalf("honest key %x: %v", pub, err)
		}
	}
	good := 0
	src := newStream("random y")
	for range 1000 {
		b := make([]byte, 32)
		if _, err := src.Read(b); err != nil {
			t.Fatal(err)
		}
		if goodEd25519(b) {
			good++
		}
	}
	if good < 400 || good > 600 {
		t.Errorf("%d of 1000 random strings are points, expected about 500", good)
	}
}

func TestSignatures(t *testing.T) {
	k := need[SigningKey](t)(GenerateSigningKey(rand.Reader))
	again := need[SigningKey](t)(SigningKeyFromSeed(k.Seed()))
	tbs := Encode(LabelSigP1, []byte("fields"))
	sig := again.Sign(tbs)
	if !again.Equal(k) || !again.Public().Equal(k.Public()) || k.Public().Verify(tbs, sig) != nil {
		t.Fatal("a key changed in coding")
	}
	for i := range sig {
		sig[i] ^= 1
		if err := k.Public().Verify(tbs, sig); !errors.Is(err, ErrSignature) {
			t.Errorf("byte %d flipped: %v", i, err)
		}
		sig[i] ^= 1
	}
	for name, err := range map[string]error{
		"other bytes": k.Public().Verify(append(tbs, 0), sig), "no signature": k.Public().Verify(tbs, nil), "long": k.Public().Verify(tbs, append(sig, 0)),
		"other key": need[SigningKey](t)(GenerateSigningKey(rand.Reader)).Public().Verify(tbs, sig),
	} {
		if !errors.Is(err, ErrSignature) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, n := range []int{0, 31, 33, 64} {
		if _, err := SigningKeyFromSeed(bytes.Repeat([]byte{1}, n)); !errors.Is(err, ErrKey) {
			t.Errorf("seed of %d bytes: %v", n, err)
		}
	}
}

func TestAtRest(t *testing.T) {
	key, aad, pt := bytes.Repeat([]byte{1}, 32), []byte("aad"), []byte("record")
	c := need[[]byte](t)(SealAtRest(rand.Reader, key, aad, pt))
	if got, err := OpenAtRest(key, aad, c); err != nil || !bytes.Equal(got, pt) || len(c) != len(pt)+AtRestOverhead {
		t.Fatalf("%q, %d bytes: %v", got, len(c), err)
	}
	if d := need[[]byte](t)(SealAtRest(rand.Reader, key, aad, pt)); bytes.Equal(c[:24], d[:24]) {
		t.Error("a nonce came twice")
	}
	open := func(key, aad, c []byte) error { _, err := OpenAtRest(key, aad, c); return err }
	for name, err := range map[string]error{
		"key": open(bytes.Repeat([]byte{2}, 32), aad, c), "aad": open(key, nil, c), "short": open(key, aad, c[:len(c)-1]),
		"39 bytes": open(key, aad, c[:39]), "empty": open(key, aad, nil), "trailing": open(key, aad, append(slices.Clone(c), 0)),
	} {
		if !errors.Is(err, ErrOpen) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for i := range c {
		c[i] ^= 1
		if err := open(key, aad, c); !errors.Is(err, ErrOpen) {
			t.Errorf("byte %d flipped: %v", i, err)
		}
		c[i] ^= 1
	}
	for _, n := range []int{0, 16, 31, 33} {
		if err := open(make([]byte, n), aad, c); !errors.Is(err, ErrKey) {
			t.Errorf("key of %d bytes: %v", n, err)
		}
	}
}

func TestSequence(t *testing.T) {
	var send, receive Sequence
	for want := uint64(1); want <= 3; want++ {
		seq := send.Next()
		if seq != want || receive.Accept(seq) != nil || receive.Value() != want {
			t.Fatalf("message %d: %d", want, seq)
		}
		if err := receive.Accept(seq); !errors.Is(err, ErrSequence) {
			t.Errorf("replay of %d: %v", seq, err)
		}
	}
	if err := receive.Accept(5); !errors.Is(err, ErrSequence) || receive.Value() != 3 {
		t.Errorf("gap: %v, value %d", err, receive.Value())
	}
	if resumed := NewSequence(receive.Value()); resumed.Accept(4) != nil {
		t.Error("a stored sequence does not go on")
	}
	last := NewSequence(math.MaxUint64 - 1)
	if last.Next() != math.MaxUint64 || last.Next() != 0 || last.Next() != 0 {
		t.Error("a sequence starts again")
	}
	if err := NewSequence(math.MaxUint64).Accept(0); !errors.Is(err, ErrSequence) {
		t.Errorf("after the last number comes 0: %v", err)
	}
}

// Every direction has its own key, iv and so its own ciphertext, and no number repeats another's nonce.
func TestChannelsDiffer(t *testing.T) {
	k := need[SessionKey](t)(DecodeSessionKey(bytes.Repeat([]byte{1}, 32)))
	seen := map[string]string{}
	for _, d := range []Direction{PatientToDoctor, DoctorToPatient, DoctorToHospital, HospitalToDoctor} {
		for _, seq := range []uint64{1, 2, 256, 1 << 32, 1 << 63, math.MaxUint64} {
			c := k.Channel(d, Hash{1})
			ct := string(need[[]byte](t)(c.Seal(seq, nil, make([]byte, 32))))
			if other, ok := seen[ct]; ok {
				t.Errorf("%s %d repeats %s", d, seq, other)
			}
			seen[ct] = string(d)
			if pt, err := c.Open(seq, nil, []byte(ct)); err != nil || !allZero(pt) {
				t.Errorf("%s %d: %v", d, seq, err)
			}
		}
	}
	c := k.Channel(PatientToDoctor, Hash{1})
	if _, err := c.Seal(0, nil, nil); !errors.Is(err, ErrSequence) {
		t.Errorf("Seal of 0: %v", err)
	}
	if _, err := c.Open(0, nil, make([]byte, 16)); !errors.Is(err, ErrSequence) {
		t.Errorf("Open of 0: %v", err)
	}
}
