package ecc

import (
	"encoding/hex"

	"github.com/cloudflare/circl/group"
)

// PointSize is the length of an encoded point in bytes.
const PointSize = 32

// Point is a Ristretto255 element other than the identity. The zero value is invalid.
type Point struct {
	_   [0]func() // no ==: it would compare pointers
	e   group.Element
	enc [PointSize]byte
}

func pointFrom(e group.Element) (Point, error) {
	if e.IsIdentity() {
		return Point{}, ErrPoint
	}
	b, err := e.MarshalBinary()
	if err != nil || len(b) != PointSize {
		return Point{}, ErrPoint
	}
	return Point{e: e, enc: [PointSize]byte(b)}, nil
}

// DecodePoint reads the canonical 32-byte encoding (RFC 9496, section 4.3.1). The identity, which
// circl decodes without error, any other length and any non-canonical bytes are ErrPoint.
func DecodePoint(b []byte) (Point, error) {
	// The range check is our own: circl's tests leave two of the RFC's non-canonical encodings
	// out, so whether it refuses all of them is not promised.
	if len(b) != PointSize || !belowFieldPrime(b) {
		return Point{}, ErrPoint
	}
	e := curve.NewElement()
	if err := e.UnmarshalBinary(b); err != nil {
		// A failed decode may leave anything in e: it is dropped here.
		return Point{}, ErrPoint
	}
	if e.IsIdentity() {
		return Point{}, ErrPoint
	}
	return Point{e: e, enc: [PointSize]byte(b)}, nil
}

// Valid reports whether p is set.
func (p Point) Valid() bool { return p.e != nil }

// Bytes returns the 32-byte canonical encoding, nil for the zero value.
func (p Point) Bytes() []byte {
	if !p.Valid() {
		return nil
	}
	return p.enc[:]
}

// Equal reports whether p and q are the same element. A zero value equals nothing.
func (p Point) Equal(q Point) bool {
	return p.Valid() && q.Valid() && p.enc == q.enc
}

// String returns the encoding in hex.
func (p Point) String() string { return hex.EncodeToString(p.Bytes()) }

// add returns p + q; ErrPoint if either is unset or the sum is the identity.
func (p Point) add(q Point) (Point, error) {
	if !p.Valid() || !q.Valid() {
		return Point{}, ErrPoint
	}
	return pointFrom(curve.NewElement().Add(p.e, q.e))
}

// mul returns s p; an error if either is unset.
func (p Point) mul(s Scalar) (Point, error) {
	if !p.Valid() {
		return Point{}, ErrPoint
	}
	if !s.Valid() {
		return Point{}, ErrScalar
	}
	return pointFrom(curve.NewElement().Mul(p.e, s.s()))
}
