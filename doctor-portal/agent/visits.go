package agent

import (
	"crypto/rand"
	"encoding/hex"
	"slices"
	"sync"
	"time"

	"medunion/api/message"
	api "medunion/api/openapi/doctoragent"
	"medunion/api/problem"
	"medunion/doctor-portal/doctor"
)

// visit is one consultation as the agent follows it. The protocol's own state is
// in the role; here is what the doctor sees.
type visit struct {
	id    string // local, random
	role  *doctor.Visit
	since time.Time

	sending sync.Mutex // one attempt to send the diagnosis at a time

	mu        sync.Mutex
	state     api.VisitState
	reason    string
	last      time.Time // when the last message was sent, for the trace
	consent   *api.Consent
	search    *api.Search
	ticket    *doctor.Search
	hospitals []*hospital
	records   []Record
	sessions  map[message.ID]*doctor.Session
	diagnosis *diagnosis
}

// Record is one resource of a release, byte for byte as its hospital imported it.
type Record struct {
	Hospital message.ID
	FullURL  string
	Type     string
	ID       string
	Data     []byte
}

// maxVisits bounds the visits in memory. Older closed ones make room.
const maxVisits = 512

func newLocalID() string {
	b := make([]byte, 8)
	_, _ = rand.Read(b) // never fails (crypto/rand)
	return hex.EncodeToString(b)
}

func (a *Agent) addVisit(role *doctor.Visit) (*visit, error) {
	v := &visit{id: newLocalID(), role: role, since: a.cfg.Now(), last: time.Now(), state: api.Answered,
		sessions: map[message.ID]*doctor.Session{}}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.expireVisits()
	if len(a.visits) >= maxVisits {
		role.Close()
		return nil, problem.TooMany(time.Minute)
	}
	a.visits = append(a.visits, v)
	return v, nil
}

// expireVisits ends those whose patient did not go on, and drops the oldest closed
// ones when there are many. The caller holds the lock.
func (a *Agent) expireVisits() {
	now := a.cfg.Now()
	for _, v := range a.visits {
		if v.stands(api.Answered) && now.After(v.role.Expires()) {
			v.end("The patient did not go on.")
		}
	}
	if len(a.visits) >= maxVisits {
		if i := slices.IndexFunc(a.visits, func(v *visit) bool { return v.stands(api.Closed) }); i >= 0 {
			a.visits = slices.Delete(a.visits, i, i+1)
		}
	}
}

func (a *Agent) endVisits() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, v := range a.visits {
		v.end("The agent was stopped.")
	}
}

func (a *Agent) bySession(sid [16]byte) *visit {
	return a.find(func(v *visit) bool { return v.role.Session() == sid })
}

func (a *Agent) find(match func(*visit) bool) *visit {
	a.mu.Lock()
	defer a.mu.Unlock()
	if i := slices.IndexFunc(a.visits, match); i >= 0 {
		return a.visits[i]
	}
	return nil
}

func (a *Agent) visit(id string) (*visit, error) {
	if v := a.find(func(v *visit) bool { return v.id == id }); v != nil {
		return v, nil
	}
	return nil, problem.NotFound("There is no such visit.")
}

// Visits returns all visits since the start, oldest first; those in state waiting
// are the waiting list.
func (a *Agent) Visits() []api.Visit {
	a.mu.Lock()
	a.expireVisits()
	all := slices.Clone(a.visits)
	a.mu.Unlock()
	out := make([]api.Visit, len(all))
	for i, v := range all {
		out[i] = v.view()
	}
	return out
}

// Visit returns one visit.
func (a *Agent) Visit(id string) (api.Visit, error) {
	v, err := a.visit(id)
	if err != nil {
		return api.Visit{}, err
	}
	return v.view(), nil
}

// OpenVisit calls a waiting patient in.
func (a *Agent) OpenVisit(id string) (api.Visit, error) {
	v, err := a.visit(id)
	if err != nil {
		return api.Visit{}, err
	}
	v.mu.Lock()
	if v.state != api.Waiting && v.state != api.Open {
		v.mu.Unlock()
		return api.Visit{}, problem.Conflict("The patient is not in the waiting list.")
	}
	v.state = api.Open
	v.mu.Unlock()
	return v.view(), nil
}

