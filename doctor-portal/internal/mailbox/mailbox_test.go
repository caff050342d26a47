package mailbox_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/api/replay/redistest"
	"medunion/deploy/local/embedredis"
	"medunion/doctor-portal/internal/mailbox"
)

// each runs a test on a real Redis and on the embedded one.
func each(t *testing.T, f func(t *testing.T, s *mailbox.Store, c redis.UniversalClient)) {
	t.Run("redis-server", func(t *testing.T) {
		on(t, redistest.Start(t).Addr(), f)
	})
	t.Run("embedded", func(t *testing.T) {
		s, err := embedredis.Start(embedredis.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		on(t, s.Addr(), f)
	})
}

func on(t *testing.T, addr string, f func(*testing.T, *mailbox.Store, redis.UniversalClient)) {
	c := redis.NewUniversalClient(&redis.UniversalOptions{Addrs: []string{addr}, ContextTimeoutEnabled: true})
	t.Cleanup(func() { _ = c.Close() })
	s := mailbox.New(c, "portal")
	for _, d := range []message.Hash{doctor, other} { // both have been here
		check(t, s.Welcome(t.Context(), d))
	}
	f(t, s, c)
}

var (
	doctor  = message.Hash{1}
	other   = message.Hash{2}
	session = [16]byte{3}
)

func kind(err error) problem.Kind {
	var p *problem.Error
	if errors.As(err, &p) {
		return p.Kind
	}
	return problem.Kind(0)
}

func TestAVisitGoesThroughItsStepsOnce(t *testing.T) {
	each(t, func(t *testing.T, s *mailbox.Store, _ redis.UniversalClient) {
		ctx := t.Context()
		wantRefused := func(err error) {
			t.Helper()
			if kind(err) != problem.KindRefused {
				t.Errorf("want a refusal, got %v", err)
			}
		}
		wantRefused(s.ToDoctor(ctx, session, message.TypeM3, []byte("m3")))
		wantRefused(s.ToPatient(ctx, doctor, session, message.TypeM2, []byte("m2")))
		check(t, s.Consult(ctx, doctor, session, []byte("m1")))
		if err := s.Consult(ctx, other, session, []byte("m1")); kind(err) != problem.KindConflict {
			t.Error("a session opened twice:", err)
		}
		wantRefused(s.ToDoctor(ctx, session, message.TypeM3, []byte("m3")))
		wantRefused(s.ToPatient(ctx, other, session, message.TypeM2, []byte("m2")))
		wantRefused(s.ToPatient(ctx, doctor, session, message.TypeM10, []byte("m10")))
		check(t, s.ToPatient(ctx, doctor, session, message.TypeM2, []byte("m2")))
		wantRefused(s.ToPatient(ctx, doctor, session, message.TypeM2, []byte("m2")))
		check(t, s.ToDoctor(ctx, session, message.TypeM3, []byte("m3")))
		wantRefused(s.ToDoctor(ctx, session, message.TypeM3, []byte("m3")))
		check(t, s.ToPatient(ctx, doctor, session, message.TypeM10, []byte("m10")))
		wantLetters(t, "m1 m3", must(s.Inbox(ctx, doctor, "0-0", 0, nil)))
		wantLetters(t, "m2 m10", must(s.Mail(ctx, session, "0-0", 0, nil)))
		wantLetters(t, "", must(s.Inbox(ctx, other, "0-0", 0, nil)))
	})
}

func TestReadersContinueAfterAnIDAndWait(t *testing.T) {
	each(t, func(t *testing.T, s *mailbox.Store, _ redis.UniversalClient) {
		ctx := t.Context()
		check(t, s.Consult(ctx, doctor, [16]byte{1}, []byte("a")))
		first := must(s.Inbox(ctx, doctor, "0-0", 0, nil))
		var wg sync.WaitGroup
		wg.Go(func() {
			wantLetters(t, "b", must(s.Inbox(ctx, doctor, first[0].ID, 10*time.Second, nil)))
		})
		time.Sleep(50 * time.Millisecond)
		check(t, s.Consult(ctx, doctor, [16]byte{2}, []byte("b")))
		wg.Wait()
	})
}

func TestWaitEndsWhenTheServerStops(t *testing.T) {
	each(t, func(t *testing.T, s *mailbox.Store, _ redis.UniversalClient) {
		stop := make(chan struct{})
		close(stop)
		start := time.Now()
		wantLetters(t, "", must(s.Inbox(t.Context(), doctor, "0-0", 25*time.Second, stop)))
		if time.Since(start) > 10*time.Second {
			t.Error("the wait went on after the stop")
		}
	})
}

func TestAFullInboxRefusesAndTheVisitCanBeTriedAgain(t *testing.T) {
	each(t, func(t *testing.T, s *mailbox.Store, c redis.UniversalClient) {
		ctx := t.Context()
		for i := range mailbox.MaxWaiting {
			check(t, s.Consult(ctx, doctor, [16]byte{9, byte(i)}, []byte("m1")))
		}
		if err := s.Consult(ctx, doctor, session, []byte("m1")); kind(err) != problem.KindTooMany {
			t.Fatal("a full inbox took a message:", err)
		}
		check(t, c.FlushAll(ctx).Err())
		must(s.Inbox(ctx, doctor, "0-0", 0, nil))
		check(t, s.Consult(ctx, doctor, session, []byte("m1")))
	})
}

// A dump of Redis shows no session id, which is the patient's capability.
func TestRedisKeysHoldNoCapability(t *testing.T) {
	each(t, func(t *testing.T, s *mailbox.Store, c redis.UniversalClient) {
		ctx, sid := t.Context(), [16]byte{0xAB, 0xCD, 0xEF, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13}
		check(t, s.Consult(ctx, doctor, sid, []byte("sealed")))
		keys, err := c.Keys(ctx, "*").Result()
		if err != nil || len(keys) < 2 {
			t.Fatal(keys, err)
		}
		for _, k := range keys {
			if strings.Contains(k, "abcdef01") || bytes.Contains([]byte(k), sid[:]) {
				t.Error("the session id stands in a key")
			}
			life := mailbox.Life
			if strings.HasPrefix(k, "portal:known:") { // of a doctor, whose card is public
				life = mailbox.KnownFor
			}
			if ttl := c.TTL(ctx, k).Val(); ttl <= 0 || ttl > life {
				t.Errorf("%s lives %v", k, ttl)
			}
		}
	})
}

func TestAChallengeIsTakenOnce(t *testing.T) {
	each(t, func(t *testing.T, s *mailbox.Store, _ redis.UniversalClient) {
		ctx, ch := t.Context(), bytes.Repeat([]byte{5}, 32)
		if must(s.TakeChallenge(ctx, ch)) {
			t.Error("an unknown challenge was taken")
		}
		check(t, s.NewChallenge(ctx, ch))
		if !must(s.TakeChallenge(ctx, ch)) || must(s.TakeChallenge(ctx, ch)) {
			t.Error("a challenge must be good exactly once")
		}
	})
}

func TestWithoutRedisEverythingIsUnavailable(t *testing.T) {
	server := redistest.Start(t)
	c := redis.NewUniversalClient(&redis.UniversalOptions{Addrs: []string{server.Addr()}, MaxRetries: -1, DialTimeout: time.Second})
	t.Cleanup(func() { _ = c.Close() })
	s := mailbox.New(c, "portal")
	server.Kill9()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	_, errInbox := s.Inbox(ctx, doctor, "0-0", 0, nil)
	for _, err := range []error{s.Consult(ctx, doctor, session, nil), errInbox, s.NewChallenge(ctx, make([]byte, 32))} {
		if kind(err) != problem.KindUnavailable {
			t.Error("want unavailable, got", err)
		}
	}
}

// A Redis that answers and takes no message, because it is a replica or full, does not make the
// portal ready; and what is asked leaves no key behind that stays.
func TestReadyIsWritable(t *testing.T) {
	for name, unwritable := range map[string]func(r *redistest.Server, c redis.UniversalClient) error{
		"replica": func(_ *redistest.Server, c redis.UniversalClient) error {
			return c.Do(t.Context(), "REPLICAOF", "127.0.0.1", "1").Err()
		},
		"full": func(_ *redistest.Server, c redis.UniversalClient) error {
			return c.ConfigSet(t.Context(), "maxmemory", "1").Err()
		},
	} {
		r := redistest.Start(t)
		c := redis.NewUniversalClient(&redis.UniversalOptions{Addrs: []string{r.Addr()}})
		s := mailbox.New(c, "ready")
		check(t, s.Ready(t.Context()))
		for _, key := range must(c.Keys(t.Context(), "*").Result()) {
			if life := must(c.PTTL(t.Context(), key).Result()); life <= 0 {
				t.Errorf("%s stays", key)
			}
		}
		check(t, unwritable(r, c))
		if err := s.Ready(t.Context()); err == nil {
			t.Errorf("%s: the portal is ready", name)
		}
		check(t, c.Close())
	}
}

func wantLetters(t *testing.T, want string, got []mailbox.Letter) {
	t.Helper()
	var texts []string
	for _, l := range got {
		texts = append(texts, string(l.Message))
	}
	if strings.Join(texts, " ") != want {
		t.Errorf("want %q, got %q", want, texts)
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// A waiting room is for doctors who have been here: a stranger cannot fill Redis with
// those of doctors whom he invents. Whoever reads her mail has one.
func TestNobodyWaitsForADoctorWhoWasNeverHere(t *testing.T) {
	each(t, func(t *testing.T, s *mailbox.Store, c redis.UniversalClient) {
		ctx, invented := t.Context(), message.Hash{77}
		before := must(c.DBSize(ctx).Result())
		if err := s.Consult(ctx, invented, session, []byte("m1")); kind(err) != problem.KindNotFound {
			t.Error("an invented doctor:", err)
		}
		if after := must(c.DBSize(ctx).Result()); after != before {
			t.Errorf("%d keys more", after-before)
		}
		must(s.Inbox(ctx, invented, "0-0", 0, nil))
		check(t, s.Consult(ctx, invented, session, []byte("m1")))
		check(t, c.FlushAll(ctx).Err()) // Redis lost everything; she is still reading
		must(s.Inbox(ctx, invented, "0-0", 0, nil))
		check(t, s.Consult(ctx, invented, session, []byte("m1")))
		for _, key := range must(c.Keys(ctx, "*").Result()) {
			if life := must(c.TTL(ctx, key).Result()); life <= 0 || life > mailbox.KnownFor {
				t.Errorf("%s stays for %v", key, life)
			}
		}
	})
}
