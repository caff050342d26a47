package ecc

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
)

// P256CoordinateSize is the size of x and y in bytes.
const P256CoordinateSize = 32

// maxP256Signature is the longest DER of two 256-bit integers.
const maxP256Signature = 72

// P256Key is an ECDSA public key on P-256 (FIPS 186-5). It verifies what a passkey
// has signed, and nothing else of the protocol. The zero value is invalid.
type P256Key struct {
	_ [0]func() // no ==: it would compare pointers
	k *ecdsa.PublicKey
}

// DecodeP256Key reads the coordinates, 32 bytes each, big-endian. Another length, a
// coordinate that is not below p, or a point off the curve is ErrKey. The curve has
// no small subgroup, and no pair of coordinates is its identity.
func DecodeP256Key(x, y []byte) (P256Key, error) {
	if len(x) != P256CoordinateSize || len(y) != P256CoordinateSize {
		return P256Key{}, ErrKey
	}
	k, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), bytes.Join([][]byte{{4}, x, y}, nil))
	if err != nil {
		return P256Key{}, ErrKey
	}
	return P256Key{k: k}, nil
}

// Valid reports whether k is set.
func (k P256Key) Valid() bool { return k.k != nil }

// Verify checks sig, the strict DER of (r, s) with 1 <= r, s < n, over SHA-256(msg);
// ErrSignature if it is not good.
//
// ECDSA is malleable: (r, n-s) verifies as well as (r, s), and authenticators emit
// either, so the upper half is not refused. Nothing may be counted, named or compared by
// the bytes of such a signature; the protocol names a consent by H(Consent).
func (k P256Key) Verify(msg, sig []byte) error {
	h := sha256.Sum256(msg)
	if !k.Valid() || len(sig) > maxP256Signature || !ecdsa.VerifyASN1(k.k, h[:], sig) {
		return ErrSignature
	}
	return nil
}
