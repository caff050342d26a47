package visit

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"medunion/api/fhirbundle"
	"medunion/api/message"
	"medunion/api/openapi/doctoragent"
	"medunion/deploy/local/suite"
	doctor "medunion/doctor-portal/agent"
	patient "medunion/patient-agent/agent"
)

// Log collects the messages that the agents report, in their order, each once.
type Log struct {
	mu       sync.Mutex
	messages []Message
	onTheWay map[message.Type]bool // between patient and doctor, reported by the sender
}

// Add takes one message; it is safe for concurrent use. What goes between patient
// and doctor both their agents report, the sender first; the clouds report nothing.
func (l *Log) Add(s message.Sent) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if s.From != message.PublicCloud && s.To != message.PublicCloud && s.From != message.Hospital && s.To != message.Hospital {
		if l.onTheWay[s.Type] {
			delete(l.onTheWay, s.Type)
			return
		}
		if l.onTheWay == nil {
			l.onTheWay = map[message.Type]bool{}
		}
		l.onTheWay[s.Type] = true
	}
	l.messages = append(l.messages, line(s))
}

// Messages returns what was collected.
func (l *Log) Messages() []Message {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]Message{}, l.messages...)
}

// Parties are the people of a visit and the suite between them.
type Parties struct {
	Suite      *suite.Suite
	Doctor     *doctor.Agent
	Patient    *patient.Agent
	Passphrase []byte // what the patient knows
	Recording  []byte // an ECG in CSV that she brings, or nil
	Log        *Log
}

// Outcome is a visit as the doctor saw it.
type Outcome struct {
	ID       string // at the doctor's agent
	Patient  string // at the patient's agent
	Received []Resource
}

// Consult runs M1 to M9: the patient consents to everything but what the plan
// withholds, the doctor calls her in, searches and fetches from all hospitals.
func (p *Parties) Consult(ctx context.Context, plan Plan) (Outcome, error) {
	card, err := p.Doctor.Card()
	if err != nil {
		return Outcome{}, err
	}
	before := len(p.Doctor.Visits())
	id, err := p.Patient.StartVisit(ctx, p.request(plan, card.Link))
	if err != nil {
		return Outcome{}, fmt.Errorf("start of the visit: %w", err)
	}
	o := Outcome{Patient: id}
	if o.ID, err = p.callIn(ctx, before); err != nil {
		return o, err
	}
	if _, err := p.Doctor.FetchRecords(o.ID, message.Filter{}); err != nil {
		return o, fmt.Errorf("search: %w", err)
	}
	if err := p.awaitRecords(ctx, o.ID); err != nil {
		return o, err
	}
	o.Received, err = p.received(o.ID)
	return o, err
}

func (p *Parties) request(plan Plan, link string) patient.Request {
	r := patient.Request{Link: link, Passphrase: p.Passphrase, Department: plan.Department,
		Withhold: patient.Withhold{Classes: []message.Code{plan.Withheld.Class}}}
	if d := plan.Withheld.Department; d != "" {
		r.Withhold.Departments = []message.Code{d}
	}
	if p.Recording != nil {
		r.Recordings = []patient.Recording{{Name: "ecg-360hz.csv", Data: p.Recording, Kind: "ecg", Hz: "360", First: 10 * time.Second}}
	}
	return r
}

// callIn waits for the patient in the waiting list and opens her visit.
func (p *Parties) callIn(ctx context.Context, before int) (string, error) {
	var id string
	err := suite.WaitFor(ctx, 60*time.Second, lookEvery, "the patient in the waiting list", func() (bool, error) {
		visits := p.Doctor.Visits()
		if len(visits) <= before {
			return false, nil
		}
		v := visits[len(visits)-1]
		if v.State == doctoragent.Closed {
			return false, errors.New("the visit was closed before it began")
		}
		id = v.ID
		return v.State == doctoragent.Waiting, nil
	})
	if err != nil {
		return "", err
	}
	_, err = p.Doctor.OpenVisit(id)
	return id, err
}

func (p *Parties) awaitRecords(ctx context.Context, id string) error {
	return suite.WaitFor(ctx, 2*time.Minute, lookEvery, "the records", func() (bool, error) {
		v, err := p.Doctor.Visit(id)
		if err != nil || v.Search == nil || v.Search.State == doctoragent.SearchStateRunning {
			return false, err
		}
		if v.Search.State == doctoragent.SearchStateFailed {
			return false, fmt.Errorf("the search failed: %s", deref(v.Search.Reason))
		}
		for _, h := range v.Hospitals {
			if h.State == doctoragent.HospitalProgressStateFailed {
				return false, fmt.Errorf("%s: %s", h.Hospital, deref(h.Reason))
			}
		}
		return true, nil
	})
}

func deref(s *string) string {
	if s == nil {
		return "no reason given"
	}
	return *s
}

// received returns the visit's resources with the positions of their hospitals.
func (p *Parties) received(id string) ([]Resource, error) {
	records, err := p.Doctor.Records(id)
	if err != nil {
		return nil, err
	}
	var out []Resource
	for _, r := range records {
		out = append(out, Resource{Hospital: p.position(r.Hospital), Type: r.Type, ID: r.ID, Raw: r.Data})
	}
	return out, nil
}

func (p *Parties) position(id message.ID) int {
	for i, h := range p.Suite.Hospitals {
		if h.ID == id {
			return i
		}
	}
	return -1
}

