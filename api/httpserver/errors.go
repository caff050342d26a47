package httpserver

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"

	"medunion/api/problem"
)

// classify turns whatever a handler returned into an error of ours. The text of
// an Echo error is dropped: it may quote the request.
func classify(err error) *problem.Error {
	var ours *problem.Error
	var echos *echo.HTTPError
	switch {
	case errors.As(err, &ours):
		return ours
	case tooLarge(err):
		return problem.TooLarge()
	case errors.As(err, &echos):
		return fromStatus(echos)
	}
	return problem.From(err)
}

// tooLarge says that a body was cut off by its limit.
func tooLarge(err error) bool {
	var limit *http.MaxBytesError
	return errors.As(err, &limit)
}

func fromStatus(err *echo.HTTPError) *problem.Error {
	cause := fmt.Errorf("echo: status %d", err.Code)
	switch err.Code {
	case http.StatusUnauthorized:
		return problem.Unauthenticated(cause)
	case http.StatusForbidden:
		return problem.Refused(cause)
	case http.StatusNotFound:
		return problem.NotFound("").Because(cause)
	case http.StatusMethodNotAllowed:
		return problem.MethodNotAllowed().Because(cause)
	case http.StatusRequestEntityTooLarge:
		return problem.TooLarge().Because(cause)
	case http.StatusUnsupportedMediaType:
		return problem.UnsupportedMedia("").Because(cause)
	case http.StatusServiceUnavailable:
		return problem.Unavailable(0, cause)
	}
	if err.Code >= 400 && err.Code < 500 {
		return problem.Invalid("").Because(cause)
	}
	return problem.Internal(cause)
}

// writeProblem answers with the public form of an error (RFC 9457).
func writeProblem(err error, c echo.Context) {
	if c.Response().Committed {
		return
	}
	e := classify(err)
	doc := e.Document(RequestID(c.Request().Context()))
	header := c.Response().Header()
	if doc.RetryAfter > 0 {
		header.Set("Retry-After", strconv.FormatInt(doc.RetryAfter, 10))
	}
	if e.Kind == problem.KindUnauthenticated {
		header.Set("WWW-Authenticate", "Bearer")
	}
	body, jsonErr := json.Marshal(doc)
	if jsonErr != nil || c.Request().Method == http.MethodHead {
		body = nil
	}
	// A connection that broke cannot be told so.
	_ = c.Blob(doc.Status, problem.MediaType, body)
}
