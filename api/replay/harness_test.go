package replay_test

import (
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"medunion/api/replay"
	"medunion/api/replay/redistest"
)

// many is how many accepted messages are replayed after each fault.
const many = 3000

// recovery is the time after a fault within which new messages must be taken again.
const recovery = 3 * time.Second

// These tests mostly wait for servers and for the floor, so more of them run side by side than there are
// processors; beyond four, the 50 ms limit of one suffers from the work of the others.
func TestMain(m *testing.M) {
	flag.Parse()
	_ = flag.Set("test.parallel", "4")
	os.Exit(m.Run())
}

type message struct {
	id [16]byte
	t  time.Time
}

func newMessage() message {
	m := message{t: time.Now()}
	_, _ = rand.Read(m.id[:])
	return m
}

func config(s *redistest.Server) replay.Config {
	return replay.Config{Addrs: []string{s.Addr()}, Namespace: "test"}
}

func open(t testing.TB, c replay.Config) *replay.Window {
	t.Helper()
	return openAt(t, c, time.Now)
}

func openAt(t testing.TB, c replay.Config, clock func() time.Time) *replay.Window {
	t.Helper()
	w, err := replay.New(c, clock)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	return w
}

// ready waits until the window takes messages.
func ready(t testing.TB, w *replay.Window) {
	t.Helper()
	var last error
	redistest.Eventually(t, 10*time.Second, "the window is ready", func() bool {
		last = w.Ready(context.Background())
		return last == nil
	})
}

func accept(w *replay.Window, m message) error { return w.Accept(context.Background(), m.id, m.t) }

// accepted sends new messages from eight senders until n were taken, and returns those.
func accepted(t testing.TB, w *replay.Window, n int) []message {
	t.Helper()
	var mu sync.Mutex
	var all []message
	end := time.Now().Add(30 * time.Second)
	send := func() bool {
		m := newMessage()
		err := accept(w, m)
		mu.Lock()
		defer mu.Unlock()
		if err == nil {
			all = append(all, m)
		}
		return len(all) < n && time.Now().Before(end)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for send() {
			}
		})
	}
	wg.Wait()
	if len(all) < n {
		t.Fatalf("only %d of %d messages were taken in time", len(all), n)
	}
	return all
}

// noneGetsIn replays all of them. A refusal because the window cannot answer counts as one, but most must
// be refused by a window that does.
func noneGetsIn(t testing.TB, w *replay.Window, all []message) {
	t.Helper()
	if unanswered := replayAll(t, w, all); unanswered > len(all)/2 {
		t.Errorf("%d of %d replays met a window that does not answer: this shows nothing", unanswered, len(all))
	}
}

// replayAll fails if one gets in, and counts those to which the window had no answer.
func replayAll(t testing.TB, w *replay.Window, all []message) (unanswered int) {
	t.Helper()
	var in, without atomic.Int64
	var wg sync.WaitGroup
	for k := range 8 {
		wg.Go(func() {
			for i := k; i < len(all); i += 8 {
				if err := accept(w, all[i]); err == nil {
					in.Add(1)
				} else if errors.Is(err, replay.ErrUnavailable) {
					without.Add(1)
				}
			}
		})
	}
	wg.Wait()
	if n := in.Load(); n > 0 {
		t.Errorf("%d of %d replays were ACCEPTED", n, len(all))
	}
	return int(without.Load())
}

// freshAgain fails unless new messages are taken within the recovery time since the fault ended.
func freshAgain(t testing.TB, w *replay.Window, since time.Time) {
	t.Helper()
	var err error
	for time.Since(since) < recovery {
		if err = accept(w, newMessage()); err == nil {
			t.Logf("new messages are taken %v after the fault", time.Since(since).Round(time.Millisecond))
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Errorf("no new message was taken within %v of the fault: %v", recovery, err)
}

// survives replays everything at once after the fault, while it waits for new messages to be taken, and
// again afterwards.
func survives(t testing.TB, w *replay.Window, all []message, since time.Time) {
	t.Helper()
	var wg sync.WaitGroup
	wg.Go(func() { replayAll(t, w, all) })
	freshAgain(t, w, since)
	wg.Wait()
	noneGetsIn(t, w, all)
}

func wantErr(t testing.TB, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
