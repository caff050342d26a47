package httpserver_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"medunion/api/httpserver"
)

// logbook is a log that tests read.
type logbook struct {
	mu   sync.Mutex
	buf  bytes.Buffer
	mute bool // nothing is kept
}

func (l *logbook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.mute {
		return len(p), nil
	}
	return l.buf.Write(p)
}

// silence ends the log: what is kept of it lies in the heap that a test measures.
func (l *logbook) silence() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mute = true
}

func (l *logbook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// wait returns the log as soon as it holds what; a request is logged just after
// it has been answered.
func (l *logbook) wait(t *testing.T, what string) string {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if text := l.String(); strings.Contains(text, what) {
			return text
		}
	}
	t.Fatalf("the log does not say %q:\n%s", what, l.String())
	return ""
}

func (l *logbook) logger() *slog.Logger {
	return slog.New(slog.NewJSONHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// site is a server of the factory on a real listener.
type site struct {
	url, addr string
	log       *logbook
	stop      context.CancelFunc
	done      chan error
}

// start makes a server from o, adds routes and serves it until the test ends.
func start(t *testing.T, o httpserver.Options, routes func(*echo.Echo)) *site {
	t.Helper()
	return startWith(t, o, httpserver.ServeOptions{}, routes)
}

func startWith(t *testing.T, o httpserver.Options, serve httpserver.ServeOptions, routes func(*echo.Echo)) *site {
	t.Helper()
	s := &site{log: &logbook{}, done: make(chan error, 1)}
	o.Service, o.Logger = "test", s.log.logger()
	if reflect.DeepEqual(o.Edge, httpserver.Edge{}) {
		o.Edge = httpserver.Edge{Docs: "off"}.At(false, "127.0.0.1:0")
	}
	e, err := httpserver.New(o)
	if err != nil {
		t.Fatal(err)
	}
	if routes != nil {
		routes(e)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.addr = listener.Addr().String()
	s.url = "http://" + s.addr
	ctx, cancel := context.WithCancel(context.Background())
	s.stop = cancel
	go func() {
		serve.Logger, serve.Grace = o.Logger, time.Second
		s.done <- httpserver.Serve(ctx, listener, e, serve)
		close(s.done)
	}()
	t.Cleanup(func() { cancel(); <-s.done })
	return s
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   string
}

func (s *site) do(t *testing.T, method, path, body string, headers ...string) answer {
	t.Helper()
	r, err := http.NewRequest(method, s.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			r.Host = headers[i+1]
			continue
		}
		r.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, string(data)}
}

func (s *site) post(t *testing.T, path, body string) answer {
	t.Helper()
	return s.do(t, "POST", path, body, "Content-Type", "application/json")
}

// wantProblem checks that the answer is a whole problem document of the kind.
func wantProblem(t *testing.T, a answer, status int, kind string) map[string]any {
	t.Helper()
	var doc map[string]any
	if a.status != status || a.header.Get("Content-Type") != "application/problem+json" || json.Unmarshal([]byte(a.body), &doc) != nil {
		t.Fatalf("answer %d %q: %s; want problem %s, %d", a.status, a.header.Get("Content-Type"), a.body, kind, status)
	}
	instance := "urn:medunion:request:" + a.header.Get("X-Request-Id")
	if doc["type"] != "urn:medunion:problem:"+kind || doc["status"] != float64(status) || doc["instance"] != instance || doc["title"] == "" || doc["detail"] == "" {
		t.Fatalf("document %s; want kind %s, instance %s", a.body, kind, instance)
	}
	return doc
}
