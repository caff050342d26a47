package httpserver_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"medunion/api/httpserver"
	"medunion/api/problem"
)

const canary = "Zaphod-Beeblebrox"

func TestOptionsAreRequired(t *testing.T) {
	log := (&logbook{}).logger()
	if _, err := httpserver.New(httpserver.Options{Logger: log}); err == nil {
		t.Error("no service name: accepted")
	}
	if _, err := httpserver.New(httpserver.Options{Service: "x"}); err == nil {
		t.Error("no logger: accepted")
	}
	registry := httpserver.NewOperations()
	if _, err := httpserver.New(httpserver.Options{Service: "x", Logger: log, Operations: registry}); err != nil {
		t.Error(err)
	}
	if _, err := httpserver.New(httpserver.Options{Service: "x", Logger: log, Operations: registry}); err == nil {
		t.Error("two servers of one name in one registry: accepted")
	}
}

// Every error becomes a problem; what is ours to know stays in the log.
func TestErrors(t *testing.T) {
	secret := errors.New("duplicate key 4711")
	returned := map[string]struct {
		err    error
		status int
		kind   string
		logged string
	}{
		"refused":  {problem.Refused(secret), 403, "refused", "refused: duplicate key 4711"},
		"wrapped":  {fmt.Errorf("at M4: %w", problem.Conflict("It is registered.")), 409, "conflict", "conflict"},
		"stale":    {problem.Stale(time.UnixMilli(12345)), 422, "stale", "stale"},
		"too many": {problem.TooMany(3 * time.Second), 429, "too-many", "too-many"},
		"down":     {problem.Unavailable(1200*time.Millisecond, secret), 503, "unavailable", "duplicate key 4711"},
		"token":    {problem.Unauthenticated(secret), 401, "unauthenticated", "duplicate key 4711"},
		"plain":    {secret, 500, "internal", "internal: duplicate key 4711"},
		"echo 400": {echo.NewHTTPError(400, canary), 400, "invalid", "echo: status 400"},
		"echo 418": {echo.NewHTTPError(418, canary), 400, "invalid", "echo: status 418"},
		"echo 415": {echo.NewHTTPError(415, canary), 415, "unsupported-media-type", "echo: status 415"},
		"echo 500": {echo.NewHTTPError(500, canary).SetInternal(secret), 500, "internal", "echo: status 500"},
	}
	for name, c := range returned {
		t.Run(name, func(t *testing.T) {
			s := start(t, httpserver.Options{}, func(e *echo.Echo) {
				e.GET("/x", func(echo.Context) error { return c.err })
			})
			a := s.do(t, "GET", "/x", "")
			doc := wantProblem(t, a, c.status, c.kind)
			log := s.log.wait(t, c.logged)
			if strings.Contains(a.body, "4711") || strings.Contains(a.body+log, canary) {
				t.Fatalf("the cause is shown: %s\n%s", a.body, log)
			}
			if c.kind == "stale" && doc["now"] != "1970-01-01T00:00:12.345Z" {
				t.Errorf("no server time: %s", a.body)
			}
			if want := map[string]string{"too-many": "3", "unavailable": "2"}[c.kind]; a.header.Get("Retry-After") != want {
				t.Errorf("Retry-After %q, want %q", a.header.Get("Retry-After"), want)
			}
			if bearer := a.header.Get("WWW-Authenticate") == "Bearer"; bearer != (c.status == 401) {
				t.Error("WWW-Authenticate is wrong")
			}
		})
	}
}

func TestRefusalsHaveTheSameBytes(t *testing.T) {
	causes := []error{errors.New("bad signature"), errors.New("revoked"), problem.Stale(time.Now())}
	next := 0
	s := start(t, httpserver.Options{}, func(e *echo.Echo) {
		e.GET("/x", func(echo.Context) error { next++; return problem.Refused(causes[next-1]) })
	})
	const id = "000102030405060708090a0b0c0d0e0f"
	var first string
	for range causes {
		a := s.do(t, "GET", "/x", "", "X-Request-Id", id)
		a.header.Del("Date")
		if whole := fmt.Sprint(a.status, a.header, a.body); first == "" {
			first = whole
		} else if whole != first {
			t.Fatalf("two refusals differ:\n%s\n%s", first, whole)
		}
	}
}

func TestUnknownRoutesAndMethods(t *testing.T) {
	s := start(t, httpserver.Options{}, func(e *echo.Echo) { e.GET("/known/:id", ok) })
	wantProblem(t, s.do(t, "GET", "/"+canary, ""), 404, "not-found")
	wantProblem(t, s.do(t, "GET", "/known/a/b", ""), 404, "not-found")
	a := s.do(t, "DELETE", "/known/1", "")
	wantProblem(t, a, 405, "method-not-allowed")
	if !strings.Contains(a.header.Get("Allow"), "GET") {
		t.Errorf("Allow: %q", a.header.Get("Allow"))
	}
	if a := s.do(t, "HEAD", "/nowhere", ""); a.status != 404 || a.body != "" {
		t.Errorf("HEAD: %d %q", a.status, a.body)
	}
}

