package ecc

import (
	"bytes"
	"io"
	"sync/atomic"

	"github.com/cloudflare/circl/hpke"
	"github.com/cloudflare/circl/kem"
)

// Suite numbers an HPKE suite of the protocol: base mode, HKDF-SHA256 and
// ChaCha20Poly1305 with one of two KEMs. It stands in every header, transcript and credential.
type Suite uint8

const (
	// SuiteX25519 is DHKEM(X25519, HKDF-SHA256).
	SuiteX25519 Suite = 1
	// SuiteXWing is X-Wing, the hybrid of ML-KEM-768 and X25519, against traffic recorded now
	// and opened by a quantum computer later.
	SuiteXWing Suite = 2
)

// KEMPrivateKeySize is the length of a KEM private key in bytes, in both suites.
const KEMPrivateKeySize = 32

const aeadTagSize = 16

func (s Suite) kem() hpke.KEM {
	if s == SuiteXWing {
		return hpke.KEM_XWING
	}
	return hpke.KEM_X25519_HKDF_SHA256
}

func (s Suite) hpke() hpke.Suite {
	return hpke.NewSuite(s.kem(), hpke.KDF_HKDF_SHA256, hpke.AEAD_ChaCha20Poly1305)
}

// Valid reports whether s is one of the two suites.
func (s Suite) Valid() bool { return s == SuiteX25519 || s == SuiteXWing }

// String names the suite.
func (s Suite) String() string {
	switch s {
	case SuiteX25519:
		return "X25519"
	case SuiteXWing:
		return "X-Wing"
	}
	return "unknown suite"
}

// EncSize is the length of an encapsulated key in bytes: 32 or 1120; 0 for an unknown suite.
func (s Suite) EncSize() int {
	if !s.Valid() {
		return 0
	}
	return s.kem().Scheme().CiphertextSize()
}

// PublicKeySize is the length of a KEM public key in bytes: 32 or 1216; 0 for an unknown suite.
func (s Suite) PublicKeySize() int {
	if !s.Valid() {
		return 0
	}
	return s.kem().Scheme().PublicKeySize()
}

// Overhead is by how many bytes C = enc || ct is longer than the plaintext; 0 for an unknown suite.
func (s Suite) Overhead() int {
	if !s.Valid() {
		return 0
	}
	return s.EncSize() + aeadTagSize
}

// KEMPublicKey is a recipient's HPKE key. The zero value is invalid.
type KEMPublicKey struct {
	_     [0]func() // no ==: it would compare pointers
	suite Suite
	key   kem.PublicKey
	raw   []byte
}

// DecodeKEMPublicKey reads a public key of suite s. Small-order and non-canonical X25519 coordinates, alone
// or inside an X-Wing key, are ErrKey, as is any other length and an unknown suite.
func DecodeKEMPublicKey(s Suite, b []byte) (KEMPublicKey, error) {
	if !s.Valid() || len(b) != s.PublicKeySize() {
		return KEMPublicKey{}, ErrKey
	}
	// X-Wing puts the X25519 key last (draft-connolly-cfrg-xwing-kem, section 5.2).
	if !goodX25519(b[len(b)-32:]) {
		return KEMPublicKey{}, ErrKey
	}
	key, err := s.kem().Scheme().UnmarshalBinaryPublicKey(b)
	if err != nil {
		return KEMPublicKey{}, ErrKey
	}
	return KEMPublicKey{suite: s, key: key, raw: bytes.Clone(b)}, nil
}

// Valid reports whether k is set.
func (k KEMPublicKey) Valid() bool { return k.key != nil }

// Suite returns the suite of k.
func (k KEMPublicKey) Suite() Suite { return k.suite }

// Bytes returns a copy of the encoding, 32 or 1216 bytes, nil for the zero value.
func (k KEMPublicKey) Bytes() []byte { return bytes.Clone(k.raw) }

// Equal reports whether both are the same key of the same suite. A zero value equals nothing.
func (k KEMPublicKey) Equal(o KEMPublicKey) bool {
	return k.Valid() && o.Valid() && k.suite == o.suite && bytes.Equal(k.raw, o.raw)
}

// ID is the key id that a header names as kid_to: H⟨kid: suite, key⟩.
func (k KEMPublicKey) ID() Hash { return H(LabelKeyID, []byte{byte(k.suite)}, k.raw) }

// KEMPrivateKey is a recipient's HPKE private key. It prints as "[redacted]". The zero value is invalid.
type KEMPrivateKey struct {
	redacted
	key hidden[kem.PrivateKey]
	pub KEMPublicKey
}

// GenerateKEM derives a key pair of suite s from rand (DeriveKeyPair of RFC 9180, section 7.1.3, or
// of X-Wing). ErrRandom if rand fails, ErrKey for an unknown suite.
func GenerateKEM(s Suite, rand io.Reader) (KEMPrivateKey, error) {
	if !s.Valid() {
		return KEMPrivateKey{}, ErrKey
	}
	scheme := s.kem().Scheme()
	seed, err := randomBytes(rand, scheme.SeedSize())
	if err != nil {
		return KEMPrivateKey{}, err
	}
	_, key := scheme.DeriveKeyPair(seed)
	return privateKeyFrom(s, key)
}

