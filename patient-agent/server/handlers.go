package server

import (
	"context"
	"encoding/hex"
	"net/http"

	"medunion/api/httpserver"
	"medunion/api/message"
	api "medunion/api/openapi/patientagent"
	"medunion/api/problem"
	"medunion/api/token"
	"medunion/patient-agent/agent"
	"medunion/patient-agent/internal/view"
)

// handlers implement api.StrictServerInterface: each converts, calls the agent once,
// and converts back.
type handlers struct {
	a        *agent.Agent
	token    token.Local
	sessions *pageSessions
	watchers chan struct{}
	preparer *preparer
}

var _ api.StrictServerInterface = handlers{}

func (h handlers) OpenPageSession(_ context.Context, r api.OpenPageSessionRequestObject) (api.OpenPageSessionResponseObject, error) {
	if !h.token.Is(r.Body.Token) {
		return nil, problem.Unauthenticated(errNoSession)
	}
	cookie, key := h.sessions.open()
	return api.OpenPageSession204Response{Headers: api.OpenPageSession204ResponseHeaders{SetCookie: &cookie, PageKey: &key}}, nil
}

func (h handlers) ClosePageSession(context.Context, api.ClosePageSessionRequestObject) (api.ClosePageSessionResponseObject, error) {
	return api.ClosePageSession204Response{Headers: api.ClosePageSession204ResponseHeaders{SetCookie: pointer(h.sessions.end())}}, nil
}

func (h handlers) GetStatus(context.Context, api.GetStatusRequestObject) (api.GetStatusResponseObject, error) {
	return api.GetStatus200JSONResponse(view.Status(h.a.Status())), nil
}

func (h handlers) GetDefaults(ctx context.Context, _ api.GetDefaultsRequestObject) (api.GetDefaultsResponseObject, error) {
	d, err := h.a.Defaults(ctx)
	return api.GetDefaults200JSONResponse(view.Defaults(d)), err
}

func (h handlers) ChallengePasskey(context.Context, api.ChallengePasskeyRequestObject) (api.ChallengePasskeyResponseObject, error) {
	c, err := h.a.ChallengePasskey()
	return api.ChallengePasskey201JSONResponse(view.PasskeyChallenge(c)), err
}

func (h handlers) GetProfile(context.Context, api.GetProfileRequestObject) (api.GetProfileResponseObject, error) {
	p, err := h.a.Profile()
	return api.GetProfile200JSONResponse(view.Profile(p)), err
}

func (h handlers) PutProfile(_ context.Context, r api.PutProfileRequestObject) (api.PutProfileResponseObject, error) {
	p := agent.Profile{Name: r.Body.Name, BirthDate: value(r.Body.BirthDate), Sex: string(value(r.Body.Sex))}
	return api.PutProfile200JSONResponse(view.Profile(p)), h.a.SetProfile(p)
}

func (h handlers) Unlock(_ context.Context, r api.UnlockRequestObject) (api.UnlockResponseObject, error) {
	switch {
	case (r.Body.Passphrase == nil) == (r.Body.Prf == nil):
		return nil, problem.Invalid("The store is opened with either the passphrase or the passkey.")
	case r.Body.Prf != nil:
		prf, err := unbase64(*r.Body.Prf)
		if err != nil {
			return nil, err
		}
		return api.Unlock204Response{}, h.a.UnlockPasskey(prf)
	}
	return api.Unlock204Response{}, h.a.Unlock([]byte(*r.Body.Passphrase))
}

func (h handlers) Lock(context.Context, api.LockRequestObject) (api.LockResponseObject, error) {
	return api.Lock204Response{}, h.a.Lock()
}

func (h handlers) Register(ctx context.Context, r api.RegisterRequestObject) (api.RegisterResponseObject, error) {
	m, err := means(*r.Body)
	if err != nil {
		return nil, err
	}
	id, err := h.a.RegisterWith(ctx, r.Body.Code, m)
	return api.Register201JSONResponse(view.Identity(id)), err
}

func (h handlers) GetIdentity(context.Context, api.GetIdentityRequestObject) (api.GetIdentityResponseObject, error) {
	id, err := h.a.Identity()
	return api.GetIdentity200JSONResponse(view.Identity(id)), err
}

func (h handlers) ListHospitals(ctx context.Context, _ api.ListHospitalsRequestObject) (api.ListHospitalsResponseObject, error) {
	list, err := h.a.Hospitals(ctx)
	return api.ListHospitals200JSONResponse(view.Hospitals(list)), err
}

func (h handlers) Enrol(ctx context.Context, r api.EnrolRequestObject) (api.EnrolResponseObject, error) {
	e, err := h.a.Enrol(ctx, message.ID(r.Hospital), r.Body.Code)
	return api.Enrol201JSONResponse{Hospital: string(e.Hospital), Time: e.Time}, err
}

// recordAnswer writes the record's bytes as they are.
type recordAnswer []byte

// VisitGetRecordResponse implements api.GetRecordResponseObject.
func (b recordAnswer) VisitGetRecordResponse(w http.ResponseWriter) error {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusOK)
	_, err := w.Write(b)
	return err
}

