package system_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"medunion/api/problem"
)

// load is a client that writes without pause and keeps a ledger of what was
// acknowledged.
type load interface {
	// meet is called once a site answers, before the first step and after each restart.
	meet(ctx context.Context, s site) error
	// step writes once and notes what was acknowledged.
	step(ctx context.Context) error
	// verify compares a restarted site with the ledger.
	verify(t *testing.T, ctx context.Context)
	// acknowledged is how much stands in the ledger.
	acknowledged() int
}

// pressure is loads that run.
type pressure struct {
	running sync.WaitGroup
	cancel  context.CancelFunc
	made    []atomic.Int64 // acknowledged steps, by load
}

// press runs all loads side by side until stop. What a site that dies or is busy leaves
// unanswered is no fault; all else that is no success fails the test, such as a refusal,
// or a receipt that does not verify.
func press(t *testing.T, loads []load) *pressure {
	ctx, cancel := context.WithCancel(t.Context())
	p := &pressure{cancel: cancel, made: make([]atomic.Int64, len(loads))}
	for i, l := range loads {
		p.running.Go(func() {
			for ctx.Err() == nil {
				switch err := l.step(ctx); {
				case err == nil:
					p.made[i].Add(1)
				case unanswered(err):
					time.Sleep(5 * time.Millisecond)
				default:
					t.Errorf("%T: %s", l, problem.Reason(err))
					return
				}
			}
		})
	}
	return p
}

// stop ends the loads and waits for them.
func (p *pressure) stop() {
	p.cancel()
	p.running.Wait()
}

// warm waits until every load has made a step: a slow machine is killed in its writes
// too.
func (p *pressure) warm(t *testing.T) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		slow := -1
		for i := range p.made {
			if p.made[i].Load() == 0 {
				slow = i
			}
		}
		if slow < 0 {
			return
		}
		if time.Now().After(end) {
			t.Errorf("load %d makes no step", slow)
			return
		}
	}
}

// unanswered says that an error is what a dying or a busy peer leaves: no answer, half
// of one, or `unavailable`.
func unanswered(err error) bool {
	var u *url.Error
	var n net.Error
	return errors.As(err, &u) || errors.As(err, &n) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, context.Canceled) ||
		problem.KindOf(err) == problem.KindUnavailable
}

// patiently repeats what a busy site answers with `unavailable`.
func patiently(ctx context.Context, f func() error) error {
	for end := time.Now().Add(10 * time.Second); ; {
		err := f()
		if err == nil || problem.KindOf(err) != problem.KindUnavailable || time.Now().After(end) || ctx.Err() != nil {
			return err
		}
		time.Sleep(50 * time.Millisecond)
	}
}
