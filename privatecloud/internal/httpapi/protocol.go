// Package httpapi serves the role of a hospital over HTTP, as api/openapi/privatecloud.yaml
// and privateadmin.yaml say: the protocol for patients and doctors, the administration for
// the hospital itself, on two listeners. It decodes, calls one method, and encodes; it
// decides nothing.
package httpapi

import (
	"context"
	"encoding/base64"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"medunion/api/httpserver"
	"medunion/api/message"
	documents "medunion/api/openapi"
	openapi "medunion/api/openapi/privatecloud"
	"medunion/api/problem"
	"medunion/api/telemetry"
	"medunion/privatecloud/hospital"
)

// Options configure New; all fields but Edge, Peers and Operations are required.
type Options struct {
	Hospital   *hospital.Hospital
	Edge       httpserver.Edge
	Peers      *httpserver.Peers // who may call what is kept for peers; nil: everybody
	Logger     *slog.Logger
	Operations *httpserver.Operations
	// Releases is how many releases may be held in memory at once.
	Releases int
}

// New makes the protocol's server.
func New(o Options) (*echo.Echo, error) {
	spec, err := documents.Load(documents.PrivateCloud)
	if err != nil {
		return nil, err
	}
	e, err := httpserver.New(httpserver.Options{Service: "privatecloud", Logger: o.Logger, Operations: o.Operations, Spec: spec, Edge: o.Edge, Peers: o.Peers})
	if err != nil {
		return nil, err
	}
	openapi.RegisterHandlers(e, handlers{role: o.Hospital, slots: o.slots(), operations: o.Operations})
	return e, httpserver.Agree(e, spec)
}

// handlers implements the generated server interface.
type handlers struct {
	role       *hospital.Hospital
	slots      chan struct{}
	operations *httpserver.Operations
}

// slots are the places for releases, and a gauge of how many are taken.
func (o Options) slots() chan struct{} {
	slots := make(chan struct{}, o.Releases)
	o.Operations.Registry.MustRegister(
		telemetry.Gauge("releases_in_memory", "Releases that are held in memory now.", func() float64 { return float64(len(slots)) }),
		telemetry.Gauge("releases_in_memory_limit", "Releases that may be held in memory at once.", func() float64 { return float64(cap(slots)) }))
	return slots
}

var _ openapi.ServerInterface = handlers{}

// exchange reads one message, hands it to a step of the role, and writes its answer.
func (h handlers) exchange(c echo.Context, want message.Type, step func(context.Context, message.Message) (message.Message, error)) error {
	answer, err := h.answer(c, want, step)
	if h.operations.Step(string(want), err) != nil {
		return err
	}
	return httpserver.WriteMessage(c, http.StatusOK, answer.Encode())
}

func (h handlers) answer(c echo.Context, want message.Type, step func(context.Context, message.Message) (message.Message, error)) (message.Message, error) {
	m, err := read(c, want)
	if err != nil {
		return m, err
	}
	return step(c.Request().Context(), m)
}

func read(c echo.Context, want message.Type) (message.Message, error) {
	raw, err := httpserver.ReadMessage(c, want.Limit())
	if err != nil {
		return message.Message{}, err
	}
	m, err := message.DecodeType(raw, want)
	if err != nil {
		return m, problem.Invalid("The message is not one of this step in its canonical form.").Because(err)
	}
	return m, nil
}

// Enrol implements openapi.ServerInterface.
func (h handlers) Enrol(c echo.Context) error { return h.exchange(c, message.TypeEnrol, h.role.Enrol) }

// Ask implements openapi.ServerInterface.
func (h handlers) Ask(c echo.Context) error { return h.exchange(c, message.TypeAsk, h.role.Ask) }

// OpenSession implements openapi.ServerInterface.
func (h handlers) OpenSession(c echo.Context) error {
	return h.exchange(c, message.TypeM6, h.role.OpenSession)
}

// StoreDiagnosis implements openapi.ServerInterface.
func (h handlers) StoreDiagnosis(c echo.Context) error {
	return h.exchange(c, message.TypeM11, h.role.StoreDiagnosis)
}

// errBusy is the cause when all places for releases are taken.
var errBusy = errors.New("as many releases are under way as fit into memory")

// placeWait is how long a release waits for a place.
const placeWait = 10 * time.Second

// place takes a place for one release, in the order of arrival. It waits, because a place is
// taken before the message is verified: strangers, who are sent away in milliseconds, would
// otherwise keep doctors out by coming a few at a time.
func (h handlers) place(ctx context.Context) (free func(), err error) {
	ctx, cancel := context.WithTimeout(ctx, placeWait)
	defer cancel()
	select {
	case h.slots <- struct{}{}:
		return func() { <-h.slots }, nil
	case <-ctx.Done():
		return nil, problem.Unavailable(time.Second, errBusy)
	}
}

// Release implements openapi.ServerInterface. A release that breaks off after its first line
// cuts the connection: a stream that ended orderly would look complete to a proxy.
func (h handlers) Release(c echo.Context) error {
	m, err := read(c, message.TypeM8)
	if err != nil {
		return h.operations.Step(string(message.TypeM8), err)
	}
	free, err := h.place(c.Request().Context())
	if err != nil {
		return h.operations.Step(string(message.TypeM8), err)
	}
	defer free()
	r, err := h.role.Release(c.Request().Context(), m)
	if h.operations.Step(string(message.TypeM8), err) != nil {
		return err
	}
	c.Response().Header().Set(echo.HeaderContentType, "application/x-ndjson")
	c.Response().WriteHeader(http.StatusOK)
	for {
		page, err := r.Next(c.Request().Context())
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = writeLine(c.Response(), page)
		}
		if err != nil || c.Request().Context().Err() != nil {
			panic(http.ErrAbortHandler)
		}
	}
}

// writeLine writes {"message":".."} and a line break, and sends it off.
func writeLine(w *echo.Response, m message.Message) error {
	canonical := m.Encode()
	line := make([]byte, 0, base64.RawURLEncoding.EncodedLen(len(canonical))+32)
	line = append(line, `{"message":"`...)
	line = base64.RawURLEncoding.AppendEncode(line, canonical)
	line = append(line, "\"}\n"...)
	if _, err := w.Write(line); err != nil {
		return err
	}
	w.Flush()
	return nil
}
