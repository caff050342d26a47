package auditexport_test

import (
	"context"
	"crypto/tls"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"medunion/api/auditexport"
)

// flaky is a trail whose store fails at some of its reads, counted from 0.
type flaky struct {
	auditexport.Trail
	mu    sync.Mutex
	reads int
	fails func(read int) bool
}

var errAway = errors.New("the store is away")

func (f *flaky) After(ctx context.Context, after auditexport.Link, limit int) ([]auditexport.Entry, error) {
	f.mu.Lock()
	read := f.reads
	f.reads++
	f.mu.Unlock()
	if f.fails(read) {
		return nil, errAway
	}
	return f.Trail.After(ctx, after, limit)
}

// A store that fails for a moment, before the first event and right behind the first batch,
// does not end an export into a file, and leaves each event in it once; with and without a
// cursor.
func TestFollowIntoAFile(t *testing.T) {
	w, dir := &chained{}, t.TempDir()
	w.adds(3)
	for _, cursor := range []string{"", filepath.Join(dir, "cursor")} {
		out := filepath.Join(dir, "events"+filepath.Base(cursor))
		o := options(out, cursor)
		o.Follow = true
		trail := &flaky{Trail: w, fails: func(read int) bool { return read == 0 || read == 2 }}
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
		w.adds(2)
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

func (empty) After(context.Context, auditexport.Link, int) ([]auditexport.Entry, error) {
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
		o := auditexport.Options{Follow: true, Poll: time.Second, Open: auditexport.File(filepath.Join(t.TempDir(), "events"), false).Open}
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

// Following feeds a receiver: what comes while it is away reaches it when it is back, and
// nothing is left out.
func TestFollow(t *testing.T) {
	w := &chained{}
	cert, pool := pair(t, "siem")
	config := &tls.Config{Certificates: []tls.Certificate{cert}}
	first := listen(t, config)
	var address atomic.Value
	address.Store(first.listener.Addr().String())
	o := options("", filepath.Join(t.TempDir(), "cursor"))
	o.Follow = true
	o.Open = func(ctx context.Context, _ auditexport.Cursor) (auditexport.Sink, error) {
		r, err := auditexport.ParseReceiver("tls://"+address.Load().(string), &tls.Config{RootCAs: pool})
		if err != nil {
			return nil, err
		}
		return r.Open(ctx, "st-anna", "privatecloud")
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { _, err := auditexport.Run(ctx, w, o); done <- err }()
	w.adds(3)
	await(t, func() bool { return len(first.messages()) >= 3 })
	first.drop()
	w.adds(4)
	second := listen(t, config)
	address.Store(second.listener.Addr().String())
	await(t, func() bool { return seen(append(first.messages(), second.messages()...)) == 7 })
	w.adds(2)
	await(t, func() bool { return seen(append(first.messages(), second.messages()...)) == 9 })
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if c, err := auditexport.ReadCursor(o.CursorFile); err != nil || c.Number != 9 {
		t.Errorf("%+v %v", c, err)
	}
}

// drop ends the listener and its connections, as a receiver that restarts.
func (r *receiver) drop() {
	r.listener.Close()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.conns {
		c.Close()
	}
}

func seen(messages []string) int {
	ids := map[string]bool{}
	for _, m := range messages {
		_, rest, _ := strings.Cut(m, `"id":"audit-`)
		n, _, _ := strings.Cut(rest, `"`)
		ids[n] = true
	}
	return len(ids)
}

func await(t *testing.T, what func() bool) {
	t.Helper()
	for range 600 {
		if what() {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal("it does not come")
}
