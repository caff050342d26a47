package agent

import (
	"context"
	"net/http"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"medunion/api/fhirbundle"
	"medunion/api/message"
	"medunion/api/openapi/privatecloud"
	"medunion/api/problem"
	"medunion/patient-agent/internal/keystore"
	"medunion/patient-agent/patient"
)

// Hospital is a hospital of the directory and what its index entries say that it
// holds of her.
type Hospital struct {
	ID          message.ID
	Address     string
	Enrolled    bool
	Departments []message.Code // of all holdings, sorted
	Classes     []message.Code // of all holdings, sorted
	First, Last message.Millis // 0 if unknown
	Holdings    []Holding
}

// Holding is one index entry, opened.
type Holding struct {
	Department  message.Code
	Classes     []message.Code
	First, Last message.Millis // 0 if unknown
	Published   message.Millis
}

// Hospitals is the directory as it concerns her.
type Hospitals struct {
	Hospitals []Hospital
	Ignored   int // entries under her locators that no hospital of hers can have written
}

// Hospitals asks the public cloud for the directory and, under each of her locators,
// for her index entries.
func (a *Agent) Hospitals(ctx context.Context) (Hospitals, error) {
	o, err := a.registered()
	if err != nil {
		return Hospitals{}, err
	}
	return a.hospitals(ctx, o)
}

func (a *Agent) hospitals(ctx context.Context, o *opened) (out Hospitals, err error) {
	all, err := a.directory(ctx)
	if err != nil {
		return out, err
	}
	entries, ignored, err := a.entries(ctx, o)
	if err != nil {
		return out, err
	}
	var known keystore.Content
	if err := o.store.View(func(c keystore.Content) error { known = c; return nil }); err != nil {
		return out, storeProblem(err)
	}
	out.Ignored = ignored
	for _, c := range all {
		h := Hospital{ID: c.Info.ID, Address: string(c.Info.Attribute), Enrolled: known.Enrolment(c.Info.ID) != nil}
		for _, e := range entries {
			if e.Content.Hospital == h.ID {
				h.add(e)
			}
		}
		out.Hospitals = append(out.Hospitals, h)
	}
	return out, nil
}

func (h *Hospital) add(e patient.Entry) {
	c := e.Content
	h.Holdings = append(h.Holdings, Holding{Department: e.Department, Classes: c.Classes, First: c.First, Last: c.Last, Published: e.Time})
	h.Departments = message.SortCodes(append(h.Departments, e.Department))
	h.Classes = message.SortCodes(append(h.Classes, c.Classes...))
	if c.First != 0 && (h.First == 0 || c.First < h.First) {
		h.First = c.First
	}
	h.Last = max(h.Last, c.Last)
}

// asksAtOnce bounds how many questions are on their way to the public cloud.
const asksAtOnce = 4

// entries asks for the index entries of every department's locator, some side by side:
// there are as many questions as departments, and each takes a journey.
func (a *Agent) entries(ctx context.Context, o *opened) (all []patient.Entry, ignored int, err error) {
	p, err := a.parameters(ctx)
	if err != nil {
		return nil, 0, err
	}
	prekey, err := a.cloudPrekey(ctx, o)
	if err != nil {
		return nil, 0, err
	}
	found, bad := make([][]patient.Entry, len(p.Departments)), make([]int, len(p.Departments))
	asking, ctx := errgroup.WithContext(ctx)
	asking.SetLimit(asksAtOnce)
	for i, d := range p.Departments {
		asking.Go(func() (err error) {
			found[i], bad[i], err = a.entriesOf(ctx, o, prekey, d)
			return err
		})
	}
	if err := asking.Wait(); err != nil {
		return nil, 0, err
	}
	for _, n := range bad {
		ignored += n
	}
	return slices.Concat(found...), ignored, nil
}

