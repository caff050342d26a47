package agent

import (
	"context"
	"sync"
)

// Topic is what can change.
type Topic int

// The topics.
const (
	Statuses Topic = iota // the store was opened or closed, or registration went on
	Visits
	Consents
	topics
)

// changes wakes those who wait for something to go on.
type changes struct {
	mu       sync.Mutex
	ch       chan struct{}
	count    [topics]uint64
	watchers int
}

// next is closed at the next change.
func (c *changes) next() <-chan struct{} {
	_, ch := c.look()
	return ch
}

// look returns how often each topic has changed, and what is closed at the next change.
func (c *changes) look() ([topics]uint64, <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ch == nil {
		c.ch = make(chan struct{})
	}
	return c.count, c.ch
}

func (c *changes) broadcast(what ...Topic) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, t := range what {
		c.count[t]++
	}
	if c.ch != nil {
		close(c.ch)
		c.ch = nil
	}
}

// watched reports whether anybody watches.
func (c *changes) watched() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.watchers > 0
}

func (c *changes) watch(by int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.watchers += by
}

// Watch calls f with the topics that have changed since the last call, and first with
// all of them, until ctx ends or f fails. While somebody watches, the agent asks now and then
// what became of what she has shared.
func (a *Agent) Watch(ctx context.Context, f func([]Topic) error) error {
	a.changes.watch(1)
	defer a.changes.watch(-1)
	seen, next := a.changes.look()
	news := []Topic{Statuses, Visits, Consents}
	for {
		if err := f(news); err != nil {
			return err
		}
		select {
		case <-next:
		case <-ctx.Done():
			return nil
		}
		var now [topics]uint64
		now, next = a.changes.look()
		news = nil
		for t := range topics {
			if now[t] != seen[t] {
				news = append(news, t)
			}
		}
		seen = now
	}
}
