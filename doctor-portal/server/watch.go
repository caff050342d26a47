package server

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"

	"medunion/api/httpserver"
	"medunion/api/replay"
	"medunion/api/telemetry"
	"medunion/doctor-portal/internal/mailbox"
)

// watch says what makes the portal ready, and what is measured beside its requests.
func watch(c Config, mail *mailbox.Store, client redis.UniversalClient) (*httpserver.Operations, error) {
	ask := func(ctx context.Context) (time.Time, error) { return client.Time(ctx).Result() }
	clocks := telemetry.NewClocks(c.clock(), replay.DefaultFuture, telemetry.Clock{Store: "redis", Ask: ask})
	depth := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "medunion_mailbox_depth_messages",
		Help: "Messages in a mailbox after one was put into it, by whose it is: inbox of a doctor, or that of one visit.", Buckets: []float64{1, 2, 4, 8, 25, 50, 100, 150, 200, 400}},
		[]string{"mailbox"})
	mail.Watch = func(kind string, n int) { depth.WithLabelValues(kind).Observe(float64(n)) }
	for _, kind := range []string{"inbox", "visit"} {
		depth.WithLabelValues(kind)
	}
	o := httpserver.NewOperations()
	err := o.Trace(c.Edge, "portal", c.logger())
	client.AddHook(telemetry.RedisSpans(o.Tracer))
	o.Require([]httpserver.Check{{Name: "redis", Probe: mail.Ready}, {Name: "clock", Probe: clocks.Probe}}, clocks, depth,
		telemetry.Gauge("mailbox_readers_blocked", "Readers that wait for a message on a connection of their own.", func() float64 { n, _ := mail.Blocked(); return float64(n) }),
		telemetry.Gauge("mailbox_readers_blocked_limit", "Readers that may wait so at once; others ask again and again.", func() float64 { _, n := mail.Blocked(); return float64(n) }),
		telemetry.NewRedisPools(map[string]func() *redis.PoolStats{"mailboxes": client.PoolStats}))
	return o, err
}
