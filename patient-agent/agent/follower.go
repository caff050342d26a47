package agent

import (
	"context"
	"encoding/hex"
	"errors"
	"log/slog"
	"sync"
	"time"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/patient-agent/internal/keystore"
	"medunion/patient-agent/patient"
)

// running are the visits that go on.
type running struct {
	mu   sync.Mutex
	list map[string]*run
}

type run struct {
	end     context.CancelCauseFunc
	done    chan struct{}
	trouble *Reason
}

func (r *running) add(id string, end context.CancelCauseFunc) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.list == nil {
		r.list = map[string]*run{}
	}
	r.list[id] = &run{end: end, done: make(chan struct{})}
}

func (r *running) get(id string) *run {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.list[id]
}

// over forgets a visit.
func (r *running) over(id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if x := r.list[id]; x != nil {
		x.end(nil)
		close(x.done)
		delete(r.list, id)
	}
}

// end asks a visit to end and waits until it has; false if it is none.
func (r *running) end(id string) bool {
	x := r.get(id)
	if x == nil {
		return false
	}
	x.end(errEnded)
	<-x.done
	return true
}

// none reports whether no visit goes on.
func (r *running) none() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.list) == 0
}

func (r *running) trouble(id string) *Reason {
	r.mu.Lock()
	defer r.mu.Unlock()
	if x := r.list[id]; x != nil {
		return x.trouble
	}
	return nil
}

// setTrouble reports whether that is news.
func (r *running) setTrouble(id string, t *Reason) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	x := r.list[id]
	if x == nil || (x.trouble == nil) == (t == nil) {
		return false
	}
	x.trouble = t
	return true
}

// errEnded is the cause of a visit that the patient ended.
var errEnded = errors.New("agent: ended by the patient")

// follower takes one visit through its steps.
type follower struct {
	a        *Agent
	o        *opened
	ctx      context.Context // ends with the visit
	id       string
	visit    *patient.Visit
	box      *mailbox
	began    time.Time
	approved *patient.Approved // for this visit, then dropped
	shared   bool              // the consent may have left
}

// connected notes whether the portal can be reached.
func (f *follower) connected(ok bool) {
	var t *Reason
	if !ok {
		r := reason(codePortalOffline)
		t = &r
	}
	if f.o.running.setTrouble(f.id, t) {
		f.a.changes.broadcast(Visits)
	}
}

// run is the visit, from M1 to M10.
func (f *follower) run(m1 message.Message) {
	defer f.o.running.over(f.id)
	err := f.steps(m1)
	f.approved = nil
	if err == nil {
		return
	}
	log := f.a.cfg.Logger
	log.LogAttrs(f.ctx, slog.LevelWarn, "visit failed", slog.String("reason", problem.Reason(err)))
	if err := f.keep(Failed, f.why(err), nil); err != nil {
		log.LogAttrs(f.ctx, slog.LevelError, "the visit could not be kept", slog.String("reason", problem.Reason(err)))
	}
}

// failure says why a visit ended.
type failure struct {
	code  string
	cause error
}

func (f failure) Error() string { return sentences[f.code] }
func (f failure) Unwrap() error { return f.cause }

// why is the code of a visit's end.
func (f *follower) why(err error) string {
	var known failure
	switch {
	case errors.Is(context.Cause(f.ctx), errEnded):
		return before(f.shared, codeEndedBefore, codeEndedAfter)
	case f.o.ctx.Err() != nil:
		return before(f.shared, codeStoppedBefore, codeStoppedAfter)
	case errors.As(err, &known):
		return known.code
	}
	return codeFailed
}

// before chooses a code by whether the consent may have left.
func before(shared bool, not, yes string) string {
	if shared {
		return yes
	}
	return not
}

func (f *follower) steps(m1 message.Message) error {
	doctor := f.visit.Doctor().Hash
	if err := f.box.sendM1(f.ctx, hex.EncodeToString(doctor[:]), m1, f.began.Add(answerTime)); err != nil {
		return failure{codeNotTaken, err}
	}
	if err := f.answered(); err != nil {
		return err
	}
	if err := f.share(); err != nil {
		return err
	}
	return f.diagnosis()
}