// entriesOf asks for the index entries of one department.
func (a *Agent) entriesOf(ctx context.Context, o *opened, prekey message.Signed, d message.Code) (all []patient.Entry, ignored int, err error) {
	var raw []message.Entry
	err = a.collectCloud(ctx, o, prekey, d, message.Question{Kind: message.AskEntries}, func(answer patient.Answered) (uint64, error) {
		more, err := message.DecodeEntries(answer.Content)
		raw = append(raw, more...)
		return uint64(len(raw)), err
	})
	if err != nil {
		return nil, 0, err
	}
	return o.role().OpenEntries(d, raw)
}

// Enrolment is a hospital's receipt.
type Enrolment struct {
	Hospital message.ID
	Time     time.Time
}

// Enrol links her record at a hospital with a one-time code from its desk
// (section 4.2). Enrolling again, with a new code, replaces the receipt.
func (a *Agent) Enrol(ctx context.Context, id message.ID, code string) (Enrolment, error) {
	if len(code) < 8 || len(code) > 64 {
		return Enrolment{}, problem.Invalid("The desk code must have 8 to 64 bytes.").Coded("desk-code-invalid")
	}
	o, err := a.registered()
	if err != nil {
		return Enrolment{}, err
	}
	h, err := a.hospital(ctx, o, id)
	if err != nil {
		return Enrolment{}, err
	}
	p, err := a.parameters(ctx)
	if err != nil {
		return Enrolment{}, err
	}
	receipt, err := a.enrol(ctx, o, h, code, p.Departments)
	if err != nil {
		return Enrolment{}, err
	}
	return keepEnrolment(o, h, receipt)
}

func (a *Agent) enrol(ctx context.Context, o *opened, h patient.Hospital, code string, departments []message.Code) (patient.Receipt, error) {
	client, err := a.privateCloud(h)
	if err != nil {
		return patient.Receipt{}, problem.From(err)
	}
	var pending *patient.PendingEnrolment
	begin := func() (m message.Message, err error) {
		pending, m, err = o.role().Enrol(h, code, departments)
		return m, err
	}
	m, err := a.exchange(ctx, message.Hospital, begin, func(ctx context.Context, m string) (*http.Response, error) {
		return client.Enrol(ctx, privatecloud.Message{Message: m})
	})
	if err != nil {
		return patient.Receipt{}, err
	}
	return pending.Accept(m)
}

func keepEnrolment(o *opened, h patient.Hospital, r patient.Receipt) (Enrolment, error) {
	kept := keystore.Enrolment{Hospital: h.ID(), Credential: r.Hospital.Encode(), Time: r.Time,
		Receipt: keystore.Statement{TBS: r.TBS, Signature: r.Sig}}
	err := o.store.Update(func(c *keystore.Content) error {
		c.Enrolments = slices.DeleteFunc(c.Enrolments, func(e keystore.Enrolment) bool { return e.Hospital == h.ID() })
		c.Enrolments = append(c.Enrolments, kept)
		return nil
	})
	return Enrolment{Hospital: h.ID(), Time: r.Time.Time()}, storeProblem(err)
}

// enrolled lists the hospitals where she is enrolled, sorted.
func enrolled(o *opened) (ids []message.ID, err error) {
	err = o.store.View(func(c keystore.Content) error {
		for _, e := range c.Enrolments {
			ids = append(ids, e.Hospital)
		}
		return nil
	})
	slices.Sort(ids)
	return ids, storeProblem(err)
}

// Record returns her own record at a hospital: a FHIR collection Bundle whose
// resources are byte for byte what the hospital sent and signed.
func (a *Agent) Record(ctx context.Context, id message.ID) ([]byte, error) {
	o, err := a.registered()
	if err != nil {
		return nil, err
	}
	h, err := a.hospital(ctx, o, id)
	if err != nil {
		return nil, err
	}
	var all []fhirbundle.Entry
	err = a.collectHospital(ctx, o, h, message.AskRecord, 0, func(answer patient.Answered) (uint64, error) {
		part, err := fhirbundle.Split(answer.Content)
		all = append(all, part...)
		return uint64(len(all)), err
	})
	if err != nil {
		return nil, err
	}
	return fhirbundle.Collection(all), nil
}
