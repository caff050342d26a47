package ecc

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"math"
)

// Hash is a SHA-256 value, 32 bytes.
type Hash = [32]byte

const (
	maxLabel    = math.MaxUint8
	fieldHeader = 4
)

// Encode returns ⟨L: f1..fn⟩ = u8 len(L) || L || u16 n || (u32 len(f) || f)*, big-endian.
// No two different inputs give the same bytes, and no encoding is a prefix of another.
//
// It panics if the label is not 1 to 255 bytes, or if there are more than 65535 fields
// or a field of 4 GiB: each is a mistake in the program, since labels are constants and
// lists and messages are capped far below.
func Encode(l Label, fields ...[]byte) []byte {
	b := make([]byte, 0, encodedSize(l, fields))
	b = append(b, byte(len(l)))
	b = append(b, l...)
	b = binary.BigEndian.AppendUint16(b, uint16(len(fields)))
	for _, f := range fields {
		b = binary.BigEndian.AppendUint32(b, uint32(len(f)))
		b = append(b, f...)
	}
	return b
}

func encodedSize(l Label, fields [][]byte) int {
	if len(l) == 0 || len(l) > maxLabel || len(fields) > math.MaxUint16 {
		panic("ecc: label or number of fields out of range")
	}
	n := 1 + len(l) + 2
	for _, f := range fields {
		if uint64(len(f)) > math.MaxUint32 {
			panic("ecc: field too long to encode")
		}
		n += fieldHeader + len(f)
	}
	return n
}

// Decode returns the fields of b, which must be ⟨l: f1..fn⟩ with exactly n fields and
// no byte after it; anything else is ErrEncoding. The fields alias b.
func Decode(l Label, b []byte, n int) ([][]byte, error) {
	fields, err := DecodeList(l, b, n)
	if err != nil || len(fields) != n {
		return nil, ErrEncoding
	}
	return fields, nil
}

// DecodeList is Decode for a list of 0 to max fields.
func DecodeList(l Label, b []byte, max int) ([][]byte, error) {
	count, rest, err := decodeHead(l, b)
	// The count is checked against the bytes that are there before anything is allocated for it.
	if err != nil || count > max || count*fieldHeader > len(rest) {
		return nil, ErrEncoding
	}
	fields := make([][]byte, count)
	for i := range fields {
		if fields[i], rest, err = decodeField(rest); err != nil {
			return nil, err
		}
	}
	if len(rest) != 0 {
		return nil, ErrEncoding
	}
	return fields, nil
}

func decodeHead(l Label, b []byte) (count int, rest []byte, err error) {
	head := 1 + len(l) + 2
	if len(l) == 0 || len(l) > maxLabel || len(b) < head {
		return 0, nil, ErrEncoding
	}
	if int(b[0]) != len(l) || string(b[1:1+len(l)]) != string(l) {
		return 0, nil, ErrEncoding
	}
	return int(binary.BigEndian.Uint16(b[head-2:])), b[head:], nil
}

func decodeField(b []byte) (field, rest []byte, err error) {
	if len(b) < fieldHeader {
		return nil, nil, ErrEncoding
	}
	n := uint64(binary.BigEndian.Uint32(b))
	b = b[fieldHeader:]
	if n > uint64(len(b)) {
		return nil, nil, ErrEncoding
	}
	// The capacity ends with the field, so that appending to it cannot write into the next one.
	return b[:n:n], b[n:], nil
}

// H returns SHA-256(⟨l: fields⟩).
func H(l Label, fields ...[]byte) Hash { return sha256.Sum256(Encode(l, fields...)) }

// Sum returns SHA-256(b), for bytes that already are some ⟨L: ...⟩.
func Sum(b []byte) Hash { return sha256.Sum256(b) }

// HMAC returns HMAC-SHA256(key, ⟨l: fields⟩).
func HMAC(key []byte, l Label, fields ...[]byte) Hash { return hmacSum(key, Encode(l, fields...)) }

func hmacSum(key, msg []byte) Hash {
	m := hmac.New(sha256.New, key)
	m.Write(msg)
	return Hash(m.Sum(nil))
}
