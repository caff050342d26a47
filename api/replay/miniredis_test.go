package replay_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/alicebob/miniredis/v2/server"
	"medunion/api/replay"
)

// lab is an embedded Redis and a service whose clocks stand still until they are moved.
type lab struct {
	m     *miniredis.Miniredis
	w     *replay.Window
	redis time.Time
	ours  time.Time
	run   int
	sent  uint64
}

var noon = time.UnixMilli(1_800_000_000_123)

func newLab(t interface {
	Fatal(...any)
	Cleanup(func())
}) *lab {
	l := &lab{m: miniredis.NewMiniRedis(), redis: noon, ours: noon}
	if err := l.m.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.m.Close)
	l.m.Server().SetPreHook(func(c *server.Peer, cmd string, args ...string) bool {
		if cmd != "INFO" || len(args) != 1 || args[0] != "server" {
			return false
		}
		c.WriteBulk(fmt.Sprintf("# Server\r\nrun_id:%040x\r\n", l.run))
		return true
	})
	l.m.SetTime(l.redis)
	w, err := replay.New(replay.Config{Addrs: []string{l.m.Addr()}, Namespace: "lab", Timeout: 5 * time.Second, PoolSize: 2},
		func() time.Time { return l.ours })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	l.w = w
	return l
}

// pass lets both clocks go on.
func (l *lab) pass(d time.Duration) {
	l.ours = l.ours.Add(d)
	l.setRedis(l.redis.Add(d))
}

func (l *lab) setRedis(t time.Time) {
	l.redis = t
	l.m.SetTime(t)
}

// fresh is a message with a new id, stamped by away from our clock.
func (l *lab) fresh(away time.Duration) message {
	l.sent++
	m := message{t: l.ours.Add(away)}
	copy(m.id[:], fmt.Sprintf("%016d", l.sent))
	return m
}

func (l *lab) send(m message) error { return l.w.Accept(context.Background(), m.id, m.t) }

func TestAttack2_Boundaries(t *testing.T) {
	l := newLab(t)
	l.pass(time.Minute)
	const ms = time.Millisecond
	for _, c := range []struct {
		away   time.Duration
		reason replay.Reason
	}{
		{-30 * time.Second, ""},
		{-30*time.Second - ms, replay.TooOld},
		{-time.Hour, replay.TooOld},
		{0, ""},
		{2 * time.Second, ""},
		{2*time.Second + ms, replay.FromFuture},
		{time.Hour, replay.FromFuture},
	} {
		m := l.fresh(c.away)
		got := l.send(m)
		wantReason(t, got, c.reason)
		wantReason(t, l.w.Fresh(m.t), c.reason)
	}
}

// Both clocks have to agree that a message is fresh.
func TestAttack2_BoundariesOfRedisClock(t *testing.T) {
	for _, c := range []struct {
		ahead, away time.Duration // Redis' clock of ours; T of ours
		reason      replay.Reason
	}{
		{time.Second, -29 * time.Second, ""},
		{time.Second, -29*time.Second - time.Millisecond, replay.TooOld},
		{-time.Second, time.Second, ""},
		{-time.Second, time.Second + time.Millisecond, replay.FromFuture},
	} {
		l := newLab(t)
		l.pass(time.Minute)
		l.setRedis(l.ours.Add(c.ahead))
		wantReason(t, l.send(l.fresh(c.away)), c.reason)
	}
}

func TestAttack2_ClocksApart(t *testing.T) {
	l := newLab(t)
	l.pass(time.Minute)
	for _, apart := range []time.Duration{time.Second + time.Millisecond, -time.Second - time.Millisecond, time.Hour} {
		l.setRedis(l.ours.Add(apart))
		wantErr(t, l.send(l.fresh(0)), replay.ErrUnavailable)
		wantErr(t, l.w.Ready(context.Background()), replay.ErrUnavailable)
	}
	l.setRedis(l.ours)
	wantErr(t, l.send(l.fresh(0)), nil)
}

// A clock that jumped ahead and back has not moved the floor, because nothing was decided meanwhile.
func TestAttack2_RedisClockJumpsAndReturns(t *testing.T) {
	l := newLab(t)
	l.pass(time.Minute)
	m := l.fresh(0)
	wantErr(t, l.send(m), nil)
	l.setRedis(l.redis.Add(time.Hour))
	wantErr(t, l.send(m), replay.ErrUnavailable)
	l.setRedis(l.redis.Add(-time.Hour))
	wantErr(t, l.send(m), replay.ErrReplayed)
	wantErr(t, l.send(l.fresh(0)), nil)
}

