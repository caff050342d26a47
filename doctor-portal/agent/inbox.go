package agent

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"medunion/api/httpserver"
	"medunion/api/message"
	"medunion/api/openapi/portal"
	"medunion/api/problem"
	"medunion/ecc"
)

// Times of the agent's routine work.
const (
	inboxWait      = 20 * time.Second // of one long poll
	renewAfter     = 15 * time.Minute // of the revocation list; the protocol wants an hour at most
	firstPause     = 500 * time.Millisecond
	longestPause   = 30 * time.Second
	deliveryTrials = 3
)

// run keeps the doctor reachable: prekey, revocation list, portal session; and
// handles what patients send, until ctx ends.
func (a *Agent) run(ctx context.Context) {
	pause := firstPause
	for ctx.Err() == nil {
		if _, err := a.d.Credential(); err != nil {
			a.wait(ctx, time.Hour)
			continue
		}
		err := a.turn(ctx)
		if err == nil {
			pause = firstPause
			continue
		}
		if ctx.Err() != nil {
			return
		}
		a.offline(err)
		a.wait(ctx, pause)
		pause = min(2*pause, longestPause)
	}
}

// wait ends early when a registration was completed.
func (a *Agent) wait(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-a.wake:
	case <-t.C:
	}
}

// turn does what is due and then waits once for mail.
func (a *Agent) turn(ctx context.Context) error {
	for _, step := range []struct {
		name string
		do   func(context.Context) error
	}{{"revocation list", a.renewRevocations}, {"portal session", a.login}, {"prekey", a.publishPrekey}} {
		if err := step.do(ctx); err != nil {
			return fmt.Errorf("%s: %w", step.name, err)
		}
	}
	a.setOnline()
	return a.fetchMail(ctx)
}

func (a *Agent) setOnline() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.online {
		a.log.Info("online")
	}
	a.online, a.trouble = true, ""
}

func (a *Agent) offline(err error) {
	if problem.KindOf(err) == problem.KindUnauthenticated {
		a.link.set("", a.cfg.Now()) // log in again
	}
	a.log.Warn("offline", "reason", problem.Reason(err))
	a.mu.Lock()
	defer a.mu.Unlock()
	a.online, a.trouble = false, err.Error()
}

func (a *Agent) renewRevocations(ctx context.Context) error {
	now := a.cfg.Now()
	a.mu.Lock()
	due := a.renewed.IsZero() || now.Sub(a.renewed) >= renewAfter
	a.mu.Unlock()
	if !due {
		return nil
	}
	ctx, cancel := within(ctx)
	defer cancel()
	s, err := a.link.signed(a.link.client.RelayRevocations(ctx))
	if err != nil {
		return err
	}
	if err := a.d.AcceptRevocations(s); err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.renewed = now
	return nil
}

// login proves PRK_D to the portal. The origin that is signed is the one that we
// meant; a portal that names another one is not ours.
func (a *Agent) login(ctx context.Context) error {
	if a.link.loggedIn(a.cfg.Now()) {
		return nil
	}
	ctx, cancel := within(ctx)
	defer cancel()
	r, err := a.link.client.CreateLoginChallenge(ctx)
	var c portal.LoginChallenge
	if err := answer(r, err, smallAnswer, &c); err != nil {
		return err
	}
	challenge, err := base64.RawURLEncoding.Strict().DecodeString(c.Challenge)
	if err != nil || c.Origin != a.origin {
		return problem.Refused(errors.Join(err, errors.New("agent: the portal names another origin")))
	}
	login, err := a.signLogin(challenge)
	if err != nil {
		return err
	}
	r, err = a.link.client.Login(ctx, login)
	var session portal.PortalSession
	if err := answer(r, err, smallAnswer, &session); err != nil {
		return err
	}
	a.link.set(session.Token, time.UnixMilli(session.Expires))
	return nil
}

func (a *Agent) signLogin(challenge []byte) (portal.Login, error) {
	cred, err := a.d.Credential()
	if err != nil {
		return portal.Login{}, err
	}
	signature, err := a.d.SignLogin(challenge, a.origin)
	if err != nil {
		return portal.Login{}, err
	}
	b64 := base64.RawURLEncoding.EncodeToString
	return portal.Login{Credential: b64(cred.Encode()), Challenge: b64(challenge), Signature: b64(signature)}, nil
}

