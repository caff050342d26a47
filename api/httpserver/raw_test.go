package httpserver_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/labstack/echo/v4"

	"medunion/api/httpserver"
	"medunion/api/problem"
)

// wire is a connection on which a test says what it likes.
type wire struct {
	t *testing.T
	net.Conn
	in *bufio.Reader
}

func (s *site) dial(t *testing.T) *wire {
	t.Helper()
	conn, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return &wire{t, conn, bufio.NewReader(conn)}
}

// say sends text; that the other side has hung up shows when its answer is read.
func (w *wire) say(format string, args ...any) *wire {
	_, _ = fmt.Fprintf(w.Conn, format, args...)
	return w
}

// hear reads the next answer.
func (w *wire) hear() answer {
	w.t.Helper()
	resp, err := http.ReadResponse(w.in, nil)
	if err != nil {
		w.t.Fatalf("no answer: %v", err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, string(b)}
}

// silent waits until the server has closed the connection without another byte.
func (w *wire) silent() {
	w.t.Helper()
	if b, err := io.ReadAll(w.in); errors.Is(err, os.ErrDeadlineExceeded) || len(b) > 0 {
		w.t.Errorf("the connection is not closed: %v, %.200q", err, b)
	}
}

// hasty is a server with short timeouts and a route of each sort.
func hasty(t *testing.T) *site {
	const short = 500 * time.Millisecond
	upload := httpserver.Limits{Body: 1 << 20, Timeout: time.Minute}
	return startWith(t, httpserver.Options{Spec: slowDocument(t), Unspecified: []string{"/echo", "/large", "/refused", "/unwanted"},
		Routes: map[string]httpserver.Limits{"/slow": {Timeout: time.Minute}, "/large": upload, "/unwanted": upload}},
		httpserver.ServeOptions{HeaderTimeout: short, ReadTimeout: short, IdleTimeout: short}, routesOf)
}

// slowDocument describes /slow, as every slow route of a service is described: its body is
// read, and held against it, before it gets its time.
func slowDocument(t *testing.T) *openapi3.T {
	t.Helper()
	spec, err := openapi3.NewLoader().LoadFromData([]byte(`{"openapi":"3.0.3","info":{"title":"t","version":"1"},"paths":{"/slow":{"post":{
		"requestBody":{"required":true,"content":{"application/json":{"schema":{"type":"array","items":{}}}}},"responses":{"200":{"description":"fine"}}}}}}`))
	if err != nil {
		t.Fatal(err)
	}
	return spec
}

func routesOf(e *echo.Echo) {
	length := func(c echo.Context) error {
		b, err := io.ReadAll(c.Request().Body)
		if err != nil {
			return problem.Invalid("cut off").Because(err)
		}
		return c.String(200, fmt.Sprint(len(b)))
	}
	e.POST("/echo", length)
	e.POST("/large", length)
	e.POST("/slow", func(c echo.Context) error {
		b, err := io.ReadAll(c.Request().Body)
		time.Sleep(time.Second) // twice the read timeout
		if err == nil {
			err = c.Request().Context().Err()
		}
		if err != nil {
			return err
		}
		return c.String(200, fmt.Sprintf("%d, still there", len(b)))
	})
	refuse := func(echo.Context) error { return problem.Unauthenticated(errors.New("no token")) }
	e.POST("/refused", refuse)
	e.POST("/unwanted", refuse)
	e.GET("/echo", ok)
}

const chunked = "Host: h\r\nTransfer-Encoding: chunked\r\n\r\n"

// A client that does not go on is hung up on: within the header, within the body, between
// requests; and one who is refused is not waited for.
func TestSlowClients(t *testing.T) {
	s := hasty(t)
	for name, c := range map[string]struct {
		sent   string
		status int // 0: no answer
	}{
		"nothing":                       {"", 0},
		"half a request line":           {"GET /ec", 400},
		"half a header":                 {"GET /echo HTTP/1.1\r\nHost: h\r\nX-A", 400},
		"a body that stops":             {"POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n12", 400},
		"a chunk that stops":            {"POST /echo HTTP/1.1\r\n" + chunked + "a\r\n12", 400},
		"no first chunk":                {"POST /slow HTTP/1.1\r\nContent-Type: application/json\r\n" + chunked, 400},
		"a small body, slowly":          {"POST /slow HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n12", 400},
		"a large one that nobody wants": {"POST /unwanted HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n12", 401},
		"a body nobody wants":           {"POST /refused HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n12", 401},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := s.dial(t).say("%s", c.sent)
			began := time.Now()
			if c.status != 0 {
				wantStatus(t, w.hear(), c.status)
			}
			w.silent()
			if took := time.Since(began); took > 10*time.Second {
				t.Errorf("closed after %v", took)
			}
		})
	}
}

