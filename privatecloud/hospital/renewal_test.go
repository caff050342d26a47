package hospital_test

import (
	"context"
	"crypto/rand"
	"errors"
	"testing"
	"time"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/ecc"
	"medunion/privatecloud/hospital"
	"medunion/privatecloud/internal/peers"
)

// askAs asks what a patient may ask at any time, at this instance or another.
func (s *scene) askAs(h *hospital.Hospital, p *peers.Patient) error {
	_, err := h.Ask(s.t.Context(), p.Ask(s.t, s.h.Party.Cred, s.h.Prekey(s.t, s.w), message.Question{Kind: message.AskReleases}).M)
	return err
}

func (s *scene) answered(p *peers.Patient, what string) {
	s.t.Helper()
	if err := s.askAs(s.h.Hospital, p); err != nil {
		s.t.Errorf("%s: %s", what, problem.Reason(err))
	}
}

// renewals counts the audit lines about renewed credentials.
func (s *scene) renewals() (n int) {
	for _, a := range s.trail() {
		if a.What == hospital.EventRenewed && a.Patient == s.p.Cred.Info.ID && a.Handle != (hospital.Handle{}) {
			n++
		}
	}
	return n
}

// A patient who has renewed her credential goes on at her hospital without its desk: she
// asks, her doctor is given what she allows, and what the hospital publishes of her goes on.
// The first time that she shows it moves the pin, with a line in the trail; the older
// credential asks for nothing from then on, here and at another instance.
func TestRenewedCredential(t *testing.T) {
	for _, suite := range []ecc.Suite{ecc.SuiteX25519, ecc.SuiteXWing} {
		s := newScene(t, suite)
		s.publish()
		old, renewed := s.p, s.p.Renewed(2)
		s.answered(old, "the old credential while the new one is unknown here")
		s.answered(renewed, "the renewed credential")
		s.answered(renewed, "the renewed credential again")
		if n := s.renewals(); n != 1 {
			t.Errorf("%d lines tell of the renewal", n)
		}
		replica := s.w.Instance(t, s.h.Party, s.h.Storage, s.s, nil)
		s.refused(s.askAs(s.h.Hospital, old), "the old credential")
		s.refused(s.askAs(replica.Hospital, old), "the old credential at another instance")
		s.p = renewed
		if got, _ := s.release(s.open(), message.Filter{}); len(got) != 3 {
			t.Errorf("received %v", names(got))
		}
		before := len(s.w.Written())
		s.load(mrn, []hospital.Resource{resource("Condition", "c9", "EMERGENCY", "PROBLEM", 0)})
		s.publish()
		if len(s.w.Written()) == before {
			t.Error("nothing more is published of her")
		}
		s.answered(s.p.Renewed(7), "a later one, numbers left out")
	}
}

// What was allowed before the renewal goes on with the credential that the doctor has, as
// long as that is good; a consent that was given later needs the new one.
func TestConsentOfBeforeTheRenewal(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	s.w.Clock.Move(-20 * time.Minute)
	renewed := s.p.Renewed(2)
	s.w.Clock.Move(20 * time.Minute)
	given := func(ago time.Duration) *peers.Session {
		return s.openWith(s.p.Consent(peers.Terms{Doctor: s.d, NotBefore: s.w.Now().Add(-ago), WriteTo: s.h.ID(),
			Grants: []message.Grant{s.h.Grant([]message.Code{"GENERAL", "OUTPATIENT"}, peers.AllClasses())}}))
	}
	before, write, later := given(time.Hour), given(time.Hour), given(5*time.Minute)
	s.answered(renewed, "the renewed credential")
	if got, _ := s.release(before, message.Filter{}); len(got) != 3 {
		t.Errorf("under a consent of before: received %v", names(got))
	}
	s.refused(s.asksM8(later), "M8 with the old credential, under a consent of afterwards")
	later.P = renewed.Cred
	if got, _ := s.release(later, message.Filter{}); len(got) != 3 {
		t.Errorf("the same with the new one: received %v", names(got))
	}
	salted, d5 := write.D5(diagnosis)
	if _, err := s.h.StoreDiagnosis(t.Context(), write.M11(salted, d5)); err != nil {
		t.Errorf("M11 under a consent of before: %s", problem.Reason(err))
	}
}

