package keyring_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"medunion/api/keyring"
)

// TestReplaceTogether: keys that are replaced leave nothing of those before, also not of one that was retiring; half of a
// step is none, and the ring reads back.
func TestReplaceTogether(t *testing.T) {
	ok := must[keyring.Ring](t)
	names := []string{"sealing", "challenge"}
	r := ok(sample().AddTogether(2, secrets(2, names...), start))
	r = ok(r.PromoteTogether(start, time.Hour, names...))
	if _, err := r.ReplaceTogether(start, names...); !errors.Is(err, keyring.ErrUnknown) {
		t.Errorf("without a next version: %v", err)
	}
	r = ok(r.AddTogether(3, secrets(3, "sealing"), start))
	if _, err := r.ReplaceTogether(start, names...); !errors.Is(err, keyring.ErrUnknown) {
		t.Errorf("half of a pair: %v", err)
	}
	r = ok(r.AddTogether(3, secrets(3, "challenge"), start))
	d := ok(r.ReplaceTogether(start, names...))
	for _, name := range names {
		if got := strings.Join(states(d, name), " "); got != "1 (destroyed) 2 (destroyed) 3 (current)" {
			t.Error(name, got)
		}
	}
	if d.Generation != r.Generation+1 || bytes.Contains(d.SecretBytes(), bytes.Repeat([]byte{2}, 33)) {
		t.Error("not one generation, or a secret is left")
	}
	if back := ok(keyring.Decode("service", d.SecretBytes())); back.Digest() != d.Digest() {
		t.Error("another ring reads back")
	}
}