// DecodeKEMPrivateKey reads the 32 bytes of SecretBytes. Any other length, zeros, or an unknown suite is ErrKey.
func DecodeKEMPrivateKey(s Suite, b []byte) (KEMPrivateKey, error) {
	if !s.Valid() || len(b) != KEMPrivateKeySize || allZero(b) {
		return KEMPrivateKey{}, ErrKey
	}
	key, err := s.kem().Scheme().UnmarshalBinaryPrivateKey(b)
	if err != nil {
		return KEMPrivateKey{}, ErrKey
	}
	return privateKeyFrom(s, key)
}

// privateKeyFrom computes the public key at once. circl computes X25519's on first use
// and stores it in the private key: two goroutines opening messages would race.
func privateKeyFrom(s Suite, key kem.PrivateKey) (KEMPrivateKey, error) {
	raw, err := key.Public().MarshalBinary()
	if err != nil {
		return KEMPrivateKey{}, ErrKey
	}
	pub, err := DecodeKEMPublicKey(s, raw)
	if err != nil {
		return KEMPrivateKey{}, err
	}
	return KEMPrivateKey{key: hide(key), pub: pub}, nil
}

// Valid reports whether k is set.
func (k KEMPrivateKey) Valid() bool { return k.key != nil }

// Suite returns the suite of k.
func (k KEMPrivateKey) Suite() Suite { return k.pub.suite }

// Public returns the public key, the invalid zero key for the zero value.
func (k KEMPrivateKey) Public() KEMPublicKey { return k.pub }

// SecretBytes returns the 32-byte private key, nil for the zero value.
func (k KEMPrivateKey) SecretBytes() []byte {
	if !k.Valid() {
		return nil
	}
	b, err := k.key().MarshalBinary()
	if err != nil {
		return nil
	}
	return b
}

// Sender is an HPKE context for exactly one message. Setup and Seal are apart because
// the key confirmation inside the second message depends on this message's enc and export.
type Sender struct {
	redacted
	enc    []byte
	export hidden[[]byte]
	sealer hidden[hpke.Sealer]
	used   atomic.Bool
}

// Setup encapsulates to k (RFC 9180, SetupBaseS). info is ⟨hpke: type, suite, ID_recv, kid⟩.
// ErrRandom if rand fails, ErrKey for the zero value.
func (k KEMPublicKey) Setup(rand io.Reader, info []byte) (*Sender, error) {
	if !k.Valid() {
		return nil, ErrKey
	}
	seed, err := randomBytes(rand, k.suite.kem().Scheme().EncapsulationSeedSize())
	if err != nil {
		return nil, err
	}
	s, err := k.suite.hpke().NewSender(k.key, bytes.Clone(info))
	if err != nil {
		return nil, ErrKey
	}
	enc, sealer, err := s.Setup(bytes.NewReader(seed))
	if err != nil {
		return nil, ErrKey
	}
	export := sealer.Export([]byte(ExporterContext), ExportSize)
	return &Sender{enc: enc, export: hide(export), sealer: hide(sealer)}, nil
}

// Enc returns a copy of the encapsulated key, 32 or 1120 bytes.
func (s *Sender) Enc() []byte {
	if s == nil {
		return nil
	}
	return bytes.Clone(s.enc)
}

// Export returns a copy of x_i = Export("emr/x", 32), a secret.
func (s *Sender) Export() []byte {
	if s == nil || s.export == nil {
		return nil
	}
	return bytes.Clone(s.export())
}

// Seal returns C = enc || ct. A second call is ErrKey.
func (s *Sender) Seal(aad, pt []byte) ([]byte, error) {
	if s == nil || s.sealer == nil || !s.used.CompareAndSwap(false, true) {
		return nil, ErrKey
	}
	ct, err := s.sealer().Seal(pt, aad)
	if err != nil {
		return nil, ErrKey
	}
	return append(bytes.Clone(s.enc), ct...), nil
}

// Opened is what Open found in C. It prints as "[redacted]".
type Opened struct {
	redacted
	Plaintext []byte
	Enc       []byte // enc, 32 or 1120 bytes
	Export    []byte // x_i = Export("emr/x", 32), a secret
}

// Open decrypts C = enc || ct (RFC 9180, SetupBaseR). Every failure is ErrOpen, for the zero value ErrKey.
// A message that opens says nothing of its sender: that is for the signature inside.
func (k KEMPrivateKey) Open(info, aad, c []byte) (Opened, error) {
	if !k.Valid() {
		return Opened{}, ErrKey
	}
	if len(c) < k.Suite().Overhead() {
		return Opened{}, ErrOpen
	}
	enc, ct := bytes.Clone(c[:k.Suite().EncSize()]), c[k.Suite().EncSize():]
	r, err := k.Suite().hpke().NewReceiver(k.key(), bytes.Clone(info))
	if err != nil {
		return Opened{}, ErrOpen
	}
	opener, err := r.Setup(enc)
	if err != nil {
		return Opened{}, ErrOpen
	}
	pt, err := opener.Open(ct, aad)
	if err != nil {
		return Opened{}, ErrOpen
	}
	return Opened{Plaintext: pt, Enc: enc, Export: opener.Export([]byte(ExporterContext), ExportSize)}, nil
}
