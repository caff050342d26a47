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
	"net"
	"slices"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/labstack/echo/v4"
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
	// Operations holds the metrics and what makes the instance ready; the servers of one
	// instance share it. Nil makes a new one without checks.
	Operations *Operations
	// Routes gives routes of a server without a document their limits, by the pattern
	// with which Echo registers them ("/v1/patients/:id/records"). With a document the
	// limits stand there; one that is given here goes before.
	Routes map[string]Limits
	// Hosts, when not empty, are the only names (without port) by which the
	// server answers. A server on loopback sets it, so that no web page can
	// reach it by pointing a name of its own there.
	Hosts []string

	// Spec is the service's OpenAPI document; every request is held against it.
	// Nil checks nothing.
	Spec *openapi3.T
	// Unspecified are route patterns served beside the document, such as pages.
	Unspecified []string
	// Edge is what the service's configuration says of the edge.
	Edge Edge
	// Peers is who may call what the document keeps for peers (x-peer); nil lets everybody.
	Peers *Peers
	// Authenticate checks the security requirements of the document. It is
	// required when the document has any.
	Authenticate Authenticator
}

// New makes a server without routes of its own but /livez and, where Edge allows it,
// /readyz and /metrics. Handlers return errors; what is no *problem.Error is Internal. A
// handler that serves a page may replace the security headers that it finds set.
//
// The error says what is wrong with the options.
func New(o Options) (*echo.Echo, error) {
	if o.Service == "" || o.Logger == nil {
		return nil, errors.New("httpserver: Service and Logger are required")
	}
	if o.Operations == nil {
		o.Operations = NewOperations()
	}
	docs, err := o.Edge.docs()
	if err != nil {
		return nil, fmt.Errorf("httpserver: %w", err)
	}
	if docs = docs && o.Spec != nil; docs {
		o.Unspecified = append(slices.Clone(o.Unspecified), docsRoutes()...)
	}
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.Binder = strictBinder{}
	e.HTTPErrorHandler = writeProblem
	if err := chain(e, o); err != nil {
		return nil, fmt.Errorf("httpserver: %w", err)
	}
	o.Operations.add(e, o.Edge.operates(), false)
	if docs {
		err = addDocs(e, o.Spec)
	}
	return e, err
}

// chain is what every request passes, in this order.
func chain(e *echo.Echo, o Options) error {
	meters, err := newMeters(o.Operations.Registry, o.Service)
	if err != nil {
		return fmt.Errorf("metrics: %w", err)
	}
	d, err := newDocument(o)
	if err != nil {
		return fmt.Errorf("OpenAPI document: %w", err)
	}
	proxies, err := o.Edge.networks()
	if err != nil {
		return err
	}
	if _, err := o.Edge.balancers(); err != nil {
		return err
	}
	peers, err := newAdmission(o, d)
	if err != nil {
		return err
	}
	e.IPExtractor = addressOf(proxies)
	log, rates := o.Logger.With("service", o.Service), newLimiter(o.Edge.RateScale)
	e.Use(identify, d.conform(log), secure, observe(log, meters), traced(o.Operations.Tracer), rescue(log), gate(o.Hosts), rates.byAddress(d, o.Edge.addressed()),
		d.limit(o.Routes), peers.admit, d.validate, rates.byIdentity(d), d.linger(o.Routes), newReplies().repeated(d), d.compressed(), d.tagged)
	log.Debug("routes beside the document", "routes", slices.Concat(operations, o.Unspecified))
	return nil
}

// addressOf is where a request comes from: the connection's other end, or what the named
// proxies say of it.
func addressOf(proxies []*net.IPNet) echo.IPExtractor {
	if len(proxies) == 0 {
		return echo.ExtractIPDirect()
	}
	trust := []echo.TrustOption{echo.TrustLoopback(false), echo.TrustLinkLocal(false), echo.TrustPrivateNet(false)}
	for _, p := range proxies {
		trust = append(trust, echo.TrustIPRange(p))
	}
	return echo.ExtractIPFromXFFHeader(trust...)
}
