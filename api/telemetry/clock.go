package telemetry

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Clock is a clock that ours should agree with: that of a store.
type Clock struct {
	Store string // name of the store, such as "redis"
	Ask   func(context.Context) (time.Time, error)
}

const (
	clockTimeout = time.Second
	clockFor     = time.Second // how long a reading is given again
)

// reading is by how much a clock is ahead of ours; the truth is at most doubt away from it.
type reading struct {
	ahead, doubt time.Duration
	known        bool
}

// Clocks compares clocks with ours. It is a readiness check and a collector of metrics.
type Clocks struct {
	now    func() time.Time
	limit  time.Duration
	clocks []Clock

	mu   sync.Mutex
	read []reading
	at   time.Time
}

// NewClocks compares clocks with now; limit is the largest lawful difference (δ).
func NewClocks(now func() time.Time, limit time.Duration, clocks ...Clock) *Clocks {
	return &Clocks{now: now, limit: limit, clocks: clocks}
}

// Probe fails if a clock is further away than the limit for certain: half of the time that
// the question took is given in doubt. A store that does not answer is not a wrong clock.
func (c *Clocks) Probe(ctx context.Context) error {
	for i, r := range c.look(ctx) {
		if r.known && r.ahead.Abs()-r.doubt > c.limit {
			return fmt.Errorf("the clock of %s and ours differ by %v", c.clocks[i].Store, r.ahead.Round(time.Millisecond))
		}
	}
	return nil
}

func (c *Clocks) look(ctx context.Context) []reading {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.at) < clockFor {
		return c.read
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), clockTimeout)
	defer cancel()
	read := make([]reading, len(c.clocks))
	var all sync.WaitGroup
	for i := range c.clocks {
		all.Go(func() { read[i] = c.ask(ctx, c.clocks[i]) })
	}
	all.Wait()
	c.read, c.at = read, time.Now()
	return read
}

func (c *Clocks) ask(ctx context.Context, k Clock) reading {
	before := c.now()
	theirs, err := k.Ask(ctx)
	if err != nil {
		return reading{}
	}
	half := c.now().Sub(before) / 2
	return reading{ahead: theirs.Sub(before.Add(half)), doubt: half, known: true}
}

var skewDesc = prometheus.NewDesc("medunion_clock_skew_seconds", "By how much the clock of a store is ahead of ours.", []string{"store"}, nil)
var limitDesc = prometheus.NewDesc("medunion_clock_skew_limit_seconds", "The largest difference of clocks with which the service is ready.", nil, nil)

// Describe implements prometheus.Collector.
func (c *Clocks) Describe(ch chan<- *prometheus.Desc) {
	ch <- skewDesc
	ch <- limitDesc
}

// Collect implements prometheus.Collector. A store that does not answer has no value.
func (c *Clocks) Collect(ch chan<- prometheus.Metric) {
	ch <- prometheus.MustNewConstMetric(limitDesc, prometheus.GaugeValue, c.limit.Seconds())
	for i, r := range c.look(context.Background()) {
		if r.known {
			ch <- prometheus.MustNewConstMetric(skewDesc, prometheus.GaugeValue, r.ahead.Seconds(), c.clocks[i].Store)
		}
	}
}
