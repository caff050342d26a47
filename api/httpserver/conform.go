package httpserver

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"os"
	"sync"

	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/labstack/echo/v4"

	"medunion/api/problem"
)

// CheckResponses is the environment variable that, set to anything, makes every server of
// the process hold its own answers against its document before it sends them. One that does
// not fit becomes an internal error, and the log says why. The tests run so; it costs a copy
// of each answer.
const CheckResponses = "MEDUNION_CHECK_RESPONSES"

// readFHIR lets kin-openapi read the media type of FHIR's JSON.
var readFHIR = sync.OnceFunc(func() {
	openapi3filter.RegisterBodyDecoder("application/fhir+json", openapi3filter.JSONBodyDecoder)
})

// edgeAnswers are what any address may answer without its operation naming it: the default
// of every operation.
var edgeAnswers = map[int]bool{
	http.StatusBadRequest: true, http.StatusForbidden: true, http.StatusMethodNotAllowed: true, http.StatusRequestEntityTooLarge: true,
	http.StatusUnsupportedMediaType: true, http.StatusInternalServerError: true, http.StatusServiceUnavailable: true,
}

// conform checks answers, where the environment asks for it.
func (d *document) conform(log *slog.Logger) echo.MiddlewareFunc {
	on := os.Getenv(CheckResponses) != ""
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		if !on {
			return next
		}
		readFHIR()
		return func(c echo.Context) error {
			op := d.operation(c)
			if op == nil {
				return next(c)
			}
			original := c.Response().Writer
			held := &recorder{ResponseWriter: original, status: http.StatusOK}
			c.Response().Writer = held
			err := next(c)
			c.Response().Writer = original
			if held.streams {
				return err
			}
			return d.judge(c, log, op, held, err)
		}
	}
}

func (d *document) judge(c echo.Context, log *slog.Logger, op *operation, held *recorder, err error) error {
	wrong := d.fits(op, c, held)
	if wrong == nil || err != nil {
		held.send()
		return err
	}
	log.Error("an answer does not fit the document", "operation", op.Operation.OperationID, "status", held.status, "reason", wrong.Error())
	doc := problem.Internal(nil).Document(RequestID(c.Request().Context()))
	held.body.Reset()
	fmt.Fprintf(&held.body, `{"type":%q,"title":%q,"status":500,"detail":%q,"instance":%q}`, doc.Type, doc.Title, "The answer does not fit the document.", doc.Instance)
	held.status = doc.Status
	held.Header().Del(echo.HeaderContentEncoding)
	held.Header().Del(echo.HeaderContentLength)
	held.Header().Set(echo.HeaderContentType, problem.MediaType)
	held.send()
	return nil
}

// fits says what of an answer the document does not describe.
func (d *document) fits(op *operation, c echo.Context, held *recorder) error {
	status := held.status
	if op.Operation.Responses.Status(status) == nil && !edgeAnswers[status] {
		return errors.New("the operation has no such status")
	}
	if status == http.StatusNotModified || status == http.StatusNoContent || c.Request().Method == http.MethodHead {
		return nil
	}
	body, err := held.plain()
	if err != nil {
		return err
	}
	input := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: c.Request(), Route: op.Route},
		Status:                 status, Header: held.Header(), Body: io.NopCloser(body),
		Options: &openapi3filter.Options{IncludeResponseStatus: true},
	}
	return openapi3filter.ValidateResponse(context.Background(), input)
}

// recorder keeps an answer until it was judged, unless it is a stream.
type recorder struct {
	http.ResponseWriter
	status  int
	streams bool
	body    bytes.Buffer
}

func (r *recorder) WriteHeader(status int) {
	kind, _, _ := mime.ParseMediaType(r.Header().Get(echo.HeaderContentType))
	r.status, r.streams = status, kind == "application/x-ndjson" || kind == "text/event-stream"
	if r.streams {
		r.ResponseWriter.WriteHeader(status)
	}
}

func (r *recorder) Write(b []byte) (int, error) {
	if r.streams {
		return r.ResponseWriter.Write(b)
	}
	return r.body.Write(b)
}

// Flush implements http.Flusher: of a stream, what was written goes out.
func (r *recorder) Flush() {
	if r.streams {
		_ = http.NewResponseController(r.ResponseWriter).Flush()
	}
}

// Unwrap leads http.ResponseController to the connection.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// plain is the answer's body as its reader will have it.
func (r *recorder) plain() (io.Reader, error) {
	body := bytes.NewReader(r.body.Bytes())
	if r.Header().Get(echo.HeaderContentEncoding) == "gzip" {
		return gzip.NewReader(body)
	}
	return body, nil
}

func (r *recorder) send() {
	r.ResponseWriter.WriteHeader(r.status)
	_, _ = r.ResponseWriter.Write(r.body.Bytes())
}
