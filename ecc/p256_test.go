package ecc

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/asn1"
	"errors"
	"math/big"
	"testing"
)

// ECDSA over P-256 is what most passkeys sign with. The cases hold BER and other loose
// encodings, r and s out of range, edge cases of the arithmetic and of the key.
func TestWycheproofP256(t *testing.T) {
	eachWycheproof(t, "ecdsa_secp256r1_sha256", func(t *testing.T, g wycheproofGroup, c wycheproofCase) {
		point := g.PublicKey.Uncompressed
		if len(point) != 65 || point[0] != 4 {
			t.Fatalf("key %x", point)
		}
		k, err := DecodeP256Key(point[1:33], point[33:])
		if err != nil {
			t.Fatalf("key %x: %v", point, err)
		}
		if err := k.Verify(c.Msg, c.Sig); (err == nil) != (c.Result == "valid") {
			t.Errorf("%s %v: %v", c.Result, c.Flags, err)
		}
	})
}

// coordinates are x and y of a fresh key, 32 bytes each.
func coordinates(t *testing.T) (x, y []byte, k *ecdsa.PrivateKey) {
	t.Helper()
	k = need[*ecdsa.PrivateKey](t)(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	b := need[[]byte](t)(k.PublicKey.Bytes())
	return b[1:33], b[33:], k
}

func TestP256KeysAreStrict(t *testing.T) {
	x, y, _ := coordinates(t)
	p := elliptic.P256().Params().P
	flipped := bytes.Clone(y)
	flipped[31] ^= 1
	for name, c := range map[string][2][]byte{
		"off the curve": {x, flipped},
		"swapped":       {y, x},
		"x is p":        {p.Bytes(), y},
		"x beyond p":    {bytes.Repeat([]byte{255}, 32), y},
		"zero":          {make([]byte, 32), make([]byte, 32)},
		"short x":       {x[1:], y},
		"long y":        {x, append([]byte{0}, y...)},
		"compressed":    {x, nil},
		"nothing":       {nil, nil},
	} {
		if k, err := DecodeP256Key(c[0], c[1]); !errors.Is(err, ErrKey) || k.Valid() {
			t.Errorf("%s: %v", name, err)
		}
	}
	if (P256Key{}).Verify(nil, nil) == nil {
		t.Error("the zero key verifies")
	}
}

// Both signatures of a pair verify, which is why nothing is named by their bytes; the
// length is bounded before anything is parsed.
func TestP256Malleability(t *testing.T) {
	x, y, private := coordinates(t)
	k := need[P256Key](t)(DecodeP256Key(x, y))
	h := sha256.Sum256([]byte("message"))
	sig := need[[]byte](t)(ecdsa.SignASN1(rand.Reader, private, h[:]))
	var v struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(sig, &v); err != nil {
		t.Fatal(err)
	}
	v.S.Sub(elliptic.P256().Params().N, v.S)
	for name, s := range map[string][]byte{"as signed": sig, "the other s": need[[]byte](t)(asn1.Marshal(v))} {
		if err := k.Verify([]byte("message"), s); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := k.Verify([]byte("massage"), s); !errors.Is(err, ErrSignature) {
			t.Errorf("%s, other message: %v", name, err)
		}
		if err := k.Verify([]byte("message"), append(bytes.Clone(s), 0)); !errors.Is(err, ErrSignature) {
			t.Errorf("%s, a byte behind it: %v", name, err)
		}
	}
}
