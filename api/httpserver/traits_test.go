package httpserver_test

import (
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/labstack/echo/v4"

	"medunion/api/httpserver"
	"medunion/api/problem"
)

// TestMain: servers of these tests answer as they are told, unless a test says otherwise.
func TestMain(m *testing.M) {
	os.Unsetenv(httpserver.CheckResponses)
	os.Exit(m.Run())
}

const traits = `
openapi: 3.1.0
info: {title: Test, version: "1"}
x-limits: { body: 100, seconds: 5 }
x-rate-limit: { address: 4, identity: 3 }
paths:
  /v1/list:
    get:
      operationId: getList
      x-etag: true
      x-compress: true
      x-rate-limit: { address: 1000 }
      responses: &answers
        "200": {description: fine, content: {application/json: {schema: {type: object, required: [list], properties: {list: {type: string}}}}}}
        "429": {description: too many}
  /v1/secret:
    get:
      operationId: getSecret
      security: [{operator: []}]
      responses: *answers
  /v1/code:
    post:
      operationId: postCode
      x-limits: { body: 10 }
      x-rate-limit: { address: 2 }
      requestBody: {content: {application/json: {schema: {type: object}}}}
      responses: *answers
components:
  securitySchemes:
    operator: {type: http, scheme: bearer}
`

