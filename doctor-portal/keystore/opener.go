package keystore

import (
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"io"
	"slices"

	"medunion/api/problem"
	"medunion/ecc"
	"medunion/ecc/vault"
)

// PRFSize is the size in bytes of a passkey's PRF output (WebAuthn level 3, prf extension).
const PRFSize = 32

// Bounds on openers.
const (
	MinPassphrase   = 12 // bytes: a stolen file can be tried offline
	maxPassphrase   = 1024
	maxCredentialID = 1400 // characters of base64url: 1023 bytes (WebAuthn, credential id)
	maxOpeners      = 16
)

// Kind is the kind of an opener.
type Kind uint8

// The kinds of opener.
const (
	Passphrase Kind = 1
	Passkey    Kind = 2
)

// Opener is the secret that opens the store: either a passphrase, or the PRF output of
// a passkey with the id of its credential. It prints as "[redacted]".
type Opener struct {
	Passphrase   []byte
	PRF          []byte // 32 bytes
	CredentialID string // base64url without padding
}

// String returns "[redacted]".
func (Opener) String() string { return "[redacted]" }

// GoString returns "[redacted]".
func (Opener) GoString() string { return "[redacted]" }

// Name is an opener without its secret.
type Name struct {
	Kind         Kind
	CredentialID string // of a passkey
}

// wrapped is the store key under one opener.
type wrapped struct {
	Name
	key []byte
}

// name checks the form of an opener: exactly one secret, of its size. For a new one the
// passphrase has at least MinPassphrase bytes.
func (o Opener) name(fresh bool) (Name, error) {
	switch {
	case len(o.PRF) == 0 && o.CredentialID == "" && len(o.Passphrase) > 0:
		if fresh && len(o.Passphrase) < MinPassphrase || len(o.Passphrase) > maxPassphrase {
			return Name{}, problem.Invalid("The passphrase must have 12 to 1024 bytes.").Because(ErrPassphrase)
		}
		return Name{Kind: Passphrase}, nil
	case len(o.Passphrase) == 0 && len(o.PRF) == PRFSize && validCredentialID(o.CredentialID):
		return Name{Kind: Passkey, CredentialID: o.CredentialID}, nil
	}
	return Name{}, problem.Invalid("An opener is a passphrase, or a passkey's 32-byte output with its credential id.")
}

func validCredentialID(id string) bool {
	if id == "" || len(id) > maxCredentialID {
		return false
	}
	for _, c := range []byte(id) {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return false
		}
	}
	return true
}

// wrap seals the store key under a new opener.
func (o Opener) wrap(rand io.Reader, key []byte) (wrapped, error) {
	name, err := o.name(true)
	if err != nil {
		return wrapped{}, err
	}
	w := wrapped{Name: name}
	if name.Kind == Passphrase {
		w.key, err = vault.Seal(rand, o.Passphrase, key, vault.DefaultParams)
	} else {
		w.key, err = o.sealUnderPRF(rand, key)
	}
	if err != nil {
		return wrapped{}, problem.Internal(err)
	}
	return w, nil
}

func (o Opener) sealUnderPRF(rand io.Reader, key []byte) ([]byte, error) {
	kek, err := o.prfKey()
	if err != nil {
		return nil, err
	}
	defer clear(kek)
	return ecc.SealAtRest(rand, kek, nil, key)
}

// prfKey is HKDF-SHA256 (RFC 5869) of the PRF output, with the credential id in info:
// another credential of the same authenticator gives another key.
func (o Opener) prfKey() ([]byte, error) {
	info := ecc.Encode(ecc.LabelStoreOpener, []byte{byte(Passkey)}, []byte(o.CredentialID))
	return hkdf.Key(sha256.New, o.PRF, nil, string(info), ecc.AtRestKeySize)
}

// unwrap opens the store key with the opener of the same name. A wrong secret and an
// altered file cannot be told apart: both are ErrOpener.
func (o Opener) unwrap(all []wrapped) ([]byte, error) {
	name, err := o.name(false)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(all, func(w wrapped) bool { return w.Name == name })
	if i < 0 {
		return nil, problem.Refused(ErrOpener)
	}
	key, err := o.open(all[i].key)
	if err != nil || len(key) != ecc.AtRestKeySize {
		return nil, problem.Refused(errors.Join(ErrOpener, err))
	}
	return key, nil
}

func (o Opener) open(w []byte) ([]byte, error) {
	if len(o.Passphrase) > 0 {
		return vault.Open(o.Passphrase, w)
	}
	kek, err := o.prfKey()
	if err != nil {
		return nil, err
	}
	defer clear(kek)
	return ecc.OpenAtRest(kek, nil, w)
}

func (w wrapped) encode() []byte {
	return ecc.Encode(ecc.LabelStoreOpener, []byte{byte(w.Kind)}, []byte(w.CredentialID), w.key)
}

func decodeWrapped(b []byte) (wrapped, error) {
	f, err := ecc.Decode(ecc.LabelStoreOpener, b, 3)
	if err != nil || len(f[0]) != 1 {
		return wrapped{}, ErrFormat
	}
	w := wrapped{Name: Name{Kind: Kind(f[0][0]), CredentialID: string(f[1])}, key: f[2]}
	good := w.Kind == Passphrase && w.CredentialID == "" || w.Kind == Passkey && validCredentialID(w.CredentialID)
	if !good {
		return wrapped{}, ErrFormat
	}
	return w, nil
}

func encodeOpeners(all []wrapped) []byte {
	f := make([][]byte, len(all))
	for i, w := range all {
		f[i] = w.encode()
	}
	return ecc.Encode(ecc.LabelList, f...)
}

// decodeOpeners reads 1 to 16 openers, each name once.
func decodeOpeners(b []byte) ([]wrapped, error) {
	f, err := ecc.DecodeList(ecc.LabelList, b, maxOpeners)
	if err != nil || len(f) == 0 {
		return nil, ErrFormat
	}
	var out []wrapped
	for _, x := range f {
		w, err := decodeWrapped(x)
		if err != nil || hasName(out, w.Name) {
			return nil, ErrFormat
		}
		out = append(out, w)
	}
	return out, nil
}

func hasName(all []wrapped, n Name) bool {
	return slices.ContainsFunc(all, func(w wrapped) bool { return w.Name == n })
}

func names(all []wrapped) []Name {
	out := make([]Name, len(all))
	for i, w := range all {
		out[i] = w.Name
	}
	return out
}
