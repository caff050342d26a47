package httpapi

import (
	"context"
	"net/http"

	"github.com/labstack/echo/v4"

	"medunion/api/httpserver"
	"medunion/api/message"
	openapi "medunion/api/openapi/publiccloud"
	"medunion/api/problem"
	"medunion/api/token"
)

// exchange reads one message, hands it to a step of the role, and writes its answer.
func (h handlers) exchange(c echo.Context, status int, t message.Type, step func(context.Context, []byte) ([]byte, error)) error {
	raw, err := httpserver.ReadMessage(c, httpserver.MessageCap)
	if err != nil {
		return err
	}
	answer, err := step(c.Request().Context(), raw)
	if h.operations.Step(string(t), err) != nil {
		return err
	}
	return httpserver.WriteMessage(c, status, answer)
}

// CreateChallenge implements openapi.ServerInterface.
func (h handlers) CreateChallenge(c echo.Context) error {
	b, err := h.cloud.Challenge()
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, openapi.Challenge{Challenge: encode(b)})
}

// Register implements openapi.ServerInterface. A token is optional, but one that
// comes must hold.
func (h handlers) Register(c echo.Context) error {
	operator := c.Request().Header.Get(echo.HeaderAuthorization) != ""
	if operator {
		if err := h.operator(c); err != nil {
			return err
		}
	}
	return h.exchange(c, http.StatusCreated, message.TypeM0, func(ctx context.Context, raw []byte) ([]byte, error) {
		return h.cloud.Register(ctx, raw, operator)
	})
}

// Search implements openapi.ServerInterface.
func (h handlers) Search(c echo.Context) error {
	return h.exchange(c, http.StatusOK, message.TypeM4, h.cloud.Search)
}

// WriteIndexEntry implements openapi.ServerInterface.
func (h handlers) WriteIndexEntry(c echo.Context) error {
	return h.exchange(c, http.StatusOK, message.TypeIndex, h.cloud.WriteEntry)
}

// WriteDiagnosisEntry implements openapi.ServerInterface.
func (h handlers) WriteDiagnosisEntry(c echo.Context) error {
	return h.exchange(c, http.StatusOK, message.TypeM12, h.cloud.WriteDiagnosisEntry)
}

// Ask implements openapi.ServerInterface.
func (h handlers) Ask(c echo.Context) error {
	return h.exchange(c, http.StatusOK, message.TypeAsk, h.cloud.Ask)
}

// CreatePatientCode implements openapi.ServerInterface.
func (h handlers) CreatePatientCode(c echo.Context, _ openapi.CreatePatientCodeParams) error {
	code, expires, err := h.cloud.NewPatientCode(c.Request().Context())
	if err != nil {
		return err
	}
	return c.JSON(http.StatusCreated, openapi.PatientCode{Code: code, Expires: expires.Time()})
}

// RevokeCredential implements openapi.ServerInterface.
func (h handlers) RevokeCredential(c echo.Context) error {
	var body openapi.Revocation
	if err := httpserver.ReadJSON(c, &body); err != nil {
		return err
	}
	cX, err := hashOf(body.Credential)
	if err != nil {
		return err
	}
	if err := h.revoke(c.Request().Context(), operatorOf(c), cX, body); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}

func (h handlers) revoke(ctx context.Context, operator string, cX message.Hash, body openapi.Revocation) error {
	unknown := body.Unknown != nil && *body.Unknown
	switch {
	case unknown && body.Keep != nil:
		return problem.Invalid("One of keep and unknown can be said, not both.")
	case unknown:
		return h.cloud.RevokeUnknown(ctx, operator, cX)
	case body.Keep == nil:
		return h.cloud.RevokeCredential(ctx, operator, cX)
	}
	keep, err := hashOf(*body.Keep)
	if err != nil {
		return err
	}
	return h.cloud.RevokeAllBut(ctx, operator, cX, keep)
}

// operatorOf is the operator whom the request's token names.
func operatorOf(c echo.Context) string {
	t, _ := token.FromContext(c.Request().Context())
	return t.Subject
}