func wantStatus(t *testing.T, a answer, status int) {
	t.Helper()
	if a.status != status {
		t.Errorf("status %d %s, want %d", a.status, a.body, status)
	}
}

// A slow route has its time for the answer.
func TestASlowRouteMayTakeItsTime(t *testing.T) {
	t.Parallel()
	w := hasty(t).dial(t).say("POST /slow HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nContent-Length: 2\r\nConnection: close\r\n\r\n[]")
	if a := w.hear(); a.status != 200 || a.body != "2, still there" {
		t.Errorf("%d %s", a.status, a.body)
	}
}

// A large body on a route that says so may take longer than others.
func TestALargeBodyMayTakeItsTime(t *testing.T) {
	t.Parallel()
	w := hasty(t).dial(t).say("POST /large HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nConnection: close\r\n\r\n12")
	time.Sleep(1500 * time.Millisecond) // thrice the read timeout
	w.say("34")
	if a := w.hear(); a.status != 200 || a.body != "4" {
		t.Errorf("%d %s", a.status, a.body)
	}
}

// Between requests a connection may be idle, and no longer than that.
func TestIdle(t *testing.T) {
	t.Parallel()
	w := hasty(t).dial(t).say("GET /echo HTTP/1.1\r\nHost: h\r\n\r\n")
	wantStatus(t, w.hear(), 200)
	w.silent()
}

// Several requests at once are answered in their order; what is the body of one is never
// taken for another, whether it is read or refused.
func TestPipelining(t *testing.T) {
	t.Parallel()
	s := hasty(t)
	const hidden = "GET /metrics HTTP/1.1\r\nHost: h\r\n\r\n"
	w := s.dial(t).say("GET /echo HTTP/1.1\r\nHost: h\r\n\r\nPOST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n%sGET /none HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", len(hidden), hidden)
	wantStatus(t, w.hear(), 200)
	if a := w.hear(); a.body != fmt.Sprint(len(hidden)) {
		t.Errorf("the second answer: %d %.100s", a.status, a.body)
	}
	wantProblem(t, w.hear(), 404, "not-found")
	w.silent()

	for _, head := range []string{"POST /refused HTTP/1.1\r\n", "POST /none HTTP/1.1\r\n", "POST /echo HTTP/1.1\r\nContent-Encoding: gzip\r\n", "GET /metrics2 HTTP/1.1\r\n"} {
		w := s.dial(t).say("%sHost: h\r\nContent-Length: %d\r\n\r\n%sGET /echo HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", head, len(hidden), hidden)
		if a := w.hear(); a.status < 400 {
			t.Errorf("%q: %d", head, a.status)
		}
		if a := w.hear(); a.status != 200 || a.body != "fine" {
			t.Errorf("%q: the request behind it: %d %.100s", head, a.status, a.body)
		}
		w.silent()
	}
}

