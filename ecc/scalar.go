package ecc

import (
	"bytes"
	"io"

	"github.com/cloudflare/circl/group"
)

// ScalarSize is the length of an encoded scalar in bytes.
const ScalarSize = 32

// curve is Ristretto255 (RFC 9496), a group of prime order: no cofactor, no small
// subgroup. circl documents its NIST scalar arithmetic as not constant time, hence no P-256.
var curve = group.Ristretto255

// Scalar is a secret integer modulo the group's order, never zero. It prints as
// "[redacted]" (circl's own scalar prints itself in hex). The zero value is invalid.
type Scalar struct {
	redacted
	s hidden[group.Scalar]
}

func scalarFrom(s group.Scalar) (Scalar, error) {
	if s.IsZero() {
		return Scalar{}, ErrScalar
	}
	return Scalar{s: hide(s)}, nil
}

// GenerateScalar hashes 64 bytes of rand to a scalar: circl's RandomScalar for this group ignores
// the reader it is given. ErrRandom if rand fails.
func GenerateScalar(rand io.Reader) (Scalar, error) {
	seed, err := randomBytes(rand, 64)
	if err != nil {
		return Scalar{}, err
	}
	s := HashToScalar(Encode(LabelScalar, seed))
	if !s.Valid() {
		return Scalar{}, ErrScalar
	}
	return s, nil
}

// DecodeScalar reads the canonical 32-byte little-endian encoding (RFC 9496, section 4.4).
// Zero, any value not below the order, and any other length are ErrScalar.
func DecodeScalar(b []byte) (Scalar, error) {
	if len(b) != ScalarSize {
		return Scalar{}, ErrScalar
	}
	s := curve.NewScalar()
	if err := s.UnmarshalBinary(b); err != nil {
		return Scalar{}, ErrScalar
	}
	// Earlier versions of circl reduced instead of refusing: do not depend on the version.
	again, err := s.MarshalBinary()
	if err != nil || !bytes.Equal(again, b) {
		return Scalar{}, ErrScalar
	}
	return scalarFrom(s)
}

// HashToScalar is RFC 9380's expand_message_xmd with SHA-512 to 64 bytes under
// ScalarDST, read little-endian and reduced modulo the order. msg carries its own label.
// Should the result be zero (chance 2^-252), the invalid zero Scalar is returned.
func HashToScalar(msg []byte) Scalar {
	s, _ := scalarFrom(curve.HashToScalar(msg, []byte(ScalarDST)))
	return s
}

// Valid reports whether s is set.
func (s Scalar) Valid() bool { return s.s != nil }

// SecretBytes returns the 32-byte canonical encoding, nil for the zero value.
func (s Scalar) SecretBytes() []byte {
	if !s.Valid() {
		return nil
	}
	b, err := s.s().MarshalBinary()
	if err != nil {
		return nil
	}
	return b
}

// Public returns sP, the invalid zero Point for the zero value.
func (s Scalar) Public() Point {
	if !s.Valid() {
		return Point{}
	}
	p, _ := pointFrom(curve.NewElement().MulGen(s.s()))
	return p
}

// add returns s + t; ErrScalar if either is unset or the sum is zero.
func (s Scalar) add(t Scalar) (Scalar, error) {
	if !s.Valid() || !t.Valid() {
		return Scalar{}, ErrScalar
	}
	return scalarFrom(curve.NewScalar().Add(s.s(), t.s()))
}

// mul returns s t; ErrScalar if either is unset.
func (s Scalar) mul(t Scalar) (Scalar, error) {
	if !s.Valid() || !t.Valid() {
		return Scalar{}, ErrScalar
	}
	return scalarFrom(curve.NewScalar().Mul(s.s(), t.s()))
}
