package httpserver

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"medunion/api/problem"
)

// requestIDBytes is the length of a request id before hex.
const requestIDBytes = 16

type requestIDKey struct{}

// RequestID is the id of the request that ctx belongs to, 32 lower-case hex
// digits, or "" outside a request. An audit entry carries it.
func RequestID(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey{}).(string)
	return id
}

// identify gives every request its id. One that comes along is kept only if it
// looks like ours: free text would carry names into the logs.
func identify(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		id := c.Request().Header.Get(echo.HeaderXRequestID)
		if !wellFormedID(id) {
			var random [requestIDBytes]byte
			rand.Read(random[:])
			id = hex.EncodeToString(random[:])
		}
		c.Response().Header().Set(echo.HeaderXRequestID, id)
		c.SetRequest(c.Request().WithContext(context.WithValue(c.Request().Context(), requestIDKey{}, id)))
		return next(c)
	}
}

func wellFormedID(id string) bool {
	raw, err := hex.DecodeString(id)
	return err == nil && len(raw) == requestIDBytes && hex.EncodeToString(raw) == id
}

// secure sets the headers for answers that are data: no script, no frame, no
// cache, no guess at the type.
func secure(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		h := c.Response().Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cache-Control", "no-store")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		return next(c)
	}
}

// rescue makes an error of a panic. Its value is logged only where the runtime
// or an error made it.
func rescue(log *slog.Logger) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) (err error) {
			defer func() {
				switch p := recover(); p {
				case nil:
				case http.ErrAbortHandler:
					panic(p)
				default:
					log.Error("panic", "id", RequestID(c.Request().Context()), "route", route(c), "stack", string(debug.Stack()))
					err = problem.Internal(panicCause(p))
				}
			}()
			return next(c)
		}
	}
}

func panicCause(p any) error {
	if err, ok := p.(error); ok {
		return fmt.Errorf("panic: %w", err)
	}
	return fmt.Errorf("panic with a %T", p)
}

// gate turns away what no client of ours sends: a foreign Host, a browser's
// request from another origin, a compressed body, a path that only looks like a
// route's.
func gate(hosts []string) echo.MiddlewareFunc {
	origins := http.NewCrossOriginProtection()
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			r := c.Request()
			if len(hosts) > 0 && !slices.Contains(hosts, hostname(r.Host)) {
				return problem.Refused(errors.New("the Host header names another server"))
			}
			if origins.Check(r) != nil {
				return problem.Refused(errors.New("a request from another origin"))
			}
			for _, coding := range r.Header.Values("Content-Encoding") {
				if coding != "" && coding != "identity" {
					return problem.UnsupportedMedia("The body must not be compressed.")
				}
			}
			if spansSegments(c) {
				return problem.NotFound("")
			}
			return next(c)
		}
	}
}

// spansSegments says that a parameter holds a slash: Echo lets the last
// parameter of a route take the whole rest of the path.
func spansSegments(c echo.Context) bool {
	for i, name := range c.ParamNames() {
		if name != "*" && strings.Contains(c.ParamValues()[i], "/") {
			return true
		}
	}
	return false
}

func hostname(hostport string) string {
	if host, _, err := net.SplitHostPort(hostport); err == nil {
		return host
	}
	return hostport
}

// limit bounds the body and the time of a request: as the configuration says of its
// route, else as the document says of its operation. Only a large body may take longer to
// come than all of a server's requests: a stranger would hold the connection of a slow
// route by dripping a small one.
func (d *document) limit(routes map[string]Limits) echo.MiddlewareFunc {
	held := &budget{limit: bodyBudget}
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			l := d.limitsOf(routes, c)
			r := c.Request()
			if r.ContentLength > l.Body {
				return problem.TooLarge()
			}
			if l.Timeout > defaultTimeout && l.Body > MessageBody(MessageCap) {
				extend(c, l.Timeout)
			}
			ctx, cancel := context.WithTimeout(r.Context(), l.Timeout)
			defer cancel()
			r = r.WithContext(ctx)
			body := held.of(http.MaxBytesReader(c.Response().Writer, r.Body, l.Body))
			defer body.settle()
			r.Body = body
			c.SetRequest(r)
			err := next(c)
			if err != nil {
				hurry(c)
			}
			return err
		}
	}
}

// linger gives a slow route its time, once the request has come and is let in.
func (d *document) linger(routes map[string]Limits) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			if l := d.limitsOf(routes, c); l.Timeout > defaultTimeout {
				extend(c, l.Timeout)
			}
			return next(c)
		}
	}
}

// hurry ends the wait for the rest of a body that nobody wants: net/http reads it before
// it answers.
func hurry(c echo.Context) {
	_ = http.NewResponseController(c.Response()).SetReadDeadline(time.Now().Add(unwantedWait))
}

func (d *document) limitsOf(routes map[string]Limits, c echo.Context) Limits {
	var t traits
	if op := d.operation(c); op != nil {
		t = op.traits
	}
	return t.over(routes[c.Path()])
}

// extend moves the connection's deadlines for a slow route. A writer that has
// none (in a test) needs none moved.
func extend(c echo.Context, timeout time.Duration) {
	rc := http.NewResponseController(c.Response())
	now := time.Now()
	_ = rc.SetReadDeadline(now.Add(timeout))
	_ = rc.SetWriteDeadline(now.Add(timeout + writeGrace))
}
