package httpserver

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"medunion/api/problem"
	"medunion/api/telemetry/tracing"
)

// Operations is what an instance tells its operators: whether it is ready, and what it has
// counted. All its servers share one, and a listener of its own may serve it.
type Operations struct {
	Registry *prometheus.Registry
	// Tracer makes the traces of the instance; nil makes none.
	Tracer  *tracing.Tracer
	ready   readiness
	steps   *prometheus.CounterVec
	headers *prometheus.CounterVec
}

// NewOperations makes the registry of an instance, with the metrics of its process. All
// checks must pass for the instance to be ready.
func NewOperations(checks ...Check) *Operations {
	o := &Operations{Registry: prometheus.NewRegistry(), ready: readiness{checks: checks}, headers: newHeaders()}
	o.steps = prometheus.NewCounterVec(prometheus.CounterOpts{Name: "medunion_steps_total",
		Help: "Messages of the protocol that were handled, by type, and what became of them: ok, or the kind of the problem."}, []string{"step", "outcome"})
	o.Registry.MustRegister(&o.ready, o.steps, o.headers, buildInfo(), collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return o
}

// Step counts one message of the protocol by its type, a constant such as "M6", and by what
// became of it. It returns err.
func (o *Operations) Step(step string, err error) error {
	outcome := "ok"
	if err != nil {
		outcome = problem.KindOf(err).String()
	}
	o.steps.WithLabelValues(step, outcome).Inc()
	return err
}

// Trace makes the tracer that the edge asks for, before anything is traced. Whoever calls
// it closes the Operations in the end.
func (o *Operations) Trace(edge Edge, service string, log *slog.Logger) (err error) {
	if o.Tracer, err = newTracer(edge, service, log); o.Tracer != nil {
		o.Registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "medunion_trace_export_failures_total",
			Help: "Spans that the collector did not take."}, func() float64 { return float64(o.Tracer.Failures()) }))
	}
	return err
}

// Close gives up the tracer, if there is one.
func (o *Operations) Close() error {
	if o == nil {
		return nil
	}
	return o.Tracer.Close()
}

// Require adds checks that must pass for the instance to be ready, and collectors of
// metrics; it is called before the instance serves.
func (o *Operations) Require(checks []Check, metrics ...prometheus.Collector) {
	o.ready.checks = append(o.ready.checks, checks...)
	o.Registry.MustRegister(metrics...)
}

type status struct {
	Status string `json:"status"`
}

// checkStatus is one line of the verbose answer.
type checkStatus struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Millis int64  `json:"millis"`
}

// add registers the routes that an operator's tools ask: /livez always, the others where
// only operators ask. Verbose lets them ask which checks there are.
func (o *Operations) add(e *echo.Echo, all, verbose bool) {
	e.GET(livePath, func(c echo.Context) error { return c.JSON(http.StatusOK, status{"live"}) })
	if !all {
		return
	}
	e.GET(readyPath, func(c echo.Context) error {
		found := o.ready.look(c.Request().Context())
		err := o.ready.err(found)
		if verbose && c.QueryParams().Has("verbose") {
			return writeChecks(c, found, err)
		}
		if err != nil {
			return err
		}
		return c.JSON(http.StatusOK, status{"ready"})
	})
	e.GET(metricsPath, echo.WrapHandler(promhttp.HandlerFor(o.Registry, promhttp.HandlerOpts{})))
}

// writeChecks answers with the list of checks, as a problem if one of them failed.
func writeChecks(c echo.Context, found []outcome, err error) error {
	checks := make([]checkStatus, len(found))
	for i, o := range found {
		checks[i] = checkStatus{o.name, o.err == nil, o.took.Milliseconds()}
	}
	if err == nil {
		return c.JSON(http.StatusOK, struct {
			status
			Checks []checkStatus `json:"checks"`
		}{status{"ready"}, checks})
	}
	body, failed := json.Marshal(struct {
		problem.Document
		Checks []checkStatus `json:"checks"`
	}{problem.From(err).Document(RequestID(c.Request().Context())), checks})
	if failed != nil {
		return problem.Internal(failed)
	}
	return c.Blob(http.StatusServiceUnavailable, problem.MediaType, body)
}

