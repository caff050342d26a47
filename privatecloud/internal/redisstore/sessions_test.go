package redisstore_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/api/replay"
	"medunion/api/replay/redistest"
	"medunion/privatecloud/hospital"
	"medunion/privatecloud/internal/redisstore"
)

func TestSessions(t *testing.T) {
	server := redistest.Start(t)
	client := server.Client()
	s, other := redisstore.NewSessions(client, "a"), redisstore.NewSessions(client, "b")
	ctx, id := t.Context(), message.Hash{1}
	if _, err := s.Session(ctx, id); !errors.Is(err, hospital.ErrNotFound) {
		t.Errorf("nothing stored: %v", err)
	}
	if err := s.CreateSession(ctx, id, []byte("one"), time.Minute); err != nil {
		t.Fatal(err)
	}
	if err := s.CreateSession(ctx, id, []byte("two"), time.Minute); !errors.Is(err, hospital.ErrExists) {
		t.Errorf("created twice: %v", err)
	}
	if got, err := s.Session(ctx, id); err != nil || got.Version != 1 || string(got.Sealed) != "one" {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := other.Session(ctx, id); !errors.Is(err, hospital.ErrNotFound) {
		t.Errorf("another hospital sees it: %v", err)
	}
	if err := s.SwapSession(ctx, id, hospital.StoredSession{Version: 3, Sealed: []byte("x")}); !errors.Is(err, hospital.ErrLost) {
		t.Errorf("a version left out: %v", err)
	}
	if err := s.SwapSession(ctx, id, hospital.StoredSession{Version: 2, Sealed: []byte("two")}); err != nil {
		t.Fatal(err)
	}
	if err := s.SwapSession(ctx, id, hospital.StoredSession{Version: 2, Sealed: []byte("x")}); !errors.Is(err, hospital.ErrLost) {
		t.Errorf("swapped twice: %v", err)
	}
	if ttl := client.PTTL(ctx, client.Keys(ctx, "session:a:*").Val()[0]).Val(); ttl <= 0 || ttl > time.Minute {
		t.Errorf("life after a swap: %v", ttl)
	}
	if err := s.DropSession(ctx, id); err != nil {
		t.Fatal(err)
	}
	if err := s.SwapSession(ctx, id, hospital.StoredSession{Version: 3, Sealed: []byte("x")}); !errors.Is(err, hospital.ErrNotFound) {
		t.Errorf("swapped after the end: %v", err)
	}
}

func TestOneOfManyWins(t *testing.T) {
	s := redisstore.NewSessions(redistest.Start(t).Client(), "a")
	if err := s.CreateSession(t.Context(), message.Hash{1}, []byte("one"), time.Minute); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	var won atomic.Int32
	for range 20 {
		wg.Go(func() {
			if s.SwapSession(t.Context(), message.Hash{1}, hospital.StoredSession{Version: 2, Sealed: []byte("x")}) == nil {
				won.Add(1)
			}
		})
	}
	wg.Wait()
	if won.Load() != 1 {
		t.Errorf("%d won", won.Load())
	}
}

func TestSessionsEnd(t *testing.T) {
	s := redisstore.NewSessions(redistest.Start(t).Client(), "a")
	if err := s.CreateSession(t.Context(), message.Hash{1}, []byte("one"), 50*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	time.Sleep(100 * time.Millisecond)
	if _, err := s.Session(t.Context(), message.Hash{1}); !errors.Is(err, hospital.ErrNotFound) {
		t.Errorf("after its life: %v", err)
	}
}

// Without Redis everything is Unavailable, and no error tells a key.
func TestWithoutRedis(t *testing.T) {
	server := redistest.Start(t)
	s := redisstore.NewSessions(server.Client(), "a")
	window, err := replay.New(replay.Config{Addrs: []string{server.Addr()}, Namespace: "a"}, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer window.Close()
	w := redisstore.Window{Window: window}
	server.Kill9()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	_, loadErr := s.Session(ctx, message.Hash{1})
	for name, err := range map[string]error{
		"create": s.CreateSession(ctx, message.Hash{1}, nil, time.Minute), "load": loadErr,
		"swap": s.SwapSession(ctx, message.Hash{1}, hospital.StoredSession{Version: 2}), "drop": s.DropSession(ctx, message.Hash{1}),
		"window": w.Accept(ctx, [16]byte{1}, time.Now()),
	} {
		if problem.KindOf(err) != problem.KindUnavailable {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := w.Fresh(time.Now().Add(-time.Hour)); problem.KindOf(err) != problem.KindStale {
		t.Errorf("an old time: %v", err)
	}
}
