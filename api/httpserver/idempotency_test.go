package httpserver_test

import (
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/labstack/echo/v4"

	"medunion/api/httpserver"
	"medunion/api/problem"
)

const minted = `
openapi: 3.1.0
info: {title: Test, version: "1"}
paths:
  /v1/codes:
    post:
      operationId: mint
      x-idempotency-key: true
      security: [{operator: []}]
      requestBody: {content: {application/json: {schema: {type: object}}}}
      responses: {"201": {description: made}}
components:
  securitySchemes:
    operator: {type: http, scheme: bearer}
`

// mint serves a write that makes another thing each time, unless the body says how it fails.
func mint(t *testing.T, count *atomic.Int64, hold chan struct{}) *site {
	t.Helper()
	return start(t, httpserver.Options{Spec: traitsSpec(t, minted), Authenticate: func(c echo.Context, _ string, _ []string) error {
		httpserver.SetIdentity(c, c.Request().Header.Get("Authorization"))
		return nil
	}}, func(e *echo.Echo) {
		e.POST("/v1/codes", func(c echo.Context) error {
			var v map[string]any
			if err := c.Bind(&v); err != nil {
				return err
			}
			if v["fail"] != nil && count.Add(1) == 1 {
				return problem.Unavailable(0, nil)
			}
			if v["wait"] != nil {
				hold <- struct{}{} // it has begun
				<-hold
			}
			c.Response().Header().Set("Location", "/v1/codes/1")
			return c.JSON(http.StatusCreated, map[string]string{"code": fmt.Sprint("code ", count.Add(1))})
		})
	})
}

func (s *site) mint(t *testing.T, who, key, body string) answer {
	t.Helper()
	headers := []string{"Content-Type", "application/json", "Authorization", who}
	if key != "" {
		headers = append(headers, "Idempotency-Key", key)
	}
	return s.do(t, "POST", "/v1/codes", body, headers...)
}

func TestIdempotencyKey(t *testing.T) {
	var count atomic.Int64
	s := mint(t, &count, nil)
	first, again := s.mint(t, "a", "key-1", `{"n":1}`), s.mint(t, "a", "key-1", `{"n":1}`)
	if first.status != 201 || again.status != 201 || first.body != again.body || again.header.Get("Idempotent-Replayed") != "true" ||
		again.header.Get("Location") != "/v1/codes/1" || again.header.Get("Content-Type") != first.header.Get("Content-Type") {
		t.Fatalf("%+v\n%+v", first, again)
	}
	doc := wantProblem(t, s.mint(t, "a", "key-1", `{"n":2}`), 409, "conflict")
	if doc["code"] != "idempotency-key-reused" || count.Load() != 1 {
		t.Errorf("%v, %d done", doc, count.Load())
	}
	// Another key, another caller and none at all are other writes.
	for _, x := range []answer{s.mint(t, "a", "key-2", `{"n":1}`), s.mint(t, "b", "key-1", `{"n":1}`), s.mint(t, "a", "", `{"n":1}`), s.mint(t, "a", "", `{"n":1}`)} {
		if x.status != 201 || x.body == first.body {
			t.Errorf("%d %s", x.status, x.body)
		}
	}
	if count.Load() != 5 {
		t.Errorf("%d done, want 5", count.Load())
	}
}

// What failed may be tried again under its key; what runs is not run twice.
func TestIdempotencyKeyOfFailures(t *testing.T) {
	var count atomic.Int64
	hold := make(chan struct{})
	s := mint(t, &count, hold)
	wantProblem(t, s.mint(t, "a", "key-1", `{"fail":1}`), 503, "unavailable")
	if a := s.mint(t, "a", "key-1", `{"fail":1}`); a.status != 201 {
		t.Fatalf("%d %s", a.status, a.body)
	}
	done := make(chan answer)
	go func() { done <- s.mint(t, "a", "key-2", `{"wait":1}`) }()
	<-hold
	if doc := wantProblem(t, s.mint(t, "a", "key-2", `{"wait":1}`), 409, "conflict"); doc["code"] != "idempotency-key-running" {
		t.Errorf("%v", doc)
	}
	close(hold)
	if a := <-done; a.status != 201 {
		t.Errorf("%d %s", a.status, a.body)
	}
}
