package tracing

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	collector "go.opentelemetry.io/proto/slim/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/slim/otlp/common/v1"
	res "go.opentelemetry.io/proto/slim/otlp/resource/v1"
	wire "go.opentelemetry.io/proto/slim/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

const (
	exportTimeout = 5 * time.Second
	maxReply      = 64 << 10
)

// exporter sends spans as OTLP/HTTP with binary protobuf (OTLP specification 1.x, section
// OTLP/HTTP). It writes only what the allow-list names, whoever put more into a span: the
// library's own exporter would write all of it, and link a gRPC stack into each service.
type exporter struct {
	url    string
	client *http.Client
	failed atomic.Uint64
}

var _ sdk.SpanExporter = (*exporter)(nil)

func newExporter(endpoint string) *exporter {
	t := &http.Transport{Proxy: nil, TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS13}, ForceAttemptHTTP2: true, MaxIdleConns: 2, IdleConnTimeout: time.Minute,
		TLSHandshakeTimeout: exportTimeout, ResponseHeaderTimeout: exportTimeout}
	return &exporter{url: strings.TrimRight(endpoint, "/") + "/v1/traces", client: &http.Client{Transport: t, Timeout: exportTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// ExportSpans implements the library's port. Spans that are not taken are lost and counted.
func (e *exporter) ExportSpans(ctx context.Context, spans []sdk.ReadOnlySpan) error {
	err := e.send(ctx, spans)
	if err != nil {
		e.failed.Add(uint64(len(spans)))
	}
	return err
}

func (e *exporter) send(ctx context.Context, spans []sdk.ReadOnlySpan) error {
	body, err := proto.Marshal(encode(spans))
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, e.url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/x-protobuf")
	r.Header.Set("User-Agent", "medunion")
	resp, err := e.client.Do(r)
	if err != nil {
		return fmt.Errorf("the collector does not answer: %T", err)
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, maxReply))
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("the collector answered %d", resp.StatusCode)
	}
	return nil
}

// Shutdown implements the library's port.
func (e *exporter) Shutdown(context.Context) error {
	e.client.CloseIdleConnections()
	return nil
}

// encode keeps ids, names, times, kinds and the allowed attributes.
func encode(spans []sdk.ReadOnlySpan) *collector.ExportTraceServiceRequest {
	if len(spans) == 0 {
		return &collector.ExportTraceServiceRequest{}
	}
	scope := &wire.ScopeSpans{Scope: &common.InstrumentationScope{Name: "medunion"}}
	for _, s := range spans {
		scope.Spans = append(scope.Spans, encodeSpan(s))
	}
	return &collector.ExportTraceServiceRequest{ResourceSpans: []*wire.ResourceSpans{{
		Resource: &res.Resource{Attributes: encodeAttributes(spans[0].Resource().Attributes())}, ScopeSpans: []*wire.ScopeSpans{scope}}}}
}

func encodeSpan(s sdk.ReadOnlySpan) *wire.Span {
	id, trace := s.SpanContext().SpanID(), s.SpanContext().TraceID()
	out := &wire.Span{TraceId: trace[:], SpanId: id[:], Name: s.Name(), Kind: wire.Span_SpanKind(s.SpanKind()),
		StartTimeUnixNano: uint64(s.StartTime().UnixNano()), EndTimeUnixNano: uint64(s.EndTime().UnixNano()), Attributes: encodeAttributes(s.Attributes())}
	if parent := s.Parent(); parent.IsValid() {
		p := parent.SpanID()
		out.ParentSpanId = p[:]
	}
	if s.Status().Code == codes.Error {
		out.Status = &wire.Status{Code: wire.Status_STATUS_CODE_ERROR}
	}
	return out
}

func encodeAttributes(attributes []attribute.KeyValue) (out []*common.KeyValue) {
	for _, a := range attributes {
		if !allowed[a.Key] {
			continue
		}
		v := &common.AnyValue{Value: &common.AnyValue_StringValue{StringValue: a.Value.String()}}
		if a.Value.Type() == attribute.INT64 {
			v = &common.AnyValue{Value: &common.AnyValue_IntValue{IntValue: a.Value.AsInt64()}}
		}
		out = append(out, &common.KeyValue{Key: string(a.Key), Value: v})
	}
	return out
}
