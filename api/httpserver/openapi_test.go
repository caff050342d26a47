package httpserver_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/labstack/echo/v4"

	"medunion/api/httpserver"
	"medunion/api/problem"
)

type whoKey struct{}

const document = `
openapi: VERSION
info: {title: Test, version: "1"}
servers: [{url: "https://elsewhere.example"}]
paths:
  /v1/things/{id}:
    post:
      operationId: makeThing
      parameters:
        - {name: id, in: path, required: true, schema: {type: string, pattern: "^[0-9a-f]{4}$"}}
        - {name: count, in: query, schema: {type: integer, minimum: 1, maximum: 5}}
      requestBody:
        required: true
        content:
          application/json:
            schema:
              type: object
              additionalProperties: false
              required: [name, tags]
              properties:
                name: {type: string, maxLength: 8}
                kind: {type: string, enum: [small, large]}
                tags: {type: array, items: {type: string, pattern: "^[a-z]+$"}}
                counts: {type: object, additionalProperties: {type: integer}}
      responses: {"204": {description: made}}
  /v1/secret:
    get:
      operationId: getSecret
      security: [{operator: [admin]}]
      responses: {"204": {description: fine}}
    post:
      operationId: postSecret
      security: [{operator: [admin]}]
      requestBody: {required: true, content: {application/json: {schema: {type: object}}}}
      responses: {"204": {description: fine}}
  /v1/empty:
    post:
      operationId: empty
      responses: {"204": {description: fine}}
components:
  securitySchemes:
    operator: {type: http, scheme: bearer}
`

