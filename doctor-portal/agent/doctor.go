package agent

import (
	"context"

	"github.com/skip2/go-qrcode"

	"medunion/api/message"
	api "medunion/api/openapi/doctoragent"
	"medunion/api/problem"
	"medunion/doctor-portal/doctor"
	"medunion/doctor-portal/practice"
)

// Record is one resource of a release, byte for byte as its hospital imported it.
type Record = practice.Resource

// Finding is a diagnosis in words: a code, its text, a note. At least the code or
// the text is given.
type Finding struct {
	System, Code, Display string
	Text, Note            string
}

func (f Finding) draft() practice.Draft {
	d := practice.Draft{Text: f.Text, Note: f.Note}
	if f.Code != "" {
		d.Code = &practice.Coding{System: f.System, Code: f.Code, Display: f.Display}
	}
	return d
}

// Doctor tells how far the set-up has come, and whether patients can reach it.
func (a *Agent) Doctor() api.Doctor {
	d, err := a.practice.Doctor()
	if err != nil { // the agent has stopped
		return api.Doctor{ID: a.cfg.ID, Suite: a.cfg.Suite, State: api.New}
	}
	return viewDoctor(d)
}

// Credential returns Cred_D; a conflict before registration.
func (a *Agent) Credential() (message.Credential, error) { return a.practice.Credential() }

// RequestCertificate returns the JSON document that the medical authority takes:
// the doctor's keys and what q says, signed.
func (a *Agent) RequestCertificate(q message.CertificateRequest) ([]byte, error) {
	text, err := a.practice.RequestCertificateFrom(q.Authority, practice.Person{Licence: q.Licence, Name: q.Name, Departments: q.Departments,
		Affiliation: q.Affiliation})
	return []byte(text), err
}

// SetCertificate takes Cert_D from the medical authority.
func (a *Agent) SetCertificate(certificate []byte) error {
	return a.practice.SetCertificate(string(certificate))
}

// Register registers at the public cloud (M0) through the portal.
func (a *Agent) Register(ctx context.Context) error { return a.practice.Register(ctx) }

// Card returns the visit link.
func (a *Agent) Card() (api.Card, error) {
	c, err := a.practice.Card()
	return api.Card{Link: c.Link, Credential: c.Credential}, err
}

// CardImage returns the visit link as a QR code, a PNG of 512 x 512 pixels.
func (a *Agent) CardImage() ([]byte, error) {
	card, err := a.Card()
	if err != nil {
		return nil, err
	}
	png, err := qrcode.Encode(card.Link, qrcode.Medium, 512)
	if err != nil {
		return nil, problem.Internal(err)
	}
	return png, nil
}

// Visits returns all visits since the start, oldest first; those in state waiting
// are the waiting list.
func (a *Agent) Visits() []api.Visit {
	all, _ := a.practice.Visits() // fails only once the agent has stopped: then there are none
	out := make([]api.Visit, len(all))
	for i, v := range all {
		out[i] = viewVisit(v)
	}
	return out
}

// Visit returns one visit.
func (a *Agent) Visit(id string) (api.Visit, error) { return visitOf(a.practice.Visit(id)) }

// OpenVisit calls a waiting patient in.
func (a *Agent) OpenVisit(id string) (api.Visit, error) { return visitOf(a.practice.Open(id)) }

// CloseVisit declines a patient or ends a visit.
func (a *Agent) CloseVisit(id string) (api.Visit, error) { return visitOf(a.practice.Close(id)) }

// Signals returns the content of M_SD, byte for byte.
func (a *Agent) Signals(id string) ([]byte, error) {
	text, err := a.practice.Signals(id)
	return []byte(text), err
}

// FetchRecords searches the index and fetches from all hospitals found, in the
// background (practice.Fetch); the visit shows the progress.
func (a *Agent) FetchRecords(id string, f message.Filter) (api.Visit, error) {
	return a.FetchAgain(id, "", f)
}

// FetchAgain asks one hospital again that failed, or all of them with "".
func (a *Agent) FetchAgain(id, hospital string, f message.Filter) (api.Visit, error) {
	q := practice.Filter{Hospital: hospital, Since: int64(f.Since), Until: int64(f.Until)}
	for _, c := range f.Departments {
		q.Departments = append(q.Departments, string(c))
	}
	for _, c := range f.Classes {
		q.Classes = append(q.Classes, string(c))
	}
	if err := a.practice.Fetch(id, q); err != nil {
		return api.Visit{}, err
	}
	return a.Visit(id)
}

// CancelFetch stops the running search.
func (a *Agent) CancelFetch(id string) (api.Visit, error) {
	if err := a.practice.Cancel(id); err != nil {
		return api.Visit{}, err
	}
	return a.Visit(id)
}

// Records returns the resources received so far, by hospital.
func (a *Agent) Records(id string) ([]Record, error) { return a.practice.Resources(id) }

// SendFinding makes a FHIR bundle of a finding, once, and sends it as SendDiagnosis
// does.
func (a *Agent) SendFinding(ctx context.Context, id string, f Finding) (api.DiagnosisResult, error) {
	return a.SendDraft(ctx, id, f.draft())
}

// SendDraft is SendFinding with an attachment, if there is one.
func (a *Agent) SendDraft(ctx context.Context, id string, d practice.Draft) (api.DiagnosisResult, error) {
	return diagnosisOf(a.practice.SignDraft(ctx, id, d))
}

// SendDiagnosis signs the diagnosis, a FHIR R4 collection Bundle, and takes it to
// the patient (M10), to the home hospital of the consent (M11) and its changed
// entry to the public cloud (M12). What fails is named in the result, not an
// error: called again with the same content, or with nil, it does only that.
func (a *Agent) SendDiagnosis(ctx context.Context, id string, content []byte) (api.DiagnosisResult, error) {
	if v, err := a.practice.Visit(id); content == nil && err == nil && v.Diagnosis != nil {
		return diagnosisOf(a.practice.Resend(ctx, id))
	}
	return diagnosisOf(a.practice.SignBundle(ctx, id, content))
}

// Evidence returns what is kept of a visit, also of one that ended before a restart.
func (a *Agent) Evidence(id string) (doctor.Evidence, error) { return a.practice.KeptEvidence(id) }
