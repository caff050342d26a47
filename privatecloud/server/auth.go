package server

import (
	"errors"
	"time"

	"github.com/labstack/echo/v4"

	"medunion/api/httpserver"
	"medunion/api/problem"
	"medunion/api/token"
)

// scopes are what the security schemes of the administration's document ask for.
var scopes = map[string]token.Scope{"importToken": token.ScopeFHIRImport, "adminToken": token.ScopeAdmin}

func authenticate(v *token.Verifier, now func() time.Time) httpserver.Authenticator {
	return func(c echo.Context, scheme string, _ []string) error {
		s, ok := scopes[scheme]
		if !ok {
			return problem.Refused(errors.New("no scope for the scheme"))
		}
		if err := v.Admit(c, now(), s); err != nil {
			return err
		}
		t, _ := token.FromContext(c.Request().Context())
		httpserver.SetIdentity(c, t.Subject)
		return nil
	}
}
