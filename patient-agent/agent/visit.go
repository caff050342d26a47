package agent

import (
	"context"
	"encoding/hex"
	"errors"
	"io"
	"log/slog"
	"slices"
	"time"

	"medunion/api/message"
	"medunion/api/openapi/portal"
	"medunion/api/problem"
	"medunion/ecc"
	"medunion/patient-agent/internal/keystore"
	"medunion/patient-agent/patient"
)

// How long a visit waits.
const (
	answerTime  = 15 * time.Minute // M1 is valid so long; the doctor may be busy
	sessionTime = 30 * time.Minute // the life of SEK_1 and of the mailbox
	onTheWay    = 30 * time.Second // for an answer made in the last moment
)

// State is how far a visit has come.
type State = keystore.State

// The states of a visit.
const (
	Waiting   = keystore.Waiting   // for the doctor to answer
	Verified  = keystore.Verified  // the doctor has answered, and the answer holds
	Shared    = keystore.Shared    // consent and measurements have left
	Diagnosed = keystore.Diagnosed // the diagnosis was received and verified
	Failed    = keystore.Failed
)

// Visit is how a consultation stands.
type Visit struct {
	ID         string // local
	State      State
	Says       string // the state in words, and why if it failed
	Doctor     string
	Licence    string
	Department message.Code
	Started    time.Time
	Updated    time.Time
	Consent    *message.Hash // once it was shared
	Diagnosis  *message.Hash // H(Sig_D5), once it was received
}

// Over reports whether nothing more will happen.
func (v Visit) Over() bool { return v.State.Over() }

// errWaited: the time for the next message is over.
var errWaited = errors.New("agent: no message came in time")

// StartVisit checks passphrase, card and choices and begins the visit, which then
// goes on by itself until a diagnosis, a failure, or Lock. It returns the visit's
// local identifier.
func (a *Agent) StartVisit(ctx context.Context, r Request) (string, error) {
	o, err := a.registered()
	if err != nil {
		return "", err
	}
	uv, err := a.verificationKey(o, r.Passphrase)
	if err != nil {
		return "", err
	}
	_, d, client, err := a.doctor(ctx, o, r.Link)
	if err != nil {
		return "", err
	}
	choices, err := a.choose(ctx, o, d, r)
	if err != nil {
		return "", err
	}
	if err := o.role.CheckChoices(d, choices); err != nil {
		return "", err
	}
	return a.begin(o, d, client, choices, uv)
}

// begin makes M1, keeps the visit and lets it go on.
func (a *Agent) begin(o *opened, d patient.Doctor, client *portal.Client, choices patient.Choices, uv ecc.SigningKey) (string, error) {
	begun := time.Now()
	v, m1, err := o.role.Begin(d)
	if err != nil {
		return "", err
	}
	a.sent(m1, message.Patient, message.Doctor, time.Since(begun))
	now := a.cfg.Now()
	id, err := a.newID()
	if err != nil {
		return "", problem.Internal(err)
	}
	f := &follower{a: a, o: o, id: id, visit: v, box: newMailbox(client, v.Session(), a.cfg.Now), began: now, choices: choices, uv: uv}
	kept := keystore.Visit{ID: id, State: Waiting, Says: "Waiting for the doctor to answer.", Doctor: d.Certificate.Name,
		Licence: d.Certificate.Licence, Department: choices.Department, Started: now, Updated: now,
		Credential: d.Credential.Encode(), Certificate: slices.Clone(d.RawCertificate())}
	if err := o.store.Update(func(c *keystore.Content) error { c.Visits = append(c.Visits, kept); return nil }); err != nil {
		return "", storeProblem(err)
	}
	if !a.spawn(o, func() { f.run(m1) }) {
		return "", errLocked
	}
	return id, nil
}

// spawn runs f beside, unless the store was locked meanwhile; Lock waits for it.
func (a *Agent) spawn(o *opened, f func()) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.open != o {
		return false
	}
	o.visits.Go(f)
	return true
}

