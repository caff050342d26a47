package telemetry

import (
	"context"
	"slices"

	"github.com/prometheus/client_golang/prometheus"
	"go.mongodb.org/mongo-driver/event"
	"go.mongodb.org/mongo-driver/mongo/options"

	"medunion/api/telemetry/tracing"
)

// commands are the names that a command of MongoDB may have as a label.
var commands = []string{"insert", "update", "delete", "find", "findAndModify", "getMore", "killCursors", "aggregate", "createIndexes", "ping", "hello",
	"commitTransaction", "abortTransaction", "endSessions"}

// storeBuckets are for questions to a store, in seconds.
var storeBuckets = []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}

// Mongo measures a MongoDB client: how long commands take, and its pool of connections.
// Commands are known by name alone: collection, filter and document stay unseen.
type Mongo struct {
	seconds     *prometheus.HistogramVec
	connections *prometheus.GaugeVec
	failures    *prometheus.CounterVec
	spans       spans
}

// NewMongo registers the metrics. The tracer makes spans of commands; nil makes none.
func NewMongo(r prometheus.Registerer, t *tracing.Tracer) *Mongo {
	m := &Mongo{
		spans: spans{tracer: t, open: map[int64]*tracing.Span{}},
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "medunion_mongodb_command_duration_seconds",
			Help: "Time until MongoDB answered a command.", Buckets: storeBuckets}, []string{"command", "outcome"}),
		connections: prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "medunion_mongodb_pool_connections",
			Help: "Connections to MongoDB, those in use and all."}, []string{"state"}),
		failures: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "medunion_mongodb_pool_failures_total",
			Help: "Times that no connection to MongoDB could be had, and that the pool was cleared."}, []string{"kind"}),
	}
	r.MustRegister(m.seconds, m.connections, m.failures)
	for _, state := range []string{"open", "in_use"} {
		m.connections.WithLabelValues(state)
	}
	for _, kind := range []string{"checkout", "cleared"} {
		m.failures.WithLabelValues(kind)
	}
	return m
}

// Watch makes a client report to the metrics.
func (m *Mongo) Watch(o *options.ClientOptions) {
	o.SetMonitor(&event.CommandMonitor{
		Started: m.spans.start,
		Succeeded: func(_ context.Context, e *event.CommandSucceededEvent) {
			m.spans.end(e.RequestID, "")
			m.seconds.WithLabelValues(command(e.CommandName), "ok").Observe(e.Duration.Seconds())
		},
		Failed: func(_ context.Context, e *event.CommandFailedEvent) {
			m.spans.end(e.RequestID, "unavailable")
			m.seconds.WithLabelValues(command(e.CommandName), "failed").Observe(e.Duration.Seconds())
		},
	}).SetPoolMonitor(&event.PoolMonitor{Event: m.pool})
}

func command(name string) string {
	if slices.Contains(commands, name) {
		return name
	}
	return "other"
}

func (m *Mongo) pool(e *event.PoolEvent) {
	switch e.Type {
	case event.ConnectionCreated:
		m.connections.WithLabelValues("open").Inc()
	case event.ConnectionClosed:
		m.connections.WithLabelValues("open").Dec()
	case event.GetSucceeded:
		m.connections.WithLabelValues("in_use").Inc()
	case event.ConnectionReturned:
		m.connections.WithLabelValues("in_use").Dec()
	case event.GetFailed:
		m.failures.WithLabelValues("checkout").Inc()
	case event.PoolCleared:
		m.failures.WithLabelValues("cleared").Inc()
	}
}