// answered waits for M2 and verifies it (Eq. 20-22).
func (f *follower) answered() error {
	begun := time.Now()
	m2, err := f.box.next(f.ctx, message.TypeM2, f.began.Add(answerTime+onTheWay))
	switch {
	case errors.Is(err, errWaited):
		return failure{codeSilent, err}
	case err != nil:
		return failure{codePortalLost, err}
	}
	f.a.sent(m2, message.Doctor, message.Patient, time.Since(begun))
	if err := f.visit.ReceiveM2(m2); err != nil {
		return failure{codeNotProven, err}
	}
	e := f.visit.Evidence()
	return f.keep(Verified, codeVerified, func(c *keystore.Content, v *keystore.Visit) {
		v.SigP1 = &keystore.Statement{TBS: e.TBSP1}
		v.SigD1 = &keystore.Statement{TBS: e.TBSD1, Signature: e.SigD1}
	})
}

// share sends M3 with the approved consent (Eq. 23). The consent is durable before it
// leaves: what may be used can be revoked.
func (f *follower) share() error {
	if f.ctx.Err() != nil {
		return f.ctx.Err()
	}
	begun := time.Now()
	given, m3, err := f.visit.ShareApproved(f.approved)
	switch {
	case errors.Is(err, patient.ErrOrder):
		return failure{codeSessionOver, err}
	case err != nil:
		return failure{codeNotGiven, err}
	}
	f.approved = nil
	f.a.sent(m3, message.Patient, message.Doctor, time.Since(begun))
	h := given.CON.Consent.Hash()
	consent := keystore.Consent{Hash: h, CON: given.CON.Encode(), Doctor: given.Doctor.Encode(), Name: given.Name,
		Licence: f.visit.Doctor().Certificate.Licence}
	tbs := f.visit.Evidence().TBSP2
	err = f.keep(Verified, codeSharing, func(c *keystore.Content, v *keystore.Visit) {
		c.Consents = append(c.Consents, consent)
		v.Consent, v.SigP2 = &h, &keystore.Statement{TBS: tbs}
	})
	if err != nil {
		return failure{codeNotStored, err}
	}
	f.shared = true
	f.a.changes.broadcast(Consents)
	if err := f.box.sendM3(f.ctx, m3, f.began.Add(sessionTime)); err != nil {
		return failure{codeUncertain, err}
	}
	return f.keep(Shared, codeShared, nil)
}

// diagnosis waits for M10 and verifies it (Eq. 50).
func (f *follower) diagnosis() error {
	begun := time.Now()
	m10, err := f.box.next(f.ctx, message.TypeM10, f.began.Add(sessionTime))
	switch {
	case errors.Is(err, errWaited):
		return failure{codeNoDiagnosis, err}
	case err != nil:
		return failure{codeDiagnosisLost, err}
	}
	f.a.sent(m10, message.Doctor, message.Patient, time.Since(begun))
	d, err := f.visit.ReceiveM10(m10)
	switch {
	case errors.Is(err, patient.ErrOrder): // the session was over
		return failure{codeNoDiagnosis, err}
	case err != nil:
		return failure{codeBadDiagnosis, err}
	}
	kept := keptDiagnosis(d)
	kept.FromVisit = true
	return f.keep(Diagnosed, codeDiagnosed, func(c *keystore.Content, v *keystore.Visit) {
		v.Diagnosis, v.Again = &kept.Hash, nil
		mergeDiagnosis(c, kept)
	})
}

// keep makes a step of the visit durable.
func (f *follower) keep(s State, code string, change func(*keystore.Content, *keystore.Visit)) error {
	err := f.o.store.Update(func(c *keystore.Content) error {
		v := c.Visit(f.id)
		if v == nil {
			return problem.Internal(errors.New("agent: the visit is not in the store"))
		}
		set(v, s, code, f.a.cfg.Now())
		if change != nil {
			change(c, v)
		}
		return nil
	})
	f.a.changes.broadcast(Visits)
	return storeProblem(err)
}

// interrupt marks the visits that were under way when the agent ended.
func (a *Agent) interrupt(c *keystore.Content) error {
	for i := range c.Visits {
		if v := &c.Visits[i]; !v.State.Over() {
			set(v, Failed, before(v.Consent != nil, codeStoppedBefore, codeStoppedAfter), a.cfg.Now())
		}
	}
	return nil
}

// set words a step of a visit.
func set(v *keystore.Visit, s State, code string, now time.Time) {
	v.State, v.Code, v.Says, v.Updated = s, code, sentences[code], now
}
