package keyring_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"medunion/api/keyring"
)

func secrets(b byte, names ...string) map[string][]byte {
	out := map[string][]byte{}
	for _, n := range names {
		out[n] = bytes.Repeat([]byte{b}, 33) // of any size, not only a drawn one's
	}
	return out
}

// TestTogether: keys that are rolled together change in one generation and bear one number, also when one of them
// joins later; half of a step is none; the ring reads back, and no program of before takes it.
func TestTogether(t *testing.T) {
	ok := must[keyring.Ring](t)
	r := sample()
	n := r.NextNumber("sealing", "challenge")
	a := ok(r.AddTogether(n, secrets(7, "sealing"), start))
	if _, err := a.PromoteTogether(start, time.Hour, "sealing", "challenge"); !errors.Is(err, keyring.ErrUnknown) {
		t.Errorf("half of a pair was promoted: %v", err)
	}
	if _, err := a.AddTogether(n, secrets(8, "sealing", "challenge"), start); !errors.Is(err, keyring.ErrState) {
		t.Errorf("a second next version: %v", err)
	}
	if b := a.SecretBytes(); bytes.Equal(b[:16], r.SecretBytes()[:16]) {
		t.Error("the format is that of before")
	}
	b := ok(a.AddTogether(n, secrets(7, "challenge"), start))
	p := ok(b.PromoteTogether(start, time.Hour, "sealing", "challenge"))
	if p.Generation != b.Generation+1 {
		t.Error("not one generation")
	}
	if _, err := p.DestroyTogether(1, start, "sealing", "challenge"); !errors.Is(err, keyring.ErrEarly) {
		t.Errorf("too early: %v", err)
	}
	d := ok(p.DestroyTogether(1, start.Add(time.Hour), "sealing", "challenge"))
	for _, name := range []string{"sealing", "challenge"} {
		if got := strings.Join(states(d, name), " "); got != "1 (destroyed) 2 (current)" {
			t.Error(name, got)
		}
	}
	if back := ok(keyring.Decode("service", d.SecretBytes())); !bytes.Equal(back.SecretBytes(), d.SecretBytes()) {
		t.Error("another ring reads back")
	}
	if _, err := d.DestroyTogether(9, start, "sealing"); !errors.Is(err, keyring.ErrUnknown) {
		t.Errorf("an unknown number: %v", err)
	}
	// A draft of which one key was never received is given up as a whole, and its number is not given again.
	g := ok(a.DestroyTogether(n, start, "sealing", "challenge"))
	if got := g.NextNumber("sealing", "challenge"); got != n+1 {
		t.Errorf("number %d is given", got)
	}
}
