package agent

import (
	"bytes"
	"context"
	"time"

	"medunion/api/fhirbundle"
	"medunion/api/message"
	api "medunion/api/openapi/doctoragent"
	"medunion/api/problem"
	"medunion/doctor-portal/doctor"
)

// diagnosis is the one diagnosis of a visit and where it has arrived. It is
// guarded by the visit's lock.
type diagnosis struct {
	content   []byte
	finding   Finding // of which content was made, or zero
	signed    *doctor.Diagnosis
	delivered bool
	stored    *doctor.Stored
	indexed   *doctor.Indexed
	failures  []string
}

func (g *diagnosis) view() api.DiagnosisResult {
	r := api.DiagnosisResult{Delivered: g.delivered, Failures: append([]string{}, g.failures...)}
	if g.stored != nil {
		r.Stored = &api.Stored{Hospital: string(g.stored.Hospital), Record: int64(g.stored.Record), Time: int64(g.stored.Time)}
	}
	if g.indexed != nil {
		r.Indexed = &api.Indexed{Time: int64(g.indexed.Time)}
	}
	return r
}

// SendFinding makes a FHIR bundle of a finding, once, and sends it as SendDiagnosis
// does.
func (a *Agent) SendFinding(ctx context.Context, id string, f Finding) (api.DiagnosisResult, error) {
	return a.send(ctx, id, func(v *visit, old *diagnosis) ([]byte, error) {
		if old != nil && old.finding == f {
			return old.content, nil
		}
		return f.bundle(v.role.Patient().Info.ID, a.d.ID(), a.cfg.Now())
	}, f)
}

// SendDiagnosis signs the diagnosis, a FHIR R4 collection Bundle, and takes it to
// the patient (M10), to the home hospital of the consent (M11) and its changed
// entry to the public cloud (M12). What fails is named in the result, not an
// error: called again with the same content, or with nil, it does only that.
func (a *Agent) SendDiagnosis(ctx context.Context, id string, content []byte) (api.DiagnosisResult, error) {
	return a.send(ctx, id, func(_ *visit, old *diagnosis) ([]byte, error) {
		if old != nil && content == nil {
			return old.content, nil
		}
		return content, nil
	}, Finding{})
}

