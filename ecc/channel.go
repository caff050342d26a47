package ecc

import (
	"crypto/cipher"
	"encoding/binary"
	"math"

	"golang.org/x/crypto/chacha20poly1305"
)

// Direction names who speaks to whom inside a session, so that the two ways have
// different keys and a message cannot be reflected.
type Direction string

// The four directions of the protocol.
const (
	PatientToDoctor  Direction = "P>D"
	DoctorToPatient  Direction = "D>P"
	DoctorToHospital Direction = "D>H"
	HospitalToDoctor Direction = "H>D"
)

// Valid reports whether d is one of the four.
func (d Direction) Valid() bool {
	switch d {
	case PatientToDoctor, DoctorToPatient, DoctorToHospital, HospitalToDoctor:
		return true
	}
	return false
}

// Channel is one direction of a session: ChaCha20-Poly1305 under its own key and iv.
// It prints as "[redacted]". The zero value is invalid.
type Channel struct {
	redacted
	s hidden[channelSecrets]
}

type channelSecrets struct {
	key [chacha20poly1305.KeySize]byte
	iv  [chacha20poly1305.NonceSize]byte
}

// Channel derives key, iv = Expand(SEK, ⟨key|iv: d, th⟩, 32 | 12), th being the
// transcript after the second message. A zero SessionKey or an unknown direction gives the zero Channel.
func (k SessionKey) Channel(d Direction, th Hash) Channel {
	if !d.Valid() {
		return Channel{}
	}
	key, err := k.expand(chacha20poly1305.KeySize, LabelSessionKey, []byte(d), th[:])
	if err != nil {
		return Channel{}
	}
	iv, err := k.expand(chacha20poly1305.NonceSize, LabelSessionIV, []byte(d), th[:])
	if err != nil {
		return Channel{}
	}
	return Channel{s: hide(channelSecrets{key: [32]byte(key), iv: [12]byte(iv)})}
}

// Valid reports whether c is set.
func (c Channel) Valid() bool { return c.s != nil }

// Seal encrypts message number seq; the result is 16 bytes longer than plaintext.
// Promise of the caller: no seq is used twice (Sequence keeps it), since two plaintexts
// under one nonce give both away. seq 0 is ErrSequence.
func (c Channel) Seal(seq uint64, aad, plaintext []byte) ([]byte, error) {
	aead, nonce, err := c.message(seq)
	if err != nil {
		return nil, err
	}
	return aead.Seal(nil, nonce, plaintext, aad), nil
}

// Open decrypts message number seq. It keeps no state: the caller's Sequence decides
// which seq comes next. Anything altered, from the other direction or under another number is ErrOpen.
func (c Channel) Open(seq uint64, aad, ciphertext []byte) ([]byte, error) {
	aead, nonce, err := c.message(seq)
	if err != nil {
		return nil, err
	}
	pt, err := aead.Open(nil, nonce, ciphertext, aad)
	if err != nil {
		return nil, ErrOpen
	}
	return pt, nil
}

// message returns the cipher and message seq's nonce, iv xor seq with seq big-endian in the last 8 bytes.
func (c Channel) message(seq uint64) (cipher.AEAD, []byte, error) {
	if !c.Valid() {
		return nil, nil, ErrKey
	}
	if seq == 0 {
		return nil, nil, ErrSequence
	}
	s := c.s()
	aead, err := chacha20poly1305.New(s.key[:])
	if err != nil {
		return nil, nil, ErrKey
	}
	nonce := s.iv[:]
	tail := nonce[chacha20poly1305.NonceSize-8:]
	binary.BigEndian.PutUint64(tail, binary.BigEndian.Uint64(tail)^seq)
	return aead, nonce, nil
}

// Sequence counts the messages of one direction, from 1. The zero value has seen none.
// A Sequence is for one goroutine, and a copy of one is a second counter over the same nonces.
type Sequence struct{ last uint64 }

// NewSequence continues after last, as Value returned it.
func NewSequence(last uint64) *Sequence { return &Sequence{last: last} }

// Value returns the last number given out or accepted, to be stored.
func (s *Sequence) Value() uint64 { return s.last }

// Next returns the sender's next number. When none is left it returns 0 for ever, which
// Channel.Seal refuses.
func (s *Sequence) Next() uint64 {
	if s.last == math.MaxUint64 {
		return 0
	}
	s.last++
	return s.last
}

// Accept takes the receiver's next number. It must be exactly the last one plus 1: less
// is a replay, more means that messages were cut out. Both are ErrSequence and change nothing.
func (s *Sequence) Accept(seq uint64) error {
	if s.last == math.MaxUint64 || seq != s.last+1 {
		return ErrSequence
	}
	s.last = seq
	return nil
}
