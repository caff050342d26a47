package ecc

import (
	"io"

	"golang.org/x/crypto/chacha20poly1305"
)

// Sizes at rest in bytes: the key, and what SealAtRest adds (24-byte nonce, 16-byte tag).
const (
	AtRestKeySize  = chacha20poly1305.KeySize
	AtRestOverhead = 40
)

// SealAtRest returns nonce || ct under XChaCha20-Poly1305. The nonce is 24 random bytes: long enough to be drawn at
// random for every record of a store's life without a counter that a restart could reset.
// The key is 32 bytes and not zero, else ErrKey; ErrRandom if rand fails.
func SealAtRest(rand io.Reader, key, aad, pt []byte) ([]byte, error) {
	if len(key) != AtRestKeySize || allZero(key) {
		return nil, ErrKey
	}
	aead, err := chacha20poly1305.NewX(key)
	if err != nil {
		return nil, ErrKey
	}
	nonce, err := randomBytes(rand, chacha20poly1305.NonceSizeX)
	if err != nil {
		return nil, err
	}
	out := append(make([]byte, 0, AtRestOverhead+len(pt)), nonce...)
	return aead.Seal(out, nonce, pt, aad), nil
}

// OpenAtRest opens what SealAtRest returned. Anything altered, or another key or aad, is ErrOpen.
func OpenAtRest(key, aad, c []byte) ([]byte, error) {
	if len(key) != AtRestKeySize || allZero(key) {
		return nil, ErrKey
	}
	if len(c) < AtRestOverhead {
		return nil, ErrOpen
	}
	aead, err := chacha20poly1305.NewX(key)
	if err != nil {
		return nil, ErrKey
	}
	pt, err := aead.Open(nil, c[:chacha20poly1305.NonceSizeX], c[chacha20poly1305.NonceSizeX:], aad)
	if err != nil {
		return nil, ErrOpen
	}
	return pt, nil
}