func ok(c echo.Context) error { return c.String(200, "fine") }

func TestPanicIsInternal(t *testing.T) {
	s := start(t, httpserver.Options{}, func(e *echo.Echo) {
		e.GET("/text", func(echo.Context) error { panic("record of " + canary) })
		e.GET("/error", func(echo.Context) error { panic(fmt.Errorf("index %d of %d", 5, 3)) })
		e.GET("/abort", func(echo.Context) error { panic(http.ErrAbortHandler) })
	})
	wantProblem(t, s.do(t, "GET", "/text", ""), 500, "internal")
	wantProblem(t, s.do(t, "GET", "/error", ""), 500, "internal")
	log := s.log.wait(t, "index 5 of 3")
	if strings.Contains(log, canary) || !strings.Contains(log, "edge_test.go") {
		t.Errorf("the log shows the panic's text or no stack:\n%s", log)
	}
	if _, err := http.Get(s.url + "/abort"); err == nil {
		t.Error("ErrAbortHandler did not abort")
	}
	if a := s.do(t, "GET", "/livez", ""); a.status != 200 {
		t.Error("the server did not survive")
	}
}

func TestRequestIDs(t *testing.T) {
	s := start(t, httpserver.Options{}, func(e *echo.Echo) {
		e.GET("/id", func(c echo.Context) error { return c.String(200, httpserver.RequestID(c.Request().Context())) })
	})
	const good = "0123456789abcdef0123456789abcdef"
	if a := s.do(t, "GET", "/id", "", "X-Request-Id", good); a.body != good || a.header.Get("X-Request-Id") != good {
		t.Errorf("a good id is replaced by %q", a.body)
	}
	fresh := regexp.MustCompile(`^[0-9a-f]{32}$`)
	seen := map[string]bool{}
	for _, bad := range []string{"", canary, strings.ToUpper(good), good + "0", good[:31], good[:31] + "g", strings.Repeat("a", 5000)} {
		a := s.do(t, "GET", "/id", "", "X-Request-Id", bad)
		if !fresh.MatchString(a.body) || seen[a.body] || a.body == bad {
			t.Errorf("id %.40q gave %q", bad, a.body)
		}
		seen[a.body] = true
	}
}

func TestSecurityHeaders(t *testing.T) {
	s := start(t, httpserver.Options{}, func(e *echo.Echo) {
		e.GET("/data", ok)
		e.GET("/page", func(c echo.Context) error {
			c.Response().Header().Set("Content-Security-Policy", "default-src 'self'")
			return c.HTML(200, "<p>")
		})
	})
	want := map[string]string{
		"X-Content-Type-Options":  "nosniff",
		"Cache-Control":           "no-store",
		"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
		"X-Frame-Options":         "DENY",
		"Referrer-Policy":         "no-referrer",
	}
	for _, path := range []string{"/data", "/nowhere", "/livez", "/metrics"} {
		a := s.do(t, "GET", path, "")
		for name, value := range want {
			if a.header.Get(name) != value {
				t.Errorf("%s: %s is %q", path, name, a.header.Get(name))
			}
		}
		if a.header.Get("Server") != "" || a.header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s: headers that say too much: %v", path, a.header)
		}
	}
	if a := s.do(t, "GET", "/page", ""); a.header.Get("Content-Security-Policy") != "default-src 'self'" {
		t.Error("a page cannot set its own policy")
	}
}

func TestGate(t *testing.T) {
	s := start(t, httpserver.Options{Hosts: []string{"127.0.0.1", "localhost"}}, func(e *echo.Echo) {
		e.POST("/x", ok)
	})
	if a := s.do(t, "POST", "/x", "", "Host", "localhost:1"); a.status != 200 {
		t.Errorf("localhost: %d", a.status)
	}
	wantProblem(t, s.do(t, "POST", "/x", "", "Host", "evil.example"), 403, "refused")
	wantProblem(t, s.do(t, "POST", "/x", "", "Host", "localhost.evil.example"), 403, "refused")
	wantProblem(t, s.do(t, "POST", "/x", "", "Origin", "https://evil.example"), 403, "refused")
	wantProblem(t, s.do(t, "POST", "/x", "", "Sec-Fetch-Site", "cross-site"), 403, "refused")
	if a := s.do(t, "POST", "/x", "", "Origin", s.url, "Sec-Fetch-Site", "same-origin"); a.status != 200 {
		t.Errorf("the own page: %d", a.status)
	}
	wantProblem(t, s.do(t, "POST", "/x", "", "Content-Encoding", "gzip"), 415, "unsupported-media-type")
	two := s.dial(t).say("POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Encoding: identity\r\nContent-Encoding: gzip\r\nContent-Length: 0\r\n\r\n")
	wantProblem(t, two.hear(), 415, "unsupported-media-type")
}

