package ecc

import (
	"bytes"
	"crypto/ed25519"
	"crypto/subtle"
	"io"
)

// Sizes of Ed25519 in bytes.
const (
	VerifyKeySize = ed25519.PublicKeySize
	SeedSize      = ed25519.SeedSize
	SignatureSize = ed25519.SignatureSize
)

// VerifyKey is an Ed25519 public key, of large order and canonical. The zero value is invalid.
type VerifyKey struct {
	_ [0]func() // no ==: it would compare pointers
	k ed25519.PublicKey
}

// DecodeVerifyKey reads 32 bytes. A non-canonical y, negative zero, a point off the
// curve or of small order is ErrKey. Go's verifier itself accepts a fixed signature, for any
// message, under a small-order key.
func DecodeVerifyKey(b []byte) (VerifyKey, error) {
	if len(b) != VerifyKeySize || !goodEd25519(b) {
		return VerifyKey{}, ErrKey
	}
	return VerifyKey{k: bytes.Clone(b)}, nil
}

// Valid reports whether k is set.
func (k VerifyKey) Valid() bool { return len(k.k) == VerifyKeySize }

// Bytes returns a copy of the 32-byte key, nil for the zero value.
func (k VerifyKey) Bytes() []byte { return bytes.Clone(k.k) }

// Equal reports whether both are the same key. A zero value equals nothing.
func (k VerifyKey) Equal(o VerifyKey) bool { return k.Valid() && bytes.Equal(k.k, o.k) }

// Verify checks the 64-byte signature sig over tbs, which is some ⟨L: ...⟩; ErrSignature if it is not good.
func (k VerifyKey) Verify(tbs, sig []byte) error {
	if !k.Valid() || !ed25519.Verify(k.k, tbs, sig) {
		return ErrSignature
	}
	return nil
}

// SigningKey is an Ed25519 private key. It prints as "[redacted]". The zero value is invalid.
type SigningKey struct {
	redacted
	k   hidden[ed25519.PrivateKey]
	pub VerifyKey
}

// GenerateSigningKey draws a 32-byte seed from rand. ErrRandom if rand fails.
func GenerateSigningKey(rand io.Reader) (SigningKey, error) {
	seed, err := randomBytes(rand, SeedSize)
	if err != nil {
		return SigningKey{}, err
	}
	return SigningKeyFromSeed(seed)
}

// SigningKeyFromSeed expands a 32-byte seed (RFC 8032, section 5.1.5). Any other length, or zeros, is ErrKey.
func SigningKeyFromSeed(seed []byte) (SigningKey, error) {
	if len(seed) != SeedSize || allZero(seed) {
		return SigningKey{}, ErrKey
	}
	k := ed25519.NewKeyFromSeed(seed)
	pub, err := DecodeVerifyKey(k[SeedSize:])
	if err != nil {
		return SigningKey{}, err
	}
	return SigningKey{k: hide(k), pub: pub}, nil
}

// Valid reports whether k is set.
func (k SigningKey) Valid() bool { return k.k != nil }

// Public returns the verification key, the invalid zero key for the zero value.
func (k SigningKey) Public() VerifyKey { return k.pub }

// Sign returns the 64-byte signature over tbs, which is some ⟨L: ...⟩; nil for the zero value.
func (k SigningKey) Sign(tbs []byte) []byte {
	if !k.Valid() {
		return nil
	}
	return ed25519.Sign(k.k(), tbs)
}

// Seed returns a copy of the 32-byte seed, nil for the zero value.
func (k SigningKey) Seed() []byte {
	if !k.Valid() {
		return nil
	}
	return k.k().Seed()
}

// Equal reports whether both are the same key, in constant time. A zero value equals nothing.
func (k SigningKey) Equal(o SigningKey) bool {
	return k.Valid() && o.Valid() && subtle.ConstantTimeCompare(k.k(), o.k()) == 1
}