// The one shown with a consent does not move the pin: nothing that she has signed names it,
// and whoever can mint credentials could shut her out.
func TestConsentDoesNotMoveThePin(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	x := s.open()
	x.P = s.p.Renewed(1 << 40).Cred
	if got, _ := s.release(x, message.Filter{}); len(got) != 3 {
		t.Errorf("received %v", names(got))
	}
	s.answered(s.p, "her own credential afterwards")
	if n := s.renewals(); n != 0 {
		t.Errorf("%d lines tell of a renewal", n)
	}
}

// TestAttack20_MintedRenewal: what a dishonest public cloud mints for her ID with a higher
// epoch, but with anything else than her keys and attr_P in it, is refused, also where the
// thief holds every secret that the credential names; and of her own line, what is older
// than the pinned one.
func TestAttack20_MintedRenewal(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	s.w.Clock.Move(-time.Hour)
	pinned, older := s.p.Renewed(4), s.p.Renewed(3)
	s.w.Clock.Move(time.Hour)
	s.answered(pinned, "the renewed credential")
	info := s.p.Cred.Info
	as := func(thief peers.Patient, attribute []byte, sign ecc.SigningKey, kem ecc.KEMPrivateKey) *peers.Patient {
		thief.Party = s.w.RegisterKeys(message.Patient, info.ID, attribute, 5, sign, kem)
		return &thief
	}
	other := s.w.PatientAs(info.ID, 1)
	weak := peers.Must(ecc.GenerateKEM(ecc.SuiteXWing, rand.Reader))
	for name, thief := range map[string]*peers.Patient{
		"a lower epoch":       older,
		"another attribute":   as(*other, other.Cred.Info.Attribute, s.p.Sign, s.p.KEM),
		"another suite":       as(*s.p, info.Attribute, s.p.Sign, weak),
		"another KEM key":     as(*s.p, info.Attribute, s.p.Sign, other.KEM),
		"another signing key": as(*s.p, info.Attribute, other.Sign, s.p.KEM),
		"all keys another's":  as(*other, other.Cred.Info.Attribute, other.Sign, other.KEM),
	} {
		s.refused(s.askAs(s.h.Hospital, thief), "a question: "+name)
		c := thief.Consent(peers.Terms{Doctor: s.d, WriteTo: s.h.ID(), Grants: []message.Grant{s.h.Grant(peers.Departments, peers.AllClasses())}})
		x := s.openWith(c)
		x.P = thief.Cred
		s.refused(s.asksM8(x), "M8: "+name)
		salted, d5 := x.D5(diagnosis)
		_, err := s.h.StoreDiagnosis(t.Context(), x.M11(salted, d5))
		s.refused(err, "M11: "+name)
		_, err = s.h.Enrol(t.Context(), thief.Enrol(t, s.h.Party.Cred, s.h.Prekey(t, s.w), "AAAA-BBBB-CCCC-DDDD").M)
		s.refused(err, "enrolment without a code: "+name)
	}
	s.answered(pinned, "the pinned credential after all that")
	if n := s.renewals(); n != 1 {
		t.Errorf("%d lines tell of a renewal", n)
	}
}

// Of a line of which one credential is revoked, none speaks: neither the one shown nor the
// one pinned may stand on the list.
func TestRevokedLine(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	renewed, x := s.p.Renewed(2), s.open()
	s.w.Revoke(s.p.Cred.Hash()) // the pinned one
	s.refused(s.askAs(s.h.Hospital, s.p), "the revoked credential")
	s.refused(s.askAs(s.h.Hospital, renewed), "a newer one than the revoked")
	x.P = renewed.Cred
	s.refused(s.asksM8(x), "M8 with a newer one than the revoked")

	s = newScene(t, ecc.SuiteX25519)
	renewed, x = s.p.Renewed(2), s.open()
	s.answered(renewed, "the renewed credential")
	s.w.Revoke(renewed.Cred.Hash())
	s.refused(s.askAs(s.h.Hospital, renewed), "the revoked one")
	s.refused(s.askAs(s.h.Hospital, s.p), "an older one than the revoked")
	s.refused(s.asksM8(x), "M8 with an older one than the revoked, under a consent of before")
}

// overtaken is the port of an instance that is held up before it writes an enrolment.
type overtaken struct {
	hospital.Enrolments
	do func()
}

