package replay_test

import (
	"errors"
	"testing"
	"time"

	"pgregory.net/rapid"

	"medunion/api/replay"
)

// model is the rule without any forgetting: perfect memory since the epoch began, and the epoch's floor.
type model struct {
	seen  map[[16]byte]bool
	floor int64
}

func (m *model) newEpoch(now time.Time) {
	m.seen = map[[16]byte]bool{}
	m.floor = max(m.floor, now.UnixMilli()+2000)
}

func (m *model) expect(msg message, now time.Time) error {
	age := now.UnixMilli() - msg.t.UnixMilli()
	switch {
	case age > 30_000 || age < -2_000 || msg.t.UnixMilli() <= m.floor:
		return replay.ErrStale
	case m.seen[msg.id]:
		return replay.ErrReplayed
	}
	m.seen[msg.id] = true
	return nil
}

// While clocks go forward, purging can never be told from remembering everything.
func TestModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := newLab(t)
		m := &model{}
		m.newEpoch(l.ours)
		var sent []message
		send := func(t *rapid.T, msg message) {
			want, got := m.expect(msg, l.ours), l.send(msg)
			if !errors.Is(got, want) || (want == nil) != (got == nil) {
				t.Fatalf("message stamped %v at %v: got %v, want %v", msg.t.UnixMilli(), l.ours.UnixMilli(), got, want)
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"send": func(t *rapid.T) {
				msg := l.fresh(time.Duration(rapid.Int64Range(-31_500, 3_000).Draw(t, "away")) * time.Millisecond)
				sent = append(sent, msg)
				send(t, msg)
			},
			"replay": func(t *rapid.T) {
				if len(sent) > 0 {
					send(t, rapid.SampledFrom(sent).Draw(t, "message"))
				}
			},
			"pass": func(t *rapid.T) {
				l.pass(time.Duration(rapid.Int64Range(1, 12_000).Draw(t, "ms")) * time.Millisecond)
			},
			"flush": func(t *rapid.T) {
				l.m.FlushAll()
				m.newEpoch(l.ours)
				_ = l.w.Ready(t.Context()) // the epoch begins with the first call
			},
			"restart": func(t *rapid.T) {
				l.run++
				m.newEpoch(l.ours)
				_ = l.w.Ready(t.Context())
			},
		})
	})
}

// Whatever the clocks do, and whenever Redis restarts with what it had on disk, nothing is accepted twice.
func TestAttack1_NothingTwiceWhateverTheClocks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := newLab(t)
		l.pass(3 * time.Second)
		accepted := map[[16]byte]bool{}
		var sent []message
		send := func(t *rapid.T, msg message) {
			if l.send(msg) != nil {
				return
			}
			if accepted[msg.id] {
				t.Fatalf("message stamped %v was accepted twice", msg.t.UnixMilli())
			}
			accepted[msg.id] = true
		}
		t.Repeat(map[string]func(*rapid.T){
			"send": func(t *rapid.T) {
				msg := l.fresh(time.Duration(rapid.Int64Range(-31_500, 3_000).Draw(t, "away")) * time.Millisecond)
				sent = append(sent, msg)
				send(t, msg)
			},
			"replay": func(t *rapid.T) {
				if len(sent) > 0 {
					send(t, rapid.SampledFrom(sent).Draw(t, "message"))
				}
			},
			"pass": func(t *rapid.T) {
				l.pass(time.Duration(rapid.Int64Range(-40_000, 40_000).Draw(t, "ms")) * time.Millisecond)
			},
			"drift": func(t *rapid.T) {
				l.setRedis(l.ours.Add(time.Duration(rapid.Int64Range(-1_200, 1_200).Draw(t, "ms")) * time.Millisecond))
			},
			"restart": func(*rapid.T) { l.run++ },
		})
	})
}
