package httpserver_test

import (
	"net/http"
	"strconv"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/labstack/echo/v4"

	"medunion/api/httpserver"
	"medunion/api/problem"
)

const halfDevelopment = `
openapi: 3.0.3
info: {title: Test, version: "1"}
paths:
  /v1/both:
    get: {operationId: keep, tags: [x], responses: {"204": {description: fine}}}
    post: {operationId: drop, tags: [development], responses: {"204": {description: fine}}}
  /v1/gone:
    post: {operationId: gone, tags: [development], responses: {"204": {description: fine}}}
`

func TestWithoutDevelopment(t *testing.T) {
	spec, err := openapi3.NewLoader().LoadFromData([]byte(halfDevelopment))
	if err != nil {
		t.Fatal(err)
	}
	httpserver.WithoutDevelopment(spec)
	s := start(t, httpserver.Options{Spec: spec}, func(e *echo.Echo) {
		fine := func(c echo.Context) error { return c.NoContent(http.StatusNoContent) }
		e.GET("/v1/both", fine)
		e.POST("/v1/both", fine)
		e.POST("/v1/gone", fine)
	})
	for _, c := range []struct {
		method, path string
		status       int
	}{{"GET", "/v1/both", 204}, {"POST", "/v1/both", 405}, {"POST", "/v1/gone", 404}, {"GET", "/v1/gone", 404}} {
		r, err := http.NewRequest(c.method, s.url+c.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != c.status {
			t.Errorf("%s %s: %d, not %d", c.method, c.path, resp.StatusCode, c.status)
		}
	}
}

func TestExchanges(t *testing.T) {
	var e httpserver.Exchanges[any]
	first, second := e.Add(1), e.Add("two")
	if n, err := httpserver.Exchange[int](&e, first); n != 1 || err != nil {
		t.Error(n, err)
	}
	if _, err := httpserver.Exchange[int](&e, second); problem.KindOf(err) != problem.KindNotFound {
		t.Errorf("of another kind: %v", err)
	}
	for i := range 1023 {
		e.Add(strconv.Itoa(i))
	}
	if _, err := e.Find(first); problem.KindOf(err) != problem.KindNotFound {
		t.Errorf("the oldest is still there: %v", err)
	}
	if x, err := e.Find(second); x != "two" || err != nil {
		t.Error(x, err)
	}
}
