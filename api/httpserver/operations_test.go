package httpserver_test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"medunion/api/httpserver"
)

// operated is an operations listener with checks.
func operated(t *testing.T, ctx context.Context, o *httpserver.Operations) *site {
	t.Helper()
	s := &site{log: &logbook{}}
	r, err := o.Start(ctx, "test", s.log.logger(), httpserver.Edge{OperationsListen: "127.0.0.1:0"}, nil, false)
	if err != nil {
		t.Fatal(err)
	}
	s.url, s.addr = r.URL(), r.Addr()
	t.Cleanup(func() { _ = r.Close() })
	return s
}

// switched is a check that passes while on.
type switched struct {
	off   atomic.Bool
	asked atomic.Int64
}

func (s *switched) probe(ctx context.Context) error {
	s.asked.Add(1)
	if _, bounded := ctx.Deadline(); !bounded {
		return errors.New("no deadline")
	}
	if s.off.Load() {
		return errors.New("no primary at " + canary)
	}
	return nil
}

// until polls, because answers are given again for a second.
func until(t *testing.T, s *site, path string, status int) answer {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		a := s.do(t, "GET", path, "")
		if a.status == status {
			return a
		}
		if time.Now().After(end) {
			t.Fatalf("%s: %d %s, not %d", path, a.status, a.body, status)
		}
	}
}

// Readiness names the check that failed and nothing of its cause; /livez depends on none.
func TestReadiness(t *testing.T) {
	var store switched
	s := operated(t, t.Context(), httpserver.NewOperations(
		httpserver.Check{Name: "replay", Probe: func(context.Context) error { return nil }}, httpserver.Check{Name: "store", Probe: store.probe}))
	if a := s.do(t, "GET", "/livez", ""); a.status != 200 || a.body != "{\"status\":\"live\"}\n" {
		t.Errorf("livez: %d %s", a.status, a.body)
	}
	if a := until(t, s, "/readyz", 200); a.body != "{\"status\":\"ready\"}\n" {
		t.Errorf("readyz: %s", a.body)
	}
	store.off.Store(true)
	a := until(t, s, "/readyz", 503)
	if doc := wantProblem(t, a, 503, "unavailable"); doc["detail"] != "Not ready: store." || strings.Contains(a.body, canary) {
		t.Errorf("readyz: %s", a.body)
	}
	s.log.wait(t, "not ready: store: internal: no primary")
	if a := s.do(t, "GET", "/metrics", ""); !strings.Contains(a.body, `medunion_ready{check="store"} 0`) || !strings.Contains(a.body, `medunion_ready{check="replay"} 1`) {
		t.Errorf("metrics: %s", a.body)
	}
	if a := s.do(t, "GET", "/livez", ""); a.status != 200 {
		t.Error("livez depends on the store")
	}
}

// A verbose answer lists the checks, whether they pass or fail, and no cause.
func TestVerboseReadiness(t *testing.T) {
	var store switched
	s := operated(t, t.Context(), httpserver.NewOperations(httpserver.KeysUnlocked(func() bool { return true }), httpserver.Check{Name: "store", Probe: store.probe}))
	for _, off := range []bool{false, true} {
		store.off.Store(off)
		a := until(t, s, "/readyz?verbose", map[bool]int{false: 200, true: 503}[off])
		var doc struct {
			Type   string
			Status any
			Checks []struct {
				Name string
				OK   bool
			}
		}
		if err := json.Unmarshal([]byte(a.body), &doc); err != nil || len(doc.Checks) != 2 {
			t.Fatalf("%s: %v", a.body, err)
		}
		if doc.Checks[0].Name != "keys" || !doc.Checks[0].OK || doc.Checks[1].Name != "store" || doc.Checks[1].OK == off || strings.Contains(a.body, canary) {
			t.Errorf("off %v: %s", off, a.body)
		}
		if off != (doc.Type == "urn:medunion:problem:unavailable") || off != (a.header.Get("Content-Type") == "application/problem+json") {
			t.Errorf("off %v: %s %s", off, a.header.Get("Content-Type"), a.body)
		}
	}
}

// Probes are no load: many at once ask the store about once a second.
func TestProbesAreNoLoad(t *testing.T) {
	var store switched
	s := operated(t, t.Context(), httpserver.NewOperations(httpserver.Check{Name: "store", Probe: store.probe}))
	begin := time.Now()
	for range 200 {
		s.do(t, "GET", "/readyz", "")
		s.do(t, "GET", "/metrics", "")
	}
	if asked, most := store.asked.Load(), int64(time.Since(begin)/time.Second)+1; asked < 1 || asked > most {
		t.Errorf("400 probes asked the store %d times in %v", asked, time.Since(begin))
	}
}

