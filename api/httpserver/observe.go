package httpserver

import (
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"

	"medunion/api/problem"
)

// Routes that carry no traffic of users.
const (
	livePath    = "/livez"
	readyPath   = "/readyz"
	metricsPath = "/metrics"
)

var operations = []string{livePath, readyPath, metricsPath}

// meters are the metrics of one server. Their labels are route patterns, known
// methods and status codes: a stranger cannot make new series.
type meters struct {
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	inFlight prometheus.Gauge
}

func newMeters(registry *prometheus.Registry, service string) (*meters, error) {
	constant := prometheus.Labels{"service": service}
	m := &meters{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "medunion_http_requests_total", Help: "Requests answered.", ConstLabels: constant,
		}, []string{"method", "route", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "medunion_http_request_seconds", Help: "Time until the answer was written.", ConstLabels: constant,
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
		}, []string{"method", "route"}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "medunion_http_requests_in_flight", Help: "Requests being answered.", ConstLabels: constant,
		}),
	}
	for _, c := range []prometheus.Collector{m.requests, m.seconds, m.inFlight} {
		if err := registry.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// observe answers errors, then counts and logs the request.
func observe(log *slog.Logger, m *meters) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			start := time.Now()
			m.inFlight.Inc()
			defer m.inFlight.Dec()
			err := next(c)
			if err != nil {
				c.Error(err)
			}
			took := time.Since(start)
			m.requests.WithLabelValues(method(c), route(c), strconv.Itoa(c.Response().Status)).Inc()
			m.seconds.WithLabelValues(method(c), route(c)).Observe(took.Seconds())
			logRequest(log, c, took, err)
			return nil
		}
	}
}

// logRequest writes the one line of a request. The reason is for the operator;
// causes hold no patients' data, by the contract of api/problem.
func logRequest(log *slog.Logger, c echo.Context, took time.Duration, err error) {
	fields := []any{
		"id", RequestID(c.Request().Context()), "method", method(c), "route", route(c),
		"status", c.Response().Status, "millis", took.Milliseconds(), "out", c.Response().Size,
	}
	if id, _ := c.Get(traceIDKey).(string); id != "" {
		fields = append(fields, "trace", id)
	}
	if err != nil {
		fields = append(fields, "reason", problem.Reason(classify(err)))
	}
	level := slog.LevelInfo
	switch probe := slices.Contains(operations, c.Path()); {
	case probe && err != nil:
		level = slog.LevelWarn // not ready is an answer, not a fault
	case probe:
		level = slog.LevelDebug
	case c.Response().Status >= 500:
		level = slog.LevelError
	}
	log.Log(c.Request().Context(), level, "request", fields...)
}

// route is the pattern that matched, never the path that was asked for.
func route(c echo.Context) string {
	if c.Path() == "" {
		return "unmatched"
	}
	return c.Path()
}

// method is the request's method if it is a common one.
func method(c echo.Context) string {
	switch m := c.Request().Method; m {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return m
	}
	return "other"
}
