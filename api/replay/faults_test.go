package replay_test

import (
	"context"
	"errors"
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
	for end := time.Now().Add(2500 * time.Millisecond); time.Now().Before(end); time.Sleep(time.Millisecond) {
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

// filled sends until Redis has refused fifty messages in a row for lack of memory: what its own buffers give
// back is used up, too.
func filled(t testing.TB, w *replay.Window) []message {
	t.Helper()
	all := acceptedUntil(t, w, 1e6, isFull)
	for refused := 0; refused < 50; {
		m := newMessage()
		if err := accept(w, m); err == nil {
			all, refused = append(all, m), 0
		} else if isFull(err) {
			refused++
		}
	}
	return all
}

func TestAttack1_ReplayWhenMemoryIsFull(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, "--maxmemory", "4mb", "--maxmemory-policy", "noeviction")
	w := open(t, config(s))
	ready(t, w)
	all := filled(t, w)

	wantErr(t, w.Ready(context.Background()), replay.ErrUnavailable)
	for _, m := range all[:many] {
		if accept(w, m) == nil {
			t.Fatal("a replay was accepted while memory is full")
		}
	}
	s.Do("CONFIG", "SET", "maxmemory", "100mb")
	survives(t, w, all, time.Now())
}

// A full window purges all the same, and so becomes usable again by itself.
func TestAttack1_FullMemoryHeals(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, "--maxmemory", "4mb", "--maxmemory-policy", "noeviction")
	c := config(s)
	c.Past, c.Future = 2*time.Second, 500*time.Millisecond
	w := open(t, c)
	ready(t, w)
	all := filled(t, w)
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
	for range many {
		if accept(w, newMessage()) == nil && s.Do("EXISTS", "{rw:test}:window") == int64(1) {
			t.Log("Redis found room without evicting")
		}
		if evicted(s) {
			break
		}
	}
	if !evicted(s) {
		t.Fatal("Redis has evicted nothing: this shows nothing")
	}
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
		if accept(w, m) == nil && accept(w, m) == nil {
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
