package ecc

import (
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/subtle"
)

// SessionKeySize and ExportSize are in bytes.
const (
	SessionKeySize = 32
	ExportSize     = 32
)

// Agreement is the public input of a session key, the same on both sides, the
// initiator first: patient and doctor for SEK_1 (Eq. 17, 22), doctor and hospital for
// SEK_2 (Eq. 39, 44).
type Agreement struct {
	Label                  Label  // LabelSEK1 or LabelSEK2
	TH                     Hash   // transcript after the first message
	CInitiator, CResponder Hash   // H(credential): c_P, c_D or c_D, c_HPC
	RInitiator, RResponder Point  // R_P2, R_D2 or R_D3, R_HPC2
	EncResponder           []byte // enc of the second message's HPKE, 32 or 1120 bytes
}

// Secrets is one side's secret input: its implicit secret key S, its ephemeral R (the
// scalar r), and the exports of the first and the second message's HPKE, 32 bytes each. It prints as "[redacted]".
type Secrets struct {
	redacted
	S, R   Scalar
	X1, X2 []byte
}

// SessionKey is SEK_1 or SEK_2, 32 bytes. It prints as "[redacted]". The zero value is invalid.
type SessionKey struct {
	redacted
	k hidden[[SessionKeySize]byte]
}

// Initiator derives the session key on the side that sent RInitiator. peerA is the
// responder's implicit key. ErrKey, ErrPoint or ErrScalar if an input is missing, is not this side's
// own, or degenerates.
func (a Agreement) Initiator(s Secrets, peerA Point) (SessionKey, error) {
	return a.derive(s, a.RInitiator, a.RResponder, peerA)
}

// Responder derives the session key on the side that sent RResponder. peerA is the
// initiator's implicit key.
func (a Agreement) Responder(s Secrets, peerA Point) (SessionKey, error) {
	return a.derive(s, a.RResponder, a.RInitiator, peerA)
}

func (a Agreement) derive(s Secrets, ownR, peerR, peerA Point) (SessionKey, error) {
	if err := a.check(s); err != nil {
		return SessionKey{}, err
	}
	if !s.R.Public().Equal(ownR) {
		return SessionKey{}, ErrKey
	}
	k1, k2, k3, err := s.sharedPoints(peerR, peerA)
	if err != nil {
		return SessionKey{}, err
	}
	// SEK = HKDF-Extract(salt = H⟨SEK: th, c_I, c_R, R_I, R_R, enc⟩, ikm = ⟨ikm: K1, K2, K3, x1, x2⟩)
	salt := H(a.Label, a.TH[:], a.CInitiator[:], a.CResponder[:],
		a.RInitiator.Bytes(), a.RResponder.Bytes(), a.EncResponder)
	ikm := Encode(LabelIKM, k1.Bytes(), k2.Bytes(), k3.Bytes(), s.X1, s.X2)
	sek, err := hkdf.Extract(sha256.New, ikm, salt[:])
	if err != nil {
		return SessionKey{}, ErrKey
	}
	return DecodeSessionKey(sek)
}

// check refuses what a program forgot to fill in, and a session with oneself: an
// honest run never has equal credentials or equal ephemerals.
func (a Agreement) check(s Secrets) error {
	switch {
	case a.Label != LabelSEK1 && a.Label != LabelSEK2,
		a.TH == Hash{}, a.CInitiator == Hash{}, a.CResponder == Hash{},
		a.CInitiator == a.CResponder,
		len(a.EncResponder) != SuiteX25519.EncSize() && len(a.EncResponder) != SuiteXWing.EncSize(),
		len(s.X1) != ExportSize, len(s.X2) != ExportSize:
		return ErrKey
	case !a.RInitiator.Valid(), !a.RResponder.Valid(), a.RInitiator.Equal(a.RResponder):
		return ErrPoint
	case !s.S.Valid(), !s.R.Valid():
		return ErrScalar
	}
	return nil
}

// sharedPoints returns K1, K2 and K3; the identity is refused for each.
//
// One formula serves both sides, because A_X = S_X P and R = rP:
//
//	responder D (17), D-HPC (39): K1 = S_D R_P2 + r6 A_P = (S_D r5 + r6 S_P) P
//	initiator P (22), D-HPC (44): K1 = S_P R_D2 + r5 A_D = (S_P r6 + r5 S_D) P
//
// K2 = r6 R_P2 = r5 R_D2 is for forward secrecy, K3 = S_D A_P = S_P A_D keeps the key
// secret when both ephemerals leak.
func (s Secrets) sharedPoints(peerR, peerA Point) (k1, k2, k3 Point, err error) {
	var staticEphemeral, ephemeralStatic Point
	if staticEphemeral, err = peerR.mul(s.S); err != nil {
		return
	}
	if ephemeralStatic, err = peerA.mul(s.R); err != nil {
		return
	}
	if k1, err = staticEphemeral.add(ephemeralStatic); err != nil { // (17, 22, 39, 44)
		return
	}
	if k2, err = peerR.mul(s.R); err != nil {
		return
	}
	k3, err = peerA.mul(s.S)
	return
}

// DecodeSessionKey reads the 32 bytes of SecretBytes; any other length, or zeros, is ErrKey.
func DecodeSessionKey(b []byte) (SessionKey, error) {
	if len(b) != SessionKeySize || allZero(b) {
		return SessionKey{}, ErrKey
	}
	return SessionKey{k: hide([SessionKeySize]byte(b))}, nil
}

// Valid reports whether k is set.
func (k SessionKey) Valid() bool { return k.k != nil }

// SecretBytes returns a copy of the 32 bytes, nil for the zero value.
func (k SessionKey) SecretBytes() []byte {
	if !k.Valid() {
		return nil
	}
	b := k.k()
	return b[:]
}

// Confirm returns kc = HMAC(Expand(SEK, ⟨kc: role⟩, 32), tbs), by which the named
// role ("D", and "H" for the hospital) shows that it knows SEK. The zero value gives 32 zero bytes,
// which VerifyConfirm never accepts.
func (k SessionKey) Confirm(role string, tbs []byte) Hash {
	key, err := k.expand(32, LabelConfirm, []byte(role))
	if err != nil {
		return Hash{}
	}
	return hmacSum(key, tbs)
}

// VerifyConfirm checks the peer's key confirmation in constant time; ErrSignature if it is not good.
func (k SessionKey) VerifyConfirm(role string, tbs []byte, mac []byte) error {
	want := k.Confirm(role, tbs)
	if !k.Valid() || subtle.ConstantTimeCompare(want[:], mac) != 1 {
		return ErrSignature
	}
	return nil
}

func (k SessionKey) expand(n int, l Label, fields ...[]byte) ([]byte, error) {
	if !k.Valid() {
		return nil, ErrKey
	}
	return hkdf.Expand(sha256.New, k.SecretBytes(), string(Encode(l, fields...)), n)
}
