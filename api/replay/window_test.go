package replay_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"medunion/api/replay"
	"medunion/api/replay/redistest"
)

func TestConfigIsChecked(t *testing.T) {
	good := replay.Config{Addrs: []string{"127.0.0.1:1"}, Namespace: "test"}
	for name, spoil := range map[string]func(*replay.Config){
		"no address":             func(c *replay.Config) { c.Addrs = nil },
		"two single servers":     func(c *replay.Config) { c.Addrs = append(c.Addrs, "127.0.0.1:2") },
		"Sentinel and Cluster":   func(c *replay.Config) { c.MasterName, c.Cluster = "m", true },
		"database in a cluster":  func(c *replay.Config) { c.Cluster, c.DB = true, 1 },
		"no namespace":           func(c *replay.Config) { c.Namespace = "" },
		"brace in the namespace": func(c *replay.Config) { c.Namespace = "a}b" },
		"negative past":          func(c *replay.Config) { c.Past = -time.Second },
		"future of an hour":      func(c *replay.Config) { c.Future = time.Hour },
		"part of a millisecond":  func(c *replay.Config) { c.Past = time.Second + 1 },
		"negative timeout":       func(c *replay.Config) { c.Timeout = -1 },
	} {
		c := good
		c.Addrs = append([]string{}, good.Addrs...)
		spoil(&c)
		if w, err := replay.New(c, time.Now); err == nil {
			w.Close()
			t.Errorf("%s was taken", name)
		}
	}
	if w, err := replay.New(good, nil); err == nil {
		w.Close()
		t.Error("no clock was taken")
	}
}

func TestConfigHidesPasswords(t *testing.T) {
	c := replay.Config{Addrs: []string{"a:1"}, Namespace: "test", Password: "hunter2", SentinelPassword: "hunter3"}
	holder := struct{ C replay.Config }{c}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("start", "config", c)
	for _, s := range []string{fmt.Sprintf("%v %+v %#v %s", c, c, c, c), fmt.Sprintf("%v %+v %#v", holder, holder, holder), log.String()} {
		if strings.Contains(s, "hunter") {
			t.Errorf("a password shows: %s", s)
		}
	}
}

// Services start in any order: the window opens before Redis is there, and works when it comes.
func TestRedisComesLater(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	s.Kill9()
	w := open(t, config(s))
	wantErr(t, accept(w, newMessage()), replay.ErrUnavailable)
	s.Restart()
	freshAgain(t, w, time.Now())
}

// The new epoch begins when Redis is back, not when somebody sends: the first message after it is taken.
func TestEpochBeginsWithoutMessages(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	w := open(t, config(s))
	s.Kill9()
	wantErr(t, accept(w, newMessage()), replay.ErrUnavailable)
	s.Restart()
	time.Sleep(replay.DefaultFuture + 700*time.Millisecond)
	if err := accept(w, newMessage()); errors.Is(err, replay.ErrStale) {
		t.Errorf("the first message met a young epoch: %v", err)
	}
}

func TestCallerGivesUp(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	w := open(t, config(s))
	ready(t, w)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	m := newMessage()
	wantErr(t, w.Accept(ctx, m.id, m.t), replay.ErrUnavailable)
}

func TestClosedWindowRefuses(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	w := open(t, config(s))
	ready(t, w)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	wantErr(t, accept(w, newMessage()), replay.ErrUnavailable)
}

// A key of another kind in the window's place, as of a second service configured wrongly.
func TestForeignKeyInThePlace(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	s.Do("SET", "{rw:test}:window", "x")
	w := open(t, config(s))
	wantErr(t, accept(w, newMessage()), replay.ErrUnavailable)
	if s.Do("GET", "{rw:test}:window") != "x" {
		t.Error("the foreign key was changed")
	}
}

func TestServerClockDiffers(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	ready(t, open(t, config(s)))
	for _, c := range []struct {
		off  time.Duration
		want error
	}{{1500 * time.Millisecond, replay.ErrUnavailable}, {-1500 * time.Millisecond, replay.ErrUnavailable}, {500 * time.Millisecond, nil}, {-500 * time.Millisecond, nil}} {
		w := openAt(t, config(s), func() time.Time { return time.Now().Add(c.off) })
		var err error
		for range 20 { // a slow answer is no verdict
			if err = accept(w, newMessage()); !errors.Is(err, context.DeadlineExceeded) {
				break
			}
		}
		wantErr(t, err, c.want)
	}
}