// send signs what bundle gives, which is told the diagnosis signed before or nil, and
// does every step that has not succeeded yet.
func (a *Agent) send(ctx context.Context, id string, bundle func(*visit, *diagnosis) ([]byte, error), f Finding) (api.DiagnosisResult, error) {
	v, err := a.visit(id)
	if err != nil {
		return api.DiagnosisResult{}, err
	}
	v.sending.Lock()
	defer v.sending.Unlock()
	g, err := a.sign(v, bundle, f)
	if err != nil {
		return api.DiagnosisResult{}, err
	}
	v.update(func() { g.failures = nil })
	a.deliver(ctx, v, g)
	a.storeAtHome(ctx, v, g)
	a.index(ctx, v, g)
	if err := a.keepEvidence(v); err != nil {
		return api.DiagnosisResult{}, err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	return g.view(), nil
}

// sign makes Sig_D5 once. The evidence is durable before anything is sent.
func (a *Agent) sign(v *visit, bundle func(*visit, *diagnosis) ([]byte, error), f Finding) (*diagnosis, error) {
	v.mu.Lock()
	old, state := v.diagnosis, v.state
	v.mu.Unlock()
	if state != api.Open {
		return nil, problem.Conflict("The visit is not open.")
	}
	content, err := bundle(v, old)
	if err != nil {
		return nil, err
	}
	if old != nil {
		if !bytes.Equal(content, old.content) {
			return nil, problem.Conflict("The diagnosis of this visit is signed already.")
		}
		return old, nil
	}
	if entries, err := fhirbundle.Split(content); err != nil || len(entries) == 0 {
		return nil, problem.Invalid("The diagnosis must be a FHIR R4 collection Bundle with at least one resource.").Because(err)
	}
	signed, err := v.role.Diagnose(content)
	if err != nil {
		return nil, err
	}
	g := &diagnosis{content: content, finding: f, signed: signed}
	v.update(func() { v.diagnosis = g })
	return g, a.keepEvidence(v)
}

// update changes what the visit shows.
func (v *visit) update(change func()) {
	v.mu.Lock()
	defer v.mu.Unlock()
	change()
}

func (a *Agent) failed(v *visit, g *diagnosis, what string, err error, peer string) {
	a.log.Warn("diagnosis: "+what, "reason", problem.Reason(err))
	v.update(func() { g.failures = append(g.failures, what+" "+words(err, peer)) })
}

// deliver puts M10 into the patient's mailbox.
func (a *Agent) deliver(ctx context.Context, v *visit, g *diagnosis) {
	if g.delivered {
		return
	}
	began := time.Now()
	m10, err := v.role.M10()
	if err != nil {
		a.failed(v, g, "Not sent to the patient: the session is over; she can read it at the hospital.", err, "session")
		return
	}
	a.sent(m10, message.Patient, began)
	if err := a.toPatient(ctx, m10); err != nil {
		a.failed(v, g, "Not sent to the patient.", err, "portal")
		return
	}
	v.update(func() { g.delivered = true })
}

// storeAtHome runs M11: in the session that released records if it is still open,
// else, or when that fails, in a new one with a ticket to write.
func (a *Agent) storeAtHome(ctx context.Context, v *visit, g *diagnosis) {
	home := g.signed.Home()
	if g.stored != nil || home == "" {
		return
	}
	v.mu.Lock()
	s := v.sessions[home]
	v.mu.Unlock()
	var stored doctor.Stored
	err := error(problem.Conflict("No session is open."))
	if s != nil && s.Ready() {
		stored, err = a.write(ctx, g, s)
	}
	if err != nil {
		err = a.again(func() (err error) {
			stored, err = a.writeAnew(ctx, v, g, home)
			return err
		})
	}
	if err != nil {
		a.failed(v, g, "Not stored at the hospital.", err, "hospital")
		return
	}
	v.update(func() { g.stored = &stored })
}

// writeAnew gets a ticket to write, opens a session with the home hospital of the
// signed directory, and stores the diagnosis there.
func (a *Agent) writeAnew(ctx context.Context, v *visit, g *diagnosis, home message.ID) (doctor.Stored, error) {
	cred, err := a.hospital(ctx, home)
	if err != nil {
		return doctor.Stored{}, err
	}
	ticket, _, err := a.searchIndex(ctx, v, message.ModeWrite)
	if err != nil {
		return doctor.Stored{}, err
	}
	s, err := a.openSession(ctx, v, ticket, cred, func(api.HospitalProgressState) {})
	if err != nil {
		return doctor.Stored{}, err
	}
	defer s.Close()
	return a.write(ctx, g, s)
}

// hospital finds a hospital's credential in the signed directory.
func (a *Agent) hospital(ctx context.Context, id message.ID) (message.Credential, error) {
	ctx, cancel := within(ctx)
	defer cancel()
	s, err := a.link.signed(a.link.client.RelayDirectory(ctx))
	if err != nil {
		return message.Credential{}, err
	}
	d, err := message.OpenDirectory(s, a.pins, message.MillisOf(a.cfg.Now()))
	if err != nil {
		return message.Credential{}, problem.Refused(err)
	}
	var best message.Credential
	for _, c := range d.Hospitals {
		if c.Info.ID == id && (!best.R.Valid() || c.Info.Epoch > best.Info.Epoch) {
			best = c
		}
	}
	if !best.R.Valid() {
		return message.Credential{}, problem.NotFound("The hospital is not in the directory.")
	}
	return best, nil
}

// write runs M11 and its receipt, in the same session once more if M11 is refused for
// its time.
func (a *Agent) write(ctx context.Context, g *diagnosis, s *doctor.Session) (stored doctor.Stored, err error) {
	err = a.again(func() error {
		stored, err = a.writeOnce(ctx, g, s)
		return signAnew(s, err)
	})
	if err != nil {
		s.Close() // whether it arrived is not known: the numbers of the session no longer fit
	}
	return stored, err
}

func (a *Agent) writeOnce(ctx context.Context, g *diagnosis, s *doctor.Session) (doctor.Stored, error) {
	began := time.Now()
	m11, err := s.M11(g.signed)
	if err != nil {
		return doctor.Stored{}, err
	}
	a.sent(m11, message.Hospital, began)
	began = time.Now()
	reply, err := a.link.exchange(ctx, a.link.diagnosis(string(s.Hospital().Info.ID)), m11.Encode())
	if err != nil {
		return doctor.Stored{}, err
	}
	a.got(reply, message.Hospital, began)
	return s.ReceiveStored(reply)
}

// index runs M12 and its receipt. If the hospital returned no entry under a
// locator of the consent, its own publisher writes the index.
func (a *Agent) index(ctx context.Context, v *visit, g *diagnosis) {
	if g.indexed != nil || g.stored == nil || !g.stored.Indexable() {
		return
	}
	var indexed doctor.Indexed
	err := a.again(func() (err error) {
		indexed, err = a.writeIndex(ctx, v, *g.stored)
		return err
	})
	if err != nil {
		a.failed(v, g, "Not indexed; the hospital does it itself.", err, "public cloud")
		return
	}
	v.update(func() { g.indexed = &indexed })
}

func (a *Agent) writeIndex(ctx context.Context, v *visit, stored doctor.Stored) (doctor.Indexed, error) {
	prekey, err := a.link.prekey(ctx, "cloud", int(a.d.Suite()))
	if err != nil {
		return doctor.Indexed{}, err
	}
	began := time.Now()
	i, m12, err := v.role.BeginIndexing(stored, prekey)
	if err != nil {
		return doctor.Indexed{}, err
	}
	a.sent(m12, message.PublicCloud, began)
	began = time.Now()
	reply, err := a.link.exchange(ctx, a.link.client.RelayDiagnosisEntry, m12.Encode())
	if err != nil {
		return doctor.Indexed{}, err
	}
	a.got(reply, message.PublicCloud, began)
	return i.ReceiveIndexed(reply)
}
