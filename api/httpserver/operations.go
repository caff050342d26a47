package httpserver

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"medunion/api/problem"
)

// Check is one thing that a service needs in order to answer, such as its store.
type Check struct {
	Name  string
	Probe func(context.Context) error
}

// readyTimeout bounds all checks of one /readyz together.
const readyTimeout = 2 * time.Second

type status struct {
	Status string `json:"status"`
}

// addOperations registers the routes that an operator's tools ask.
func addOperations(e *echo.Echo, o Options) {
	e.GET(livePath, func(c echo.Context) error { return c.JSON(http.StatusOK, status{"live"}) })
	e.GET(readyPath, func(c echo.Context) error {
		ctx, cancel := context.WithTimeout(c.Request().Context(), readyTimeout)
		defer cancel()
		for _, check := range o.Checks {
			if err := check.Probe(ctx); err != nil {
				return problem.Unavailable(readyTimeout, fmt.Errorf("not ready: %s: %w", check.Name, err))
			}
		}
		return c.JSON(http.StatusOK, status{"ready"})
	})
	e.GET(metricsPath, echo.WrapHandler(promhttp.HandlerFor(o.Registry, promhttp.HandlerOpts{})))
}