// A length said twice, a length beside chunks, other codings, chunks with much around them.
func TestFraming(t *testing.T) {
	t.Parallel()
	s := hasty(t)
	for name, c := range map[string]struct {
		head   string // after the request line
		status int
		plain  bool // net/http answers before us
	}{
		"two lengths":                 {"Content-Length: 1\r\nContent-Length: 2\r\n\r\n12", 400, true},
		"the same length twice":       {"Content-Length: 2\r\nContent-Length: 2\r\n\r\n12", 200, false},
		"a signed length":             {"Content-Length: +2\r\n\r\n12", 400, true},
		"a negative length":           {"Content-Length: -2\r\n\r\n12", 400, true},
		"a list of lengths":           {"Content-Length: 2, 2\r\n\r\n12", 400, true},
		"a length beyond all":         {"Content-Length: 99999999999999999999\r\n\r\n12", 400, true},
		"another transfer coding":     {"Transfer-Encoding: gzip\r\n\r\n12", 501, true},
		"two transfer codings":        {"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501, true},
		"chunked twice":               {"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 501, true},
		"a huge chunk extension":      {"Transfer-Encoding: chunked\r\n\r\n2;" + strings.Repeat("x", 1<<20) + "\r\n12\r\n0\r\n\r\n", 400, false},
		"many chunk extensions":       {"Transfer-Encoding: chunked\r\n\r\n" + strings.Repeat("1;"+strings.Repeat("x", 4000)+"\r\n1\r\n", 50) + "0\r\n\r\n", 400, false},
		"a chunk without a size":      {"Transfer-Encoding: chunked\r\n\r\nx\r\n12\r\n0\r\n\r\n", 400, false},
		"a chunk size beyond all":     {"Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n12", 400, false},
		"a chunk longer than it says": {"Transfer-Encoding: chunked\r\n\r\n1\r\n12\r\n0\r\n\r\n", 400, false},
		"a huge trailer":              {"Transfer-Encoding: chunked\r\nTrailer: A\r\n\r\n0\r\nA: " + strings.Repeat("x", 1<<20) + "\r\n\r\n", 400, false},
	} {
		w := s.dial(t).say("POST /echo HTTP/1.1\r\nHost: h\r\nConnection: close\r\n%s", c.head)
		a := w.hear()
		switch {
		case a.status != c.status:
			t.Errorf("%s: %d %.200s, want %d", name, a.status, a.body, c.status)
		case c.plain && (!strings.HasPrefix(a.header.Get("Content-Type"), "text/plain") || len(a.body) > 100):
			t.Errorf("%s: %v %.200s", name, a.header, a.body)
		case c.status >= 400 && !c.plain:
			wantProblem(t, a, 400, "invalid")
		}
		w.silent()
	}
}

// A length beside chunks: the chunks count, and the length is as if it were not there.
func TestLengthBesideChunks(t *testing.T) {
	t.Parallel()
	w := hasty(t).dial(t).say("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 7\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n12\r\n0\r\n\r\nGET /echo HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
	if a := w.hear(); a.body != "2" {
		t.Errorf("%d %s", a.status, a.body)
	}
	if rest, err := io.ReadAll(w.in); err != nil || bytes.Count(rest, []byte("HTTP/1.1 ")) > 1 {
		t.Errorf("%v %q", err, rest)
	}
}

func TestExpect(t *testing.T) {
	t.Parallel()
	s := hasty(t)
	w := s.dial(t).say("POST /echo HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
	wantStatus(t, w.hear(), 100)
	if a := w.say("12").hear(); a.status != 200 || a.body != "2" {
		t.Errorf("%d %s", a.status, a.body)
	}
	w = s.dial(t).say("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999\r\nExpect: 100-continue\r\n\r\n")
	wantProblem(t, w.hear(), 413, "too-large")
	w.silent()
	w = s.dial(t).say("POST /echo HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 2\r\nExpect: more\r\n\r\n12")
	wantStatus(t, w.hear(), 417)
}

// Methods that no route has, and requests whose target is no path of ours.
func TestMethodsAndTargets(t *testing.T) {
	t.Parallel()
	s := hasty(t)
	for line, status := range map[string]int{
		"OPTIONS * HTTP/1.1": 404, "OPTIONS /none HTTP/1.1": 404, "TRACE /echo HTTP/1.1": 405, "TRACE /none HTTP/1.1": 404,
		"CONNECT evil.example:443 HTTP/1.1": 404, "CONNECT /echo HTTP/1.1": 405, "PROPFIND /echo HTTP/1.1": 405, "get /echo HTTP/1.1": 405,
		"GET http://h/none HTTP/1.1": 404, "GET http://h/echo HTTP/1.1": 200, "GET //echo HTTP/1.1": 404, "GET /x/../echo HTTP/1.1": 404,
		"GET /%65cho HTTP/1.1": 404, "GET /echo%00 HTTP/1.1": 404, "GET /echo/ HTTP/1.1": 404, "GET /echo%2f HTTP/1.1": 404, "GET /echo?a=%zz&b=%00 HTTP/1.1": 200,
		"GET /" + strings.Repeat("a", 8<<10) + " HTTP/1.1": 404, "GET /echo HTTP/1.0": 200, "PRI * HTTP/2.0": 404,
	} {
		a := s.dial(t).say("%s\r\nHost: h\r\nConnection: close\r\n\r\n", line).hear()
		wantStatus(t, a, status)
		if a.status >= 400 && a.header.Get("Content-Type") != problem.MediaType {
			t.Errorf("%.40s: %v %s", line, a.header, a.body)
		}
		if t.Failed() {
			t.Fatalf("%.60s", line)
		}
	}
	for _, line := range []string{"GET /echo HTTP/3.0", "GET /echo", "GET  /echo HTTP/1.1", "GET echo HTTP/1.1", "G\x1bT /echo HTTP/1.1", "GET /%zz HTTP/1.1", "GET /a\x00b HTTP/1.1", "GET /a b HTTP/1.1"} {
		a := s.dial(t).say("%s\r\nHost: h\r\n\r\n", line).hear()
		if a.status != 400 && a.status != 505 || a.header.Get("Content-Type") == problem.MediaType {
			t.Errorf("%.40q: %d %v", line, a.status, a.header)
		}
	}
}

// What a client writes where names, paths and ids stand leaves the log as it is: one JSON
// object a line, without a byte of his.
func TestNothingIsInjected(t *testing.T) {
	t.Parallel()
	s := hasty(t)
	for _, evil := range []string{canary, "\x1b[31m" + canary, canary + "%0d%0a{\"level\":\"ERROR\"}", canary + "\",\"level\":\"ERROR", canary + "\xff\xfe", canary + "\t\v\x00", canary + "\n{}", canary + "\r\n{}", strings.Repeat(canary, 500)} {
		for _, format := range []string{"GET /%s HTTP/1.1\r\nHost: h", "GET /echo?%s HTTP/1.1\r\nHost: h", "GET /echo HTTP/1.1\r\nHost: %s", "GET http://%s/echo HTTP/1.1\r\nHost: h",
			"GET /echo HTTP/1.1\r\nHost: h\r\nX-Request-Id: %s", "GET /echo HTTP/1.1\r\nHost: h\r\nUser-Agent: %s", "GET /echo HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: %s",
			"%s /echo HTTP/1.1\r\nHost: h", "GET /echo HTTP/%s\r\nHost: h", "GET /echo HTTP/1.1\r\nHost: h\r\n%s: a", "POST /slow HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nContent-Type: %s",
			"POST /slow HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nContent-Encoding: %s", "POST /slow HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: %s", "POST /slow HTTP/1.1\r\nHost: h\r\nOrigin: %s"} {
			a := s.dial(t).say(format+"\r\nConnection: close\r\n\r\n{}", evil).hear()
			if head := fmt.Sprint(a.header); strings.Contains(head+a.body, canary) {
				t.Errorf("%q: the answer repeats it: %s %s", format, head, a.body)
			}
		}
	}
	for line := range strings.Lines(s.log.String()) {
		if !json.Valid([]byte(line)) || strings.Contains(line, canary) || strings.ContainsAny(line, "\x1b\x00\r") || strings.Contains(line, `"ERROR"`) {
			t.Errorf("a line of the log: %q", line)
		}
	}
}
