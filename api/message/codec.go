package message

import (
	"encoding/binary"
	"errors"
	"fmt"

	"medunion/ecc"
)

// ErrFormat is returned, wrapped with the place, for bytes that are not the
// canonical encoding of what was expected. It never carries the bytes.
var ErrFormat = errors.New("message: not canonical")

// Hash is a SHA-256 digest, 32 bytes.
type Hash = ecc.Hash

// SignatureSize is the length in bytes of every signature: Ed25519.
const SignatureSize = 64

// reader hands out the fields of one ⟨L: ..⟩ in order and keeps the first error,
// so that a decoder reads like the list of its fields.
type reader struct {
	label  ecc.Label
	fields [][]byte
	next   int
	err    error
}

// read splits b into exactly n fields under the label.
func read(l ecc.Label, b []byte, n int) *reader {
	f, err := ecc.Decode(l, b, n)
	r := &reader{label: l, fields: f}
	if err != nil {
		r.fail()
	}
	return r
}

func (r *reader) fail() {
	if r.err == nil {
		r.err = fmt.Errorf("%w: %s, field %d", ErrFormat, r.label, r.next)
	}
}

// take returns the next field, or nil once something has failed.
func (r *reader) take() []byte {
	if r.err != nil || r.next >= len(r.fields) {
		r.fail()
		return nil
	}
	f := r.fields[r.next]
	r.next++
	return f
}

// bytes returns a field of lo to hi bytes.
func (r *reader) bytes(lo, hi int) []byte {
	f := r.take()
	if len(f) < lo || len(f) > hi {
		r.fail()
		return nil
	}
	return f
}

func (r *reader) hash() (h Hash) {
	copy(h[:], r.bytes(len(h), len(h)))
	return h
}

func (r *reader) array16() (a [16]byte) {
	copy(a[:], r.bytes(len(a), len(a)))
	return a
}

func (r *reader) signature() []byte { return r.bytes(SignatureSize, SignatureSize) }

func (r *reader) u8() uint8 {
	if f := r.bytes(1, 1); f != nil {
		return f[0]
	}
	return 0
}

func (r *reader) u32() uint32 {
	if f := r.bytes(4, 4); f != nil {
		return binary.BigEndian.Uint32(f)
	}
	return 0
}

func (r *reader) u64() uint64 {
	if f := r.bytes(8, 8); f != nil {
		return binary.BigEndian.Uint64(f)
	}
	return 0
}

func (r *reader) millis() Millis { return Millis(r.u64()) }

func (r *reader) suite() ecc.Suite {
	s := ecc.Suite(r.u8())
	if !s.Valid() {
		r.fail()
	}
	return s
}

func (r *reader) id() ID {
	id := ID(r.take())
	if !id.Valid() {
		r.fail()
	}
	return id
}

func (r *reader) code() Code {
	c := Code(r.take())
	if !c.Valid() {
		r.fail()
	}
	return c
}

func (r *reader) point() ecc.Point {
	p, err := ecc.DecodePoint(r.take())
	if err != nil {
		r.fail()
	}
	return p
}

func (r *reader) verifyKey() ecc.VerifyKey {
	k, err := ecc.DecodeVerifyKey(r.take())
	if err != nil {
		r.fail()
	}
	return k
}

func (r *reader) kemKey(s ecc.Suite) ecc.KEMPublicKey {
	k, err := ecc.DecodeKEMPublicKey(s, r.take())
	if err != nil {
		r.fail()
	}
	return k
}

func (r *reader) credential() Credential {
	c, err := DecodeCredential(r.take())
	if err != nil {
		r.fail()
	}
	return c
}

func (r *reader) consent() Consent {
	c, err := DecodeConsent(r.take())
	if err != nil {
		r.fail()
	}
	return c
}

// list splits a field into at most limit elements under its own label.
func (r *reader) list(l ecc.Label, limit int) [][]byte {
	f, err := ecc.DecodeList(l, r.take(), limit)
	if err != nil {
		r.fail()
	}
	return f
}

// hashes returns a list of hashes in the order given.
func (r *reader) hashes(limit int) []Hash { return r.hashList(ecc.LabelHashes, limit) }

func (r *reader) hashList(l ecc.Label, limit int) []Hash {
	return decodeEach(r, l, limit, func(f []byte) (Hash, error) {
		if len(f) != len(Hash{}) {
			return Hash{}, ErrFormat
		}
		return Hash(f), nil
	})
}

// sortedHashes returns a list of ascending hashes without repetition.
func (r *reader) sortedHashes(l ecc.Label, limit int) []Hash {
	h := r.hashList(l, limit)
	for i := 1; i < len(h); i++ {
		if compareHash(h[i-1], h[i]) >= 0 {
			r.fail()
			return nil
		}
	}
	return h
}

// codes returns a sorted list of codes without repetition.
func (r *reader) codes(limit int) []Code {
	var out []Code
	for _, f := range r.list(ecc.LabelList, limit) {
		c := Code(f)
		if !c.Valid() || len(out) > 0 && out[len(out)-1] >= c {
			r.fail()
			return nil
		}
		out = append(out, c)
	}
	return out
}

// done returns the first error, also when a field was left over.
func (r *reader) done() error {
	if r.err == nil && r.next != len(r.fields) {
		r.fail()
	}
	return r.err
}

func u8(v uint8) []byte   { return []byte{v} }
func u32(v uint32) []byte { return binary.BigEndian.AppendUint32(nil, v) }
func u64(v uint64) []byte { return binary.BigEndian.AppendUint64(nil, v) }

func encodeHashes(h []Hash) []byte { return encodeHashList(ecc.LabelHashes, h) }

func encodeHashList(l ecc.Label, h []Hash) []byte {
	f := make([][]byte, len(h))
	for i := range h {
		f[i] = h[i][:]
	}
	return ecc.Encode(l, f...)
}

func encodeCodes(codes []Code) []byte {
	f := make([][]byte, len(codes))
	for i, c := range codes {
		f[i] = []byte(c)
	}
	return ecc.Encode(ecc.LabelList, f...)
}

// encodeEach encodes a list whose elements encode themselves.
func encodeEach[T interface{ Encode() []byte }](l ecc.Label, items []T) []byte {
	f := make([][]byte, len(items))
	for i := range items {
		f[i] = items[i].Encode()
	}
	return ecc.Encode(l, f...)
}

// decodeEach decodes the elements of a list field with their own decoder.
func decodeEach[T any](r *reader, l ecc.Label, limit int, decode func([]byte) (T, error)) []T {
	var out []T
	for _, f := range r.list(l, limit) {
		v, err := decode(f)
		if err != nil {
			r.fail()
			return nil
		}
		out = append(out, v)
	}
	return out
}
