package practice

import (
	"bytes"
	"context"
	"errors"
	"reflect"
	"slices"
	"time"

	"medunion/api/fhirbundle"
	"medunion/api/message"
	"medunion/api/problem"
	"medunion/doctor-portal/doctor"
)

// diagnosis is the one diagnosis of a visit and where it has arrived. It is
// guarded by the visit's lock.
type diagnosis struct {
	content   []byte
	draft     *Draft // of which content was made, if it was
	signed    *doctor.Diagnosis
	delivered bool
	stored    *doctor.Stored
	indexed   *doctor.Indexed
	failures  []Reason
}

func (g *diagnosis) view() Diagnosis {
	r := Diagnosis{Delivered: g.delivered, Failures: append([]Reason{}, g.failures...)}
	if g.stored != nil {
		r.Stored = &Stored{Hospital: string(g.stored.Hospital), Record: int64(g.stored.Record), Time: int64(g.stored.Time)}
	}
	if g.indexed != nil {
		r.Indexed = &Indexed{Time: int64(g.indexed.Time)}
	}
	return r
}

// previewed is what was shown last and may be signed.
type previewed struct {
	content  []byte
	draft    Draft
	releases []Receipt
	taken    int // releases that had been taken
}

// Preview makes the FHIR bundle of a draft and says what Sign would cover with it. It
// signs and sends nothing; a later preview takes the place of this one.
func (p *Practice) Preview(id string, d Draft) (Preview, error) {
	s, v, err := p.visit(id)
	if err != nil {
		return Preview{}, err
	}
	content, err := s.compose(v, d)
	if err != nil {
		return Preview{}, err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.state != VisitOpen || v.consent == nil {
		return Preview{}, errNotOpen()
	}
	if v.diagnosis != nil {
		return Preview{}, errSigned()
	}
	v.preview = &previewed{content: content, draft: d, releases: v.releases(), taken: v.taken}
	return Preview{Bundle: string(content), Patient: string(v.role.Patient().Info.ID), Consent: v.consent.Hash, WriteTo: v.consent.WriteTo,
		Releases: v.preview.releases}, nil
}

func errNotOpen() error { return failed(problem.Conflict("The visit is not open."), "not-open") }

func errSigned() error {
	return failed(problem.Conflict("The diagnosis of this visit is signed already."), "already-signed")
}

// releases names the releases that a diagnosis covers: those that are here, and those
// that could not be read. The caller holds the visit's lock.
func (v *visit) releases() []Receipt {
	out := []Receipt{}
	for _, h := range v.hospitals {
		if h.progress.Receipt != 0 {
			out = append(out, Receipt{Hospital: h.progress.Hospital, Receipt: h.progress.Receipt})
		}
	}
	return append(out, v.unread...)
}

// Sign signs the bundle, byte for byte that of the last preview, and takes it to the
// patient (M10), to the home hospital of the consent (M11) and its changed entry to the
// public cloud (M12). It is a conflict if the bundle is another one, or if a release has
// come since the preview. What fails afterwards is named in the result, not an error.
func (p *Practice) Sign(ctx context.Context, id, bundle string) (Diagnosis, error) {
	return p.send(ctx, id, func(s *session, v *visit) (*diagnosis, error) {
		v.mu.Lock()
		shown, old, now := v.preview, v.diagnosis, v.releases()
		v.mu.Unlock()
		switch {
		case old != nil && string(old.content) == bundle:
			return old, nil
		case old != nil:
			return nil, errSigned()
		case shown == nil || string(shown.content) != bundle:
			return nil, failed(problem.Conflict("The diagnosis is not the one that was previewed."), "not-previewed")
		case !slices.Equal(shown.releases, now):
			return nil, errOutdated()
		}
		g, err := s.sign(v, shown.content, &shown.draft, func(content []byte) (*doctor.Diagnosis, error) {
			return v.role.DiagnoseSeen(content, shown.taken)
		})
		if errors.Is(err, doctor.ErrUnseen) { // verified, but not taken in yet
			err = errOutdated()
		}
		return g, err
	})
}

func errOutdated() error {
	return failed(problem.Conflict("Records have come since the preview."), "preview-outdated")
}

// Resend does what has not succeeded yet of a signed diagnosis.
func (p *Practice) Resend(ctx context.Context, id string) (Diagnosis, error) {
	return p.send(ctx, id, func(_ *session, v *visit) (*diagnosis, error) {
		v.mu.Lock()
		defer v.mu.Unlock()
		if v.diagnosis == nil {
			return nil, failed(problem.Conflict("There is no diagnosis yet."), "no-diagnosis")
		}
		return v.diagnosis, nil
	})
}

// SignDraft is Preview and Sign in one step, for a program. Called again with the same
// draft it is Resend; another one is a conflict.
func (p *Practice) SignDraft(ctx context.Context, id string, d Draft) (Diagnosis, error) {
	return p.send(ctx, id, func(s *session, v *visit) (*diagnosis, error) {
		v.mu.Lock()
		old := v.diagnosis
		v.mu.Unlock()
		if old != nil && old.draft != nil && reflect.DeepEqual(*old.draft, d) {
			return old, nil
		}
		content, err := s.compose(v, d)
		if err != nil {
			return nil, err
		}
		return s.sign(v, content, &d, v.role.Diagnose)
	})
}

// SignBundle is Sign without a preview, for a program: content is a FHIR R4 collection
// Bundle of at most 2 MiB.
func (p *Practice) SignBundle(ctx context.Context, id string, content []byte) (Diagnosis, error) {
	return p.send(ctx, id, func(s *session, v *visit) (*diagnosis, error) { return s.sign(v, content, nil, v.role.Diagnose) })
}

// send signs what sign gives and does every step that has not succeeded yet.
func (p *Practice) send(ctx context.Context, id string, sign func(*session, *visit) (*diagnosis, error)) (Diagnosis, error) {
	s, v, err := p.visit(id)
	if err != nil {
		return Diagnosis{}, err
	}
	ctx, cancel := s.within(ctx)
	defer cancel()
	v.sending.Lock()
	defer v.sending.Unlock()
	if !v.stands(VisitOpen) {
		return Diagnosis{}, errNotOpen()
	}
	g, err := sign(s, v)
	if err != nil {
		return Diagnosis{}, err
	}
	s.update(v, func() { g.failures = nil })
	s.deliver(ctx, v, g)
	s.storeAtHome(ctx, v, g)
	s.index(ctx, v, g)
	if err := s.keepEvidence(v); err != nil {
		return Diagnosis{}, err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	return g.view(), nil
}

// sign makes Sig_D5 once, by diagnose. The evidence is durable before anything is sent.
func (s *session) sign(v *visit, content []byte, d *Draft, diagnose func([]byte) (*doctor.Diagnosis, error)) (*diagnosis, error) {
	v.mu.Lock()
	old := v.diagnosis
	v.mu.Unlock()
	if old != nil {
		if !bytes.Equal(content, old.content) {
			return nil, errSigned()
		}
		return old, nil
	}
	if entries, err := fhirbundle.Split(content); err != nil || len(entries) == 0 {
		return nil, problem.Invalid("The diagnosis must be a FHIR R4 collection Bundle with at least one resource.").Because(err)
	}
	signed, err := diagnose(content)
	if err != nil {
		return nil, err
	}
	g := &diagnosis{content: content, draft: d, signed: signed}
	s.update(v, func() { v.diagnosis, v.preview = g, nil })
	return g, s.keepEvidence(v)
}

func (s *session) failed(v *visit, g *diagnosis, what Reason, err error, at peer) {
	s.p.cfg.Log.Warn("diagnosis: "+what.Says, "reason", problem.Reason(err))
	s.update(v, func() { g.failures = append(g.failures, what.with(because(err, at))) })
}

// deliver puts M10 into the patient's mailbox.
func (s *session) deliver(ctx context.Context, v *visit, g *diagnosis) {
	if g.delivered {
		return
	}
	began := time.Now()
	m10, err := v.role.M10()
	if err != nil {
		s.failed(v, g, reasonOver, err, peerSession)
		return
	}
	s.sent(m10, message.Patient, began)
	if err := s.toPatient(ctx, m10); err != nil {
		s.failed(v, g, reasonUndelivered, err, peerPortal)
		return
	}
	s.update(v, func() { g.delivered = true })
}

// storeAtHome runs M11: in the session that released records if it is still open,
// else, or when that fails, in a new one with a ticket to write.
func (s *session) storeAtHome(ctx context.Context, v *visit, g *diagnosis) {
	home := g.signed.Home()
	if g.stored != nil || home == "" {
		return
	}
	v.mu.Lock()
	sek := v.sessions[home]
	v.mu.Unlock()
	var stored doctor.Stored
	err := error(problem.Conflict("No session is open."))
	if sek != nil && sek.Ready() {
		stored, err = s.write(ctx, g, sek)
	}
	if err != nil {
		err = s.again(func() (err error) {
			stored, err = s.writeAnew(ctx, v, g, home)
			return err
		})
	}
	if err != nil {
		s.failed(v, g, reasonUnstored, err, peerHospital)
		return
	}
	s.update(v, func() { g.stored = &stored })
}

// writeAnew gets a ticket to write, opens a session with the home hospital of the
// signed directory, and stores the diagnosis there.
func (s *session) writeAnew(ctx context.Context, v *visit, g *diagnosis, home message.ID) (doctor.Stored, error) {
	cred, err := s.listed(ctx, home)
	if err != nil {
		return doctor.Stored{}, err
	}
	ticket, _, err := s.searchIndex(ctx, v, message.ModeWrite)
	if err != nil {
		return doctor.Stored{}, err
	}
	sek, err := s.openSession(ctx, ticket, cred, func(HospitalState) {})
	if err != nil {
		return doctor.Stored{}, err
	}
	defer sek.Close()
	return s.write(ctx, g, sek)
}

// listed finds a hospital's latest credential in the signed directory.
func (s *session) listed(ctx context.Context, id message.ID) (message.Credential, error) {
	d, err := s.directory(ctx)
	if err != nil {
		return message.Credential{}, err
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
func (s *session) write(ctx context.Context, g *diagnosis, sek *doctor.Session) (stored doctor.Stored, err error) {
	err = s.again(func() error {
		stored, err = s.writeOnce(ctx, g, sek)
		return signAnew(sek, err)
	})
	if err != nil {
		sek.Close() // whether it arrived is not known: the numbers of the session no longer fit
	}
	return stored, err
}

func (s *session) writeOnce(ctx context.Context, g *diagnosis, sek *doctor.Session) (doctor.Stored, error) {
	began := time.Now()
	m11, err := sek.M11(g.signed)
	if err != nil {
		return doctor.Stored{}, err
	}
	s.sent(m11, message.Hospital, began)
	began = time.Now()
	reply, err := s.link.exchange(ctx, hospitalPath(sek.Hospital().Info.ID, "diagnoses"), m11)
	if err != nil {
		return doctor.Stored{}, err
	}
	s.got(reply, message.Hospital, began)
	return sek.ReceiveStored(reply)
}

// index runs M12 and its receipt. If the hospital returned no entry under a
// locator of the consent, its own publisher writes the index.
func (s *session) index(ctx context.Context, v *visit, g *diagnosis) {
	if g.indexed != nil || g.stored == nil || !g.stored.Indexable() {
		return
	}
	var indexed doctor.Indexed
	err := s.again(func() (err error) {
		indexed, err = s.writeIndex(ctx, v, *g.stored)
		return err
	})
	if err != nil {
		s.failed(v, g, reasonUnindexed, err, peerCloud)
		return
	}
	s.update(v, func() { g.indexed = &indexed })
}

func (s *session) writeIndex(ctx context.Context, v *visit, stored doctor.Stored) (doctor.Indexed, error) {
	prekey, err := s.cloudPrekey(ctx)
	if err != nil {
		return doctor.Indexed{}, err
	}
	began := time.Now()
	i, m12, err := v.role.BeginIndexing(stored, prekey)
	if err != nil {
		return doctor.Indexed{}, err
	}
	s.sent(m12, message.PublicCloud, began)
	began = time.Now()
	reply, err := s.link.exchange(ctx, pathEntries, m12)
	if err != nil {
		return doctor.Indexed{}, err
	}
	s.got(reply, message.PublicCloud, began)
	return i.ReceiveIndexed(reply)
}
