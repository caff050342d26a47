package keystore

import (
	"bytes"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"io"

	"medunion/api/message"
	"medunion/ecc"
	"medunion/ecc/vault"
)

// Opener is a secret that opens a store: a passphrase, or what a passkey's PRF extension
// gives. It is not kept.
type Opener struct {
	Passphrase   []byte
	PRF          []byte // 32 bytes; instead of a passphrase
	CredentialID []byte // of the passkey; to open, the store knows it
}

// Passphrase is the opener of a passphrase.
func Passphrase(p []byte) Opener { return Opener{Passphrase: p} }

// PRFSize is the size of a PRF extension's output in bytes.
const PRFSize = 32

// Passkey is what the header tells of the passkey that approves consents.
type Passkey struct {
	CredentialID []byte
	RPID         string
}

// Header is what a store shows while it is locked: what opens it and what approves a
// consent. Nothing in it is secret; it is authenticated when the store is opened.
type Header struct {
	Verification message.VerificationKind
	Passkey      *Passkey // of kind webauthn
	openers      []sealedKey
}

// sealedKey is the store key under one opener.
type sealedKey struct {
	kind         message.VerificationKind
	credentialID []byte
	sealed       []byte
}

// Openers lists the kinds of what opens the store.
func (h Header) Openers() (kinds []message.VerificationKind) {
	for _, o := range h.openers {
		kinds = append(kinds, o.kind)
	}
	return kinds
}

const maxOpeners = 8

func (h Header) encode() []byte {
	var id []byte
	var rp string
	if h.Passkey != nil {
		id, rp = h.Passkey.CredentialID, h.Passkey.RPID
	}
	fields := [][]byte{{byte(h.Verification)}, id, []byte(rp)}
	for _, o := range h.openers {
		fields = append(fields, ecc.Encode(ecc.LabelPatientOpener, []byte{byte(o.kind)}, o.credentialID, o.sealed))
	}
	return ecc.Encode(ecc.LabelPatientHeader, fields...)
}

func decodeHeader(b []byte) (h Header, err error) {
	f, err := ecc.DecodeList(ecc.LabelPatientHeader, b, 3+maxOpeners)
	if err != nil || len(f) < 4 || len(f[0]) != 1 {
		return Header{}, ErrFormat
	}
	h.Verification = message.VerificationKind(f[0][0])
	if h.Verification == message.KindWebAuthn {
		h.Passkey = &Passkey{CredentialID: f[1], RPID: string(f[2])}
	}
	for _, raw := range f[3:] {
		o, err := ecc.Decode(ecc.LabelPatientOpener, raw, 3)
		if err != nil || len(o[0]) != 1 {
			return Header{}, ErrFormat
		}
		h.openers = append(h.openers, sealedKey{kind: message.VerificationKind(o[0][0]), credentialID: o[1], sealed: o[2]})
	}
	return h, nil
}

// seal puts the store key under an opener.
func (o Opener) seal(rand io.Reader, storeKey []byte, cost vault.Params) (s sealedKey, err error) {
	if o.PRF == nil {
		s.kind = message.KindPassphrase
		s.sealed, err = vault.Seal(rand, o.Passphrase, storeKey, cost)
		return s, err
	}
	wrap, err := prfKey(o.PRF, o.CredentialID)
	if err != nil {
		return s, err
	}
	defer clear(wrap)
	s.kind, s.credentialID = message.KindWebAuthn, bytes.Clone(o.CredentialID)
	s.sealed, err = ecc.SealAtRest(rand, wrap, ecc.Encode(ecc.LabelPasskeyOpener, s.credentialID), storeKey)
	return s, err
}

// open takes the store key out, ErrPassphrase if this is another opener.
func (s sealedKey) open(o Opener) ([]byte, error) {
	if (s.kind == message.KindWebAuthn) != (o.PRF != nil) {
		return nil, ErrPassphrase
	}
	if o.PRF == nil {
		key, err := vault.Open(o.Passphrase, s.sealed)
		if errors.Is(err, vault.ErrFormat) {
			return nil, ErrFormat
		}
		return key, anyIs(err, ErrPassphrase)
	}
	wrap, err := prfKey(o.PRF, s.credentialID)
	if err != nil {
		return nil, ErrPassphrase
	}
	defer clear(wrap)
	key, err := ecc.OpenAtRest(wrap, ecc.Encode(ecc.LabelPasskeyOpener, s.credentialID), s.sealed)
	return key, anyIs(err, ErrPassphrase)
}

func anyIs(err, as error) error {
	if err != nil {
		return as
	}
	return nil
}

// prfKey is HKDF-SHA-256 of the PRF's output, bound to the credential: the same
// output from another passkey, or for another use, is another key.
func prfKey(prf, credentialID []byte) ([]byte, error) {
	if len(prf) != PRFSize || len(credentialID) == 0 {
		return nil, ErrPassphrase
	}
	return hkdf.Key(sha256.New, prf, nil, string(ecc.Encode(ecc.LabelPasskeyOpener, credentialID)), keySize)
}

// storeKey finds the store key under one of the openers.
func (h Header) storeKey(o Opener) ([]byte, error) {
	for _, s := range h.openers {
		key, err := s.open(o)
		if !errors.Is(err, ErrPassphrase) {
			return key, err
		}
	}
	return nil, ErrPassphrase
}

// Inspect reads what a store shows while it is locked.
func Inspect(path string) (Header, error) {
	raw, err := readFile(path)
	if err != nil {
		return Header{}, err
	}
	f, err := parseFile(raw)
	return f.header, err
}
