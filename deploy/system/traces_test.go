package system_test

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"

	collect "go.opentelemetry.io/proto/slim/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/slim/otlp/common/v1"
	trace "go.opentelemetry.io/proto/slim/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// collector receives the traces of one party, as OTLP over HTTP says.
type collector struct {
	*httptest.Server
	mu       sync.Mutex
	raw      []byte // all bodies
	requests []*collect.ExportTraceServiceRequest
	err      error
}

func newCollector() *collector {
	c := &collector{}
	c.Server = httptest.NewServer(c)
	return c
}

// ServeHTTP implements http.Handler.
func (c *collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	var m collect.ExportTraceServiceRequest
	if err == nil {
		err = proto.Unmarshal(body, &m)
	}
	if r.Method != http.MethodPost || r.URL.Path != "/v1/traces" || r.Header.Get("Content-Type") != "application/x-protobuf" {
		err = errors.Join(err, fmt.Errorf("%s %s of %q", r.Method, r.URL.Path, r.Header.Get("Content-Type")))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.raw, c.requests, c.err = append(c.raw, body...), append(c.requests, &m), errors.Join(c.err, err)
}

func (c *collector) spans() (all []*trace.Span) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, m := range c.requests {
		for _, r := range m.ResourceSpans {
			for _, s := range r.ScopeSpans {
				all = append(all, s.Spans...)
			}
		}
	}
	return all
}

// plantedTrace is the trace that the patient's device claims to be in, at every request.
const plantedTrace = "4bf92f3577b34da6a3ce929d0e0e4736"

// has says that a collector has a span of a name.
func (c *collector) has(name string) bool {
	for _, s := range c.spans() {
		if s.Name == name {
			return true
		}
	}
	return false
}

// The services of all parties export traces of a visit, each to its own collector: of the
// steps, with the questions to the stores inside. Nothing that they export names anybody,
// and nothing joins what two parties export: no trace goes from one to another, whatever a
// client says, and what both say are constants of the program.
func TestTraces(t *testing.T) {
	w := watched(t)
	for party, name := range map[string]string{"publiccloud": "POST /v1/searches", "hospital-1": "POST /v1/releases", "hospital-2": "POST /v1/sessions",
		"portal": "POST /v1/logins", "agents/doctor-dr-seen": "GET /v1/visits", "agents/seen": "GET /v1/status"} {
		ok(t, eventually(t.Context(), func() (bool, error) { return w.traces[party].has(name), nil }))
	}
	ids := map[string]string{} // of traces and spans, by party
	needles := append(w.needles(), needleOf("the planted trace", unhex(t, plantedTrace)))
	for party, c := range w.traces {
		ok(t, c.err)
		if found := in(c.raw, needles); len(found) > 0 {
			t.Errorf("%s: the traces tell %q", party, found)
		}
		for _, m := range c.requests {
			for _, r := range m.ResourceSpans {
				checkAttributes(t, party, "the service", r.Resource.Attributes, "service.name", "service.version")
			}
		}
		for _, s := range c.spans() {
			checkSpan(t, party, s)
			for _, id := range []string{hex.EncodeToString(s.TraceId), hex.EncodeToString(s.SpanId)} {
				if other, known := ids[id]; known && other != party {
					t.Errorf("%s and %s export the same id", other, party)
				}
				ids[id] = party
			}
		}
	}
	nests(t, w.traces["hospital-1"], "POST /v1/releases", "mongodb insert", "redis evalsha")
	nests(t, w.traces["publiccloud"], "POST /v1/searches", "mongodb update", "redis evalsha")
	nests(t, w.traces["portal"], "POST /v1/logins", "redis set", "redis del")
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	ok(t, err)
	return b
}

var spanName = regexp.MustCompile(`^((GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS|other) (unmatched|/[a-zA-Z0-9/.:*_-]*)|mongodb [a-zA-Z]{2,20}|redis [a-z]{2,12})$`)

// checkSpan holds a span against what may leave a service.
func checkSpan(t *testing.T, party string, s *trace.Span) {
	t.Helper()
	if !spanName.MatchString(s.Name) {
		t.Errorf("%s: a span %q", party, s.Name)
	}
	if len(s.Events) > 0 || len(s.Links) > 0 || s.TraceState != "" || s.GetStatus().GetMessage() != "" {
		t.Errorf("%s: %s has events, links, state or a text", party, s.Name)
	}
	if s.Kind == trace.Span_SPAN_KIND_SERVER && len(s.ParentSpanId) > 0 {
		t.Errorf("%s: %s has a parent outside the service", party, s.Name)
	}
	checkAttributes(t, party, s.Name, s.Attributes, "http.request.method", "http.route", "http.response.status_code", "error.type", "db.system.name")
}

func checkAttributes(t *testing.T, party, where string, attributes []*common.KeyValue, allowed ...string) {
	t.Helper()
	forms := map[string]*regexp.Regexp{"http.request.method": labels["method"], "http.route": labels["route"], "http.response.status_code": labels["status"],
		"error.type": word, "db.system.name": word, "service.name": word, "service.version": labels["version"]}
	for _, a := range attributes {
		value := a.Value.GetStringValue()
		if n := a.Value.GetIntValue(); n != 0 {
			value = fmt.Sprint(n)
		}
		known := false
		for _, name := range allowed {
			known = known || name == a.Key
		}
		if !known || !forms[a.Key].MatchString(value) {
			t.Errorf("%s: %s has %s=%q", party, where, a.Key, value)
		}
	}
}

// nests fails unless the questions were asked inside some request of the name.
func nests(t *testing.T, c *collector, request string, questions ...string) {
	t.Helper()
	inside := map[string][]string{} // names by trace
	roots := map[string]bool{}
	for _, s := range c.spans() {
		id := hex.EncodeToString(s.TraceId)
		inside[id] = append(inside[id], s.Name)
		roots[id] = roots[id] || s.Name == request && len(s.ParentSpanId) == 0
	}
	for id, names := range inside {
		all := roots[id]
		for _, q := range questions {
			all = all && strings.Contains(strings.Join(names, "\n"), q)
		}
		if all {
			return
		}
	}
	for id, names := range inside {
		if roots[id] {
			t.Logf("%q", names)
		}
	}
	t.Errorf("no trace of %s holds %q", request, questions)
}
