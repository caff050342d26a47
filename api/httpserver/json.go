package httpserver

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"medunion/api/problem"
	"medunion/api/strictjson"
)

// ReadJSON decodes the request's body, exactly one JSON value of type
// application/json, into the value that v points to: no unknown member, no
// duplicate, nothing behind it. Its errors are Invalid, UnsupportedMedia and
// TooLarge; an empty body is an Invalid that wraps io.EOF.
func ReadJSON(c echo.Context, v any) error {
	body, err := readBody(c)
	switch {
	case err != nil:
		return err
	case len(body) == 0:
		return problem.Invalid("The request body is missing.").Because(io.EOF)
	case !isJSON(c.Request()):
		return problem.UnsupportedMedia("The body must be of type application/json.")
	}
	if err := strictjson.Decode(body, v); err != nil {
		return problem.Invalid("The request body does not fit: " + err.Error() + ".").Because(err)
	}
	return nil
}

func readBody(c echo.Context) ([]byte, error) {
	body, err := io.ReadAll(c.Request().Body)
	switch {
	case tooLarge(err):
		return nil, problem.TooLarge()
	case errors.Is(err, problem.KindUnavailable):
		return nil, err
	case err != nil:
		return nil, problem.Invalid("The request body could not be read to its end.").Because(err)
	}
	return body, nil
}

// isJSON accepts application/json with no parameter but UTF-8, which is JSON's
// only encoding (RFC 8259, section 8.1).
func isJSON(r *http.Request) bool {
	mediaType, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || mediaType != "application/json" {
		return false
	}
	charset, given := params["charset"]
	delete(params, "charset")
	return len(params) == 0 && (!given || strings.EqualFold(charset, "utf-8"))
}

// strictBinder makes Context.Bind, and with it the generated handlers, read
// bodies as ReadJSON does. It binds nothing from the path or the query.
type strictBinder struct{}

func (strictBinder) Bind(v any, c echo.Context) error { return ReadJSON(c, v) }
