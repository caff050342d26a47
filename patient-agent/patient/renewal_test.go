package patient_test

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/ecc"
	"medunion/patient-agent/internal/peers"
	"medunion/patient-agent/patient"
)

var challenge = make([]byte, message.ChallengeSize)

// drafted is a role that asks for a renewal: one more attempt of p.
func (s *scene) drafted(p *patient.Patient) *patient.Patient {
	s.T.Helper()
	id, err := p.DraftRenewal()
	s.Ok(err)
	stored, err := patient.DecodeIdentity(id.Encode())
	s.Ok(err)
	return peers.Must(patient.New(s.Config(), stored))
}

// renews asks for a renewal and checks the request as the public cloud does.
func (s *scene) renews(p *patient.Patient) message.RegistrationRequest {
	s.T.Helper()
	q, err := p.RequestRenewal(challenge)
	s.Ok(err)
	s.Ok(q.Verify())
	r, err := message.DecodeRenewal(q.Admission)
	s.Ok(err)
	s.Ok(r.Verify(s.Pins, q.Registration, s.Millis()))
	return q
}

// A renewal keeps who she is, her keys and β_P, and draws the rest anew: with the new
// secrets she visits a doctor as before. The role that asks goes on under the old credential
// until the new one is accepted.
func TestRenewal(t *testing.T) {
	eachSuite(t, func(t *testing.T, suite ecc.Suite) {
		s := newScene(t, suite)
		old := s.p.Identity()
		s.Now = s.Now.Add(300 * 24 * time.Hour)
		s.d = s.NewDoctor(peers.DoctorID)
		next := s.drafted(s.p)
		if old.X != nil || !next.Registered() || next.Identity().Credential.Hash() != old.Credential.Hash() {
			t.Error("the draft has changed what she is")
		}
		q := s.renews(next)
		s.p = next
		s.shared() // meanwhile, a visit
		s.Ok(next.AcceptRenewal(s.ReplyAs(q, 2), false))
		id := next.Identity()
		if id.Credential.Info.Epoch != 2 || id.S.Public().Equal(old.S.Public()) || id.X != nil || id.Attempts != 0 ||
			!bytes.Equal(id.Credential.Info.Keys.Encode(), old.Credential.Info.Keys.Encode()) || id.ID != old.ID || id.Locator != old.Locator ||
			!bytes.Equal(id.Credential.Info.Attribute, old.Credential.Info.Attribute) || id.Epoch != old.Epoch {
			t.Error("what is renewed is not the credential and its secret alone")
		}
		v, _ := s.shared()
		_, err := v.ReceiveM10(s.d.M10(finding, nil))
		s.Ok(err)
		if err := next.AcceptRenewal(s.ReplyAs(q, 3), false); !errors.Is(err, patient.ErrOrder) {
			t.Errorf("accepted twice: %v", err)
		}
	})
}

// A visit that began before goes on under the old credential.
func TestRenewalInMidVisit(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	v, given := s.shared()
	next := s.drafted(s.p)
	s.Ok(next.AcceptRenewal(s.ReplyAs(s.renews(next), 2), false))
	d, err := v.ReceiveM10(s.d.M10(finding, nil))
	s.Ok(err)
	if d.Consent != given.CON.Consent.Hash() {
		t.Error("a diagnosis of another visit")
	}
}

// Each attempt may have used up a number. One number more says that somebody else renews
// with her keys: nothing is accepted then.
func TestRenewalCountsItsAttempts(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	first := s.drafted(s.p)
	if err := first.AcceptRenewal(s.ReplyAs(s.renews(first), 3), false); !errors.Is(err, patient.ErrRenewedElsewhere) {
		t.Errorf("the second number at the first attempt: %v", err)
	}
	if first.Identity().Credential.Info.Epoch != 1 {
		t.Error("accepted all the same")
	}
	third := s.drafted(s.drafted(first))
	if x, y := first.Identity().X, third.Identity().X; x.Public().Equal(y.Public()) {
		t.Error("two attempts with one x_P")
	}
	q := s.renews(third)
	if err := third.AcceptRenewal(s.ReplyAs(q, 5), false); !errors.Is(err, patient.ErrRenewedElsewhere) {
		t.Errorf("the fourth number at the third attempt: %v", err)
	}
	s.Ok(third.AcceptRenewal(s.ReplyAs(q, 4), false))
}

