package practice

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/doctor-portal/doctor"
	"medunion/doctor-portal/keystore"
	"medunion/ecc"
)

// Times of the routine work.
const (
	renewAfter     = 15 * time.Minute // of the revocation list; the protocol wants an hour at most
	streamLife     = 10 * time.Minute // of one stream of the inbox: then what is due is done
	firstPause     = 500 * time.Millisecond
	longestPause   = 30 * time.Second
	deliveryTrials = 3
)

// run keeps the doctor reachable: prekey, revocation list, portal session; and
// handles what patients send, until ctx ends.
func (s *session) run(ctx context.Context) {
	pause := firstPause
	for ctx.Err() == nil {
		if _, err := s.d.Credential(); err != nil {
			s.wait(ctx, time.Hour)
			continue
		}
		err := s.turn(ctx)
		if err == nil {
			pause = firstPause
			continue
		}
		if ctx.Err() != nil {
			return
		}
		s.offline(err)
		s.wait(ctx, pause)
		pause = min(2*pause, longestPause)
	}
}

// wait ends early when a registration was completed.
func (s *session) wait(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-s.wake:
	case <-t.C:
	}
}

// troubled is an error of the routine work with the reason that the doctor sees.
type troubled struct {
	error
	reason Reason
}

func (t *troubled) Unwrap() error { return t.error }

// turn does what is due and then reads the inbox as long as its stream lasts.
func (s *session) turn(ctx context.Context) error {
	s.renew(ctx)
	for _, step := range []struct {
		name string
		at   peer
		do   func(context.Context) error
	}{{"revocation list", peerCloud, s.renewRevocations}, {"portal session", peerPortal, s.login}, {"prekey", peerCloud, s.publishPrekey}} {
		if err := step.do(ctx); err != nil {
			return &troubled{fmt.Errorf("%s: %w", step.name, err), trouble(err, step.at)}
		}
	}
	s.setOnline()
	if err := s.readInbox(ctx); err != nil {
		return &troubled{err, trouble(err, peerPortal)}
	}
	return nil
}

// trouble is because, for a doctor whose own papers may be at fault.
func trouble(err error, at peer) Reason {
	if errors.Is(err, message.ErrExpired) && !remote(err) {
		return reasonUnlicensed
	}
	return because(err, at)
}

func (s *session) setOnline() {
	s.mu.Lock()
	was := s.online
	s.online, s.trouble = true, nil
	s.mu.Unlock()
	if !was {
		s.p.cfg.Log.Info("online")
		s.p.events.emit(Event{Type: EventDoctor})
	}
}

func (s *session) offline(err error) {
	if problem.KindOf(err) == problem.KindUnauthenticated {
		s.link.set("", time.Time{}) // log in again
	}
	s.p.cfg.Log.Warn("offline", "reason", problem.Reason(err))
	reason := because(err, peerPortal)
	var t *troubled
	if errors.As(err, &t) {
		reason = t.reason
	}
	s.mu.Lock()
	s.online, s.trouble = false, &reason
	s.mu.Unlock()
	s.p.events.emit(Event{Type: EventDoctor})
}

