package replay

import (
	"context"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"
)

// failed wraps what went wrong, and sees to it that a lost Redis is found again.
func (w *Window) failed(ctx context.Context, c connections, err error) error {
	if c != w.redis {
		return unavailable(err)
	}
	var answer redis.Error
	if !errors.As(err, &answer) {
		w.revive()
	}
	c.moved(ctx)
	return unavailable(err)
}

// revive looks for a lost Redis in the background until it answers, so that the new epoch begins when Redis
// is back and not with the first message that gets through. Each try is a client of its own: the pool of
// the old one, after as many failed dials as it has places, dials only once a second, which together with
// the δ of the floor would keep new messages out for longer than 3 s.
func (w *Window) revive() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.reviving || w.closed.Err() != nil {
		return
	}
	w.reviving = true
	w.running.Go(w.search)
}

func (w *Window) search() {
	for w.closed.Err() == nil && !w.reached() {
		select {
		case <-w.closed.Done():
		case <-time.After(reviveInterval):
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.reviving = false
}

func (w *Window) reached() bool {
	cfg := w.cfg
	cfg.PoolSize = 1
	c := connect(cfg)
	defer c.Close()
	ctx, cancel := context.WithTimeout(w.closed, startupTimeout)
	defer cancel()
	_, err := w.ask(ctx, c, "", w.clock())
	return err == nil
}
