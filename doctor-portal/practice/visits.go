package practice

import (
	"context"
	"encoding/hex"
	"io"
	"slices"
	"sync"
	"time"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/doctor-portal/doctor"
)

// visit is one consultation as it is followed here. The protocol's own state is in the
// role; here is what the doctor sees.
type visit struct {
	id    string // local, random
	role  *doctor.Visit
	since time.Time

	sending sync.Mutex // one attempt to send the diagnosis at a time

	mu        sync.Mutex
	state     VisitState
	reason    *Reason
	last      time.Time // when the last message was sent, for the trace
	consent   *Consent
	search    *Search
	cancel    context.CancelCauseFunc // of the running search
	ticket    *doctor.Search
	hospitals []*hospital
	records   []Resource
	taken     int       // releases that the doctor has been told of, also those that could not be read
	unread    []Receipt // those that could not be read
	sessions  map[message.ID]*doctor.Session
	preview   *previewed
	diagnosis *diagnosis
}

// maxVisits bounds the visits in memory. Older closed ones make room.
const maxVisits = 512

// watchEvery is how often visits whose patient did not go on are looked for.
const watchEvery = 2 * time.Second

// newLocalID draws 8 bytes in hexadecimal.
func (s *session) newLocalID() (string, error) {
	b := make([]byte, 8)
	if _, err := io.ReadFull(s.p.cfg.Rand, b); err != nil {
		return "", problem.Internal(err)
	}
	return hex.EncodeToString(b), nil
}

func (s *session) addVisit(role *doctor.Visit) (*visit, error) {
	id, err := s.newLocalID()
	if err != nil {
		return nil, err
	}
	s.expireVisits()
	v := &visit{id: id, role: role, since: s.p.cfg.Now(), last: time.Now(), state: VisitAnswered, sessions: map[message.ID]*doctor.Session{}}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.visits) >= maxVisits {
		if i := slices.IndexFunc(s.visits, func(v *visit) bool { return v.stands(VisitClosed) }); i >= 0 {
			s.visits = slices.Delete(s.visits, i, i+1)
		}
	}
	if len(s.visits) >= maxVisits {
		role.Close()
		return nil, problem.TooMany(time.Minute)
	}
	s.visits = append(s.visits, v)
	s.p.events.emit(Event{Type: EventVisits})
	return v, nil
}

// expireVisits ends those whose patient did not go on.
func (s *session) expireVisits() {
	now := s.p.cfg.Now()
	for _, v := range s.all() {
		if v.stands(VisitAnswered) && now.After(v.role.Expires()) {
			s.end(v, reasonLeft)
		}
	}
}

// watch ends visits in time, also while nobody looks.
func (s *session) watch(ctx context.Context) {
	t := time.NewTicker(watchEvery)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			s.expireVisits()
		}
	}
}

func (s *session) endVisits() {
	for _, v := range s.all() {
		s.end(v, reasonLocked)
	}
}

// all returns the visits, oldest first.
func (s *session) all() []*visit {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.visits)
}

func (s *session) bySession(sid [16]byte) *visit {
	return s.find(func(v *visit) bool { return v.role.Session() == sid })
}

func (s *session) find(match func(*visit) bool) *visit {
	all := s.all()
	if i := slices.IndexFunc(all, match); i >= 0 {
		return all[i]
	}
	return nil
}

// visit finds a visit of the open session.
func (p *Practice) visit(id string) (*session, *visit, error) {
	s, err := p.session()
	if err != nil {
		return nil, nil, err
	}
	if v := s.find(func(v *visit) bool { return v.id == id }); v != nil {
		return s, v, nil
	}
	return nil, nil, failed(problem.NotFound("There is no such visit."), "no-visit")
}

// Visits returns all visits since the store was opened, oldest first; those in state
// waiting are the waiting room.
func (p *Practice) Visits() ([]Visit, error) {
	s, err := p.session()
	if err != nil {
		return nil, err
	}
	s.expireVisits()
	out := []Visit{}
	for _, v := range s.all() {
		out = append(out, v.view())
	}
	return out, nil
}

// Visit returns one visit.
func (p *Practice) Visit(id string) (Visit, error) {
	_, v, err := p.visit(id)
	if err != nil {
		return Visit{}, err
	}
	return v.view(), nil
}

// Open calls a waiting patient in.
func (p *Practice) Open(id string) (Visit, error) {
	s, v, err := p.visit(id)
	if err != nil {
		return Visit{}, err
	}
	v.mu.Lock()
	if v.state != VisitWaiting && v.state != VisitOpen {
		v.mu.Unlock()
		return Visit{}, failed(problem.Conflict("The patient is not in the waiting list."), "not-waiting")
	}
	v.state = VisitOpen
	v.mu.Unlock()
	s.changed(v)
	return v.view(), nil
}

// Close declines a patient or ends a visit: its keys and records are dropped, the
// evidence stays.
func (p *Practice) Close(id string) (Visit, error) {
	s, v, err := p.visit(id)
	if err != nil {
		return Visit{}, err
	}
	s.end(v, reasonDoctor)
	return v.view(), nil
}