func TestRenewalRefuses(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	fresh, _ := s.NewIdentity()
	p := peers.Must(patient.New(s.Config(), fresh))
	if _, err := p.DraftRenewal(); !errors.Is(err, patient.ErrNotRegistered) {
		t.Errorf("a draft before registration: %v", err)
	}
	if _, err := p.RequestRenewal(challenge); !errors.Is(err, patient.ErrOrder) {
		t.Errorf("a renewal before registration: %v", err)
	}
	if _, err := s.p.RequestRenewal(challenge); !errors.Is(err, patient.ErrOrder) {
		t.Errorf("a renewal without a draft: %v", err)
	}
	next := s.drafted(s.p)
	if _, err := next.RequestRegistration(challenge, "CODE"); !errors.Is(err, patient.ErrOrder) {
		t.Errorf("a registration with a renewal's draft: %v", err)
	}
	if _, err := next.RequestRenewal(challenge[1:]); problem.KindOf(err) != problem.KindInvalid {
		t.Errorf("a short challenge: %v", err)
	}
	q, other := s.renews(next), s.renews(s.drafted(s.p))
	reply := func(edit func(*message.Registration)) message.RegistrationReply {
		r := q
		edit(&r.Registration)
		return s.ReplyAs(r, 2)
	}
	shorter := func() message.RegistrationReply {
		defer func(now time.Time) { s.Now = now }(s.Now)
		s.Now = s.Now.Add(-time.Hour)
		return s.ReplyAs(q, 2)
	}
	stranger, _ := s.NewPatient()
	for what, r := range map[string]message.RegistrationReply{
		"the same number":   s.ReplyAs(q, 1),
		"a lower number":    s.ReplyAs(q, 0),
		"an earlier end":    shorter(),
		"for another x_P":   s.ReplyAs(other, 2),
		"another identity":  reply(func(r *message.Registration) { r.ID = stranger.ID() }),
		"another role":      reply(func(r *message.Registration) { r.Role = message.Hospital }),
		"another attribute": reply(func(r *message.Registration) { r.Attribute = stranger.Identity().Attribute.Encode() }),
		"other keys":        reply(func(r *message.Registration) { r.Keys = stranger.Identity().Credential.Info.Keys }),
		"another registrar": peers.NewWorld(t, ecc.SuiteX25519).ReplyAs(q, 2),
	} {
		refused(t, what, next.AcceptRenewal(r, false))
		if err := next.AcceptRegistration(r); !errors.Is(err, patient.ErrOrder) {
			t.Errorf("%s, as a registration: %v", what, err)
		}
	}
	s.Ok(next.AcceptRenewal(s.ReplyAs(q, 2), false))
}

// A draft outlives the program: stored, it is a longer identity, and a stored one of before
// there were renewals is read as it was.
func TestDraftRoundTrip(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	id, err := s.p.DraftRenewal()
	s.Ok(err)
	b := id.Encode()
	again, err := patient.DecodeIdentity(b)
	s.Ok(err)
	if !bytes.Equal(again.Encode(), b) || again.Attempts != 1 || !again.X.Public().Equal(id.X.Public()) {
		t.Error("differs after a round trip")
	}
	for _, bad := range [][]byte{b[:len(b)-1], append(bytes.Clone(b), 0)} {
		if _, err := patient.DecodeIdentity(bad); err == nil {
			t.Error("decoded what is not an identity")
		}
	}
}

// Due in the last quarter of a short life, in the last 30 days of a long one; with its root,
// if that ends first, but then not before the next root issues.
func TestRenewalIsDue(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	at := func(p *patient.Patient) time.Time { return peers.Must(p.RenewAt()) }
	ends := s.Now.Add(s.Life)
	if want := ends.AddDate(0, 0, -30); !at(s.p).Equal(want) || !peers.Must(s.p.Ends()).Equal(ends) {
		t.Errorf("due %v, ends %v", at(s.p), peers.Must(s.p.Ends()))
	}
	// A credential of after the announcement ends with its root by itself.
	c := s.Config()
	c.Pins = s.Succeeded(ends.Add(-24*time.Hour), ends)
	if p := peers.Must(patient.New(c, s.p.Identity())); !at(p).Equal(ends.Add(10*time.Minute - 24*time.Hour)) {
		t.Errorf("an end that is its root's: due %v", at(p))
	}
	// A root that ends in 12 days: 12 days and an hour of life, a quarter is 72 hours and 15 minutes.
	until := s.Now.Add(12 * 24 * time.Hour)
	for from, want := range map[time.Time]time.Time{
		s.Now.Add(time.Hour):       until.Add(-72*time.Hour - 15*time.Minute),
		until.Add(-24 * time.Hour): until.Add(-24*time.Hour + 10*time.Minute),
	} {
		c := s.Config()
		c.Pins = s.Succeeded(from, until)
		p := peers.Must(patient.New(c, s.p.Identity()))
		if !at(p).Equal(want) || !peers.Must(p.Ends()).Equal(until) {
			t.Errorf("a root from %v: due %v, want %v, ends %v", from, at(p), want, peers.Must(p.Ends()))
		}
	}
}
