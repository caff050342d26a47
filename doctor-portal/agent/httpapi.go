package agent

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"

	"medunion/api/httpserver"
	"medunion/api/message"
	documents "medunion/api/openapi"
	api "medunion/api/openapi/doctoragent"
	"medunion/api/problem"
	"medunion/doctor-portal/practice"
)

const (
	service    = "doctoragent"
	fhirType   = "application/fhir+json"
	ndjsonType = "application/x-ndjson"
)

// handler is the HTTP API: authentication, checks against the OpenAPI document,
// and one call of the agent for each operation.
func (a *Agent) handler() (http.Handler, error) {
	spec, err := documents.Load(documents.DoctorAgent)
	if err != nil {
		return nil, err
	}
	if a.cfg.Development {
		a.log.Warn(httpserver.DevelopmentWarning)
	} else {
		httpserver.WithoutDevelopment(spec)
	}
	e, err := httpserver.New(httpserver.Options{Service: service, Logger: a.cfg.Logger, Spec: spec, Edge: a.cfg.Edge.At(false, a.cfg.Listen), Operations: a.operations,
		Hosts: []string{"127.0.0.1", "::1", "localhost"}, Authenticate: a.token.Authenticate})
	if err != nil {
		return nil, err
	}
	api.RegisterHandlers(e, handlers{a})
	return e, httpserver.Agree(e, spec)
}

// handlers implement api.ServerInterface.
type handlers struct{ a *Agent }

// reply answers with v, or with the error.
func reply[T any](c echo.Context, status int, v T, err error) error {
	if err != nil {
		return err
	}
	return c.JSON(status, v)
}

// optionalBody reads a JSON body that may be absent.
func optionalBody(c echo.Context, v any) error {
	if err := httpserver.ReadJSON(c, v); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}

func (h handlers) GetDoctor(c echo.Context) error { return c.JSON(http.StatusOK, h.a.Doctor()) }

func (h handlers) RequestCertificate(c echo.Context) error {
	var p api.Person
	if err := httpserver.ReadJSON(c, &p); err != nil {
		return err
	}
	q := message.CertificateRequest{Authority: p.Authority, Licence: p.Licence, Name: p.Name, Departments: p.Departments}
	if p.Affiliation != nil {
		q.Affiliation = *p.Affiliation
	}
	b, err := h.a.RequestCertificate(q)
	if err != nil {
		return err
	}
	return c.JSONBlob(http.StatusOK, b)
}

func (h handlers) SetCertificate(c echo.Context) error {
	var cert api.Certificate
	if err := httpserver.ReadJSON(c, &cert); err != nil {
		return err
	}
	if err := h.a.SetCertificate([]byte(cert.Certificate)); err != nil {
		return err
	}
	return c.JSON(http.StatusOK, h.a.Doctor())
}

func (h handlers) Register(c echo.Context) error {
	if err := h.a.Register(c.Request().Context()); err != nil {
		return err
	}
	return c.JSON(http.StatusOK, h.a.Doctor())
}

func (h handlers) GetCard(c echo.Context) error {
	card, err := h.a.Card()
	return reply(c, http.StatusOK, card, err)
}

func (h handlers) GetCardImage(c echo.Context) error {
	png, err := h.a.CardImage()
	if err != nil {
		return err
	}
	return c.Blob(http.StatusOK, "image/png", png)
}

func (h handlers) ListVisits(c echo.Context, p api.ListVisitsParams) error {
	page, next, err := httpserver.Page(h.a.Visits(), func(v api.Visit) string { return v.ID }, p.Limit, p.Cursor)
	return reply(c, http.StatusOK, api.Visits{Visits: page, Next: next}, err)
}

func (h handlers) GetVisit(c echo.Context, id api.VisitPath) error {
	v, err := h.a.Visit(id)
	return reply(c, http.StatusOK, v, err)
}

func (h handlers) OpenVisit(c echo.Context, id api.VisitPath) error {
	v, err := h.a.OpenVisit(id)
	return reply(c, http.StatusOK, v, err)
}

func (h handlers) CloseVisit(c echo.Context, id api.VisitPath) error {
	v, err := h.a.CloseVisit(id)
	return reply(c, http.StatusOK, v, err)
}

func (h handlers) GetSignals(c echo.Context, id api.VisitPath) error {
	b, err := h.a.Signals(id)
	if err != nil {
		return err
	}
	return c.Blob(http.StatusOK, fhirType, b)
}

func (h handlers) FetchRecords(c echo.Context, id api.VisitPath) error {
	var f api.Filter
	if err := optionalBody(c, &f); err != nil {
		return err
	}
	var only string
	if f.Hospital != nil {
		only = *f.Hospital
	}
	v, err := h.a.FetchAgain(id, only, filter(f))
	return reply(c, http.StatusAccepted, v, err)
}

