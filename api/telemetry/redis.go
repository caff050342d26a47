package telemetry

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
)

// Window measures a replay window: what it decided, and how long it took.
type Window struct {
	refusals *prometheus.CounterVec
	seconds  prometheus.Histogram
}

// WindowKinds are why a replay window refuses: the time is too old, or ahead; ids of that
// time were forgotten; the message was seen; nobody can tell.
var WindowKinds = []string{"old", "ahead", "forgotten", "seen", "unavailable"}

// NewWindow registers the metrics.
func NewWindow(r prometheus.Registerer) *Window {
	w := &Window{
		refusals: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "medunion_replay_refusals_total",
			Help: "Messages that the replay window refused, by kind."}, []string{"kind"}),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "medunion_replay_window_duration_seconds",
			Help: "Time of one question to the replay window.", Buckets: storeBuckets}),
	}
	r.MustRegister(w.refusals, w.seconds)
	for _, kind := range WindowKinds {
		w.refusals.WithLabelValues(kind)
	}
	return w
}

// Observe counts one decision: a kind of WindowKinds, or "" for a message that was taken.
// took is zero where Redis was not asked.
func (w *Window) Observe(kind string, took time.Duration) {
	if kind != "" {
		w.refusals.WithLabelValues(kind).Inc()
	}
	if took > 0 {
		w.seconds.Observe(took.Seconds())
	}
}

// pool reports the connections of Redis clients.
type pool struct {
	stats map[string]func() *redis.PoolStats
}

var (
	redisConnections = prometheus.NewDesc("medunion_redis_pool_connections", "Connections to Redis, the idle ones and all.", []string{"client", "state"}, nil)
	redisTimeouts    = prometheus.NewDesc("medunion_redis_pool_timeouts_total", "Times that no connection to Redis was free in time.", []string{"client"}, nil)
	redisStale       = prometheus.NewDesc("medunion_redis_pool_stale_connections_total", "Connections to Redis that were given up.", []string{"client"}, nil)
)

// NewRedisPools reports the pools of clients, by what each is for, such as "window".
func NewRedisPools(stats map[string]func() *redis.PoolStats) prometheus.Collector { return pool{stats} }

// Describe implements prometheus.Collector.
func (p pool) Describe(ch chan<- *prometheus.Desc) {
	ch <- redisConnections
	ch <- redisTimeouts
	ch <- redisStale
}

// Collect implements prometheus.Collector.
func (p pool) Collect(ch chan<- prometheus.Metric) {
	for client, stats := range p.stats {
		s := stats()
		ch <- prometheus.MustNewConstMetric(redisConnections, prometheus.GaugeValue, float64(s.TotalConns), client, "open")
		ch <- prometheus.MustNewConstMetric(redisConnections, prometheus.GaugeValue, float64(s.IdleConns), client, "idle")
		ch <- prometheus.MustNewConstMetric(redisTimeouts, prometheus.CounterValue, float64(s.Timeouts), client)
		ch <- prometheus.MustNewConstMetric(redisStale, prometheus.CounterValue, float64(s.StaleConns), client)
	}
}