// Start is called once, before the instance serves. It opens the operations listener that
// the edge names, and serves /livez, /readyz and /metrics there until Close; it returns nil
// without one. When ctx ends, the instance is no longer ready, and the listener stays until Close, so that a balancer can see it.
//
// Nobody is asked for a token or a certificate there: the network is the wall. Plain HTTP
// off loopback is refused unless behindTLS says that a proxy in front speaks TLS.
func (o *Operations) Start(ctx context.Context, service string, log *slog.Logger, edge Edge, cert *tls.Config, behindTLS bool) (*Running, error) {
	o.ready.ending = ctx.Done()
	if cert != nil {
		o.Registry.MustRegister(certificate{cert})
	}
	if edge.OperationsListen == "" {
		return nil, nil
	}
	if cert == nil && !behindTLS && !OnLoopback(edge.OperationsListen) {
		return nil, errors.New("operations: plain HTTP is for loopback: give a TLS certificate, or say that a proxy speaks TLS")
	}
	e, err := o.server(service, log)
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", edge.OperationsListen)
	if err != nil {
		return nil, fmt.Errorf("operations: listen: %w", err)
	}
	r := Start(context.WithoutCancel(ctx), listener, e, ServeOptions{TLS: anyone(cert), Logger: log}, nil)
	log.Info("operations listener", "service", service, "address", r.URL())
	return r, nil
}

func (o *Operations) server(service string, log *slog.Logger) (*echo.Echo, error) {
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.HTTPErrorHandler = writeProblem
	// Its requests are counted apart, as those of another server of the same instance.
	if err := chain(e, Options{Service: "operations", Logger: log, Operations: &Operations{Registry: o.Registry}}); err != nil {
		return nil, fmt.Errorf("operations: %w", err)
	}
	o.add(e, true, true)
	return e, nil
}

// anyone is the configuration without a demand for certificates of clients: probes and
// Prometheus have none of the protocol's.
func anyone(cert *tls.Config) *tls.Config {
	if cert == nil {
		return nil
	}
	c := cert.Clone()
	c.ClientAuth, c.ClientCAs, c.VerifyPeerCertificate, c.VerifyConnection = tls.NoClientCert, nil, nil, nil
	return c
}

// certificate is the moment at which the server's certificate ends, as a client of now would
// see it.
type certificate struct{ config *tls.Config }

var certificateDesc = prometheus.NewDesc("medunion_tls_certificate_not_after_timestamp_seconds", "When the TLS certificate ends that the service shows.", nil, nil)

// Describe implements prometheus.Collector.
func (c certificate) Describe(ch chan<- *prometheus.Desc) { ch <- certificateDesc }

// Collect implements prometheus.Collector. A certificate that cannot be had has no value.
func (c certificate) Collect(ch chan<- prometheus.Metric) {
	pair, err := c.pair()
	if err != nil || pair == nil || len(pair.Certificate) == 0 {
		return
	}
	leaf, err := x509.ParseCertificate(pair.Certificate[0])
	if err == nil {
		ch <- prometheus.MustNewConstMetric(certificateDesc, prometheus.GaugeValue, float64(leaf.NotAfter.Unix()))
	}
}

func (c certificate) pair() (*tls.Certificate, error) {
	config, hello := c.config, &tls.ClientHelloInfo{}
	if config.GetConfigForClient != nil {
		if chosen, err := config.GetConfigForClient(hello); err == nil && chosen != nil {
			config = chosen
		}
	}
	if config.GetCertificate != nil {
		return config.GetCertificate(hello)
	}
	if len(config.Certificates) == 0 {
		return nil, nil
	}
	return &config.Certificates[0], nil
}
