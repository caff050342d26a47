package agent

import (
	"context"
	"encoding/hex"
	"errors"
	"io"
	"slices"
	"time"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/patient-agent/internal/keystore"
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
	Reason                // the state and, if it failed, why
	Trouble    *Reason    // it goes on, but something is in the way just now
	Until      time.Time  // how long it waits in this state
	Shared     bool       // the consent may have left
	Repeatable bool       // Request.Again takes it
	Activity   []Activity // what is known to have been done under its consent
	Doctor     string
	Licence    string
	Credential message.Hash // c_D
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

// begin checks the approval, makes M1, keeps the visit and lets it go on.
func (a *Agent) begin(o *opened, p plan, assertion message.Assertion) (string, error) {
	approved, err := p.draft.Approve(assertion)
	if err != nil {
		if assertion.Kind == message.KindWebAuthn {
			return "", errPasskey.Because(err)
		}
		return "", err
	}
	begun := time.Now()
	d := p.draft.Doctor()
	v, m1, err := o.role().Begin(d)
	if err != nil {
		return "", err
	}
	a.sent(m1, message.Patient, message.Doctor, time.Since(begun))
	now := a.cfg.Now()
	id, err := a.newID()
	if err != nil {
		return "", problem.Internal(err)
	}
	ctx, end := context.WithCancelCause(o.ctx)
	f := &follower{a: a, o: o, ctx: ctx, id: id, visit: v, began: now, approved: approved}
	f.box = newMailbox(p.client, v.Session(), a.cfg.Now, f.connected)
	kept := keystore.Visit{ID: id, State: Waiting, Code: codeWaiting, Says: sentences[codeWaiting], Doctor: d.Certificate.Name,
		Licence: d.Certificate.Licence, Department: p.Choices.Department, Started: now, Updated: now, Again: &p.again,
		Credential: d.Credential.Encode(), Certificate: slices.Clone(d.RawCertificate())}
	if err := o.store.Update(func(c *keystore.Content) error { keepVisit(c, kept); return nil }); err != nil {
		end(nil)
		return "", storeProblem(err)
	}
	o.running.add(id, end)
	if !a.spawn(o, func() { f.run(m1) }) {
		return "", errLocked
	}
	a.changes.broadcast(Visits)
	return id, nil
}

// keepVisit adds a visit. What she had decided for those that are over is dropped: it
// can hold megabytes of measurements, and the newest is the one to be repeated.
func keepVisit(c *keystore.Content, v keystore.Visit) {
	for i := range c.Visits {
		if c.Visits[i].State.Over() {
			c.Visits[i].Again = nil
		}
	}
	c.Visits = append(c.Visits, v)
}

// EndVisit stops following a visit. Before the consent was shared, nothing of it leaves any
// more; after that the consent holds until it ends or is revoked.
func (a *Agent) EndVisit(id string) (Visit, error) {
	o, err := a.registered()
	if err != nil {
		return Visit{}, err
	}
	v, err := a.Visit(id)
	if err != nil {
		return Visit{}, err
	}
	if v.Over() || !o.running.end(id) {
		return Visit{}, errOver
	}
	return a.Visit(id)
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

// Visits lists her visits, newest first.
func (a *Agent) Visits() ([]Visit, error) {
	o, err := a.registered()
	if err != nil {
		return nil, err
	}
	out := []Visit{}
	err = o.store.View(func(c keystore.Content) error {
		told := activities(c)
		for _, v := range slices.Backward(c.Visits) {
			out = append(out, a.show(o, v, told))
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
			return errNoVisit
		}
		out = a.show(o, *v, activities(c))
		return nil
	})
	return out, storeProblem(err)
}

// show words a visit; told is what the hospitals have told of each consent.
func (a *Agent) show(o *opened, v keystore.Visit, told map[message.Hash][]Activity) Visit {
	out := Visit{ID: v.ID, State: v.State, Reason: Reason{Code: v.Code, Says: v.Says}, Doctor: v.Doctor, Licence: v.Licence, Department: v.Department,
		Started: v.Started, Updated: v.Updated, Consent: v.Consent, Diagnosis: v.Diagnosis, Credential: credentialHash(v.Credential),
		Shared: v.Consent != nil, Repeatable: repeatable(v), Until: until(v), Activity: activity(v, told)}
	if out.Code == "" { // of an older version
		out.Code = map[State]string{Waiting: codeWaiting, Verified: codeVerified, Shared: codeShared, Diagnosed: codeDiagnosed, Failed: codeFailed}[v.State]
	}
	if v.State == Shared && len(out.Activity) > 0 {
		out.Reason = reason(progress(out.Activity))
	}
	if !v.State.Over() {
		out.Trouble = o.running.trouble(v.ID)
	}
	return out
}

// until is how long a visit waits in its state.
func until(v keystore.Visit) time.Time {
	switch v.State {
	case Waiting:
		return v.Started.Add(answerTime + onTheWay)
	case Verified, Shared:
		return v.Started.Add(sessionTime)
	}
	return v.Updated
}

func credentialHash(b []byte) message.Hash {
	c, err := message.DecodeCredential(b)
	if err != nil {
		return message.Hash{}
	}
	return c.Hash()
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
