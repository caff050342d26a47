// Package httpapi serves the role of the public cloud over HTTP, as
// api/openapi/publiccloud.yaml says. It decodes, calls one method, and encodes;
// it decides nothing.
package httpapi

import (
	"encoding/base64"
	"encoding/hex"
	"log/slog"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"medunion/api/httpserver"
	"medunion/api/message"
	documents "medunion/api/openapi"
	openapi "medunion/api/openapi/publiccloud"
	"medunion/api/problem"
	"medunion/ecc"
	"medunion/publiccloud/cloud"
)

// Options configure New; all fields but Edge, Peers and Operations are required.
type Options struct {
	Cloud *cloud.Cloud
	// Operator checks a request's bearer token for the scope `operator`. Its errors
	// are Unauthenticated or Refused.
	Operator   func(c echo.Context) error
	Edge       httpserver.Edge
	Peers      *httpserver.Peers // who may call what is kept for peers; nil: everybody
	Logger     *slog.Logger
	Operations *httpserver.Operations
}

// The largest signed statement that is taken: a prekey of suite 2.
const signedCap = 4 << 10

// New makes the server.
func New(o Options) (*echo.Echo, error) {
	spec, err := documents.Load(documents.PublicCloud)
	if err != nil {
		return nil, err
	}
	e, err := httpserver.New(httpserver.Options{
		Service: "publiccloud", Logger: o.Logger, Operations: o.Operations, Spec: spec, Edge: o.Edge, Peers: o.Peers,
		Authenticate: func(c echo.Context, _ string, _ []string) error { return o.Operator(c) },
	})
	if err != nil {
		return nil, err
	}
	openapi.RegisterHandlers(e, handlers{cloud: o.Cloud, operator: o.Operator, operations: o.Operations})
	return e, httpserver.Agree(e, spec)
}

// handlers implements the generated server interface.
type handlers struct {
	cloud    *cloud.Cloud
	operator func(c echo.Context) error

	operations *httpserver.Operations
}

var _ openapi.ServerInterface = handlers{}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func signed(c echo.Context, b []byte, err error) error {
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, openapi.Signed{Signed: encode(b)})
}

// GetParameters implements openapi.ServerInterface.
func (h handlers) GetParameters(c echo.Context) error {
	b, err := h.cloud.Parameters()
	return signed(c, b, err)
}

// GetDirectory implements openapi.ServerInterface.
func (h handlers) GetDirectory(c echo.Context) error {
	b, err := h.cloud.Directory(c.Request().Context())
	return signed(c, b, err)
}

// GetRevocations implements openapi.ServerInterface.
func (h handlers) GetRevocations(c echo.Context) error {
	b, err := h.cloud.RevocationList(c.Request().Context())
	return signed(c, b, err)
}

// GetSuccessions implements openapi.ServerInterface.
func (h handlers) GetSuccessions(c echo.Context) error {
	out := openapi.Successions{Successions: []string{}}
	for _, s := range h.cloud.Successions() {
		out.Successions = append(out.Successions, encode(s))
	}
	return c.JSON(http.StatusOK, out)
}

// GetLog implements openapi.ServerInterface.
func (h handlers) GetLog(c echo.Context, p openapi.GetLogParams) error {
	s, err := httpserver.NewStretch(p.From, p.Limit, p.Cursor)
	if err != nil {
		return err
	}
	lines, err := h.cloud.LogPage(c.Request().Context(), s.From, s.Limit)
	if err != nil {
		return err
	}
	page := openapi.LogPage{Next: s.Next(len(lines)), Entries: make([]openapi.LogEntry, len(lines))}
	for i, l := range lines {
		sum := l.Hash()
		page.Entries[i] = openapi.LogEntry{Index: int64(l.Index), Credential: hex.EncodeToString(l.Credential[:]),
			Role: openapi.LogEntryRole(l.Role), Time: l.Time.Time(), Previous: hex.EncodeToString(l.Previous[:]), Hash: hex.EncodeToString(sum[:])}
	}
	return c.JSON(http.StatusOK, page)
}

// GetDoctor implements openapi.ServerInterface.
func (h handlers) GetDoctor(c echo.Context, credential openapi.Hash) error {
	cD, err := hashOf(credential)
	if err != nil {
		return err
	}
	card, err := h.cloud.Doctor(c.Request().Context(), cD)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, openapi.DoctorCard{Credential: encode(card.Credential),
		Certificate: string(card.Certificate), Prekey: encode(card.Prekey)})
}

// GetPrekey implements openapi.ServerInterface.
func (h handlers) GetPrekey(c echo.Context, owner string, p openapi.GetPrekeyParams) error {
	ctx := c.Request().Context()
	if owner == "cloud" {
		suite := ecc.SuiteX25519
		if p.Suite != nil {
			suite = ecc.Suite(*p.Suite)
		}
		b, err := h.cloud.OwnPrekey(ctx, suite)
		return signed(c, b, err)
	}
	cX, err := hashOf(owner)
	if err != nil {
		return err
	}
	b, err := h.cloud.Prekey(ctx, cX)
	return signed(c, b, err)
}

// PutPrekey implements openapi.ServerInterface.
func (h handlers) PutPrekey(c echo.Context) error {
	var body openapi.Signed
	if err := httpserver.ReadJSON(c, &body); err != nil {
		return err
	}
	raw, err := httpserver.Message{Message: body.Signed}.Bytes(signedCap)
	if err != nil {
		return err
	}
	if err := h.cloud.PublishPrekey(c.Request().Context(), raw); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}

func hashOf(s string) (message.Hash, error) {
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != len(message.Hash{}) || s != strings.ToLower(s) {
		return message.Hash{}, problem.Invalid("The hash is not 64 lower-case hexadecimal digits.")
	}
	return message.Hash(b), nil
}
