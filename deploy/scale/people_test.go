package scale_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"time"

	"medunion/api/doctorcert"
	"medunion/api/message"
	"medunion/api/openapi/doctoragent"
	"medunion/api/problem"
	"medunion/api/token"
	"medunion/deploy/local/authority"
	doctor "medunion/doctor-portal/agent"
	"medunion/ecc"
	"medunion/ecc/vault"
	patient "medunion/patient-agent/agent"
)

var (
	discard  = slog.New(slog.DiscardHandler)
	quietLog = log.New(io.Discard, "", 0)
	cheap    = vault.Params{MemoryKiB: vault.MinMemoryKiB, Time: 1, Lanes: 1}
)

const passphrase = "correct horse battery staple"

// people are a doctor and a patient of a world, with the patient's record at its hospital.
type people struct {
	w       *world
	tap     *tap
	doctor  *doctor.Agent
	patient *patient.Agent
	record  []string // marks that each stand in one resource of hers
	visits  int
	finding string

	mu sync.Mutex
	at map[message.Type]func() // called once, when the doctor has sent or got a message
}

// join makes them: certified, registered, enrolled.
func (w *world) join(ctx context.Context) *people {
	w.t.Helper()
	k, _ := taps.Load(w.origin)
	p := &people{w: w, tap: k.(*tap), at: map[message.Type]func(){}}
	ok(w.t, p.importRecord(ctx))
	ok(w.t, p.startDoctor(ctx))
	ok(w.t, reason(p.startPatient(ctx)))
	return p
}

func reason(err error) error {
	if err == nil {
		return nil
	}
	return errors.New(problem.Reason(err))
}

// when calls f at the doctor's next message of a type, before she goes on.
func (p *people) when(t message.Type, f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.at[t] = f
}

func (p *people) trace(s message.Sent) {
	p.mu.Lock()
	f := p.at[s.Type]
	delete(p.at, s.Type)
	p.mu.Unlock()
	if f != nil {
		f()
	}
}

// resources is how many observations she has: enough that a release has work to do.
const resources = 30

func (p *people) importRecord(ctx context.Context) error {
	list := []string{`{"resourceType":"Patient","id":"p","identifier":[{"type":{"coding":[{"code":"MR"}]},"value":"m-1"}]}`,
		`{"resourceType":"Organization","id":"o"}`,
		`{"resourceType":"Encounter","id":"e","status":"finished","class":{"code":"AMB"},"subject":{"reference":"Patient/p"},"serviceProvider":{"reference":"Organization/o"}}`}
	for i := range resources {
		mark := rand.Text()
		p.record = append(p.record, mark)
		list = append(list, fmt.Sprintf(`{"resourceType":"Observation","id":"ob%d","status":"final","code":{"text":"n"},"subject":{"reference":"Patient/p"},
			"encounter":{"reference":"Encounter/e"},"valueString":%q}`, i, mark))
	}
	bundle := `{"resourceType":"Bundle","type":"collection","entry":[{"resource":` + strings.Join(list, `},{"resource":`) + `}]}`
	return p.w.call(ctx, http.MethodPost, p.w.url(adminService)+"/fhir/bundles", p.w.token(hospitalID, token.ScopeFHIRImport), "application/fhir+json", []byte(bundle), nil)
}

// importOther imports a patient who does nothing else.
func (p *people) importOther(ctx context.Context, mrn string) error {
	bundle := fmt.Sprintf(`{"resourceType":"Bundle","type":"collection","entry":[
		{"resource":{"resourceType":"Patient","id":%[1]q,"identifier":[{"type":{"coding":[{"code":"MR"}]},"value":%[1]q}]}},
		{"resource":{"resourceType":"Observation","id":"x-%[2]s","status":"final","code":{"text":"n"},"subject":{"reference":"Patient/%[2]s"}}}]}`, mrn, mrn)
	return p.w.call(ctx, http.MethodPost, p.w.url(adminService)+"/fhir/bundles", p.w.token(hospitalID, token.ScopeFHIRImport), "application/fhir+json", []byte(bundle), nil)
}

