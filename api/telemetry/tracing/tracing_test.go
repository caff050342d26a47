package tracing_test

import (
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	sdk "go.opentelemetry.io/otel/trace"
	collect "go.opentelemetry.io/proto/slim/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"

	"medunion/api/telemetry/tracing"
)

const canary = "Zaphod-Beeblebrox"

// received runs work under a tracer and returns what a collector got.
func received(t *testing.T, work func(*tracing.Tracer)) (raw []byte, m *collect.ExportTraceServiceRequest) {
	t.Helper()
	var mu sync.Mutex
	m = &collect.ExportTraceServiceRequest{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		raw = append(raw, body...)
		if err := proto.Unmarshal(body, m); err != nil {
			t.Error(err)
		}
	}))
	defer s.Close()
	tracer, err := tracing.New(tracing.Config{Endpoint: s.URL, Ratio: 1, Service: "test", Version: "v1"})
	if err != nil {
		t.Fatal(err)
	}
	work(tracer)
	if err := tracer.Close(); err != nil || tracer.Failures() != 0 {
		t.Fatal(err, tracer.Failures())
	}
	mu.Lock()
	defer mu.Unlock()
	return raw, m
}

// Only what the allow-list names leaves the service, whatever a span was given, here or by
// other code that found it in the context, and whatever the environment says of resources.
func TestOnlyAllowedLeaves(t *testing.T) {
	t.Setenv("OTEL_RESOURCE_ATTRIBUTES", "host.name="+canary)
	raw, m := received(t, func(tracer *tracing.Tracer) {
		ctx, span := tracer.Serve(t.Context(), "GET /v1/x", tracing.Route, "/v1/x", "patient", canary)
		other := sdk.SpanFromContext(ctx)
		other.AddEvent(canary)
		other.SetStatus(1, canary)
		other.RecordError(io.ErrUnexpectedEOF)
		_, inner := tracer.Ask(ctx, "mongodb find", tracing.System, "mongodb", "filter", canary)
		inner.End(0, "unavailable")
		span.End(503, "unavailable")
		if len(span.ID()) != 32 {
			t.Errorf("the trace's id is %q", span.ID())
		}
	})
	if strings.Contains(string(raw), canary) || strings.Contains(string(raw), "EOF") || strings.Contains(string(raw), "exception") {
		t.Errorf("more than is allowed: %q", raw)
	}
	spans := m.ResourceSpans[0].ScopeSpans[0].Spans
	if len(spans) != 2 || string(spans[0].ParentSpanId) != string(spans[1].SpanId) || string(spans[0].TraceId) != string(spans[1].TraceId) || len(spans[1].ParentSpanId) != 0 {
		t.Errorf("spans do not nest: %v", spans)
	}
}

// A request begins a trace of its own, even inside a context that holds another.
func TestEveryRequestIsARoot(t *testing.T) {
	_, m := received(t, func(tracer *tracing.Tracer) {
		ctx, outer := tracer.Serve(t.Context(), "GET /a")
		_, inner := tracer.Serve(ctx, "GET /b")
		inner.End(200, "")
		outer.End(200, "")
	})
	spans := m.ResourceSpans[0].ScopeSpans[0].Spans
	if len(spans) != 2 || string(spans[0].TraceId) == string(spans[1].TraceId) || len(spans[0].ParentSpanId)+len(spans[1].ParentSpanId) != 0 {
		t.Errorf("%v", spans)
	}
}

// A question outside a request makes no span: it would be a trace of a store's upkeep.
func TestQuestionsOutsideRequests(t *testing.T) {
	raw, _ := received(t, func(tracer *tracing.Tracer) {
		_, span := tracer.Ask(t.Context(), "mongodb find")
		span.End(0, "")
	})
	if len(raw) != 0 {
		t.Errorf("%q", raw)
	}
}

// A collector that is away, or answers wrongly, costs spans, which are counted, and nothing else.
func TestFailures(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
	}))
	defer s.Close()
	tracer, err := tracing.New(tracing.Config{Endpoint: s.URL, Ratio: 1})
	if err != nil {
		t.Fatal(err)
	}
	_, span := tracer.Serve(t.Context(), "GET /a")
	span.End(200, "")
	if err := tracer.Close(); err != nil || tracer.Failures() != 1 {
		t.Errorf("%v, %d failures", err, tracer.Failures())
	}
}

func TestEndpoints(t *testing.T) {
	for endpoint, fine := range map[string]bool{"https://collector.example:4318": true, "http://127.0.0.1:4318": true, "http://localhost:4318/": true, "http://[::1]:1": true,
		"http://collector.example:4318": false, "collector:4318": false, "ftp://127.0.0.1": false, "https://user:secret@collector.example": false, "https://c.example?token=x": false} {
		tracer, err := tracing.New(tracing.Config{Endpoint: endpoint, Ratio: 1})
		if (err == nil) != fine || err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", endpoint, err)
		}
		_ = tracer.Close()
	}
	if tracer, err := tracing.New(tracing.Config{Ratio: 0.5}); tracer != nil || err != nil {
		t.Error("no endpoint is no tracer", err)
	}
	for _, ratio := range []float64{1.5, -0.1, math.NaN()} {
		for _, endpoint := range []string{"https://c.example", ""} {
			if _, err := tracing.New(tracing.Config{Endpoint: endpoint, Ratio: ratio}); err == nil {
				t.Errorf("a ratio of %v to %q", ratio, endpoint)
			}
		}
	}
	if tracer, err := tracing.New(tracing.Config{Endpoint: "https://c.example"}); tracer != nil || err != nil {
		t.Error("a ratio of 0 makes a tracer", err)
	}
	var none *tracing.Tracer
	ctx, span := none.Serve(t.Context(), "x")
	span.End(1, "")
	if _, ask := none.Ask(ctx, "x"); ask != nil || span.ID() != "" || none.Close() != nil || none.Failures() != 0 {
		t.Error("no tracer makes spans")
	}
}
