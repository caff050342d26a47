package replay_test

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"medunion/api/replay"
	"medunion/api/replay/redistest"
)

func TestAttack1_ReplayInsideTheWindow(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	w := open(t, config(s))
	ready(t, w)
	all := accepted(t, w, many)
	for _, m := range all[:50] {
		wantErr(t, accept(w, m), replay.ErrReplayed)
	}
	noneGetsIn(t, w, all)
}

func TestAttack1_ReplayAfterKill9(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	w := open(t, config(s))
	ready(t, w)
	all := accepted(t, w, many)

	s.Kill9()
	wantErr(t, accept(w, newMessage()), replay.ErrUnavailable)
	wantErr(t, w.Ready(context.Background()), replay.ErrUnavailable)
	s.Restart()
	since := time.Now()
	survives(t, w, all, since)
}

// The time out of service is long enough, and busy enough, for the client's pool to give up dialling.
func TestAttack1_ReplayAfterOutageUnderLoad(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	w := open(t, config(s))
	ready(t, w)
	all := accepted(t, w, many)

	s.Kill9()
	for end := time.Now().Add(2050 * time.Millisecond); time.Now().Before(end); time.Sleep(time.Millisecond) {
		wantErr(t, accept(w, newMessage()), replay.ErrUnavailable)
	}
	s.Restart()
	survives(t, w, all, time.Now())
}

func TestAttack1_ReplayAfterRestartWithAOF(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, "--appendonly", "yes", "--appendfsync", "everysec")
	w := open(t, config(s))
	ready(t, w)
	all := accepted(t, w, many)

	s.Kill9()
	s.Restart()
	since := time.Now()
	survives(t, w, all, since)
}

// The disk holds the window, with floor and epoch, as it was before the last messages.
func TestAttack1_ReplayAfterRestartFromASnapshot(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	w := open(t, config(s))
	ready(t, w)
	all := accepted(t, w, many)
	s.Do("SAVE")
	all = append(all, accepted(t, w, many)...)

	s.Kill9()
	s.Restart()
	since := time.Now()
	if s.Do("EXISTS", "{rw:test}:window") != int64(1) {
		t.Fatal("nothing came from the disk: this shows nothing")
	}
	survives(t, w, all, since)
}

func TestAttack1_ReplayAfterFlushAll(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	w := open(t, config(s))
	ready(t, w)
	all := accepted(t, w, many)

	s.Do("FLUSHALL")
	since := time.Now()
	survives(t, w, all, since)
}

func TestAttack1_ReplayAfterScriptFlush(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	w := open(t, config(s))
	ready(t, w)
	all := accepted(t, w, many)

	s.Do("SCRIPT", "FLUSH")
	redistest.Eventually(t, time.Second, "a message is taken at once: no memory was lost", func() bool {
		return accept(w, newMessage()) == nil
	})
	noneGetsIn(t, w, all)
}

// isFull tells a refusal for lack of memory from a slow answer.
func isFull(err error) bool {
	return errors.Is(err, replay.ErrUnavailable) &&
		(strings.Contains(err.Error(), "OOM") || strings.Contains(err.Error(), "out of memory"))
}

// fill sets the limit of memory below what is in use.
func fill(s *redistest.Server) {
	_, rest, _ := strings.Cut(s.Do("INFO", "memory").(string), "used_memory:")
	digits, _, _ := strings.Cut(rest, "\r\n")
	used, _ := strconv.Atoi(digits)
	s.Do("CONFIG", "SET", "maxmemory", used-300_000)
}

func TestAttack1_ReplayWhenMemoryIsFull(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	w := open(t, config(s))
	ready(t, w)
	all := accepted(t, w, 2*many)
	fill(s)

	redistest.Eventually(t, 5*time.Second, "a refusal for lack of memory", func() bool { return isFull(accept(w, newMessage())) })
	wantErr(t, w.Ready(context.Background()), replay.ErrUnavailable)
	if n := replayAll(t, w, all); n == 0 {
		t.Error("a replay was answered while memory is full: this shows nothing")
	}
	s.Do("CONFIG", "SET", "maxmemory", "100mb")
	survives(t, w, all, time.Now())
}

