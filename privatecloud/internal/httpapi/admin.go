package httpapi

import (
	"context"
	"encoding/hex"
	"io"
	"log/slog"
	"net/http"

	"github.com/labstack/echo/v4"

	"medunion/api/httpserver"
	"medunion/api/message"
	documents "medunion/api/openapi"
	openapi "medunion/api/openapi/privateadmin"
	"medunion/api/problem"
	"medunion/privatecloud/hospital"
	"medunion/privatecloud/internal/fhir"
)

// AdminOptions configure NewAdmin; all fields but Development, Edge and Operations are required.
type AdminOptions struct {
	Hospital *hospital.Hospital
	// Context ends with the server, and what goes on behind its requests ends with it; Go
	// starts that, and whoever closes the stores waits for it.
	Context context.Context
	Go      func(func())
	// Import imports one bundle from a reader, or says what it would do.
	Import func(ctx context.Context, r io.Reader, dryRun bool) (fhir.Report, error)
	// Authenticate checks a bearer token: the scheme is that of the document.
	Authenticate httpserver.Authenticator
	// Development offers the operations that make messages for testers.
	Development bool
	Edge        httpserver.Edge
	Logger      *slog.Logger
	Operations  *httpserver.Operations
}

// NewAdmin makes the administration's server.
func NewAdmin(o AdminOptions) (*echo.Echo, error) {
	spec, err := documents.Load(documents.PrivateAdmin)
	if err != nil {
		return nil, err
	}
	// The importer validates the bundle itself: the document's check would parse it twice.
	for _, m := range spec.Paths.Find("/fhir/bundles").Post.RequestBody.Value.Content {
		m.Schema = nil
	}
	if o.Development {
		o.Logger.Warn(httpserver.DevelopmentWarning)
	} else {
		httpserver.WithoutDevelopment(spec)
	}
	e, err := httpserver.New(httpserver.Options{Service: "privateadmin", Logger: o.Logger, Operations: o.Operations, Spec: spec, Edge: o.Edge,
		Authenticate: o.Authenticate})
	if err != nil {
		return nil, err
	}
	openapi.RegisterHandlers(e, admin{AdminOptions: o, imports: newImports(o), writes: &httpserver.Exchanges[*indexWrite]{}})
	return e, httpserver.Agree(e, spec)
}

type admin struct {
	AdminOptions
	imports *imports
	writes  *httpserver.Exchanges[*indexWrite] // of testers
}

var _ openapi.ServerInterface = admin{}

// ImportBundle implements openapi.ServerInterface.
func (a admin) ImportBundle(c echo.Context, p openapi.ImportBundleParams) error {
	dryRun := p.DryRun != nil && *p.DryRun
	if wantsAsync(p.Prefer) {
		return a.importLater(c, dryRun)
	}
	report, err := a.Import(c.Request().Context(), c.Request().Body, dryRun)
	if err != nil {
		return err
	}
	if report.Refused > 0 {
		return refusedBundle(report)
	}
	c.Response().Header().Set(echo.HeaderContentType, echo.MIMEApplicationJSON)
	c.Response().WriteHeader(http.StatusOK)
	return report.JSON(c.Response())
}

// refusedBundle says why nothing of a bundle was imported. Reasons name places and
// rules, never content.
func refusedBundle(r fhir.Report) error {
	reason := "it cannot be read"
	if len(r.Problems) > 0 {
		reason = r.Problems[0].Reason
	}
	return problem.Invalid("The bundle was refused: " + reason + ".")
}

// CreateDeskCode implements openapi.ServerInterface.
func (a admin) CreateDeskCode(c echo.Context, _ openapi.CreateDeskCodeParams) error {
	var body openapi.DeskCodeRequest
	if err := httpserver.ReadJSON(c, &body); err != nil {
		return err
	}
	code, expires, err := a.Hospital.NewDeskCode(c.Request().Context(), body.Mrn)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusCreated, openapi.DeskCode{Code: code, Expires: expires.Time()})
}

// GetAudit implements openapi.ServerInterface.
func (a admin) GetAudit(c echo.Context, p openapi.GetAuditParams) error {
	s, err := httpserver.NewStretch(p.From, p.Limit, p.Cursor)
	if err != nil {
		return err
	}
	s.From = max(s.From, 1)
	trail, err := a.Hospital.Trail(c.Request().Context(), s.From, s.Limit)
	if err != nil {
		return err
	}
	page := openapi.AuditPage{Next: s.Next(len(trail)), Entries: make([]openapi.AuditEntry, len(trail))}
	for i, e := range trail {
		page.Entries[i] = auditEntry(e)
	}
	return c.JSON(http.StatusOK, page)
}

func auditEntry(e hospital.Audited) openapi.AuditEntry {
	out := openapi.AuditEntry{Number: int64(e.Number), Time: e.Time.Time(), Event: e.What, Hash: hex.EncodeToString(e.Hash[:]),
		Step: text(string(e.Step)), Reason: text(e.Reason), Request: text(e.Request), Licence: text(e.Licence),
		Patient: text(string(e.Patient)), Doctor: hash(e.Doctor), Consent: hash(e.Consent)}
	if e.Receipt != 0 {
		n := int64(e.Receipt)
		out.Receipt = &n
	}
	if e.Count != 0 {
		n := int64(e.Count)
		out.Count = &n
	}
	return out
}

func text(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func hash(h message.Hash) *string {
	if h == (message.Hash{}) {
		return nil
	}
	return text(hex.EncodeToString(h[:]))
}