// publishPrekey puts the current prekey into the directory. Its private key is
// durable first: a patient may use it at once.
func (a *Agent) publishPrekey(ctx context.Context) error {
	s, fresh, err := a.d.Prekey()
	if err != nil {
		return err
	}
	if fresh {
		if err := a.store.save(); err != nil {
			return err
		}
	}
	h := ecc.Sum(s.Encode())
	a.mu.Lock()
	done := a.published == h
	a.mu.Unlock()
	if done {
		return nil
	}
	ctx, cancel := within(ctx)
	defer cancel()
	r, err := a.link.client.RelayPublishPrekey(ctx, portal.Signed{Signed: base64.RawURLEncoding.EncodeToString(s.Encode())})
	if err := answer(r, err, smallAnswer, nil); err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.published = h
	return nil
}

// fetchMail waits for letters and handles them in their order. A letter that could
// not be handled for a reason of ours stays the next one.
func (a *Agent) fetchMail(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, inboxWait+requestTimeout)
	defer cancel()
	wait := int(inboxWait / time.Second)
	r, err := a.link.client.FetchInbox(ctx, &portal.FetchInboxParams{After: &a.after, Wait: &wait})
	var mail portal.Mail
	if err := answer(r, err, mailAnswer, &mail); err != nil {
		return err
	}
	for _, letter := range mail.Messages {
		err := a.open(ctx, letter)
		if problem.KindOf(err) == problem.KindUnavailable {
			return err
		}
		if err != nil {
			a.log.Warn("a message was not accepted", "reason", problem.Reason(err))
		}
		a.after = letter.ID
	}
	return nil
}

func (a *Agent) open(ctx context.Context, letter portal.Letter) error {
	m, err := decodeMessage(httpserver.Message{Message: letter.Message})
	if err != nil {
		return err
	}
	switch m.Header.Type {
	case message.TypeM1:
		return a.answerM1(ctx, m)
	case message.TypeM3:
		return a.receiveM3(m)
	}
	return problem.Invalid("A message of this type is not for the inbox.")
}

// answerM1 answers a patient at the door by itself: M2 says who the doctor is, and
// lets the patient's consent come.
func (a *Agent) answerM1(ctx context.Context, m1 message.Message) error {
	if a.bySession(m1.Header.Session) != nil {
		return problem.Refused(errors.New("agent: the session id is in use"))
	}
	a.got(m1, message.Patient, time.Now())
	began := time.Now()
	role, m2, err := a.d.AnswerM1(ctx, m1)
	if err != nil {
		return err
	}
	a.sent(m2, message.Patient, began)
	v, err := a.addVisit(role)
	if err != nil {
		return err
	}
	if err := a.keepEvidence(v); err != nil {
		v.end("The evidence could not be kept.")
		return err
	}
	if err := a.toPatient(ctx, m2); err != nil {
		v.end("The patient could not be answered.")
		return err
	}
	return nil
}

func (a *Agent) receiveM3(m3 message.Message) error {
	v := a.bySession(m3.Header.Session)
	if v == nil {
		return problem.NotFound("There is no such visit.")
	}
	a.got(m3, message.Patient, v.touched())
	return v.admit(m3, func() error { return a.keepEvidence(v) })
}

// toPatient puts a message into the patient's mailbox. It tries again while the
// portal cannot be reached: the message has been made once and for all.
func (a *Agent) toPatient(ctx context.Context, m message.Message) (err error) {
	for trial := range deliveryTrials {
		if trial > 0 {
			a.wait(ctx, firstPause<<trial)
		}
		if err = a.post(ctx, m); problem.KindOf(err) != problem.KindUnavailable || err == nil {
			return err
		}
	}
	return err
}

func (a *Agent) post(ctx context.Context, m message.Message) error {
	ctx, cancel := within(ctx)
	defer cancel()
	r, err := a.link.client.SendToPatient(ctx, portal.Message(httpserver.NewMessage(m.Encode())))
	return answer(r, err, smallAnswer, nil)
}