func (a *Agent) newID() (string, error) {
	var b [16]byte
	_, err := io.ReadFull(a.cfg.Rand, b[:])
	return hex.EncodeToString(b[:]), err
}

// follower takes one visit through its steps.
type follower struct {
	a       *Agent
	o       *opened
	id      string
	visit   *patient.Visit
	box     *mailbox
	began   time.Time
	choices patient.Choices
	uv      ecc.SigningKey // for the one consent of this visit, then dropped
}

// run is the visit, from M1 to M10.
func (f *follower) run(m1 message.Message) {
	err := f.steps(m1)
	f.uv = ecc.SigningKey{}
	if err == nil {
		return
	}
	var why failure
	if !errors.As(err, &why) {
		why = failure{"The visit failed.", err}
	}
	f.a.cfg.Logger.LogAttrs(f.o.ctx, slog.LevelWarn, "visit failed", slog.String("reason", problem.Reason(err)))
	words := why.says
	if f.o.ctx.Err() != nil {
		words = interrupted
	}
	if err := f.keep(Failed, words, nil); err != nil {
		f.a.cfg.Logger.LogAttrs(f.o.ctx, slog.LevelError, "store", slog.String("reason", problem.Reason(err)))
	}
}

// failure words why a visit ended, for the patient.
type failure struct {
	says  string
	cause error
}

func (f failure) Error() string { return f.says }
func (f failure) Unwrap() error { return f.cause }

const interrupted = "The agent was stopped during the visit, and its session key is gone. " +
	"If you had shared a consent, the doctor may still use it: see your consents, and revoke it if you want to. " +
	"A diagnosis that the doctor writes into a hospital's record appears among your diagnoses."