// CloseVisit declines a patient or ends a visit.
func (a *Agent) CloseVisit(id string) (api.Visit, error) {
	v, err := a.visit(id)
	if err != nil {
		return api.Visit{}, err
	}
	v.end("The doctor closed the visit.")
	return v.view(), nil
}

// Signals returns the content of M_SD, byte for byte.
func (a *Agent) Signals(id string) ([]byte, error) {
	v, err := a.visit(id)
	if err != nil {
		return nil, err
	}
	return v.role.Signals()
}

// Records returns the resources received so far, by hospital.
func (a *Agent) Records(id string) ([]Record, error) {
	v, err := a.visit(id)
	if err != nil {
		return nil, err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Clone(v.records), nil
}

// Evidence returns what is kept of a visit, also of one that ended before a restart.
func (a *Agent) Evidence(id string) (doctor.Evidence, error) {
	if b, err := hex.DecodeString(id); err != nil || len(b) != 8 {
		return doctor.Evidence{}, problem.NotFound("There is no such evidence.")
	}
	b, err := a.store.kept(id)
	if err != nil {
		return doctor.Evidence{}, err
	}
	return doctor.DecodeEvidence(b)
}

// keepEvidence makes the evidence of a visit durable as it is now.
func (a *Agent) keepEvidence(v *visit) error {
	return a.store.keep(v.id, v.role.Evidence().Encode())
}

// admit takes M3 and puts the patient into the waiting list once keep has made the
// evidence durable. A message that fails closes the visit.
func (v *visit) admit(m3 message.Message, keep func() error) error {
	err := v.role.ReceiveM3(m3)
	if problem.KindOf(err) == problem.KindConflict && err != nil {
		return err // a message too many changes nothing
	}
	if err == nil {
		err = keep()
	}
	if err != nil {
		v.end("The patient's message could not be verified.")
		return err
	}
	con, err := v.role.CON()
	if err != nil {
		return err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.consent, v.state = viewConsent(con), api.Waiting
	return nil
}

// end closes the visit and drops what it held; ended once, it stays.
func (v *visit) end(reason string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.state == api.Closed {
		return
	}
	for _, s := range v.sessions {
		s.Close()
	}
	v.role.Close()
	v.state, v.reason, v.sessions, v.records, v.ticket = api.Closed, reason, nil, nil, nil
}

func (v *visit) stands(s api.VisitState) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.state == s
}

// touched returns when the last message of the visit was sent.
func (v *visit) touched() time.Time {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.last
}

func (v *visit) view() api.Visit {
	v.mu.Lock()
	defer v.mu.Unlock()
	out := api.Visit{ID: v.id, State: v.state, Since: v.since.UnixMilli(), Expires: v.role.Expires().UnixMilli(),
		Reason: optional(v.reason), Consent: v.consent, Hospitals: []api.HospitalProgress{}}
	if v.search != nil {
		s := *v.search
		out.Search = &s
	}
	for _, h := range v.hospitals {
		out.Hospitals = append(out.Hospitals, h.progress)
	}
	if v.diagnosis != nil {
		r := v.diagnosis.view()
		out.Diagnosis = &r
	}
	return out
}

func viewConsent(con message.CON) *api.Consent {
	c := con.Consent
	out := &api.Consent{Department: string(c.Department), Purpose: string(c.Purpose), NotBefore: int64(c.NotBefore),
		Expires: int64(c.Expires), MaxUses: int64(c.MaxUses), WriteTo: optional(string(con.OpenH.WriteTo)), Grants: []api.Grant{}}
	for _, g := range con.OpenH.Grants {
		out.Grants = append(out.Grants, api.Grant{Hospital: string(g.Hospital), Departments: codes(g.Departments), Classes: codes(g.Classes)})
	}
	return out
}

func codes(in []message.Code) api.Codes {
	out := api.Codes{}
	for _, c := range in {
		out = append(out, string(c))
	}
	return out
}
