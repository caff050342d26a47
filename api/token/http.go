package token

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"medunion/api/problem"
)

// errNoToken says that a request has no bearer token, or more than one.
var errNoToken = errors.New("token: none, or more than one")

type contextKey struct{}

// FromContext is the token with which the request of ctx was let in.
func FromContext(ctx context.Context) (Token, bool) {
	t, ok := ctx.Value(contextKey{}).(Token)
	return t, ok
}

// Admit lets a request in if its Authorization header carries one token that v
// accepts and that holds all the scopes, of which there must be one at least.
// Otherwise it returns Unauthenticated, or Refused for a good token that does not
// allow this. Later handlers find the token by FromContext.
func (v *Verifier) Admit(c echo.Context, now time.Time, scopes ...Scope) error {
	text, err := Bearer(c)
	if err != nil {
		return problem.Unauthenticated(err)
	}
	t, err := v.Verify([]byte(text), now)
	if err != nil {
		return problem.Unauthenticated(err)
	}
	for _, s := range scopes {
		if !t.Allows(s) {
			return problem.Refused(ErrScope)
		}
	}
	if len(scopes) == 0 {
		return problem.Refused(ErrScope)
	}
	r := c.Request()
	c.SetRequest(r.WithContext(context.WithValue(r.Context(), contextKey{}, t)))
	return nil
}

// Require is Admit as a middleware, for routes without an OpenAPI document.
func (v *Verifier) Require(now func() time.Time, scopes ...Scope) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			if err := v.Admit(c, now(), scopes...); err != nil {
				return err
			}
			return next(c)
		}
	}
}

// Authenticator serves the security schemes of an OpenAPI document (it is an
// httpserver.Authenticator): each scheme by its verifier, with the scopes that the
// operation names. An unknown scheme is refused.
func Authenticator(schemes map[string]*Verifier, now func() time.Time) func(echo.Context, string, []string) error {
	return func(c echo.Context, scheme string, names []string) error {
		v := schemes[scheme]
		if v == nil {
			return problem.Refused(errors.New("token: no verifier for the scheme"))
		}
		scopes := make([]Scope, len(names))
		for i, name := range names {
			scopes[i] = Scope(name)
		}
		return v.Admit(c, now(), scopes...)
	}
}

// Bearer reads the one token of the Authorization header (RFC 6750, section
// 2.1). It is never looked for in the query or the body. The error says that there is
// none, or more than one.
func Bearer(c echo.Context) (string, error) {
	values := c.Request().Header.Values("Authorization")
	if len(values) != 1 {
		return "", errNoToken
	}
	scheme, text, found := strings.Cut(values[0], " ")
	if !found || !strings.EqualFold(scheme, "Bearer") || text == "" {
		return "", errNoToken
	}
	return text, nil
}
