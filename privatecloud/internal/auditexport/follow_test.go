package auditexport_test

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"medunion/privatecloud/hospital"
	"medunion/privatecloud/internal/auditexport"
)

// flaky is a trail whose store fails at some of its reads, counted from 0.
type flaky struct {
	auditexport.Trail
	mu    sync.Mutex
	reads int
	fails func(read int) bool
}

var errAway = errors.New("the store is away")

func (f *flaky) TrailAfter(ctx context.Context, after hospital.Link, limit int) ([]hospital.Audited, error) {
	f.mu.Lock()
	read := f.reads
	f.reads++
	f.mu.Unlock()
	if f.fails(read) {
		return nil, errAway
	}
	return f.Trail.TrailAfter(ctx, after, limit)
}

// A store that fails for a moment, before the first event and right behind the first batch,
// does not end an export into a file, and leaves each event in it once; with and without a
// cursor.
func TestFollowIntoAFile(t *testing.T) {
	w, dir := newWard(t), t.TempDir()
	w.imports(3)
	for _, cursor := range []string{"", filepath.Join(dir, "cursor")} {
		out := filepath.Join(dir, "events"+filepath.Base(cursor))
		o := w.options(out, cursor)
		o.Follow = true
		trail := &flaky{Trail: w.h, fails: func(read int) bool { return read == 0 || read == 2 }}
		ctx, stop := context.WithCancel(t.Context())
		failures := 0
		moved := make(chan uint64, 1000)
		o.Note = func(c auditexport.Cursor, err error) {
			if err != nil {
				failures++
			}
			moved <- c.Number
		}
		done := make(chan error, 1)
		go func() { _, err := auditexport.Run(ctx, trail, o); done <- err }()
		until := func(number uint64) {
			t.Helper()
			for end := time.After(30 * time.Second); ; {
				select {
				case n := <-moved:
					if n >= number {
						return
					}
				case <-end:
					t.Fatal("it does not go on")
				}
			}
		}
		newest := uint64(3)
		if cursor != "" {
			newest = 5
		}
		until(newest)
		w.imports(2)
		until(newest + 2)
		stop()
		if err := <-done; err != nil || failures != 2 {
			t.Errorf("%v, %d failures", err, failures)
		}
		if got := strings.Join(numbers(t, read(t, out)), " "); got != "1 2 3 4 5 6 7"[:2*newest+3] {
			t.Errorf("the file holds %s", got)
		}
	}
}

// empty is a trail without events.
type empty struct{}

func (empty) TrailAfter(context.Context, hospital.Link, int) ([]hospital.Audited, error) {
	return nil, nil
}

// The time between attempts doubles while they fail, and begins anew after one that has
// succeeded: what was mended long ago costs nothing later.
func TestFollowWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		var failed []time.Duration
		began := time.Now()
		trail := &flaky{Trail: empty{}, fails: func(read int) bool { return read != 3 }}
		o := auditexport.Options{Follow: true, Poll: time.Second, Open: auditexport.File(filepath.Join(t.TempDir(), "events")).Open}
		o.Note = func(_ auditexport.Cursor, err error) {
			failed = append(failed, time.Since(began))
			if len(failed) == 6 {
				stop()
			}
		}
		if _, err := auditexport.Run(ctx, trail, o); err != nil {
			t.Fatal(err)
		}
		// Fails at 0, 1 and 3 s, succeeds at 7 s, fails again from 8 s on.
		want := []time.Duration{0, 1 * time.Second, 3 * time.Second, 8 * time.Second, 9 * time.Second, 11 * time.Second}
		if !slices.Equal(failed, want) {
			t.Errorf("attempts failed at %v, not %v", failed, want)
		}
	})
}
