package httpserver

import (
	"log/slog"
	"slices"

	"github.com/labstack/echo/v4"

	"medunion/api/problem"
	"medunion/api/telemetry/tracing"
	"medunion/api/version"
)

// traceIDKey is where observe finds the id of the request's trace, for the log.
const traceIDKey = "httpserver.trace"

// newTracer makes the tracer that the edge asks for, nil if it asks for none.
func newTracer(e Edge, service string, log *slog.Logger) (*tracing.Tracer, error) {
	c := e.traces()
	c.Service, c.Version = service, version.Get().Version
	t, err := tracing.New(c)
	if t != nil {
		log.Info("traces are exported", "service", service)
	}
	return t, err
}

// traced makes a trace of each request, but for probes. Whatever trace a client says that
// it belongs to is not looked at.
func traced(t *tracing.Tracer) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		if t == nil {
			return next
		}
		return func(c echo.Context) error {
			if slices.Contains(operations, c.Path()) {
				return next(c)
			}
			ctx, span := t.Serve(c.Request().Context(), method(c)+" "+route(c), tracing.Method, method(c), tracing.Route, route(c))
			c.SetRequest(c.Request().WithContext(ctx))
			c.Set(traceIDKey, span.ID())
			var err error
			defer func() { endSpan(c, span, err) }() // also of a stream that is cut off by a panic
			err = next(c)
			return err
		}
	}
}

func endSpan(c echo.Context, span *tracing.Span, err error) {
	status, outcome := c.Response().Status, ""
	if err != nil {
		p := classify(err)
		status, outcome = problem.KindOf(p).Status(), problem.KindOf(p).String()
	}
	span.End(status, outcome)
}
