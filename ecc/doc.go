// Package ecc is the protocol's cryptography: the curve and the keys, and nothing
// that knows a message, a network or a store.
//
//   - the injective encoding ⟨L: f1..fn⟩ and the hashes over it;
//   - Ristretto255 points and scalars, partial keys (Eq. 2-10) and session keys (Eq. 17, 22, 39, 44);
//   - HPKE (RFC 9180), Ed25519, and AEAD for sessions and for data at rest.
//
// The types are built so that holding one is proof that it is good: a Point is
// canonical and never the identity, a Scalar is reduced and never zero, a VerifyKey
// has no small order. The zero value of each key type is invalid: its methods fail or
// return something that every other method and every decoder refuses; none panics.
//
// Types that hold secrets print as "[redacted]" under fmt, slog and encoding/json.
// Their bytes come out only through methods named SecretBytes or Seed.
//
// Secrets are dropped, not overwritten: Go may have copied them, so a promise to wipe
// memory could not be kept.
//
// All values are safe for concurrent use except Sequence.
package ecc
