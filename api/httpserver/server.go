// Package httpserver makes every HTTP server of the suite: one Echo factory, so
// that limits, errors, logs and metrics are the same everywhere.
//
// What leaves a server is an answer of its handlers or a problem document
// (api/problem). What enters is bounded before it is read. Logs and metrics name
// routes by their pattern, never by the path, and hold no query, body, header or
// address.
package httpserver

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"
)

// Limits bound one route. A zero field takes the default.
type Limits struct {
	// Body is the most bytes that a request's body may have on the wire;
	// default MessageBody(MessageCap). For a route that takes messages of up to
	// n bytes it is MessageBody(n).
	Body int64
	// Timeout ends the request's context, and is the most time that reading
	// the request may take; default 30 s.
	Timeout time.Duration
}

const defaultTimeout = 30 * time.Second

// Options configure New. Service and Logger are required.
type Options struct {
	// Service is the short name in logs and metrics, such as "publiccloud".
	Service string
	Logger  *slog.Logger
	// Registry receives the metrics and is served at /metrics; nil makes a new one.
	Registry *prometheus.Registry
	// Routes gives some routes their own limits, by the pattern with which Echo
	// registers them ("/v1/patients/:id/records").
	Routes map[string]Limits
	// Checks must all pass for /readyz to say yes.
	Checks []Check
	// Hosts, when not empty, are the only names (without port) by which the
	// server answers. A server on loopback sets it, so that no web page can
	// reach it by pointing a name of its own there.
	Hosts []string

	// Spec is the service's OpenAPI document; every request is held against it.
	// Nil checks nothing.
	Spec *openapi3.T
	// Unspecified are route patterns served beside the document, such as pages.
	Unspecified []string
	// Authenticate checks the security requirements of the document. It is
	// required when the document has any.
	Authenticate Authenticator
}

// New makes a server without routes of its own but /livez, /readyz and
// /metrics. Handlers return errors; what is no *problem.Error is Internal. A
// handler that serves a page may replace the security headers that it finds set.
//
// The error says what is wrong with the options.
func New(o Options) (*echo.Echo, error) {
	if o.Service == "" || o.Logger == nil {
		return nil, errors.New("httpserver: Service and Logger are required")
	}
	if o.Registry == nil {
		o.Registry = prometheus.NewRegistry()
	}
	meters, err := newMeters(o.Registry, o.Service)
	if err != nil {
		return nil, fmt.Errorf("httpserver: metrics: %w", err)
	}
	validate, err := validator(o)
	if err != nil {
		return nil, fmt.Errorf("httpserver: OpenAPI document: %w", err)
	}
	log := o.Logger.With("service", o.Service)
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.IPExtractor = echo.ExtractIPDirect()
	e.Binder = strictBinder{}
	e.HTTPErrorHandler = writeProblem
	e.Use(identify, secure, observe(log, meters), rescue(log), gate(o.Hosts), limit(o.Routes), validate, linger(o.Routes))
	addOperations(e, o)
	log.Debug("routes beside the document", "routes", slices.Concat(operations, o.Unspecified))
	return e, nil
}
