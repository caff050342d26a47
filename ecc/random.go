package ecc

import (
	"fmt"
	"io"
)

// randomBytes reads n bytes from the injected source. A nil or short source is an
// error: nothing here falls back to another source behind the caller's back.
func randomBytes(rand io.Reader, n int) ([]byte, error) {
	if rand == nil {
		return nil, ErrRandom
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(rand, b); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRandom, err)
	}
	return b, nil
}

func allZero(b []byte) bool {
	var or byte
	for _, x := range b {
		or |= x
	}
	return or == 0
}
