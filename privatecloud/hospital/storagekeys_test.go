package hospital

import (
	"bytes"
	"crypto/rand"
	"errors"
	"testing"

	"medunion/api/message"
)

// Without the secret of its current version a storage key makes nothing: what it made would lie
// under a key that everybody knows.
func TestNothingUnderAMissingVersion(t *testing.T) {
	v := Versions{Current: 2, Secrets: map[uint32][]byte{1: bytes.Repeat([]byte("s"), 32)}}
	if sealed, err := v.seal(rand.Reader, useWrap, []byte("place"), []byte("content")); !errors.Is(err, errNoVersion) || sealed != nil {
		t.Errorf("sealed %x: %v", sealed, err)
	}
	if tag, err := v.tag(2, Handle{}, 1, message.Hash{}); !errors.Is(err, errNoVersion) {
		t.Errorf("tagged %x: %v", tag, err)
	}
	if h, err := v.head(Handle{}, 1, message.Hash{}); !errors.Is(err, errNoVersion) {
		t.Errorf("a head %+v: %v", h, err)
	}
	v.Current = 1
	if _, err := v.head(Handle{}, 1, message.Hash{}); err != nil {
		t.Error(err)
	}
}