func (o *overtaken) PutEnrolment(ctx context.Context, e hospital.Enrolment) error {
	if do := o.do; do != nil {
		o.do = nil
		do()
	}
	return o.Enrolments.PutEnrolment(ctx, e)
}

// The slower of two requests never takes back what the faster one has pinned: a newer
// credential of hers, or other keys by a code of the desk.
func TestRenewalsRace(t *testing.T) {
	overtake := func(s *scene, do func()) *hospital.Hospital {
		return s.w.Instance(t, s.h.Party, s.h.Storage, s.s, func(c *hospital.Config) { c.Enrolments = &overtaken{c.Enrolments, do} }).Hospital
	}
	s := newScene(t, ecc.SuiteX25519)
	second, third := s.p.Renewed(2), s.p.Renewed(3)
	slow := overtake(s, func() { s.answered(third, "the newer credential") })
	s.refused(s.askAs(slow, second), "the older of two")
	s.answered(third, "the newer of two")
	s.refused(s.askAs(s.h.Hospital, second), "the older of two, again")

	s = newScene(t, ecc.SuiteX25519)
	anew := s.w.PatientAs(s.p.Cred.Info.ID, 2)
	slow = overtake(s, func() { s.h.EnrolPatient(t, anew, mrn) })
	s.refused(s.askAs(slow, s.p.Renewed(9)), "a renewal of keys that the desk has replaced")
	s.answered(anew, "the new keys")

	s = newScene(t, ecc.SuiteX25519)
	slow = overtake(s, func() { s.answered(s.p.Renewed(2), "an older one") })
	if err := s.askAs(slow, s.p.Renewed(3)); err != nil {
		t.Errorf("the newer of two, overtaken by the older: %s", problem.Reason(err))
	}
	s.refused(s.askAs(s.h.Hospital, s.p.Renewed(2)), "the older of two")
}

// brokenTrail takes no line.
type brokenTrail struct{ hospital.AuditLog }

func (brokenTrail) AppendAudit(context.Context, []hospital.AuditEntry) error {
	return errors.New("no space")
}

// A pin that cannot be told in the trail does not move.
func TestRenewalNeedsTheTrail(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	mute := s.w.Instance(t, s.h.Party, s.h.Storage, s.s, func(c *hospital.Config) { c.Audit = brokenTrail{c.Audit} })
	wantKind(t, s.askAs(mute.Hospital, s.p.Renewed(2)), problem.KindUnavailable, "without a trail")
	s.answered(s.p, "the old credential, still pinned")
}

// The pinned credential may have ended meanwhile: what counts is the one shown. After its
// end the old one itself is refused.
func TestPinnedCredentialHasEnded(t *testing.T) {
	t.Parallel()
	s := newScene(t, ecc.SuiteX25519)
	const left = 5 * time.Second
	s.w.Clock.Move(left - 48*time.Hour)
	ending := s.p.Renewed(2)
	s.w.Clock.Move(48*time.Hour - left)
	s.answered(ending, "a credential that is about to end")
	renewed := s.p.Renewed(3)
	for end := time.Now().Add(time.Minute); s.w.Now() < ending.Cred.Info.NotAfter; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it does not end")
		}
	}
	s.refused(s.askAs(s.h.Hospital, ending), "a credential that has ended")
	s.answered(renewed, "the one that followed it")
}

// Codes of the desk cannot be guessed at the speed of renewals: tries are counted by keys.
func TestTriesOutlastRenewals(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	s.load("MRN-2", []hospital.Resource{resource("Patient", "p2", "GENERAL", "DEMOGRAPHIC", 0)})
	code, _, err := s.h.NewDeskCode(t.Context(), "MRN-2")
	if err != nil {
		t.Fatal(err)
	}
	guesser := s.w.NewPatient()
	try := func(code string) error {
		guesser = guesser.Renewed(guesser.Cred.Info.Epoch + 1)
		_, err := s.h.Enrol(t.Context(), guesser.Enrol(t, s.h.Party.Cred, s.h.Prekey(t, s.w), code).M)
		return err
	}
	for range 5 {
		s.refused(try("AAAA-AAAA-AAAA-AAAA"), "a guess")
	}
	s.refused(try(code), "the right code after five guesses")
}