// A full window purges all the same, and so becomes usable again by itself.
func TestAttack1_FullMemoryHeals(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	c := config(s)
	c.Past, c.Future = 5*time.Second, 500*time.Millisecond
	w := open(t, c)
	ready(t, w)
	all := accepted(t, w, 2*many)
	fill(s)
	redistest.Eventually(t, 5*time.Second, "a refusal for lack of memory", func() bool { return isFull(accept(w, newMessage())) })
	redistest.Eventually(t, 20*time.Second, "the purge makes room", func() bool {
		return accept(w, newMessage()) == nil
	})
	noneGetsIn(t, w, all)
}

func TestAttack1_EvictionIsRefused(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, "--maxmemory", "4mb", "--maxmemory-policy", "allkeys-lru")
	w, err := replay.New(config(s), time.Now)
	wantErr(t, err, replay.ErrEviction)
	if w != nil {
		t.Error("a window over an evicting Redis was opened")
	}
}

// The policy is changed under a running service, and Redis does evict: the window is one key, so it loses
// ids and epoch together.
func TestAttack1_ReplayAfterEviction(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	w := open(t, config(s))
	ready(t, w)
	all := accepted(t, w, many)

	s.Do("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
	s.Do("CONFIG", "SET", "maxmemory", "1mb")
	redistest.Eventually(t, 10*time.Second, "Redis evicts", func() bool {
		_ = accept(w, newMessage())
		return evicted(s)
	})
	for _, m := range all {
		if accept(w, m) == nil {
			t.Fatal("a replay was accepted after an eviction")
		}
	}
	err := w.Ready(context.Background())
	wantErr(t, err, replay.ErrEviction)
	wantErr(t, err, replay.ErrUnavailable)

	s.Do("CONFIG", "SET", "maxmemory", "0")
	survives(t, w, all, time.Now())
}

func evicted(s *redistest.Server) bool {
	stats, _ := s.Do("INFO", "stats").(string)
	return !strings.Contains(stats, "evicted_keys:0\r\n")
}

func TestAttack1_ReplayWhileRedisIsStuck(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	w := open(t, config(s))
	ready(t, w)
	all := accepted(t, w, many)

	s.Pause()
	stuck := make([]message, 40)
	var wg sync.WaitGroup
	for i := range stuck {
		stuck[i] = newMessage()
		wg.Go(func() {
			began := time.Now()
			wantErr(t, accept(w, stuck[i]), replay.ErrUnavailable)
			// 50 ms, and room for a busy machine's scheduler.
			if took := time.Since(began); took > 500*time.Millisecond {
				t.Errorf("a stuck Redis held the caller for %v", took)
			}
		})
	}
	wg.Wait()
	s.Resume()
	freshAgain(t, w, time.Now())

	// Redis may have executed some of the stuck commands when it went on. None counts twice.
	for _, m := range stuck {
		first, second := accept(w, m), accept(w, m)
		if first == nil && second == nil {
			t.Error("a message whose first try got stuck was accepted twice")
		}
	}
	noneGetsIn(t, w, append(all, stuck...))
}

// Two replicas of a service, sixteen senders of the same message: one wins.
func TestAttack1_SameMessageAtTwoReplicas(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	windows := []*replay.Window{open(t, config(s)), open(t, config(s))}
	ready(t, windows[0])
	ready(t, windows[1])
	for range 200 {
		m := newMessage()
		var wins, unanswered atomic.Int32
		var wg sync.WaitGroup
		for k := range 16 {
			wg.Go(func() {
				err := accept(windows[k%2], m)
				if err == nil {
					wins.Add(1)
				} else if errors.Is(err, replay.ErrUnavailable) {
					unanswered.Add(1) // and perhaps recorded: then nobody wins
				} else if !errors.Is(err, replay.ErrReplayed) {
					t.Errorf("a loser got %v", err)
				}
			})
		}
		wg.Wait()
		if n := wins.Load(); n > 1 || (n == 0 && unanswered.Load() == 0) {
			t.Fatalf("%d of 16 won", n)
		}
	}
}

func TestAttack1_OtherServicesWindowsAreApart(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	c := config(s)
	w1 := open(t, c)
	c.Namespace = "other"
	w2 := open(t, c)
	ready(t, w1)
	ready(t, w2)
	m := newMessage()
	redistest.Eventually(t, time.Second, "each takes the message once", func() bool {
		m = newMessage()
		return accept(w1, m) == nil && accept(w2, m) == nil
	})
	noneGetsIn(t, w1, []message{m})
	noneGetsIn(t, w2, []message{m})
}