func spec(t *testing.T, version string) *openapi3.T {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData([]byte(strings.Replace(document, "VERSION", version, 1)))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func specified(t *testing.T, version string) *site {
	t.Helper()
	authenticate := func(c echo.Context, scheme string, scopes []string) error {
		switch token := c.Request().Header.Get("Authorization"); {
		case token == "":
			return problem.Unauthenticated(errors.New("no token"))
		case token != "Bearer good" || scheme != "operator":
			return problem.Refused(errors.New("wrong token"))
		}
		r := c.Request()
		c.SetRequest(r.WithContext(context.WithValue(r.Context(), whoKey{}, "operator")))
		return nil
	}
	o := httpserver.Options{Spec: spec(t, version), Authenticate: authenticate, Unspecified: []string{"/page"}}
	return start(t, o, func(e *echo.Echo) {
		e.POST("/v1/things/:id", func(c echo.Context) error {
			var v struct {
				Name   string         `json:"name"`
				Tags   []string       `json:"tags"`
				Counts map[string]int `json:"counts"`
			}
			// The body is still there to be read.
			if err := c.Bind(&v); err != nil {
				return err
			}
			return c.NoContent(204)
		})
		e.GET("/v1/secret", func(c echo.Context) error { return c.NoContent(204) })
		e.POST("/v1/secret", func(c echo.Context) error {
			body, err := io.ReadAll(c.Request().Body)
			if err != nil {
				return err
			}
			return c.String(200, fmt.Sprint(c.Request().Context().Value(whoKey{}), string(body)))
		})
		e.POST("/v1/empty", func(c echo.Context) error { return c.NoContent(204) })
		e.GET("/page", ok)
		e.GET("/forgotten", ok)
	})
}

func TestOpenAPI(t *testing.T) {
	for _, version := range []string{"3.0.3", "3.1.0"} {
		t.Run(version, func(t *testing.T) {
			s := specified(t, version)
			const good = `{"name":"n","tags":["a"],"counts":{"x":1}}`
			if a := s.post(t, "/v1/things/00ff?count=3", good); a.status != 204 {
				t.Fatalf("a good request: %d %s", a.status, a.body)
			}
			bad := []struct{ name, path, body, says string }{
				{"path parameter", "/v1/things/" + canary, good, "path parameter id"},
				{"query parameter", "/v1/things/00ff?count=" + canary, good, "query parameter count"},
				{"query out of range", "/v1/things/00ff?count=6", good, "query parameter count"},
				{"missing body", "/v1/things/00ff", "", "missing"},
				{"malformed body", "/v1/things/00ff", `{"name":"` + canary, "malformed"},
				{"missing member", "/v1/things/00ff", `{"name":"n"}`, "(required)"},
				{"too long", "/v1/things/00ff", `{"name":"` + canary + `","tags":[]}`, "/name (maxLength)"},
				{"not of the list", "/v1/things/00ff", `{"name":"n","tags":[],"kind":"` + canary + `"}`, "/kind (enum)"},
				{"in a list", "/v1/things/00ff", `{"name":"n","tags":["a","` + canary + `"]}`, "/tags/1 (pattern)"},
				{"unknown member", "/v1/things/00ff", `{"name":"n","tags":[],"` + canary + `":1}`, "does not fit"},
				{"in a map", "/v1/things/00ff", `{"name":"n","tags":[],"counts":{"` + canary + `":"x"}}`, "/counts (type)"},
			}
			for _, c := range bad {
				t.Run(c.name, func(t *testing.T) {
					a := s.post(t, c.path, c.body)
					wantProblem(t, a, 400, "invalid")
					if !strings.Contains(a.body, c.says) || strings.Contains(a.body, canary) {
						t.Errorf("says %s, want %s", a.body, c.says)
					}
				})
			}
			wantProblem(t, s.do(t, "POST", "/v1/things/00ff", good, "Content-Type", "text/"+canary), 415, "unsupported-media-type")
			wantProblem(t, s.post(t, "/v1/things/00ff", strings.Repeat(" ", 100_000)), 413, "too-large")
			a := send(t, s, "/v1/things/00ff", 100_000, true)
			wantProblem(t, a, 413, "too-large")
			wantProblem(t, s.post(t, "/v1/empty", `{}`), 400, "invalid")
			if log := s.log.String(); strings.Contains(log, canary) {
				t.Errorf("the log quotes a request:\n%s", log)
			}
		})
	}
}

func TestOpenAPIRoutes(t *testing.T) {
	s := specified(t, "3.1.0")
	for _, path := range []string{"/page", "/livez", "/readyz", "/metrics"} {
		if a := s.do(t, "GET", path, ""); a.status != 200 {
			t.Errorf("%s: %d", path, a.status)
		}
	}
	// A route that the document does not name is not served by accident.
	wantProblem(t, s.do(t, "GET", "/forgotten", ""), 404, "not-found")
	wantProblem(t, s.do(t, "GET", "/nowhere", ""), 404, "not-found")
	wantProblem(t, s.do(t, "PUT", "/v1/secret", ""), 405, "method-not-allowed")
}

func TestOpenAPISecurity(t *testing.T) {
	s := specified(t, "3.1.0")
	wantProblem(t, s.do(t, "GET", "/v1/secret", ""), 401, "unauthenticated")
	wantProblem(t, s.do(t, "GET", "/v1/secret", "", "Authorization", "Bearer bad"), 403, "refused")
	if a := s.do(t, "GET", "/v1/secret", "", "Authorization", "Bearer good"); a.status != 204 {
		t.Errorf("a good token: %d %s", a.status, a.body)
	}
	// The handler sees both what the authenticator found and the body.
	a := s.do(t, "POST", "/v1/secret", `{"a":1}`, "Authorization", "Bearer good", "Content-Type", "application/json")
	if a.status != 200 || a.body != `operator{"a":1}` {
		t.Errorf("a good token and a body: %d %s", a.status, a.body)
	}
	log := (&logbook{}).logger()
	if _, err := httpserver.New(httpserver.Options{Service: "x", Logger: log, Spec: spec(t, "3.1.0")}); err == nil {
		t.Error("a document with security and no Authenticator: accepted")
	}
	if _, err := httpserver.New(httpserver.Options{Service: "x", Logger: log, Spec: &openapi3.T{OpenAPI: "3.1.0"}}); err == nil {
		t.Error("a broken document: accepted")
	}
}