// call sends a request through the balancer and decodes the answer of a 2xx status.
func (w *world) call(ctx context.Context, method, url, bearer, kind string, body []byte, out any) error {
	q, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	q.Header.Set("Authorization", "Bearer "+bearer)
	if kind != "" {
		q.Header.Set("Content-Type", kind)
	}
	a, err := w.http.Do(q)
	if err != nil {
		return err
	}
	defer a.Body.Close()
	b, err := io.ReadAll(a.Body)
	if err != nil {
		return err
	}
	if a.StatusCode >= 300 {
		return fmt.Errorf("%s: status %d: %s", url, a.StatusCode, b)
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(b, out)
}

func (p *people) startDoctor(ctx context.Context) error {
	a, err := doctor.Start(context.WithoutCancel(ctx), doctor.Config{Dev: true, Listen: "127.0.0.1:0", Store: p.w.path("doctor"), Passphrase: []byte(passphrase),
		TokenFile: p.w.path("doctor.token"), Portal: p.w.origin, Pins: &p.w.pins, Authority: authority.DefaultName, AuthorityJWKS: p.w.jwks,
		ID: "dr-okafor", Trace: p.trace, Logger: discard})
	if err != nil {
		return err
	}
	p.doctor = a
	p.w.t.Cleanup(func() { _ = a.Close() })
	request, err := a.RequestCertificate(message.CertificateRequest{Authority: authority.DefaultName, Licence: "L-1", Name: "Maya Okafor",
		Departments: []string{"OUTPATIENT"}, Affiliation: hospitalID})
	if err != nil {
		return err
	}
	certificate, err := p.w.certify(request)
	if err != nil {
		return err
	}
	if err := a.SetCertificate(certificate); err != nil {
		return err
	}
	if err := a.Register(ctx); err != nil {
		return err
	}
	return eventually(ctx, "the doctor is online", func() (bool, error) { return a.Doctor().Online, nil })
}

// certify asks the development authority as over HTTP.
func (w *world) certify(request []byte) ([]byte, error) {
	s := httptest.NewServer(w.doctor.Handler())
	defer s.Close()
	var out struct{ Certificate string }
	err := w.call(context.Background(), http.MethodPost, s.URL+"/v1/certificates", "", "application/json", request, &out)
	return []byte(out.Certificate), err
}

func (p *people) startPatient(ctx context.Context) error {
	verify, err := doctorcert.NewAuthority(authority.DefaultName, p.w.jwks)
	if err != nil {
		return err
	}
	p.patient, err = patient.New(patient.Config{Store: p.w.path("patient"), Suite: ecc.SuiteX25519, Cost: cheap, Cloud: p.w.url(cloudService),
		Pins: p.w.pins, VerifyCertificate: verify.Verify, Authority: authority.DefaultName})
	if err != nil {
		return err
	}
	var code struct{ Code string }
	err = p.w.call(ctx, http.MethodPost, p.w.url(cloudService)+"/v1/operator/patient-codes", p.w.token(cloudService, token.ScopeOperator), "", nil, &code)
	if err != nil {
		return err
	}
	if _, err := p.patient.Register(ctx, code.Code, []byte(passphrase)); err != nil {
		return err
	}
	return p.enrol(ctx)
}

func (p *people) enrol(ctx context.Context) error {
	desk, err := p.w.deskCode(ctx, "m-1")
	if err != nil {
		return err
	}
	if _, err := p.patient.Enrol(ctx, hospitalID, desk); err != nil {
		return err
	}
	const departments = 2 // that of the encounter, and the general one for herself
	return eventually(ctx, "the index entries", func() (bool, error) {
		known, err := p.patient.Hospitals(ctx)
		return err == nil && len(known.Hospitals) == 1 && len(known.Hospitals[0].Departments) == departments, transient(err)
	})
}

// deskCode mints one for a record that the hospital has.
func (w *world) deskCode(ctx context.Context, mrn string) (string, error) {
	var desk struct{ Code string }
	err := w.call(ctx, http.MethodPost, w.url(adminService)+"/v1/desk-codes", w.token(hospitalID, token.ScopeAdmin), "application/json",
		fmt.Appendf(nil, `{"mrn":%q}`, mrn), &desk)
	return desk.Code, err
}

// transient drops what a site says while a part of it is away; anything else stays.
func transient(err error) error {
	switch problem.KindOf(err) {
	case problem.KindUnavailable, problem.KindStale, problem.KindTooMany:
		return nil
	}
	return err
}

// eventually polls until yes, an error, or a minute has passed.
func eventually(ctx context.Context, what string, f func() (bool, error)) error {
	for end := time.Now().Add(60 * time.Second); ; time.Sleep(30 * time.Millisecond) {
		yes, err := f()
		switch {
		case err != nil:
			return fmt.Errorf("%s: %w", what, reason(err))
		case yes:
			return nil
		case time.Now().After(end) || ctx.Err() != nil:
			return fmt.Errorf("%s: not within a minute", what)
		}
	}
}

// consult lets her consult the doctor until she has been called in: what fails before that
// fails cleanly, and she begins anew.
func (p *people) consult(ctx context.Context) (doctorsID, patientsID string, err error) {
	card, err := p.doctor.Card()
	if err != nil {
		return "", "", err
	}
	before := len(p.doctor.Visits())
	err = eventually(ctx, "the waiting room", func() (bool, error) {
		if failed, err := p.failed(patientsID); err != nil || failed {
			patientsID, err = p.patient.StartVisit(ctx, patient.Request{Link: card.Link, Passphrase: []byte(passphrase), MaxUses: 50})
			return false, transient(err)
		}
		v := p.doctor.Visits()
		if len(v) <= before || v[len(v)-1].State != doctoragent.Waiting {
			return false, nil
		}
		doctorsID = v[len(v)-1].ID
		return true, nil
	})
	if err == nil {
		_, err = p.doctor.OpenVisit(doctorsID)
	}
	p.visits++
	return doctorsID, patientsID, err
}

// failed says whether her visit has failed, or has not begun.
func (p *people) failed(id string) (bool, error) {
	if id == "" {
		return true, nil
	}
	v, err := p.patient.Visit(id)
	return v.State == patient.Failed, err
}

// fetch runs M4 to M9, again where that failed cleanly, and compares the record.
func (p *people) fetch(ctx context.Context, id string) error {
	err := eventually(ctx, "the record", func() (bool, error) {
		if _, err := p.doctor.FetchRecords(id, message.Filter{}); err != nil {
			return false, err
		}
		var v doctoragent.Visit
		err := eventually(ctx, "the search", func() (_ bool, err error) {
			v, err = p.doctor.Visit(id)
			return err == nil && v.Search != nil && v.Search.State != doctoragent.SearchStateRunning, err
		})
		done := len(v.Hospitals) == 1 && v.Hospitals[0].State == doctoragent.HospitalProgressStateVerified
		return done && v.Search.State == doctoragent.SearchStateDone, err
	})
	if err != nil {
		return err
	}
	return p.complete(id)
}

// complete fails unless the doctor has each resource once.
func (p *people) complete(id string) error {
	records, err := p.doctor.Records(id)
	if err != nil {
		return err
	}
	var all strings.Builder
	for _, r := range records {
		all.Write(r.Data)
	}
	for _, mark := range p.record {
		if n := strings.Count(all.String(), mark); n != 1 {
			return fmt.Errorf("a resource is there %d times", n)
		}
	}
	return nil
}

// diagnose runs M10 to M12, again where that failed cleanly, and lets her receive it.
func (p *people) diagnose(ctx context.Context, doctorsID, patientsID string) error {
	finding := doctor.Finding{Text: "Finding " + rand.Text()}
	err := eventually(ctx, "the diagnosis", func() (bool, error) {
		r, err := p.doctor.SendFinding(ctx, doctorsID, finding)
		return err == nil && len(r.Failures) == 0 && r.Stored != nil && r.Indexed != nil, transient(err)
	})
	if err != nil {
		return err
	}
	p.finding = finding.Text
	return eventually(ctx, "her diagnosis", func() (bool, error) {
		v, err := p.patient.Visit(patientsID)
		if v.State == patient.Failed {
			return false, fmt.Errorf("her visit failed: %s", v.Says)
		}
		return v.State == patient.Diagnosed, err
	})
}

// visit runs a whole one.
func (p *people) visit(ctx context.Context) error {
	d, id, err := p.consult(ctx)
	if err == nil {
		err = p.fetch(ctx, d)
	}
	if err == nil {
		err = p.diagnose(ctx, d, id)
	}
	if err != nil {
		return err
	}
	_, err = p.doctor.CloseVisit(d)
	return err
}
