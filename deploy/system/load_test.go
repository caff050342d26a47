package system_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/url"
	"sync"
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

// press runs all loads side by side until stop is called, which waits for them. What a
// site that dies or is busy leaves unanswered is no fault; all else that is no success
// fails the test, such as a refusal, or a receipt that does not verify.
func press(t *testing.T, loads []load) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	for _, l := range loads {
		running.Go(func() {
			for ctx.Err() == nil {
				if err := l.step(ctx); err != nil && !unanswered(err) {
					t.Errorf("%T: %s", l, problem.Reason(err))
					return
				} else if err != nil {
					time.Sleep(5 * time.Millisecond)
				}
			}
		})
	}
	return func() {
		cancel()
		running.Wait()
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