func traitsSpec(t *testing.T, text string) *openapi3.T {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// traited serves the document above: its list is as long as it says.
func traited(t *testing.T, edge httpserver.Edge) *site {
	t.Helper()
	return start(t, httpserver.Options{Spec: traitsSpec(t, traits), Edge: edge, Authenticate: func(c echo.Context, _ string, _ []string) error {
		httpserver.SetIdentity(c, c.Request().Header.Get("Authorization"))
		return nil
	}}, func(e *echo.Echo) {
		list := func(c echo.Context) error {
			return c.JSON(http.StatusOK, map[string]string{"list": strings.Repeat("a", 2000)})
		}
		e.GET("/v1/list", list)
		e.GET("/v1/secret", list)
		e.POST("/v1/code", func(c echo.Context) error { return c.JSON(http.StatusOK, map[string]int{"list": 1}) })
	})
}

func TestLimitsOfTheDocument(t *testing.T) {
	s := traited(t, httpserver.Edge{})
	wantProblem(t, s.post(t, "/v1/code", `{"a":123456}`), 413, "too-large")
	if a := s.post(t, "/v1/code", `{"a":123}`); a.status != 200 {
		t.Errorf("%d %s", a.status, a.body)
	}
}

// A caller may do so much a minute, is told how much is left, and another is not concerned.
func TestRates(t *testing.T) {
	s := traited(t, httpserver.Edge{})
	for _, left := range []string{`"address";r=1;t=30`, `"address";r=0;t=60`} {
		if a := s.post(t, "/v1/code", `{}`); a.status != 200 || a.header.Get("RateLimit") != left || a.header.Get("RateLimit-Policy") != `"address";q=2;w=60` {
			t.Errorf("%d %v", a.status, a.header)
		}
	}
	a := s.post(t, "/v1/code", `{}`)
	if doc := wantProblem(t, a, 429, "too-many"); a.header.Get("Retry-After") != "30" || doc["retryAfter"] != 30.0 {
		t.Errorf("%v %s", a.header, a.body)
	}
	// Another operation has another count; an identity has its own beside the address.
	for i, want := range []int{200, 200, 200, 429} {
		a := s.do(t, "GET", "/v1/secret", "", "Authorization", "Bearer one")
		if a.status != want || len(a.header.Values("RateLimit")) != 2 {
			t.Errorf("%d: %d %v", i, a.status, a.header)
		}
	}
	wantProblem(t, s.do(t, "GET", "/v1/secret", "", "Authorization", "Bearer two"), 429, "too-many") // the address has had its four
}

func TestRatesBehindProxies(t *testing.T) {
	s := traited(t, httpserver.Edge{Proxies: []string{"127.0.0.0/8"}}.At(true))
	send := func(from string) int {
		return s.do(t, "POST", "/v1/code", "{}", "Content-Type", "application/json", "X-Forwarded-For", from).status
	}
	for i, step := range []struct {
		from string
		want int
	}{{"192.0.2.1", 200}, {"192.0.2.1", 200}, {"192.0.2.1", 429}, {"198.51.100.9, 192.0.2.1", 429}, {"192.0.2.2", 200},
		{"2001:db8::1", 200}, {"2001:db8::2", 200}, {"2001:db8::3", 429}, {"2001:db8:0:1::1", 200}} {
		if got := send(step.from); got != step.want {
			t.Errorf("%d: %s: %d, want %d", i, step.from, got, step.want)
		}
	}
	for name, edge := range map[string]httpserver.Edge{"an unnamed proxy": httpserver.Edge{}.At(true), "off": {RateScale: -1}, "scaled": {RateScale: 2}} {
		s := traited(t, edge)
		for i := range 4 {
			if a := s.post(t, "/v1/code", `{}`); a.status != 200 {
				t.Errorf("%s, %d: %d", name, i, a.status)
			}
		}
	}
}

func TestETagAndCompression(t *testing.T) {
	s := traited(t, httpserver.Edge{})
	first := s.do(t, "GET", "/v1/list", "", "Accept-Encoding", "identity")
	tag := first.header.Get("ETag")
	if first.status != 200 || !strings.HasPrefix(tag, `W/"`) || first.header.Get("Cache-Control") != "no-cache" {
		t.Fatalf("%d %v", first.status, first.header)
	}
	for _, known := range []string{tag, strings.TrimPrefix(tag, "W/"), `"other", ` + tag, "*"} {
		if a := s.do(t, "GET", "/v1/list", "", "If-None-Match", known); a.status != 304 || a.body != "" || a.header.Get("ETag") != tag {
			t.Errorf("%s: %d %v %q", known, a.status, a.header, a.body)
		}
	}
	if a := s.do(t, "GET", "/v1/list", "", "If-None-Match", `"other"`); a.status != 200 {
		t.Errorf("another tag: %d", a.status)
	}
	packed := s.do(t, "GET", "/v1/list", "", "Accept-Encoding", "gzip")
	plain, err := gzip.NewReader(strings.NewReader(packed.body))
	if err != nil || packed.header.Get("Content-Encoding") != "gzip" || packed.header.Get("ETag") != tag || !strings.Contains(packed.header.Get("Vary"), "Accept-Encoding") {
		t.Fatal(err, packed.header)
	}
	if b, err := io.ReadAll(plain); err != nil || string(b) != first.body || len(packed.body) > 200 {
		t.Errorf("%v, %d bytes", err, len(packed.body))
	}
	secret := s.do(t, "GET", "/v1/secret", "", "Accept-Encoding", "gzip", "Authorization", "Bearer one")
	if secret.status != 200 || secret.header.Get("Content-Encoding") != "" || secret.header.Get("ETag") != "" || secret.header.Get("Cache-Control") != "no-store" {
		t.Errorf("a secret: %d %v", secret.status, secret.header)
	}
}

// With the check on, an answer that the document does not describe does not go out.
func TestAnswersAreHeldAgainstTheDocument(t *testing.T) {
	t.Setenv(httpserver.CheckResponses, "yes")
	s := traited(t, httpserver.Edge{})
	if a := s.do(t, "GET", "/v1/list", "", "Accept-Encoding", "gzip"); a.status != 200 || a.header.Get("Content-Encoding") != "gzip" {
		t.Errorf("a good answer: %d %s", a.status, a.body)
	}
	wantProblem(t, s.post(t, "/v1/code", `{}`), 500, "internal") // a number for a string
	s.log.wait(t, "postCode")
	wantProblem(t, s.post(t, "/v1/code", `{}`), 500, "internal")
	for _, status := range []int{404, 204} {
		s := start(t, httpserver.Options{Spec: traitsSpec(t, traits), Authenticate: func(echo.Context, string, []string) error { return nil }}, func(e *echo.Echo) {
			e.GET("/v1/list", func(c echo.Context) error {
				if status == 404 {
					return problem.NotFound("")
				}
				return c.NoContent(status)
			})
		})
		wantProblem(t, s.do(t, "GET", "/v1/list", ""), 500, "internal")
	}
}

func TestAgree(t *testing.T) {
	spec := traitsSpec(t, traits)
	e := echo.New()
	e.GET("/v1/list", ok)
	e.GET("/v1/secret", ok)
	if err := httpserver.Agree(e, spec); err == nil || !strings.Contains(err.Error(), "nothing serves POST /v1/code") {
		t.Errorf("a missing route: %v", err)
	}
	e.POST("/v1/code", ok)
	if err := httpserver.Agree(e, spec); err != nil {
		t.Error(err)
	}
	e.GET("/page", ok)
	if err := httpserver.Agree(e, spec, "/page"); err != nil {
		t.Error(err)
	}
	if err := httpserver.Agree(e, spec); err == nil || !strings.Contains(err.Error(), "lacks GET /page") {
		t.Errorf("a hidden route: %v", err)
	}
}

func TestUnknownExtensionsAndSettings(t *testing.T) {
	for name, o := range map[string]httpserver.Options{
		"extension": {Spec: traitsSpec(t, strings.Replace(traits, "x-etag", "x-etags", 1))},
		"proxy":     {Edge: httpserver.Edge{Proxies: []string{"proxy.example"}}}, "docs": {Edge: httpserver.Edge{Docs: "maybe"}},
	} {
		o.Service, o.Logger = "test", (&logbook{}).logger()
		o.Authenticate = func(echo.Context, string, []string) error { return nil }
		if _, err := httpserver.New(o); err == nil {
			t.Errorf("%s: it starts", name)
		}
	}
}

// The document and its page are there on loopback, and where they are switched on.
func TestDocs(t *testing.T) {
	for _, c := range []struct {
		edge httpserver.Edge
		want int
	}{
		{httpserver.Edge{}.At(false, "127.0.0.1:1"), 200}, {httpserver.Edge{Docs: "off"}.At(false, "127.0.0.1:1"), 404},
		{httpserver.Edge{}.At(false, "0.0.0.0:1"), 404}, {httpserver.Edge{}.At(true, "127.0.0.1:1"), 404}, {httpserver.Edge{Docs: "on"}.At(true), 200},
	} {
		s := traited(t, c.edge)
		for _, path := range []string{"/openapi.json", "/docs", "/docs/start.js", "/docs/swagger-ui.css", "/docs/swagger-ui-bundle.js"} {
			a := s.do(t, "GET", path, "")
			if a.status != c.want {
				t.Errorf("%+v: %s: %d", c.edge, path, a.status)
			}
			if policy := a.header.Get("Content-Security-Policy"); !strings.HasPrefix(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") {
				t.Errorf("%s: %s", path, policy)
			}
		}
		var doc struct{ Paths map[string]any }
		if a := s.do(t, "GET", "/openapi.json", ""); c.want == 200 && (json.Unmarshal([]byte(a.body), &doc) != nil || len(doc.Paths) != 3) {
			t.Errorf("the document: %.200s", a.body)
		}
	}
}
