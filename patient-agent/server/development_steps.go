package server

import (
	"context"
	"encoding/base64"

	"medunion/api/fhirbundle"
	"medunion/api/httpserver"
	"medunion/api/message"
	api "medunion/api/openapi/patientagent"
	"medunion/api/problem"
	"medunion/ecc"
	"medunion/patient-agent/agent"
	"medunion/patient-agent/patient"
)

// enrolling waits for a hospital's receipt.
type enrolling struct{ pending *patient.PendingEnrolment }

func (p *preparer) enrolment(ctx context.Context, q api.StepEnrolment) (api.Prepared, error) {
	who, err := p.as(q.Identity, q.Time)
	if err != nil {
		return api.Prepared{}, err
	}
	h, err := p.raw.Hospital(ctx, who.role, message.ID(q.Hospital))
	if err != nil {
		return api.Prepared{}, err
	}
	departments, err := p.raw.Departments(ctx)
	if err != nil {
		return api.Prepared{}, err
	}
	pending, m, err := who.role.Enrol(h, q.Code, departments)
	return p.prepared(enrolling{pending}, m, err)
}

func (x enrolling) open(b []byte) (api.Opened, error) {
	m, err := decoded(b)
	if err != nil {
		return api.Opened{}, err
	}
	r, err := x.pending.Accept(m)
	return api.Opened{Type: api.OpenedTypeEnrolled, Enrolment: &api.Enrolment{Hospital: string(r.Hospital.Info.ID), Time: r.Time.Time()}}, err
}

func decoded(b []byte) (message.Message, error) {
	m, err := message.Decode(b)
	if err != nil {
		return m, problem.Refused(err)
	}
	return m, nil
}

// asking waits for an answer.
type asking struct {
	pending    *patient.PendingQuestion
	role       *patient.Patient
	kind       message.QuestionKind
	name       api.OpenedAnswerQuestion
	department message.Code
}

var kinds = map[string]message.QuestionKind{"releases": message.AskReleases, "diagnoses": message.AskDiagnoses, "record": message.AskRecord,
	"revoke": message.AskRevoke, "uses": message.AskUses, "entries": message.AskEntries}

func question(name string, consent *api.Hash, from *int64) (message.Question, error) {
	q := message.Question{Kind: kinds[name], From: uint64(value(from))}
	var err error
	if consent != nil {
		q.Consent, err = hash(*consent)
	}
	return q, err
}

func (p *preparer) askHospital(ctx context.Context, q api.StepHospitalQuestion) (api.Prepared, error) {
	ask, err := question(string(q.Question), q.Consent, q.From)
	if err != nil {
		return api.Prepared{}, err
	}
	who, err := p.as(q.Identity, q.Time)
	if err != nil {
		return api.Prepared{}, err
	}
	h, err := p.raw.Hospital(ctx, who.role, message.ID(q.Hospital))
	if err != nil {
		return api.Prepared{}, err
	}
	pending, m, err := who.role.AskHospital(h, ask)
	return p.prepared(asking{pending: pending, kind: ask.Kind, name: api.OpenedAnswerQuestion(q.Question)}, m, err)
}

func (p *preparer) askCloud(ctx context.Context, q api.StepCloudQuestion) (api.Prepared, error) {
	ask, err := question(string(q.Question), q.Consent, q.From)
	if err != nil {
		return api.Prepared{}, err
	}
	who, err := p.as(q.Identity, q.Time)
	if err != nil {
		return api.Prepared{}, err
	}
	prekey, err := p.raw.CloudPrekey(ctx, who.role)
	if err != nil {
		return api.Prepared{}, err
	}
	x := asking{role: who.role, kind: ask.Kind, name: api.OpenedAnswerQuestion(q.Question), department: message.Code(q.Department)}
	pending, m, err := who.role.AskCloud(prekey, x.department, ask)
	x.pending = pending
	return p.prepared(x, m, err)
}

func (x asking) open(b []byte) (api.Opened, error) {
	m, err := decoded(b)
	if err != nil {
		return api.Opened{}, err
	}
	answer, err := x.pending.Open(m)
	if err != nil {
		return api.Opened{}, err
	}
	out := api.OpenedAnswer{Question: x.name, More: answer.More}
	if err := x.count(answer.Content, &out); err != nil {
		return api.Opened{}, problem.Refused(err)
	}
	return api.Opened{Type: api.OpenedTypeAnswer, Answer: &out}, nil
}