// Signals returns the content of M_SD, a FHIR R4 Bundle, byte for byte as the patient
// sent it. A Patient resource in it is self-stated.
func (p *Practice) Signals(id string) (string, error) {
	_, v, err := p.visit(id)
	if err != nil {
		return "", err
	}
	b, err := v.role.Signals()
	return string(b), err
}

// keepEvidence makes the evidence of a visit durable as it is now.
func (s *session) keepEvidence(v *visit) error {
	return s.store.KeepEvidence(v.id, v.role.Evidence().Encode())
}

// admit takes M3 and puts the patient into the waiting room once the evidence is
// durable. A message that fails closes the visit.
func (s *session) admit(v *visit, m3 message.Message) error {
	err := v.role.ReceiveM3(m3)
	if err != nil && problem.KindOf(err) == problem.KindConflict {
		return err // a message too many changes nothing
	}
	unfit := reasonUnverified
	if err == nil {
		err, unfit = s.keepEvidence(v), reasonUnkept
	}
	if err != nil {
		s.end(v, unfit)
		return err
	}
	con, err := v.role.CON()
	if err != nil {
		return err
	}
	v.mu.Lock()
	v.consent, v.state = viewConsent(con), VisitWaiting
	v.mu.Unlock()
	s.changed(v)
	return nil
}

// end closes the visit and drops what it held; ended once, it stays.
func (s *session) end(v *visit, reason Reason) {
	if v.end(reason) {
		s.changed(v)
	}
}

func (v *visit) end(reason Reason) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.state == VisitClosed {
		return false
	}
	if v.cancel != nil {
		v.cancel(errCancelled)
	}
	for _, s := range v.sessions {
		s.Close()
	}
	v.role.Close()
	v.state, v.reason, v.sessions, v.records, v.ticket, v.preview = VisitClosed, &reason, nil, nil, nil, nil
	return true
}

// changed tells the listener. The list of visits shows states: it changes too.
func (s *session) changed(v *visit) {
	s.p.events.emit(Event{Type: EventVisit, ID: v.id})
	s.p.events.emit(Event{Type: EventVisits})
}

// update changes what the visit shows.
func (s *session) update(v *visit, change func()) {
	v.mu.Lock()
	change()
	v.mu.Unlock()
	s.p.events.emit(Event{Type: EventVisit, ID: v.id})
}

func (v *visit) stands(in VisitState) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.state == in
}

// touched returns when the last message of the visit was sent.
func (v *visit) touched() time.Time {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.last
}

func (v *visit) view() Visit {
	v.mu.Lock()
	defer v.mu.Unlock()
	out := Visit{ID: v.id, State: v.state, Since: v.since.UnixMilli(), Expires: v.role.Expires().UnixMilli(), Reason: copied(v.reason),
		Patient: viewPatient(v.role.Patient()), Consent: copied(v.consent), Search: copied(v.search), Hospitals: []HospitalProgress{}}
	for _, h := range v.hospitals {
		out.Hospitals = append(out.Hospitals, h.progress)
	}
	if v.diagnosis != nil {
		d := v.diagnosis.view()
		out.Diagnosis = &d
	}
	return out
}

// copied is a pointer to a copy, or nil.
func copied[T any](v *T) *T {
	if v == nil {
		return nil
	}
	c := *v
	return &c
}

func viewPatient(c message.Credential) Patient {
	p := Patient{ID: string(c.Info.ID), Credential: hexHash(c.Hash()), Verification: KindPassphrase}
	if a, err := message.DecodePatientAttribute(c.Info.Attribute); err == nil && a.Kind == message.KindWebAuthn {
		p.Verification = KindPasskey
	}
	return p
}

func viewConsent(con message.CON) *Consent {
	c := con.Consent
	out := &Consent{Hash: hexHash(c.Hash()), Department: string(c.Department), Purpose: string(c.Purpose), NotBefore: int64(c.NotBefore),
		Expires: int64(c.Expires), MaxUses: int64(c.MaxUses), WriteTo: string(con.OpenH.WriteTo), Grants: []Grant{}}
	for _, g := range con.OpenH.Grants {
		out.Grants = append(out.Grants, Grant{Hospital: string(g.Hospital), Departments: texts(g.Departments), Classes: texts(g.Classes)})
	}
	return out
}

func hexHash(h message.Hash) string { return hex.EncodeToString(h[:]) }

// texts and codes convert between codes and their text.
func texts(in []message.Code) []string {
	out := []string{}
	for _, c := range in {
		out = append(out, string(c))
	}
	return out
}

func codes(in []string) ([]message.Code, error) {
	var out []message.Code
	for _, c := range in {
		if !message.Code(c).Valid() {
			return nil, problem.Invalid("A department or record class is not valid.")
		}
		out = append(out, message.Code(c))
	}
	return out, nil
}
