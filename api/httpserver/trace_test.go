package httpserver_test

import (
	"testing"

	"medunion/api/httpserver"
)

// The part of all requests that is traced is what was asked for: none for 0, all where
// nothing was said.
func TestTraceRatio(t *testing.T) {
	none, half, all, wrong := 0.0, 0.5, 1.0, 7.0
	for name, c := range map[string]struct {
		ratio       *float64
		fine, spans bool
	}{"unset": {nil, true, true}, "none": {&none, true, false}, "half": {&half, true, true}, "all": {&all, true, true}, "wrong": {&wrong, false, false}} {
		edge := httpserver.Edge{OTLPEndpoint: "http://127.0.0.1:1", OTLPRatio: c.ratio}
		o := httpserver.NewOperations()
		err := o.Trace(edge, "test", (&logbook{}).logger())
		if (err == nil) != c.fine || (o.Tracer != nil) != c.spans {
			t.Errorf("%s: %v, traces %v", name, err, o.Tracer != nil)
		}
		_ = o.Close()
		found := map[string]bool{}
		edge.Check(func(setting string, err error) { found[setting] = err != nil })
		if found["otlp-endpoint"] == c.fine || found["proxies"] || found["docs"] || found["proxy-protocol-from"] || len(found) != 4 {
			t.Errorf("%s: %v", name, found)
		}
	}
}

// Where a proxy is named, what is for this machine alone is not shown to those behind it.
func TestNamedProxyIsNotThisMachine(t *testing.T) {
	for want, proxies := range map[int][]string{200: nil, 404: {"10.0.0.1"}} {
		s := start(t, httpserver.Options{Spec: traitsSpec(t, peered), Edge: httpserver.Edge{Proxies: proxies}.At(false, "127.0.0.1:0")}, nil)
		for _, path := range []string{"/metrics", "/docs"} {
			if a := s.do(t, "GET", path, ""); a.status != want && (want != 200 || a.status >= 400) {
				t.Errorf("%s with the proxies %v: %d", path, proxies, a.status)
			}
		}
	}
}