// count says how much a part of a list holds.
func (x asking) count(content []byte, out *api.OpenedAnswer) error {
	switch x.kind {
	case message.AskReleases:
		list, err := message.DecodeReleases(content)
		numbers := []int64{}
		for _, r := range list {
			numbers = append(numbers, int64(r.Number))
		}
		out.Count, out.Numbers = len(list), &numbers
		return err
	case message.AskDiagnoses:
		list, err := message.DecodeDiagnoses(content)
		out.Count = len(list)
		return err
	case message.AskRecord:
		list, err := fhirbundle.Split(content)
		out.Count = len(list)
		return err
	case message.AskUses:
		list, err := message.DecodeUses(content)
		out.Count = len(list)
		return err
	case message.AskEntries:
		list, err := message.DecodeEntries(content)
		if err != nil {
			return err
		}
		_, ignored, err := x.role.OpenEntries(x.department, list)
		out.Count, out.Ignored = len(list), &ignored
		return err
	}
	return nil // revoke: the signature says it
}

// consulting is a visit from M1 to M10.
type consulting struct {
	who   *person
	visit *patient.Visit
}

// consultation makes M1 (Eq. 11-13).
func (p *preparer) consultation(ctx context.Context, q api.StepM1) (api.Prepared, error) {
	who, err := p.as(q.Identity, q.Time)
	if err != nil {
		return api.Prepared{}, err
	}
	d, err := p.raw.Doctor(ctx, who.role, q.Link)
	if err != nil {
		return api.Prepared{}, err
	}
	v, m1, err := who.role.Begin(d)
	if err != nil {
		return api.Prepared{}, problem.From(err)
	}
	out, err := p.prepared(&consulting{who, v}, m1, nil)
	sid := v.Session()
	out.Capability = pointer(base64.RawURLEncoding.EncodeToString(sid[:]))
	return out, err
}

// consent makes M3 (Eq. 23), approved.
func (p *preparer) consent(q api.StepM3) (api.Prepared, error) {
	x, err := find[*consulting](p, q.Visit)
	if err != nil {
		return api.Prepared{}, err
	}
	x.who.ahead = ahead(q.Time)
	uv := x.who.uv
	if x.who.own {
		if uv, err = p.raw.Verification([]byte(value(q.Passphrase))); err != nil {
			return api.Prepared{}, err
		}
	}
	choices, err := p.choices(x.visit.Doctor(), q)
	if err != nil {
		return api.Prepared{}, err
	}
	given, m3, err := x.visit.Share(choices, uv)
	if err != nil {
		return api.Prepared{}, problem.From(err)
	}
	return api.Prepared{Handle: q.Visit, Message: httpserver.NewMessage(m3.Encode()).Message, Consent: pointer(hexOf(given.CON.Consent.Hash()))}, nil
}

func (p *preparer) choices(d patient.Doctor, q api.StepM3) (c patient.Choices, err error) {
	c = patient.Choices{Purpose: agent.DefaultPurpose, Expires: q.Expires, MaxUses: agent.DefaultUses, Grants: grants(&q.Grants),
		WriteTo: message.ID(value(q.WriteTo))}
	if q.Purpose != nil {
		c.Purpose = message.Code(*q.Purpose)
	}
	if q.MaxUses != nil {
		c.MaxUses = uint32(*q.MaxUses)
	}
	if c.Department, err = p.raw.Department(d, message.Code(value(q.Department))); err != nil {
		return c, err
	}
	c.MSD, err = agent.Preview(nil)
	return c, err
}

// open takes M2 (Eq. 20-22) or M10 (Eq. 50).
func (x *consulting) open(b []byte) (api.Opened, error) {
	m, err := decoded(b)
	if err != nil {
		return api.Opened{}, err
	}
	switch m.Header.Type {
	case message.TypeM2:
		d := x.visit.Doctor()
		return api.Opened{Type: api.OpenedTypeM2, Doctor: &api.OpenedDoctor{Credential: hexOf(d.Hash), Name: d.Certificate.Name}}, x.visit.ReceiveM2(m)
	case message.TypeM10:
		d, err := x.visit.ReceiveM10(m)
		return api.Opened{Type: api.OpenedTypeM10, Diagnosis: &api.OpenedDiagnosis{ID: hexOf(ecc.Sum(d.SigD5.Encode())), Time: d.Time.Time(), Content: d.Content}}, err
	}
	return api.Opened{}, problem.Refused(errNotReply)
}
