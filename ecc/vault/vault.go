// Package vault seals a byte string under a passphrase: Argon2id makes the key,
// XChaCha20-Poly1305 seals. A device's key store and the headless verification key rest on it.
package vault

import (
	"encoding/binary"
	"errors"
	"io"

	"golang.org/x/crypto/argon2"

	"medunion/ecc"
)

// Errors of this package. A wrong passphrase and an altered vault cannot be told apart: both are ecc.ErrOpen.
var (
	// ErrFormat: the bytes are no vault, or its parameters are out of bounds.
	ErrFormat = errors.New("vault: malformed")
	// ErrParams: parameters out of bounds, a salt below 16 bytes, or an empty passphrase.
	ErrParams = errors.New("vault: parameters out of bounds")
)

// Params are the costs of Argon2id (RFC 9106).
type Params struct {
	MemoryKiB uint32 // 8 MiB to 256 MiB
	Time      uint32 // passes, 1 to 10
	Lanes     uint8  // 1 to 16
}

// The bounds. The upper ones hold on opening too, before any memory is taken, so that a hostile
// file cannot exhaust it; the lower ones keep a slip in a configuration from making a passphrase cheap to guess.
const (
	MinMemoryKiB = 8 << 10
	MaxMemoryKiB = 256 << 10
	MaxTime      = 10
	MaxLanes     = 16
)

// DefaultParams is RFC 9106's second recommendation: 64 MiB, 3 passes, 4 lanes.
var DefaultParams = Params{MemoryKiB: 64 << 10, Time: 3, Lanes: 4}

// Valid reports whether p is within the bounds.
func (p Params) Valid() bool {
	return p.MemoryKiB >= MinMemoryKiB && p.MemoryKiB <= MaxMemoryKiB &&
		p.Time >= 1 && p.Time <= MaxTime && p.Lanes >= 1 && p.Lanes <= MaxLanes
}

// header = magic(8) || memory u32 || time u32 || lanes u8 || salt(16), big-endian; it is the AAD.
const (
	magic      = "EMRvault"
	saltSize   = 16
	headerSize = len(magic) + 4 + 4 + 1 + saltSize
	keySize    = 32
)

// Overhead is by how many bytes a vault is longer than its content.
const Overhead = headerSize + ecc.AtRestOverhead

// Seal returns plaintext sealed under passphrase, with a fresh salt and nonce from rand.
// ErrParams for an empty passphrase or parameters out of bounds.
func Seal(rand io.Reader, passphrase, plaintext []byte, p Params) ([]byte, error) {
	if len(passphrase) == 0 || !p.Valid() {
		return nil, ErrParams
	}
	header, err := newHeader(rand, p)
	if err != nil {
		return nil, err
	}
	key := derive(passphrase, header[headerSize-saltSize:], p, ecc.LabelVault)
	sealed, err := ecc.SealAtRest(rand, key, header, plaintext)
	if err != nil {
		return nil, err
	}
	return append(header, sealed...), nil
}

// Open returns the content of a vault. ErrFormat if it is none or its parameters are out of
// bounds; ecc.ErrOpen if the passphrase is wrong or a byte was altered.
func Open(passphrase, sealed []byte) ([]byte, error) {
	p, header, err := parseHeader(sealed)
	if err != nil {
		return nil, err
	}
	key := derive(passphrase, header[headerSize-saltSize:], p, ecc.LabelVault)
	return ecc.OpenAtRest(key, header, sealed[headerSize:])
}

// DeriveSeed returns 32 bytes from a passphrase and a salt of at least 16 bytes, for the
// verification key of kind "passphrase". It shares no output with Seal, even under the same salt.
func DeriveSeed(passphrase, salt []byte, p Params) ([]byte, error) {
	if len(passphrase) == 0 || len(salt) < saltSize || !p.Valid() {
		return nil, ErrParams
	}
	return derive(passphrase, salt, p, ecc.LabelPassphraseSeed), nil
}

func derive(passphrase, salt []byte, p Params, use ecc.Label) []byte {
	root := argon2.IDKey(passphrase, salt, p.Time, p.MemoryKiB, p.Lanes, keySize)
	key := ecc.HMAC(root, use)
	return key[:]
}

func newHeader(rand io.Reader, p Params) ([]byte, error) {
	if rand == nil {
		return nil, ecc.ErrRandom
	}
	b := append(make([]byte, 0, headerSize), magic...)
	b = binary.BigEndian.AppendUint32(b, p.MemoryKiB)
	b = binary.BigEndian.AppendUint32(b, p.Time)
	b = append(b, p.Lanes)
	b = b[:headerSize]
	if _, err := io.ReadFull(rand, b[headerSize-saltSize:]); err != nil {
		return nil, errors.Join(ecc.ErrRandom, err)
	}
	return b, nil
}

func parseHeader(sealed []byte) (p Params, header []byte, err error) {
	if len(sealed) < Overhead || string(sealed[:len(magic)]) != magic {
		return p, nil, ErrFormat
	}
	b := sealed[len(magic):]
	p = Params{MemoryKiB: binary.BigEndian.Uint32(b), Time: binary.BigEndian.Uint32(b[4:]), Lanes: b[8]}
	if !p.Valid() {
		return p, nil, ErrFormat
	}
	return p, sealed[:headerSize:headerSize], nil
}