func filter(f api.Filter) message.Filter {
	out := message.Filter{Departments: messageCodes(f.Departments), Classes: messageCodes(f.Classes)}
	if f.Since != nil {
		out.Since = message.MillisOf(*f.Since)
	}
	if f.Until != nil {
		out.Until = message.MillisOf(*f.Until)
	}
	return out
}

func messageCodes(in *api.Codes) []message.Code {
	var out []message.Code
	if in != nil {
		for _, c := range *in {
			out = append(out, message.Code(c))
		}
	}
	return out
}

func (h handlers) ListRecords(c echo.Context, id api.VisitPath, p api.ListRecordsParams) error {
	records, err := h.a.Records(id)
	out := api.Records{Records: []api.Record{}}
	for i, r := range records {
		out.Records = append(out.Records, viewRecord(r, i+1))
	}
	if err == nil {
		out.Records, out.Next, err = httpserver.Page(out.Records, func(r api.Record) string { return strconv.Itoa(r.Record) }, p.Limit, p.Cursor)
	}
	return reply(c, http.StatusOK, out, err)
}

func (h handlers) GetRecord(c echo.Context, id api.VisitPath, number int) error {
	records, err := h.a.Records(id)
	if err != nil {
		return err
	}
	if number < 1 || number > len(records) {
		return problem.NotFound("There is no such record.")
	}
	return c.Blob(http.StatusOK, fhirType, records[number-1].Data)
}

func (h handlers) DownloadRecords(c echo.Context, id api.VisitPath) error {
	records, err := h.a.Records(id)
	if err != nil {
		return err
	}
	c.Response().Header().Set(echo.HeaderContentType, ndjsonType)
	c.Response().WriteHeader(http.StatusOK)
	lines := json.NewEncoder(c.Response())
	for i, r := range records {
		line := viewRecord(r, i+1)
		line.Data = optional(base64.RawURLEncoding.EncodeToString(r.Data))
		if err := lines.Encode(line); err != nil {
			return err
		}
	}
	return nil
}

func (h handlers) SendDiagnosis(c echo.Context, id api.VisitPath) error {
	var d api.Diagnosis
	if err := optionalBody(c, &d); err != nil {
		return err
	}
	worded := d.Code != nil || d.Text != nil || d.Note != nil || d.Attachment != nil
	if d.Bundle != nil && worded {
		return problem.Invalid("Give either a bundle, or a code with text, note and attachment.")
	}
	if worded {
		return h.sendDraft(c, id, d)
	}
	content, err := bundleOf(d)
	if err != nil {
		return err
	}
	r, err := h.a.SendDiagnosis(c.Request().Context(), id, content)
	return reply(c, http.StatusOK, r, err)
}

func (h handlers) sendDraft(c echo.Context, id string, d api.Diagnosis) error {
	draft := practice.Draft{Text: deref(d.Text), Note: deref(d.Note)}
	if d.Code != nil {
		draft.Code = &practice.Coding{System: d.Code.System, Code: d.Code.Code, Display: deref(d.Code.Display)}
	}
	if a := d.Attachment; a != nil {
		data, err := base64.RawURLEncoding.Strict().DecodeString(a.Data)
		if err != nil {
			return problem.Invalid("The attachment is not base64url without padding.")
		}
		draft.Attachment = &practice.Attachment{Name: a.Name, Type: a.Type, Data: data}
	}
	r, err := h.a.SendDraft(c.Request().Context(), id, draft)
	return reply(c, http.StatusOK, r, err)
}

// bundleOf is nil without a bundle: then the diagnosis signed before goes on.
func bundleOf(d api.Diagnosis) ([]byte, error) {
	if d.Bundle == nil {
		return nil, nil
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(*d.Bundle)
	if err != nil {
		return nil, problem.Invalid("The bundle is not base64url without padding.")
	}
	return b, nil
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func (h handlers) CancelFetch(c echo.Context, id api.VisitPath) error {
	v, err := h.a.CancelFetch(id)
	return reply(c, http.StatusAccepted, v, err)
}

func (h handlers) GetEvidence(c echo.Context, id api.VisitPath) error {
	e, err := h.a.practice.Evidence(id)
	return reply(c, http.StatusOK, viewEvidence(e), err)
}

func (h handlers) DownloadEvidence(c echo.Context, id api.VisitPath) error {
	b, err := h.a.practice.EvidenceFile(id)
	if err != nil {
		return err
	}
	return c.JSONBlob(http.StatusOK, b)
}
