// Package message holds every message of the protocol: what is signed, what is
// sealed, and the canonical bytes of both.
//
// All structures are written in the injective encoding ⟨L: f1..fn⟩ of package
// ecc. Decoding is strict: a wrong label, a wrong number of fields, a field out
// of its bounds, a point that is the identity or not canonical, an unsorted or
// repeated list element, or one byte too many is refused before a value exists.
// Decoded values are therefore valid by construction, and encoding a decoded
// value gives the same bytes back.
//
// Numbers are unsigned and big-endian with a fixed width (u8, u16, u32, u64).
// Times are milliseconds since 1970-01-01 UTC in a u64. Hashes are SHA-256, 32
// bytes. Signatures are Ed25519, 64 bytes. Points are Ristretto255, 32 bytes.
//
// The package computes and compares; it holds no state, reads no clock and
// knows no network. What a role must check in which order stands in the roles.
package message
