package mailbox_test

import (
	"context"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/api/replay/redistest"
	"medunion/doctor-portal/internal/mailbox"
)

// Whoever fills a doctor's waiting room does not keep out the patients whom she has
// answered already.
func TestACrowdAtTheDoorLeavesRoomForTheAnswered(t *testing.T) {
	each(t, func(t *testing.T, s *mailbox.Store, _ redis.UniversalClient) {
		ctx := t.Context()
		if err := s.Consult(ctx, doctor, session, []byte("M1")); err != nil {
			t.Fatal(err)
		}
		if err := s.ToPatient(ctx, doctor, session, message.TypeM2, []byte("M2")); err != nil {
			t.Fatal(err)
		}
		for i := range mailbox.MaxWaiting {
			err := s.Consult(ctx, doctor, [16]byte{9, byte(i)}, []byte("a stranger's"))
			if full := i == mailbox.MaxWaiting-1; full != (kind(err) == problem.KindTooMany) {
				t.Fatalf("M1 number %d: %v", i+2, err)
			}
		}
		if err := s.ToDoctor(ctx, session, message.TypeM3, []byte("M3")); err != nil {
			t.Errorf("M3: %v", err)
		}
	})
}

// Any number of readers may wait, for visits that need not exist; mail still moves.
func TestWaitingReadersDoNotHoldAllConnections(t *testing.T) {
	c := redis.NewClient(&redis.Options{Addr: redistest.Start(t).Addr(), PoolSize: 300, ContextTimeoutEnabled: true})
	t.Cleanup(func() { _ = c.Close() })
	s := mailbox.New(c, "portal")
	ctx, cancel := context.WithCancel(t.Context())
	must(s.Inbox(ctx, doctor, "0-0", 0, nil))
	var readers sync.WaitGroup
	for i := range 1500 {
		readers.Go(func() { _, _ = s.Mail(ctx, [16]byte{7, byte(i), byte(i >> 8)}, "0-0", time.Minute, nil) })
	}
	time.Sleep(time.Second)
	// Every blocked client holds a connection of the pool of 300.
	if n := blocked(t, c); n == 0 || n > 256 {
		t.Errorf("%d readers block", n)
	}
	if err := s.Consult(ctx, doctor, session, []byte("M1")); err != nil {
		t.Errorf("M1: %v", err)
	}
	cancel()
	readers.Wait()
}

// blocked is how many clients wait in a blocking command, by Redis' own count.
func blocked(t *testing.T, c *redis.Client) int {
	t.Helper()
	info, err := c.Info(t.Context(), "clients").Result()
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(info, "blocked_clients:")
	count, _, _ := strings.Cut(rest, "\r\n")
	n, err := strconv.Atoi(count)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
