package agent

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"medunion/api/httpserver"
	"medunion/api/message"
	api "medunion/api/openapi/doctoragent"
	"medunion/api/problem"
)

const (
	service       = "doctoragent"
	fhirType      = "application/fhir+json"
	ndjsonType    = "application/x-ndjson"
	diagnosisBody = 3 << 20 // a bundle of 2 MiB in base64url, and a note
)

// handler is the HTTP API: authentication, checks against the OpenAPI document,
// and one call of the agent for each operation.
func (a *Agent) handler() (http.Handler, error) {
	spec, err := api.GetSpec()
	if err != nil {
		return nil, err
	}
	e, err := httpserver.New(httpserver.Options{Service: service, Logger: a.cfg.Logger, Spec: spec,
		Hosts: []string{"127.0.0.1", "::1", "localhost"}, Authenticate: a.token.Authenticate,
		Routes: map[string]httpserver.Limits{
			"/v1/visits/:visit/diagnosis": {Body: diagnosisBody, Timeout: 2 * time.Minute},
			"/v1/doctor/registration":     {Timeout: time.Minute}}})
	if err != nil {
		return nil, err
	}
	api.RegisterHandlers(e, handlers{a})
	return e, nil
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

func (h handlers) ListVisits(c echo.Context) error {
	return c.JSON(http.StatusOK, api.Visits{Visits: h.a.Visits()})
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
	v, err := h.a.FetchRecords(id, filter(f))
	return reply(c, http.StatusAccepted, v, err)
}

func filter(f api.Filter) message.Filter {
	out := message.Filter{Departments: messageCodes(f.Departments), Classes: messageCodes(f.Classes)}
	if f.Since != nil {
		out.Since = message.Millis(*f.Since)
	}
	if f.Until != nil {
		out.Until = message.Millis(*f.Until)
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

func (h handlers) ListRecords(c echo.Context, id api.VisitPath) error {
	records, err := h.a.Records(id)
	out := api.Records{Records: []api.Record{}}
	for i, r := range records {
		out.Records = append(out.Records, r.view(i+1))
	}
	return reply(c, http.StatusOK, out, err)
}

func (r Record) view(number int) api.Record {
	return api.Record{Record: number, Hospital: string(r.Hospital), FullURL: optional(r.FullURL), Type: r.Type,
		ID: optional(r.ID), Bytes: len(r.Data)}
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
		line := r.view(i + 1)
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
	worded := d.Code != nil || d.Text != nil || d.Note != nil
	if d.Bundle != nil && worded {
		return problem.Invalid("Give either a bundle, or a code with text and note.")
	}
	if worded {
		r, err := h.a.SendFinding(c.Request().Context(), id, finding(d))
		return reply(c, http.StatusOK, r, err)
	}
	content, err := bundleOf(d)
	if err != nil {
		return err
	}
	r, err := h.a.SendDiagnosis(c.Request().Context(), id, content)
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

func finding(d api.Diagnosis) Finding {
	var f Finding
	if d.Code != nil {
		f.System, f.Code, f.Display = d.Code.System, d.Code.Code, deref(d.Code.Display)
	}
	f.Text, f.Note = deref(d.Text), deref(d.Note)
	return f
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
