package keyroll

import (
	"context"
	"crypto/rand"
	"path/filepath"
	"testing"
	"time"

	"medunion/api/keyring"
	"medunion/ecc"
)

// alone is a store that knows of no fence and no other instance.
type alone struct{ Store }

func (alone) CheckIn(context.Context, InstanceID, uint64, ecc.Hash, time.Time) (uint64, error) {
	return 0, nil
}

// An instance whose machine was suspended for longer than its lease does not believe that it still has it when it
// wakes, though its process has hardly run; nor does one whose clock was set back. Checking in gives it back.
func TestSuspended(t *testing.T) {
	f := keyring.NewFile(filepath.Join(t.TempDir(), "keys"), "service", nil, rand.Reader, nil)
	if err := f.Create(t.Context(), keyring.New("service").WithKey("sealing", make([]byte, 32), time.Time{})); err != nil {
		t.Fatal(err)
	}
	watch, err := f.Watch(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	l, err := NewLease(t.Context(), watch, alone{}, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	ran, wall := time.Duration(0), time.UnixMilli(1_800_000_000_000)
	l.clock = func() (time.Duration, time.Time) { return ran, wall }
	for name, x := range map[string]struct {
		ran, wall time.Duration
		held      bool
	}{
		"half a minute": {30 * time.Second, 30 * time.Second, true}, "a minute": {time.Minute, time.Minute, false},
		"suspended": {time.Second, time.Hour, false}, "set back": {2 * time.Minute, -time.Hour, false},
		"set back a little": {time.Second, -time.Second, true},
	} {
		if err := l.checkIn(t.Context()); err != nil || l.Held() != nil {
			t.Fatal(err, l.Held())
		}
		ran, wall = ran+x.ran, wall.Add(x.wall)
		if err := l.Held(); (err == nil) != x.held {
			t.Errorf("%s: %v", name, err)
		}
	}
}