func (f *follower) steps(m1 message.Message) error {
	doctor := f.visit.Doctor().Hash
	if err := f.box.sendM1(f.o.ctx, hex.EncodeToString(doctor[:]), m1, f.began.Add(answerTime)); err != nil {
		return failure{"The doctor's portal did not take the request. Nothing was shared.", err}
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
	m2, err := f.box.next(f.o.ctx, message.TypeM2, f.began.Add(answerTime+onTheWay))
	switch {
	case errors.Is(err, errWaited):
		return failure{"The doctor did not answer within 15 minutes. Nothing was shared.", err}
	case err != nil:
		return failure{"The doctor's portal could not be asked for the answer. Nothing was shared.", err}
	}
	f.a.sent(m2, message.Doctor, message.Patient, time.Since(begun))
	if err := f.visit.ReceiveM2(m2); err != nil {
		return failure{"The answer did not hold: it is not proven to be from this doctor. Nothing was shared.", err}
	}
	e := f.visit.Evidence()
	return f.keep(Verified, "The doctor has answered and is verified.", func(c *keystore.Content, v *keystore.Visit) {
		v.SigP1 = &keystore.Statement{TBS: e.TBSP1}
		v.SigD1 = &keystore.Statement{TBS: e.TBSD1, Signature: e.SigD1}
	})
}

// share gives the consent and sends M3 (Eq. 23). The consent is durable before it
// leaves: what may be used can be revoked.
func (f *follower) share() error {
	begun := time.Now()
	given, m3, err := f.visit.Share(f.choices, f.uv)
	if err != nil {
		return failure{"The consent could not be given. Nothing was shared.", err}
	}
	f.uv = ecc.SigningKey{}
	f.a.sent(m3, message.Patient, message.Doctor, time.Since(begun))
	h := given.CON.Consent.Hash()
	consent := keystore.Consent{Hash: h, CON: given.CON.Encode(), Doctor: given.Doctor.Encode(), Name: given.Name,
		Licence: f.visit.Doctor().Certificate.Licence}
	tbs := f.visit.Evidence().TBSP2
	err = f.keep(Verified, "Sharing what you have allowed.", func(c *keystore.Content, v *keystore.Visit) {
		c.Consents = append(c.Consents, consent)
		v.Consent, v.SigP2 = &h, &keystore.Statement{TBS: tbs}
	})
	if err != nil {
		return failure{"The consent could not be stored and was not sent. Nothing was shared.", err}
	}
	if err := f.box.sendM3(f.o.ctx, m3, f.began.Add(sessionTime)); err != nil {
		return failure{"The doctor's portal did not take what you shared. It may have arrived nevertheless: revoke the consent if you do not want it used.", err}
	}
	return f.keep(Shared, "Shared. Waiting for the diagnosis.", nil)
}

// diagnosis waits for M10 and verifies it (Eq. 50).
func (f *follower) diagnosis() error {
	begun := time.Now()
	m10, err := f.box.next(f.o.ctx, message.TypeM10, f.began.Add(sessionTime))
	switch {
	case errors.Is(err, errWaited):
		return failure{"The session ended before a diagnosis came. If the doctor writes it into a hospital's record, it appears among your diagnoses.", err}
	case err != nil:
		return failure{"The doctor's portal could not be asked for the diagnosis. If it is in a hospital's record, it appears among your diagnoses.", err}
	}
	f.a.sent(m10, message.Doctor, message.Patient, time.Since(begun))
	d, err := f.visit.ReceiveM10(m10)
	if err != nil {
		return failure{"A diagnosis came that does not hold: it is not proven to be the doctor's, about you, under your consent. It was dropped.", err}
	}
	kept := keptDiagnosis(d)
	kept.FromVisit = true
	return f.keep(Diagnosed, "The diagnosis was received and verified.", func(c *keystore.Content, v *keystore.Visit) {
		v.Diagnosis = &kept.Hash
		mergeDiagnosis(c, kept)
	})
}

// keep makes a step of the visit durable.
func (f *follower) keep(s State, says string, change func(*keystore.Content, *keystore.Visit)) error {
	err := f.o.store.Update(func(c *keystore.Content) error {
		v := c.Visit(f.id)
		if v == nil {
			return problem.Internal(errors.New("agent: the visit is not in the store"))
		}
		v.State, v.Says, v.Updated = s, says, f.a.cfg.Now()
		if change != nil {
			change(c, v)
		}
		return nil
	})
	f.a.changes.broadcast()
	return storeProblem(err)
}

// interrupt marks the visits that were under way when the agent ended.
func (a *Agent) interrupt(c *keystore.Content) error {
	for i := range c.Visits {
		if v := &c.Visits[i]; !v.State.Over() {
			v.State, v.Says, v.Updated = Failed, interrupted, a.cfg.Now()
		}
	}
	return nil
}

// Visits lists her visits, newest first.
func (a *Agent) Visits() ([]Visit, error) {
	o, err := a.registered()
	if err != nil {
		return nil, err
	}
	out := []Visit{}
	err = o.store.View(func(c keystore.Content) error {
		for _, v := range slices.Backward(c.Visits) {
			out = append(out, shown(v))
		}
		return nil
	})
	return out, storeProblem(err)
}

// Visit returns how a visit stands.
func (a *Agent) Visit(id string) (Visit, error) {
	o, err := a.registered()
	if err != nil {
		return Visit{}, err
	}
	var out Visit
	err = o.store.View(func(c keystore.Content) error {
		v := c.Visit(id)
		if v == nil {
			return problem.NotFound("There is no such visit.")
		}
		out = shown(*v)
		return nil
	})
	return out, storeProblem(err)
}

func shown(v keystore.Visit) Visit {
	return Visit{ID: v.ID, State: v.State, Says: v.Says, Doctor: v.Doctor, Licence: v.Licence, Department: v.Department,
		Started: v.Started, Updated: v.Updated, Consent: v.Consent, Diagnosis: v.Diagnosis}
}

// Wait returns the visit as soon as its state is another than the one seen, or it is
// over. "" waits for nothing.
func (a *Agent) Wait(ctx context.Context, id string, seen State) (Visit, error) {
	for {
		changed := a.changes.next()
		v, err := a.Visit(id)
		if err != nil || v.State != seen || v.Over() {
			return v, err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return v, problem.From(ctx.Err())
		}
	}
}
