package agent

import (
	"sync"
	"time"
)

// maxSkew is how far a server may move the time of what the agent sends. Nobody can
// make it sign for a time far from its own clock.
const maxSkew = 5 * time.Minute

// clock is the device's time with a correction for what is sent. What is received
// is always judged by the device's own time.
type clock struct {
	now func() time.Time

	mu     sync.Mutex
	offset time.Duration
}

// stamp is the time T of the next message.
func (c *clock) stamp() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now().Add(c.offset)
}

// correct takes over a server's time, from its `stale` problem. It reports false for
// a time too far away.
func (c *clock) correct(server time.Time) bool {
	offset := server.Sub(c.now())
	if offset.Abs() > maxSkew {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.offset = offset
	return true
}

// wallClock is the time of day alone, in UTC and whole milliseconds, as the protocol and the
// API have it. A time with Go's monotonic reading stands still
// while the device sleeps, and a session that is over for everybody else would go on.
func wallClock(now func() time.Time) func() time.Time {
	if now == nil {
		now = time.Now
	}
	return func() time.Time { return now().Round(0).UTC().Truncate(time.Millisecond) }
}
