package keyring_test

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"medunion/api/keyring"
)

var start = time.UnixMilli(1_800_000_000_000)

func sample() keyring.Ring {
	return keyring.New("service").WithField("name", []byte("value")).WithKey("sealing", bytes.Repeat([]byte("S"), 32), start).
		WithKey("challenge", bytes.Repeat([]byte("C"), 32), start)
}

func must[T any](t *testing.T) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func states(r keyring.Ring, name string) (out []string) {
	for _, v := range r.Versions(name) {
		out = append(out, fmt.Sprint(v))
	}
	return out
}

// TestRoll: the two phases of a roll, each a generation; the other key stays untouched;
// what is destroyed has no secret left, and its number is never given again.
func TestRoll(t *testing.T) {
	ok := must[keyring.Ring](t)
	r := ok(sample().Add("sealing", rand.Reader, start))
	if _, err := r.Add("sealing", rand.Reader, start); !errors.Is(err, keyring.ErrState) {
		t.Errorf("a second next version: %v", err)
	}
	if _, err := r.Destroy("sealing", 1, start); !errors.Is(err, keyring.ErrState) {
		t.Errorf("the current one destroyed: %v", err)
	}
	p := ok(r.Promote("sealing", start, time.Hour))
	if _, err := p.Destroy("sealing", 1, start.Add(time.Hour-time.Millisecond)); !errors.Is(err, keyring.ErrEarly) {
		t.Errorf("too early: %v", err)
	}
	d := ok(p.Destroy("sealing", 1, start.Add(time.Hour)))
	if got := strings.Join(states(d, "sealing"), " "); got != "1 (destroyed) 2 (current)" {
		t.Error(got)
	}
	if bytes.Contains(d.SecretBytes(), bytes.Repeat([]byte("S"), 32)) {
		t.Error("the destroyed secret is still in the ring")
	}
	if d.Generation != 4 || strings.Join(states(d, "challenge"), "") != "1 (current)" {
		t.Errorf("generation %d, %v", d.Generation, states(d, "challenge"))
	}
	if again := ok(d.Add("sealing", rand.Reader, start)); strings.Join(states(again, "sealing"), " ") != "1 (destroyed) 2 (current) 3 (next)" {
		t.Error(states(again, "sealing"))
	}
	// Values: no step has changed the ring that it began with.
	if got := strings.Join(states(r, "sealing"), " "); got != "1 (current) 2 (next)" {
		t.Error(got)
	}
}

// TestGiveUp: a next version that never became current may go at once.
func TestGiveUp(t *testing.T) {
	ok := must[keyring.Ring](t)
	r := ok(ok(sample().Add("sealing", rand.Reader, start)).Destroy("sealing", 2, start))
	if got := strings.Join(states(r, "sealing"), " "); got != "1 (current) 2 (destroyed)" {
		t.Error(got)
	}
	if _, err := r.Promote("sealing", start, 0); !errors.Is(err, keyring.ErrUnknown) {
		t.Error(err)
	}
}

// TestCanonical: a ring reads back as it was, and no altered, cut or longer byte string
// is a ring.
func TestCanonical(t *testing.T) {
	ok := must[keyring.Ring](t)
	r := ok(ok(sample().Add("sealing", rand.Reader, start)).Promote("sealing", start, time.Hour))
	b := r.SecretBytes()
	back := ok(keyring.Decode("service", b))
	if !bytes.Equal(back.SecretBytes(), b) || string(back.Field("name")) != "value" || back.Generation != 3 {
		t.Error("another ring came back")
	}
	for i := range b {
		c := bytes.Clone(b)
		c[i] ^= 1
		if _, err := keyring.Decode("service", c); !errors.Is(err, keyring.ErrFormat) {
			t.Fatalf("byte %d altered: %v", i, err)
		}
		if _, err := keyring.Decode("service", b[:i]); !errors.Is(err, keyring.ErrFormat) {
			t.Fatalf("cut at %d: %v", i, err)
		}
	}
	if _, err := keyring.Decode("service", append(b, 0)); !errors.Is(err, keyring.ErrFormat) {
		t.Error(err)
	}
	if _, err := keyring.Decode("other", b); !errors.Is(err, keyring.ErrService) {
		t.Error(err)
	}
}

// TestRedacted: no verb and no encoding shows a secret.
func TestRedacted(t *testing.T) {
	r := sample()
	v, _ := r.Current("sealing")
	j, _ := json.Marshal(map[string]any{"ring": r, "version": v})
	if text := fmt.Sprintf("%v %+v %#v %s %x %v %+v %#v %s", r, r, r, r, r, v, v, v, j); strings.Contains(text, "SSSS") || strings.Contains(text, "5353") || strings.Contains(text, "U1NT") {
		t.Error(text)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(sample().SecretBytes())
	f.Fuzz(func(t *testing.T, b []byte) {
		if r, err := keyring.Decode("service", b); err == nil && !bytes.Equal(r.SecretBytes(), b) {
			t.Error("two encodings of one ring")
		}
	})
}