// finding is the doctor's diagnosis in the demonstration.
var finding = doctor.Finding{System: "http://snomed.info/sct", Code: "38341003", Display: "Hypertensive disorder, systemic arterial",
	Text: "Hypertension, newly found", Note: "Blood pressure to be measured at home for two weeks; follow-up then."}

// Run runs the whole visit and a second one after it, and reports what held. An
// error says what stopped it; the report then tells how far it came.
func (p *Parties) Run(ctx context.Context, plan Plan) (Report, []Resource, error) {
	r := Report{Patient: PatientFile{File: plan.File.Name}, Withheld: plan.Withheld}
	earlier, err := p.diagnoses(ctx)
	if err != nil {
		return r, nil, err
	}
	first, err := p.Consult(ctx, plan)
	if err == nil {
		r.Resources = Compare(plan, earlier, first.Received)
		r.ByHospital, r.ByType = p.count(first.Received)
		err = p.diagnose(ctx, first, &r.Diagnosis)
	}
	if err == nil {
		err = p.secondVisit(ctx, plan, first, &r.Diagnosis)
	}
	r.Messages = p.Log.Messages()
	r.judge()
	return r, first.Received, err
}

// diagnoses are the resources of the diagnoses that the patient holds, verified, at
// the hospitals that say they hold them too.
func (p *Parties) diagnoses(ctx context.Context) ([]Resource, error) {
	list, _, err := p.Patient.Diagnoses(ctx)
	if err != nil {
		return nil, err
	}
	var out []Resource
	for _, d := range list {
		entries, err := fhirbundle.Split(d.Content)
		if err != nil {
			return nil, err
		}
		for _, at := range d.StoredAt {
			for _, e := range entries {
				out = append(out, Resource{Hospital: p.position(at.Hospital), Type: e.Type, ID: e.ID, Raw: e.Resource})
			}
		}
	}
	return out, nil
}

func (p *Parties) count(received []Resource) (byHospital, byType map[string]int) {
	byHospital, byType = map[string]int{}, map[string]int{}
	for _, r := range received {
		byHospital[p.hospital(r)]++
		byType[r.Type]++
	}
	return byHospital, byType
}

func (p *Parties) hospital(r Resource) string {
	if r.Hospital < 0 {
		return "unknown"
	}
	return string(p.Suite.Hospitals[r.Hospital].ID)
}

// diagnose runs M10 to M12 and lets the patient verify what she got.
func (p *Parties) diagnose(ctx context.Context, o Outcome, d *Diagnosis) error {
	result, err := p.Doctor.SendFinding(ctx, o.ID, finding)
	if err != nil {
		return fmt.Errorf("diagnosis: %w", err)
	}
	if len(result.Failures) > 0 {
		return fmt.Errorf("diagnosis: %s", strings.Join(result.Failures, "; "))
	}
	if result.Stored != nil {
		d.StoredAt = message.ID(result.Stored.Hospital)
	}
	d.Indexed = result.Indexed != nil
	return p.verify(ctx, o, d)
}

// verify waits until the patient's agent has received and verified M10, and finds
// the same diagnosis in the record of the hospital.
func (p *Parties) verify(ctx context.Context, o Outcome, d *Diagnosis) error {
	if err := p.awaitDiagnosis(ctx, o.Patient); err != nil {
		return err
	}
	list, unanswered, err := p.Patient.Diagnoses(ctx)
	if err != nil || len(unanswered) > 0 {
		return errors.Join(err, fmt.Errorf("diagnoses: %d hospitals did not answer", len(unanswered)))
	}
	for _, g := range list {
		for _, at := range g.StoredAt {
			if g.FromVisit && g.ConsentKnown && strings.Contains(string(g.Content), finding.Note) && at.Hospital == d.StoredAt {
				d.PatientVerified = true
			}
		}
	}
	return nil
}

func (p *Parties) awaitDiagnosis(ctx context.Context, id string) error {
	ctx, cancel := context.WithTimeout(ctx, 60*time.Second)
	defer cancel()
	v, err := p.Patient.Visit(id)
	for err == nil && !v.Over() {
		v, err = p.Patient.Wait(ctx, id, v.State)
	}
	if err != nil {
		return fmt.Errorf("waiting for the patient to receive the diagnosis: %w", err)
	}
	if v.State != patient.Diagnosed {
		return fmt.Errorf("the patient's visit failed: %s", v.Says)
	}
	return nil
}

// secondVisit looks for the diagnosis in the record.
func (p *Parties) secondVisit(ctx context.Context, plan Plan, first Outcome, d *Diagnosis) error {
	second, err := p.Consult(ctx, plan)
	if err != nil {
		return fmt.Errorf("second visit: %w", err)
	}
	if lost := Added(second.Received, first.Received); len(lost) > 0 {
		return fmt.Errorf("second visit: %d resources of the first are missing or changed", len(lost))
	}
	for _, r := range Added(first.Received, second.Received) {
		if p.hospital(r) == string(d.StoredAt) && strings.Contains(string(r.Raw), finding.Text) {
			d.InSecondVisit = true
		}
	}
	if _, err := p.Doctor.CloseVisit(second.ID); err != nil {
		return err
	}
	_, err = p.Doctor.CloseVisit(first.ID)
	return err
}
