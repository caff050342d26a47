package system_test

import (
	"math/rand/v2"
	"testing"
	"time"
)

// rounds is how often each site is killed.
const rounds = 5

// Nothing that the suite has acknowledged is lost, whenever it is killed: it starts
// again on its folder, at the same addresses, each time.
func TestKillTheSuite(t *testing.T) {
	heavy(t)
	t.Parallel()
	dir := t.TempDir()
	for range 4 { // while it makes its keys, stores and registrations
		p := part(t, partSuite, dir)
		time.Sleep(time.Duration(20+rand.IntN(600)) * time.Millisecond)
		p.kill9()
	}
	start := func() (victim, site) { p := part(t, partSuite, dir); return p, p.site() }
	killed(t, start)
}

func heavy(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("takes long")
	}
}

// killed runs the loads over rounds of kill -9 and verifies after each.
func killed(t *testing.T, start func() (victim, site)) {
	ctx := t.Context()
	loads := []load{newRecordLoad("m-one"), newRecordLoad("m-two"), newIndexLoad("test-hospital-1", 3), newIndexLoad("test-hospital-2", 1), &enrolLoad{}}
	p, at := start()
	first := at.addresses()
	for round := range rounds {
		for _, l := range loads {
			ok(t, patiently(ctx, func() error { return l.meet(ctx, at) }))
		}
		pressed := press(t, loads)
		pressed.warm(t)
		time.Sleep(time.Duration(rand.IntN(700)) * time.Millisecond)
		p.kill9()
		pressed.stop()
		p, at = start()
		if at.addresses() != first {
			t.Fatalf("round %d: the addresses were %s and are %s", round, first, at.addresses())
		}
		for _, l := range loads {
			ok(t, patiently(ctx, func() error { return l.meet(ctx, at) }))
			l.verify(t, ctx)
		}
	}
	for _, l := range loads {
		t.Logf("%T: %d acknowledged", l, l.acknowledged())
		if l.acknowledged() < rounds {
			t.Errorf("%T: that is too little to have tested anything", l)
		}
	}
}