// The logs and the metrics of requests full of names hold none of them.
func TestNothingOfTheRequestIsLogged(t *testing.T) {
	s := start(t, httpserver.Options{}, func(e *echo.Echo) {
		e.POST("/patients/:id", func(c echo.Context) error {
			var v struct{}
			return httpserver.ReadJSON(c, &v)
		})
	})
	s.do(t, "POST", "/patients/"+canary+"?name="+canary, `{"`+canary+`":"`+canary+`"}`,
		"Content-Type", "application/json", "X-Name", canary, "User-Agent", canary, "Cookie", "n="+canary, "X-Request-Id", canary)
	s.do(t, "GET", "/"+canary, "")
	s.do(t, canary, "/patients/1", "")
	s.log.wait(t, `"route":"/patients/:id"`)
	log := s.log.wait(t, `"method":"other"`)
	metrics := s.do(t, "GET", "/metrics", "").body
	if strings.Contains(log+metrics, canary) || strings.Contains(log, "127.0.0.1") {
		t.Errorf("a name is kept:\n%s\n%s", log, metrics)
	}
	for _, line := range []string{
		`medunion_http_requests_total{method="POST",route="/patients/:id",service="test",status="400"} 1`,
		`medunion_http_requests_total{method="GET",route="unmatched",service="test",status="404"} 1`,
		`medunion_http_requests_total{method="other",route="/patients/:id",service="test",status="405"} 1`,
		`medunion_http_request_seconds_count{method="POST",route="/patients/:id",service="test"} 1`,
		`medunion_http_requests_in_flight{service="test"} 1`,
	} {
		if !strings.Contains(metrics, line) {
			t.Errorf("no metric %s in:\n%s", line, metrics)
		}
	}
}

func TestBodyLimits(t *testing.T) {
	read := func(c echo.Context) error {
		data, err := io.ReadAll(c.Request().Body)
		if err != nil {
			return err
		}
		return c.String(200, fmt.Sprint(len(data)))
	}
	routes := map[string]httpserver.Limits{"/large/:id": {Body: httpserver.MessageBody(httpserver.LargeMessageCap)}, "/tiny": {Body: 10}}
	s := start(t, httpserver.Options{Routes: routes}, func(e *echo.Echo) {
		e.POST("/plain", read)
		e.POST("/large/:id", read)
		e.POST("/tiny", read)
	})
	plain, large := int(httpserver.MessageBody(64<<10)), int(httpserver.MessageBody(4<<20))
	for _, c := range []struct {
		path string
		size int
		fits bool
	}{
		{"/plain", plain, true}, {"/plain", plain + 1, false},
		{"/large/7", large, true}, {"/large/7", large + 1, false},
		{"/tiny", 10, true}, {"/tiny", 11, false},
	} {
		for _, chunked := range []bool{false, true} {
			a := send(t, s, c.path, c.size, chunked)
			if c.fits && (a.status != 200 || a.body != fmt.Sprint(c.size)) {
				t.Errorf("%s, %d bytes, chunked %v: %d %s", c.path, c.size, chunked, a.status, a.body)
			}
			if !c.fits {
				wantProblem(t, a, 413, "too-large")
			}
		}
	}
}

// send posts size bytes, with their length announced or not.
func send(t *testing.T, s *site, path string, size int, chunked bool) answer {
	t.Helper()
	var body io.Reader = strings.NewReader(strings.Repeat("x", size))
	if chunked {
		body = struct{ io.Reader }{body}
	}
	resp, err := http.Post(s.url+path, "text/plain", body)
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

func TestHeaderLimit(t *testing.T) {
	s := start(t, httpserver.Options{}, func(e *echo.Echo) { e.GET("/x", ok) })
	if a := s.do(t, "GET", "/x", "", "X-Long", strings.Repeat("a", 12<<10)); a.status != 200 {
		t.Errorf("12 KiB of headers: %d", a.status)
	}
	if a := s.do(t, "GET", "/x", "", "X-Long", strings.Repeat("a", 32<<10)); a.status != 431 {
		t.Errorf("32 KiB of headers: %d", a.status)
	}
}

func TestDeadline(t *testing.T) {
	s := start(t, httpserver.Options{Routes: map[string]httpserver.Limits{"/slow": {Timeout: 50 * time.Millisecond}, "/long": {Timeout: time.Hour}}},
		func(e *echo.Echo) {
			e.GET("/slow", func(c echo.Context) error { <-c.Request().Context().Done(); return c.Request().Context().Err() })
			e.GET("/long", func(c echo.Context) error {
				end, _ := c.Request().Context().Deadline()
				return c.String(200, fmt.Sprint(time.Until(end) > 59*time.Minute))
			})
		})
	wantProblem(t, s.do(t, "GET", "/slow", ""), 503, "unavailable")
	if a := s.do(t, "GET", "/long", ""); a.body != "true" {
		t.Errorf("a longer route's deadline: %s", a.body)
	}
}

// A client that stops in the middle of its body is not a fault of ours.
func TestCutBody(t *testing.T) {
	s := start(t, httpserver.Options{}, func(e *echo.Echo) {
		e.POST("/x", func(c echo.Context) error { return httpserver.ReadJSON(c, &struct{}{}) })
	})
	conn, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "POST /x HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{")
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != 400 {
		t.Errorf("status %d", resp.StatusCode)
	}
}