// An instance that shuts down says that it is not ready, as long as its operations
// listener is open.
func TestStoppingIsNotReady(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	s := operated(t, ctx, httpserver.NewOperations())
	until(t, s, "/readyz", 200)
	stop()
	until(t, s, "/readyz", 503)
	s.log.wait(t, "shuts down")
}

// Who may see what: off loopback, behind a proxy, and beside an operations listener the
// protocol's listener has no /readyz and no /metrics.
func TestWhereOperationsAreServed(t *testing.T) {
	for name, c := range map[string]struct {
		edge  httpserver.Edge
		shown bool
	}{
		"on loopback":                   {httpserver.Edge{}.At(false, "127.0.0.1:1", "[::1]:2"), true},
		"one listener off loopback":     {httpserver.Edge{RateScale: 1}.At(false, "127.0.0.1:1", "0.0.0.0:2"), false},
		"behind a proxy":                {httpserver.Edge{}.At(true, "127.0.0.1:1"), false},
		"with a listener of their own":  {httpserver.Edge{OperationsListen: "127.0.0.1:0"}.At(false, "127.0.0.1:1"), false},
		"an edge that was not told any": {httpserver.Edge{RateScale: 1}, false},
	} {
		s := start(t, httpserver.Options{Edge: c.edge}, nil)
		want := map[bool]int{true: 200, false: 404}[c.shown]
		for _, path := range []string{"/readyz", "/readyz?verbose", "/metrics"} {
			if a := s.do(t, "GET", path, ""); a.status != want {
				t.Errorf("%s: %s is %d", name, path, a.status)
			} else if strings.Contains(a.body, "checks") {
				t.Errorf("%s: %s lists the checks", name, path)
			}
		}
		if a := s.do(t, "GET", "/livez", ""); a.status != 200 {
			t.Errorf("%s: /livez is %d", name, a.status)
		}
	}
}

// The operations listener off loopback speaks TLS, with no demand for a client's
// certificate, or does not open.
func TestOperationsOffLoopback(t *testing.T) {
	log := (&logbook{}).logger()
	edge := httpserver.Edge{OperationsListen: "0.0.0.0:0"}
	if _, err := httpserver.NewOperations().Start(t.Context(), "test", log, edge, nil, false); err == nil {
		t.Error("plain HTTP off loopback: accepted")
	}
	if r, err := httpserver.NewOperations().Start(t.Context(), "test", log, httpserver.Edge{}, nil, false); err != nil || r != nil || r.URL() != "" || r.Close() != nil {
		t.Errorf("no listener wanted: %v, %v", r, err)
	}
	cert, roots := selfSigned(t)
	strict := &tls.Config{Certificates: []tls.Certificate{cert}, ClientAuth: tls.RequireAnyClientCert}
	r, err := httpserver.NewOperations().Start(t.Context(), "test", log, httpserver.Edge{OperationsListen: "127.0.0.1:0"}, strict, false)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
	resp, err := client.Get(r.URL() + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, _ := io.ReadAll(resp.Body); resp.StatusCode != 200 {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
	metrics, err := client.Get(r.URL() + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer metrics.Body.Close()
	body, _ := io.ReadAll(metrics.Body)
	value := regexp.MustCompile(`(?m)^medunion_tls_certificate_not_after_timestamp_seconds (\S+)$`).FindSubmatch(body)
	if value == nil {
		t.Fatalf("no end of the certificate in %s", body)
	}
	if at, err := strconv.ParseFloat(string(value[1]), 64); err != nil || time.Until(time.Unix(int64(at), 0)).Round(time.Minute) != time.Hour {
		t.Errorf("the certificate ends at %s, %v", value[1], err)
	}
}

// Messages are counted by their type and by what became of them.
func TestSteps(t *testing.T) {
	o := httpserver.NewOperations()
	s := operated(t, t.Context(), o)
	if err := errors.New("x"); o.Step("M6", nil) != nil || !errors.Is(o.Step("M6", err), err) {
		t.Error("Step changes the error")
	}
	body := s.do(t, "GET", "/metrics", "").body
	for _, line := range []string{`medunion_steps_total{outcome="ok",step="M6"} 1`, `medunion_steps_total{outcome="internal",step="M6"} 1`, "go_goroutines ", "process_open_fds ", "medunion_build_info{"} {
		if !strings.Contains(body, line) {
			t.Errorf("no %s in %s", line, body)
		}
	}
}