func (s *session) renewRevocations(ctx context.Context) error {
	now := s.p.cfg.Now()
	s.mu.Lock()
	due := s.renewed.IsZero() || now.Sub(s.renewed) >= renewAfter
	s.mu.Unlock()
	if !due {
		return nil
	}
	if err := s.learn(ctx); err != nil {
		return err
	}
	list, err := s.link.signed(ctx, pathRevocations)
	if err != nil {
		return err
	}
	if err := s.d.AcceptRevocations(list); err != nil {
		return problem.Refused(fmt.Errorf("%w: %s", errOldList, problem.Reason(err)))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.renewed = now
	return nil
}

var errOldList = errors.New("practice: the revocation list does not hold")

// login proves PRK_D to the portal. The origin that is signed is the one that we
// meant; a portal that names another one is not ours.
func (s *session) login(ctx context.Context) error {
	if s.link.loggedIn(s.p.cfg.Now()) {
		return nil
	}
	var c struct {
		Challenge string `json:"challenge"`
		Origin    string `json:"origin"`
	}
	if err := s.link.call(ctx, "POST", pathLoginChallenge, nil, smallAnswer, &c); err != nil {
		return err
	}
	challenge, err := decode64(c.Challenge)
	if err != nil || c.Origin != s.p.cfg.Origin {
		return problem.Refused(errors.Join(err, errors.New("practice: the portal names another origin")))
	}
	login, err := s.signLogin(challenge)
	if err != nil {
		return err
	}
	var session struct {
		Token   string    `json:"token"`
		Expires time.Time `json:"expires"`
	}
	if err := s.link.call(ctx, "POST", pathLogin, login, smallAnswer, &session); err != nil {
		return err
	}
	s.link.set(session.Token, session.Expires)
	return nil
}

type loginProof struct {
	Credential string `json:"credential"`
	Challenge  string `json:"challenge"`
	Signature  string `json:"signature"`
}

func (s *session) signLogin(challenge []byte) (loginProof, error) {
	cred, err := s.d.Credential()
	if err != nil {
		return loginProof{}, err
	}
	signature, err := s.d.SignLogin(challenge, s.p.cfg.Origin)
	if err != nil {
		return loginProof{}, err
	}
	b64 := base64.RawURLEncoding.EncodeToString
	return loginProof{Credential: b64(cred.Encode()), Challenge: b64(challenge), Signature: b64(signature)}, nil
}

// publishPrekey puts the current prekey into the directory. Its private key is
// durable first: a patient may use it at once.
func (s *session) publishPrekey(ctx context.Context) error {
	statement, fresh, err := s.d.Prekey()
	if err != nil {
		return err
	}
	if fresh {
		if err := s.store.Save(); err != nil {
			return err
		}
	}
	h := ecc.Sum(statement.Encode())
	s.mu.Lock()
	done := s.published == h
	s.mu.Unlock()
	if done {
		return nil
	}
	body := sealedStatement{base64.RawURLEncoding.EncodeToString(statement.Encode())}
	if err := s.link.call(ctx, "PUT", pathPrekeys, body, smallAnswer, nil); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.published = h
	return nil
}

// readInbox handles letters in their order, as they come. One that could not be handled
// for a reason of ours stays the next one.
func (s *session) readInbox(ctx context.Context) error {
	stream, cancel := context.WithTimeout(ctx, streamLife)
	defer cancel()
	go s.woken(stream, cancel)
	s.mu.Lock()
	after := s.after
	s.mu.Unlock()
	began := time.Now()
	err := s.link.letters(stream, after, func(l letter) error { return s.handle(ctx, l) })
	if stream.Err() != nil && ctx.Err() == nil {
		return nil // its time was over
	}
	if err == nil && time.Since(began) < firstPause {
		s.wait(ctx, firstPause) // a portal that ends every stream at once is not asked all the time
	}
	return err
}

// woken ends a stream when a registration was completed: it is of the mailbox of before.
func (s *session) woken(stream context.Context, end context.CancelFunc) {
	select {
	case <-s.wake:
		end()
	case <-stream.Done():
	}
}

// validID says whether a letter's id is two numbers: we send it back in a header.
func validID(id string) bool {
	a, b, two := strings.Cut(id, "-")
	return two && digits(a) && digits(b)
}

func digits(s string) bool {
	return s != "" && len(s) <= 20 && strings.Trim(s, "0123456789") == ""
}

func (s *session) handle(ctx context.Context, l letter) error {
	if !validID(l.id) {
		return unavailable("practice: a letter without an id")
	}
	err := s.receive(ctx, l)
	switch {
	case problem.KindOf(err) == problem.KindUnavailable && err != nil:
		return err
	case elsewhere(err):
		s.p.cfg.Log.Debug("a message for another workstation, or of an earlier session")
	case errors.Is(err, keystore.ErrSeen):
		s.p.cfg.Log.Info("a message was not accepted", "reason", "this message has been answered")
	case err != nil:
		s.p.cfg.Log.Warn("a message was not accepted", "reason", problem.Reason(err))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.after = l.id
	return nil
}

// errElsewhere is the cause for a message of a visit that is not here.
var errElsewhere = errors.New("practice: no such visit here")

// elsewhere tells messages that are another workstation's, or were an earlier
// session's: they are left alone.
func elsewhere(err error) bool {
	return errors.Is(err, doctor.ErrPrekey) || errors.Is(err, errElsewhere)
}

func (s *session) receive(ctx context.Context, l letter) error {
	m, err := decodeMessage(l.message)
	if err != nil {
		return err
	}
	switch m.Header.Type {
	case message.TypeM1:
		return s.answerM1(ctx, m)
	case message.TypeM3:
		return s.receiveM3(m)
	}
	return problem.Invalid("A message of this type is not for the inbox.")
}

// answerM1 answers a patient at the door by itself: M2 says who the doctor is, and
// lets the patient's consent come.
func (s *session) answerM1(ctx context.Context, m1 message.Message) error {
	if s.bySession(m1.Header.Session) != nil {
		return problem.Refused(errors.New("practice: the session id is in use"))
	}
	s.got(m1, message.Patient, time.Now())
	began := time.Now()
	role, m2, err := s.d.AnswerM1(ctx, m1)
	if err != nil {
		return err
	}
	s.sent(m2, message.Patient, began)
	v, err := s.addVisit(role)
	if err != nil {
		return err
	}
	if err := s.keepEvidence(v); err != nil {
		s.end(v, reasonUnkept)
		return err
	}
	if err := s.toPatient(ctx, m2); err != nil {
		s.end(v, reasonUnanswered)
		return err
	}
	return nil
}

func (s *session) receiveM3(m3 message.Message) error {
	v := s.bySession(m3.Header.Session)
	if v == nil {
		return problem.NotFound("There is no such visit.").Because(errElsewhere)
	}
	s.got(m3, message.Patient, v.touched())
	return s.admit(v, m3)
}

// toPatient puts a message into the patient's mailbox. It tries again while the portal
// cannot be reached: the message has been made once and for all. A second trial that is
// refused has found the first one delivered: the mailbox takes each step once.
func (s *session) toPatient(ctx context.Context, m message.Message) (err error) {
	for trial := range deliveryTrials {
		if trial > 0 {
			s.wait(ctx, firstPause<<trial)
		}
		err = s.link.call(ctx, "POST", pathSend, wrap(m.Encode()), smallAnswer, nil)
		if trial > 0 && problem.KindOf(err) == problem.KindRefused && remote(err) {
			return nil
		}
		if err == nil || problem.KindOf(err) != problem.KindUnavailable {
			return err
		}
	}
	return err
}