func (h handlers) GetRecord(ctx context.Context, r api.GetRecordRequestObject) (api.GetRecordResponseObject, error) {
	b, err := h.a.Record(ctx, message.ID(r.Hospital))
	return recordAnswer(b), err
}

func (h handlers) VerifyCard(ctx context.Context, r api.VerifyCardRequestObject) (api.VerifyCardResponseObject, error) {
	c, err := h.a.Card(ctx, r.Body.Link)
	return api.VerifyCard200JSONResponse(view.Card(c)), err
}

func (h handlers) PreviewSignals(_ context.Context, r api.PreviewSignalsRequestObject) (api.PreviewSignalsResponseObject, error) {
	list, err := recordings(r.Body.Recordings)
	if err != nil {
		return nil, err
	}
	b, err := agent.Preview(list)
	return recordAnswer(b), err
}

// VisitPreviewSignalsResponse implements api.PreviewSignalsResponseObject.
func (b recordAnswer) VisitPreviewSignalsResponse(w http.ResponseWriter) error {
	return b.VisitGetRecordResponse(w)
}

func (h handlers) PrepareApproval(ctx context.Context, r api.PrepareApprovalRequestObject) (api.PrepareApprovalResponseObject, error) {
	q, err := approvalRequest(*r.Body)
	if err != nil {
		return nil, err
	}
	p, err := h.a.PrepareApproval(ctx, q)
	return api.PrepareApproval201JSONResponse(view.Approval(p)), err
}

func (h handlers) StartVisit(ctx context.Context, r api.StartVisitRequestObject) (api.StartVisitResponseObject, error) {
	if r.Body.Approval != nil {
		by, err := proof(*r.Body)
		if err != nil {
			return nil, err
		}
		id, err := h.a.Approve(*r.Body.Approval, by)
		return api.StartVisit202JSONResponse{ID: id}, err
	}
	q, err := request(*r.Body)
	if err != nil {
		return nil, err
	}
	id, err := h.a.StartVisit(ctx, q)
	return api.StartVisit202JSONResponse{ID: id}, err
}

func (h handlers) EndVisit(_ context.Context, r api.EndVisitRequestObject) (api.EndVisitResponseObject, error) {
	v, err := h.a.EndVisit(r.Visit)
	return api.EndVisit200JSONResponse(view.Visit(v)), err
}

func (h handlers) ListVisits(_ context.Context, r api.ListVisitsRequestObject) (api.ListVisitsResponseObject, error) {
	list, err := h.a.Visits()
	if err != nil {
		return nil, err
	}
	page, next, err := httpserver.Page(view.Each(list, view.Visit), func(v api.Visit) string { return v.ID }, r.Params.Limit, r.Params.Cursor)
	return api.ListVisits200JSONResponse{Visits: page, Next: next}, err
}

func (h handlers) GetVisit(_ context.Context, r api.GetVisitRequestObject) (api.GetVisitResponseObject, error) {
	v, err := h.a.Visit(r.Visit)
	return api.GetVisit200JSONResponse(view.Visit(v)), err
}

func (h handlers) ListDiagnoses(ctx context.Context, r api.ListDiagnosesRequestObject) (api.ListDiagnosesResponseObject, error) {
	list, unanswered, err := h.a.Diagnoses(ctx)
	if err != nil {
		return nil, err
	}
	page, next, err := httpserver.Page(view.Each(list, view.Diagnosis), func(d api.Diagnosis) string { return d.ID }, r.Params.Limit, r.Params.Cursor)
	return api.ListDiagnoses200JSONResponse{Diagnoses: page, Next: next, Unanswered: view.Each(unanswered, view.Unanswered)}, err
}

func (h handlers) ListConsents(_ context.Context, r api.ListConsentsRequestObject) (api.ListConsentsResponseObject, error) {
	list, err := h.a.Consents()
	if err != nil {
		return nil, err
	}
	page, next, err := httpserver.Page(view.Each(list, view.Consent), func(c api.Consent) string { return c.Consent }, r.Params.Limit, r.Params.Cursor)
	return api.ListConsents200JSONResponse{Consents: page, Next: next}, err
}

func (h handlers) ListUses(ctx context.Context, r api.ListUsesRequestObject) (api.ListUsesResponseObject, error) {
	c, err := hash(r.Consent)
	if err != nil {
		return nil, err
	}
	list, err := h.a.Uses(ctx, c)
	return api.ListUses200JSONResponse{Uses: view.Each(list, view.Use)}, err
}

func (h handlers) Revoke(ctx context.Context, r api.RevokeRequestObject) (api.RevokeResponseObject, error) {
	c, err := hash(r.Consent)
	if err != nil {
		return nil, err
	}
	out, err := h.a.Revoke(ctx, c)
	return api.Revoke200JSONResponse(view.Revocation(out)), err
}

func (h handlers) ListReleases(ctx context.Context, _ api.ListReleasesRequestObject) (api.ListReleasesResponseObject, error) {
	r, err := h.a.Releases(ctx)
	return api.ListReleases200JSONResponse(view.Releases(r)), err
}

func hash(s string) (message.Hash, error) {
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != len(message.Hash{}) {
		return message.Hash{}, problem.Invalid("Not a hash.")
	}
	return message.Hash(b), nil
}
