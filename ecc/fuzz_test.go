package ecc

import (
	"bytes"
	"crypto/ed25519"
	"testing"
)

// FuzzDecode: what decodes encodes back to the same bytes, and nothing panics.
func FuzzDecode(f *testing.F) {
	f.Add("e", Encode("e", []byte("a"), nil), 2)
	f.Add("reg", Encode("reg"), 0)
	f.Add("e", []byte{1, 'e', 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, 65535)
	f.Add("", []byte{0, 0, 0}, 0)
	f.Add("e", append(Encode("e", []byte("a")), 0), -1)
	f.Fuzz(func(t *testing.T, label string, b []byte, n int) {
		if fields, err := Decode(Label(label), b, n); err == nil && (len(fields) != n || !bytes.Equal(Encode(Label(label), fields...), b)) {
			t.Fatalf("%x is not the encoding of its %d fields", b, len(fields))
		}
		if fields, err := DecodeList(Label(label), b, n); err == nil && (len(fields) > n || !bytes.Equal(Encode(Label(label), fields...), b)) {
			t.Fatalf("%x is not the encoding of its list", b)
		}
	})
}

// FuzzDecodePoint: what decodes is canonical, no identity and of prime order.
func FuzzDecodePoint(f *testing.F) {
	var v ristrettoVectors
	loadVectors(f, "rfc9496_ristretto255.json", &v)
	for _, m := range v.Multiples {
		f.Add([]byte(m))
	}
	for _, c := range v.Invalid {
		f.Add([]byte(c.Encoding))
	}
	f.Add([]byte{})
	f.Add(make([]byte, 33))
	orderMinusOne := curve.NewScalar().Neg(curve.NewScalar().SetUint64(1))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := DecodePoint(b)
		if err != nil {
			if p.Valid() {
				t.Fatal("an error with a point")
			}
			return
		}
		// Encoded afresh, not from what DecodePoint kept.
		again, err := p.e.MarshalBinary()
		if err != nil || !bytes.Equal(again, b) || allZero(b) {
			t.Fatalf("%x encodes as %x: %v", b, again, err)
		}
		minus := curve.NewElement().Mul(p.e, orderMinusOne)
		if !minus.Add(minus, p.e).IsIdentity() {
			t.Fatalf("%x is not of the group's order", b)
		}
	})
}

// FuzzDecodeScalar: what decodes encodes back, below the order and not zero.
func FuzzDecodeScalar(f *testing.F) {
	f.Add(smallScalar(1))
	f.Add(scalarBytes(groupOrder))
	f.Add(bytes.Repeat([]byte{0xff}, 32))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := DecodeScalar(b)
		if (err == nil) != s.Valid() {
			t.Fatal("validity and error disagree")
		}
		inRange := len(b) == 32 && !allZero(b) && littleEndian(b).Cmp(groupOrder) < 0
		if inRange != s.Valid() || (s.Valid() && !bytes.Equal(s.SecretBytes(), b)) {
			t.Fatalf("%x: in range %v, %v", b, inRange, err)
		}
	})
}

// FuzzVerifyKey: under no accepted key does the fixed signature R = identity, S = 0 verify.
func FuzzVerifyKey(f *testing.F) {
	f.Add(bytes.Repeat([]byte{1}, 32), []byte("m"))
	for _, y := range smallOrderY {
		f.Add(y[:], []byte("m"))
	}
	sig := make([]byte, SignatureSize)
	sig[0] = 1
	f.Fuzz(func(t *testing.T, b, msg []byte) {
		k, err := DecodeVerifyKey(b)
		if err != nil {
			if k.Valid() {
				t.Fatal("an error with a key")
			}
			return
		}
		if !bytes.Equal(k.Bytes(), b) || k.Verify(msg, sig) == nil || ed25519.Verify(b, msg, sig) {
			t.Fatalf("%x", b)
		}
	})
}

// FuzzHPKEOpen: nothing but what was sealed opens, and nothing panics.
func FuzzHPKEOpen(f *testing.F) {
	// From fixed streams: each fuzzing process runs this anew and must get the same keys.
	keys := map[bool]KEMPrivateKey{}
	sealed := map[bool][]byte{}
	for _, suite := range bothSuites {
		wing := suite == SuiteXWing
		keys[wing] = need[KEMPrivateKey](f)(GenerateKEM(suite, newStream("kem")))
		sender := need[*Sender](f)(keys[wing].Public().Setup(newStream("encapsulate"), []byte("info")))
		sealed[wing] = need[[]byte](f)(sender.Seal([]byte("aad"), []byte("plaintext")))
		f.Add(wing, sealed[wing], []byte("aad"))
		f.Add(wing, sealed[wing][:suite.Overhead()], []byte("aad"))
		f.Add(wing, sealed[wing][:suite.EncSize()], []byte{})
		f.Add(wing, make([]byte, suite.Overhead()+1), []byte{})
	}
	f.Fuzz(func(t *testing.T, wing bool, c, aad []byte) {
		o, err := keys[wing].Open([]byte("info"), aad, c)
		if err == nil && (!bytes.Equal(c, sealed[wing]) || string(aad) != "aad" || string(o.Plaintext) != "plaintext") {
			t.Fatalf("opened %x", c)
		}
	})
}
