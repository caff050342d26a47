package telemetry_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"medunion/api/replay"
	"medunion/api/replay/redistest"
	"medunion/api/telemetry"
)

// A clock further away than the limit fails the check and is named; one that does not
// answer, or that may be near within the time that the question took, does not.
func TestClocks(t *testing.T) {
	shifted := func(d time.Duration, slow time.Duration, err error) telemetry.Clock {
		return telemetry.Clock{Store: "store", Ask: func(context.Context) (time.Time, error) {
			time.Sleep(slow)
			return time.Now().Add(d), err
		}}
	}
	for name, c := range map[string]struct {
		clock telemetry.Clock
		fails bool
	}{
		"the same":       {shifted(0, 0, nil), false},
		"ahead":          {shifted(time.Minute, 0, nil), true},
		"behind":         {shifted(-time.Minute, 0, nil), true},
		"away":           {shifted(time.Minute, 0, errors.New("no answer")), false},
		"slow to answer": {shifted(900*time.Millisecond, 800*time.Millisecond, nil), false},
	} {
		clocks := telemetry.NewClocks(time.Now, time.Second, c.clock)
		if err := clocks.Probe(t.Context()); (err != nil) != c.fails {
			t.Errorf("%s: %v", name, err)
		} else if err != nil && !strings.Contains(err.Error(), "store") {
			t.Errorf("%s: %v names no store", name, err)
		}
		if n, want := testutil.CollectAndCount(clocks, "medunion_clock_skew_seconds"), map[bool]int{true: 0, false: 1}[name == "away"]; n != want {
			t.Errorf("%s: %d readings, not %d", name, n, want)
		}
	}
}

// The replay window's decisions are counted by kind, with a real Redis, and each kind is
// there from the start.
func TestWindowKinds(t *testing.T) {
	r := prometheus.NewRegistry()
	m := telemetry.NewWindow(r)
	s := redistest.Start(t)
	w, err := replay.New(replay.Config{Addrs: []string{s.Addr()}, Namespace: "kinds", Timeout: 2 * time.Second, Observe: m.Observe}, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Close() })
	if _, err := w.Time(t.Context()); err != nil {
		t.Fatal(err)
	}
	accept := func(id byte, at time.Duration) error {
		return w.Accept(t.Context(), [16]byte{id}, time.Now().Add(at))
	}
	if err := accept(1, 0); !errors.Is(err, replay.ErrStale) { // an empty Redis: ids may be forgotten
		t.Fatalf("below the floor: %v", err)
	}
	redistest.Eventually(t, 10*time.Second, "a ready window", func() bool { return w.Ready(t.Context()) == nil })
	now := time.Now()
	for _, want := range []error{nil, replay.ErrReplayed} {
		if err := w.Accept(t.Context(), [16]byte{2}, now); !errors.Is(err, want) {
			t.Fatalf("%v, not %v", err, want)
		}
	}
	if accept(3, -time.Hour) == nil || accept(4, time.Hour) == nil || w.Fresh(time.Now().Add(-time.Hour)) == nil {
		t.Fatal("a wrong time is taken")
	}
	s.Kill9()
	if accept(5, 0) == nil {
		t.Fatal("taken without Redis")
	}
	want := `
# HELP medunion_replay_refusals_total Messages that the replay window refused, by kind.
# TYPE medunion_replay_refusals_total counter
medunion_replay_refusals_total{kind="ahead"} 1
medunion_replay_refusals_total{kind="forgotten"} 1
medunion_replay_refusals_total{kind="old"} 2
medunion_replay_refusals_total{kind="seen"} 1
medunion_replay_refusals_total{kind="unavailable"} 1
`
	if err := testutil.GatherAndCompare(r, strings.NewReader(want), "medunion_replay_refusals_total"); err != nil {
		t.Error(err)
	}
}

// Moments that are not known have no value: an alert must not take them for long ago.
func TestMoments(t *testing.T) {
	m := telemetry.NewMoments("certificate_not_after", "h", "use", map[string]func() time.Time{
		"server": func() time.Time { return time.UnixMilli(1_500) }, "client": func() time.Time { return time.Time{} }, "none": func() time.Time { return time.UnixMilli(0) }})
	want := "# HELP medunion_certificate_not_after_timestamp_seconds h\n# TYPE medunion_certificate_not_after_timestamp_seconds gauge\n" +
		"medunion_certificate_not_after_timestamp_seconds{use=\"server\"} 1.5\n"
	if err := testutil.CollectAndCompare(m, strings.NewReader(want)); err != nil {
		t.Error(err)
	}
}