// The same N under another T is the same message id.
func TestAttack2_NonceReusedWithAnotherTime(t *testing.T) {
	l := newLab(t)
	l.pass(time.Minute)
	m := l.fresh(0)
	wantErr(t, l.send(m), nil)
	for _, away := range []time.Duration{time.Millisecond, 2 * time.Second, -20 * time.Second} {
		wantErr(t, l.send(message{m.id, m.t.Add(away)}), replay.ErrReplayed)
	}
	// Nor has the try with the old time shortened the memory of the first.
	l.pass(15 * time.Second)
	wantErr(t, l.send(l.fresh(0)), nil)
	wantErr(t, l.send(m), replay.ErrReplayed)
}

func TestAttack2_FloorOfANewEpoch(t *testing.T) {
	l := newLab(t) // its epoch began now
	for _, away := range []time.Duration{-30 * time.Second, 0, 2 * time.Second} {
		err := l.send(l.fresh(away))
		wantReason(t, err, replay.BelowFloor)
		var stale *replay.StaleError
		if !errors.As(err, &stale) || !stale.Now.Equal(l.ours) || stale.Wait != 2*time.Second+time.Millisecond {
			t.Errorf("%+v, want our clock and a wait of 2.001 s", stale)
		}
	}
	wantErr(t, l.w.Ready(context.Background()), replay.ErrUnavailable)
	l.pass(2*time.Second + time.Millisecond)
	wantErr(t, l.w.Ready(context.Background()), nil)
	wantErr(t, l.send(l.fresh(0)), nil)
	wantReason(t, l.send(l.fresh(-time.Millisecond)), replay.BelowFloor)
}

// A new epoch's floor is above what was accepted on the word of the faster of the two clocks.
func TestAttack1_NewEpochAtASlowerRedis(t *testing.T) {
	l := newLab(t)
	l.pass(time.Minute)
	l.setRedis(l.ours.Add(time.Second))
	m := l.fresh(2 * time.Second)
	wantErr(t, l.send(m), nil)
	l.m.FlushAll()
	l.run++
	l.setRedis(l.ours.Add(-time.Second))
	for range 40 {
		if err := l.send(m); err == nil {
			t.Fatal("a replay was accepted after a failover to a slower clock")
		}
		l.pass(time.Second)
	}
}

// Both clocks run ahead, so that ids are purged, and return further than they went; then Redis restarts
// with what it has on disk. The new epoch's floor must not be below the old one.
func TestAttack1_FloorNeverSinks(t *testing.T) {
	l := newLab(t)
	l.pass(time.Minute)
	m := l.fresh(0)
	wantErr(t, l.send(m), nil)
	l.pass(40 * time.Second)
	wantErr(t, l.send(l.fresh(0)), nil)
	l.pass(-60 * time.Second)
	l.run++
	wantErr(t, l.w.Ready(context.Background()), replay.ErrUnavailable)
	for range 60 {
		if l.send(m) == nil {
			t.Fatal("a purged id was accepted again")
		}
		l.pass(time.Second)
	}
}

// The data wander to another server and back to the first, as a cluster slot may: each arrival is an epoch.
func TestAttack1_EachArrivalIsANewEpoch(t *testing.T) {
	l := newLab(t)
	for _, run := range []int{1, 2, 1} {
		l.pass(time.Minute)
		l.run = run
		wantReason(t, l.send(l.fresh(0)), replay.BelowFloor)
		l.pass(3 * time.Second)
		wantErr(t, l.send(l.fresh(0)), nil)
	}
}

// The window holds what the width can hold, also after a long silence, and each call does bounded work.
func TestPurge(t *testing.T) {
	l := newLab(t)
	l.pass(time.Minute)
	size := func() int {
		members, err := l.m.ZMembers("{rw:lab}:window")
		if err != nil {
			t.Fatal(err)
		}
		return len(members)
	}
	for range 100 {
		for range 10 {
			wantErr(t, l.send(l.fresh(0)), nil)
		}
		l.pass(time.Second)
	}
	if n := size(); n < 300 || n > 10*33+3 {
		t.Errorf("%d members after 100 s of 10 messages, want those of 31 to 33 s", n)
	}
	l.pass(24 * time.Hour)
	before := size()
	wantErr(t, l.send(l.fresh(0)), nil)
	if freed := before + 1 - size(); freed != 32 {
		t.Errorf("one call purged %d ids, want 32", freed)
	}
	for range 15 {
		wantErr(t, l.send(l.fresh(0)), nil)
	}
	if n := size(); n != 16+2 {
		t.Errorf("%d members, want the 16 messages, the floor and the epoch", n)
	}
}

func wantReason(t testing.TB, err error, reason replay.Reason) {
	t.Helper()
	if reason == "" {
		wantErr(t, err, nil)
		return
	}
	var stale *replay.StaleError
	if !errors.Is(err, replay.ErrStale) || !errors.As(err, &stale) || stale.Reason != reason {
		t.Errorf("got %v, want stale: %s", err, reason)
	}
}
