package practice

import (
	"context"
	"time"

	"medunion/api/message"
	"medunion/api/problem"
)

// Times of the renewal.
const (
	renewAhead = 30 * 24 * time.Hour // before the end of the credential, or a quarter of its life if that is less
	renewGain  = 24 * time.Hour      // a renewal that brings less is not asked for
	renewPause = time.Hour           // between two trials
)

// errVisiting keeps a visit's portal session: it is the old credential's.
func errVisiting() error {
	return failed(problem.Conflict("A visit is open: the registration is renewed when it is closed."), "visit-open")
}

// enter registers, or renews the registration, and makes it durable.
func (s *session) enter(ctx context.Context) error {
	s.registering.Lock()
	defer s.registering.Unlock()
	before, known := s.number()
	if known && s.visiting() {
		return errVisiting()
	}
	if err := s.admitted(ctx, known); err != nil {
		s.attempts++
		return err
	}
	if err := s.store.Save(); err != nil {
		return err
	}
	s.link.set("", time.Time{}) // the portal's session was the old credential's
	s.mu.Lock()
	s.online = false // until the new one has a prekey
	s.mu.Unlock()
	s.compare(before)
	s.p.events.emit(Event{Type: EventDoctor})
	return nil
}

// admitted registers or renews. A public cloud that refuses to renew may have been restored from a
// backup that does not know the credential: then the certificate may admit her as at first.
func (s *session) admitted(ctx context.Context, known bool) error {
	err := s.again(func() error { return s.register(ctx, s.d.Register) })
	if !known || problem.KindOf(err) != problem.KindRefused || !remote(err) {
		return err
	}
	if s.again(func() error { return s.register(ctx, s.d.RegisterAnew) }) == nil {
		return nil
	}
	return err
}

// number is that of the credential in use.
func (s *session) number() (uint64, bool) {
	cred, err := s.d.Credential()
	return cred.Info.Epoch, err == nil
}

// visiting reports whether a visit is not closed yet.
func (s *session) visiting() bool {
	return s.find(func(v *visit) bool { return !v.stands(VisitClosed) }) != nil
}

// compare warns if more numbers were taken than we asked for: whoever else renewed has both
// secrets, on another workstation of the doctor's or as a thief.
func (s *session) compare(before uint64) {
	now, _ := s.number()
	if before > 0 && now > before+1+s.attempts {
		s.p.cfg.Log.Warn("the credential has been renewed elsewhere", "before", before, "now", now, "attempts", s.attempts)
		s.p.events.emit(Event{Type: EventWarning, Code: "renewed-elsewhere"})
	}
	s.attempts = 0
}

// renew renews the registration by itself when it is time. What goes wrong is tried again:
// the credential in use is good for weeks.
func (s *session) renew(ctx context.Context) {
	now := s.p.cfg.Now()
	s.registering.Lock()
	due := (s.asked.IsZero() || now.Sub(s.asked).Abs() >= renewPause) && !s.visiting() && s.due(now)
	if due {
		s.asked = now
	}
	s.registering.Unlock()
	if !due {
		return
	}
	if err := s.enter(ctx); err != nil {
		s.p.cfg.Log.Warn("the registration was not renewed", "reason", problem.Reason(err))
		return
	}
	s.p.cfg.Log.Info("the registration is renewed")
}

// due reports whether the credential should be renewed: its end is near, and neither the
// certificate nor the root that would sign the next one ends with it.
func (s *session) due(now time.Time) bool {
	cred, err := s.d.Credential()
	if err != nil {
		return false
	}
	cert, err := s.p.authority.Verify(s.d.Certificate(), now)
	if err != nil {
		return false
	}
	t, pins := message.MillisOf(now), s.p.Pins()
	own, err := pins.Issuer(cred)
	good := pins.Roots(t)
	if err != nil || len(good) == 0 {
		return false
	}
	_, ends, _ := pins.Term(own) // no credential outlives its root
	_, next, _ := pins.Term(good[0])
	return renewable(cred.Info.NotBefore, min(cred.Info.NotAfter, ends), min(message.MillisOf(cert.Expires), next), t)
}

// renewable is the rule of due: of a credential that ends within a quarter of its life, 30 days
// at most, if the one after it can be good until next, a day longer.
func renewable(begins, ends, next, now message.Millis) bool {
	ahead := min(renewAhead, ends.Time().Sub(begins.Time())/4)
	return now < ends && ends < now.Add(ahead) && next >= ends.Add(renewGain)
}
