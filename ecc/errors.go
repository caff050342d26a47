package ecc

import "errors"

// The errors are few and opaque on purpose: they tell a caller what kind of thing
// was refused and an attacker nothing about why.
var (
	// ErrEncoding: bytes are not the strict ⟨L: f1..fn⟩ that was asked for.
	ErrEncoding = errors.New("ecc: malformed encoding")
	// ErrPoint: bytes are no canonical Ristretto255 point, or the point is the identity or unset.
	ErrPoint = errors.New("ecc: invalid point")
	// ErrScalar: bytes are no canonical scalar, or the scalar is zero or unset.
	ErrScalar = errors.New("ecc: invalid scalar")
	// ErrOpen: a ciphertext does not open under this key and associated data.
	ErrOpen = errors.New("ecc: message does not open")
	// ErrSignature: a signature, proof of possession or key confirmation does not verify.
	ErrSignature = errors.New("ecc: signature does not verify")
	// ErrKey: a key or a key agreement's input is malformed, weak, unset or not the one expected.
	ErrKey = errors.New("ecc: invalid key")
	// ErrSequence: a sequence number is not the next one, or none is left.
	ErrSequence = errors.New("ecc: sequence number out of order")
	// ErrRandom: the source of randomness is absent or failed; nothing was generated.
	ErrRandom = errors.New("ecc: no randomness")
)
