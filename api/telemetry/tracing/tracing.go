package tracing

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// Config says where traces go.
type Config struct {
	// Endpoint is the base URL of an OTLP collector, such as https://collector:4318; plain
	// HTTP is for loopback.
	Endpoint string
	// Ratio is the part of all traces that is exported, 1 at most; 0 is none.
	Ratio float64
	// Service and Version name the program.
	Service, Version string
}

// Tracer makes spans. Its nil value makes none.
type Tracer struct {
	provider *sdk.TracerProvider
	tracer   trace.Tracer
	exporter *exporter
}

// Bounds of what waits to be exported: beyond them spans are dropped and counted.
const (
	exportEvery = 2 * time.Second
	maxWaiting  = 4096
	maxBatch    = 512
	closeWait   = 3 * time.Second
)

// New connects nothing yet. It returns nil without an endpoint, and for a ratio of 0.
func New(c Config) (*Tracer, error) {
	if err := c.Check(); err != nil {
		return nil, fmt.Errorf("traces: %w", err)
	}
	if c.Endpoint == "" || c.Ratio == 0 {
		return nil, nil
	}
	e := newExporter(c.Endpoint)
	p := sdk.NewTracerProvider(
		sdk.WithSampler(sdk.TraceIDRatioBased(c.Ratio)),
		sdk.WithResource(resource.NewSchemaless(attribute.String("service.name", c.Service), attribute.String("service.version", c.Version))),
		sdk.WithBatcher(e, sdk.WithBatchTimeout(exportEvery), sdk.WithMaxQueueSize(maxWaiting), sdk.WithMaxExportBatchSize(maxBatch), sdk.WithExportTimeout(exportTimeout)))
	return &Tracer{provider: p, tracer: p.Tracer("medunion"), exporter: e}, nil
}

// Check says what is wrong with the configuration; no endpoint is nothing wrong.
func (c Config) Check() error {
	u, err := url.Parse(c.Endpoint)
	switch {
	case !(c.Ratio >= 0 && c.Ratio <= 1): // neither is NaN
		return errors.New("the ratio is from 0 to 1")
	case c.Endpoint == "":
		return nil
	case err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return errors.New("the endpoint is no base URL")
	case u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())):
		return errors.New("the endpoint must be https, or http on loopback")
	}
	return nil
}

func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.Unmap().IsLoopback()
}

// Attributes that spans may have, and no others: their values are constants of the program.
const (
	Method  = "http.request.method"
	Route   = "http.route"
	Status  = "http.response.status_code"
	Outcome = "error.type"
	System  = "db.system.name"
)

// allowed are the attributes that leave the service, of spans and of the service itself.
var allowed = map[attribute.Key]bool{Method: true, Route: true, Status: true, Outcome: true, System: true, "service.name": true, "service.version": true}

// Span is one piece of work. Its nil value is none.
type Span struct{ span trace.Span }

// Serve begins a trace for a request that came in: a new one, whatever came along with it.
func (t *Tracer) Serve(ctx context.Context, name string, attributes ...string) (context.Context, *Span) {
	if t == nil {
		return ctx, nil
	}
	ctx, s := t.tracer.Start(ctx, name, trace.WithNewRoot(), trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(pairs(attributes)...))
	return ctx, &Span{s}
}

// Ask begins a span for a question to a store, inside the trace of ctx; without one it makes
// none.
func (t *Tracer) Ask(ctx context.Context, name string, attributes ...string) (context.Context, *Span) {
	if t == nil || !trace.SpanContextFromContext(ctx).IsValid() {
		return ctx, nil
	}
	ctx, s := t.tracer.Start(ctx, name, trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(pairs(attributes)...))
	return ctx, &Span{s}
}

func pairs(attributes []string) (out []attribute.KeyValue) {
	for i := 0; i+1 < len(attributes); i += 2 {
		out = append(out, attribute.String(attributes[i], attributes[i+1]))
	}
	return out
}

// End ends a span; outcome is the kind of a problem, "" for success. status is that of an
// answer over HTTP, 0 where there is none.
func (s *Span) End(status int, outcome string) {
	if s == nil {
		return
	}
	if status != 0 {
		s.span.SetAttributes(attribute.Int(Status, status))
	}
	if outcome != "" {
		s.span.SetAttributes(attribute.String(Outcome, outcome))
		s.span.SetStatus(codes.Error, "")
	}
	s.span.End()
}

// ID is the id of the trace, 32 hex digits, for the service's own log; "" of none.
func (s *Span) ID() string {
	if s == nil || !s.span.SpanContext().IsSampled() {
		return ""
	}
	return s.span.SpanContext().TraceID().String()
}

// Failures is how many spans could not be delivered.
func (t *Tracer) Failures() uint64 {
	if t == nil {
		return 0
	}
	return t.exporter.failed.Load()
}

// Close exports what waits, for at most three seconds. Closing none does nothing, and so
// does closing again.
func (t *Tracer) Close() error {
	if t == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), closeWait)
	defer cancel()
	_ = t.provider.Shutdown(ctx) // what could not be delivered is counted, and is no fault of the service
	return nil
}
