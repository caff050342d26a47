package hospital_test

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/ecc"
	"medunion/privatecloud/hospital"
	"medunion/privatecloud/internal/peers"
)

func TestDeskCodes(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	if _, _, err := s.h.NewDeskCode(t.Context(), "nobody"); problem.KindOf(err) != problem.KindNotFound {
		t.Errorf("a code for nobody: %v", err)
	}
	s.load("MRN-2", []hospital.Resource{resource("Patient", "p2", "GENERAL", "DEMOGRAPHIC", 0)})
	enrol := func(p *peers.Patient, code string) error {
		_, err := s.h.Enrol(t.Context(), p.Enrol(t, s.h.Party.Cred, s.h.Prekey(t, s.w), code).M)
		return err
	}
	code, _, err := s.h.NewDeskCode(t.Context(), "MRN-2")
	if err != nil {
		t.Fatal(err)
	}
	s.refused(enrol(s.p, code), "an identity that is enrolled with another record")
	s.refused(enrol(s.w.NewPatient(), code), "a code that was consumed")

	code, _, _ = s.h.NewDeskCode(t.Context(), "MRN-2")
	guesser := s.w.NewPatient()
	for range 5 {
		s.refused(enrol(guesser, "AAAA-AAAA-AAAA-AAAA"), "a guess")
	}
	s.refused(enrol(guesser, code), "the right code after five guesses")

	var wg sync.WaitGroup
	var mu sync.Mutex
	won := 0
	for range 4 {
		p := s.w.NewPatient()
		wg.Go(func() {
			if enrol(p, code) == nil {
				mu.Lock()
				won++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if won != 1 {
		t.Errorf("%d patients enrolled with one code", won)
	}
	revoked := s.w.NewPatient()
	s.w.Revoke(revoked.Cred.Hash())
	code, _, _ = s.h.NewDeskCode(t.Context(), "MRN-2")
	s.refused(enrol(revoked, code), "a revoked credential")
}

func TestDeskCodeExpires(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	s.h = s.w.Instance(t, s.h.Party, s.h.Storage, s.s, func(c *hospital.Config) { c.Window = openWindow{} })
	code, expires, err := s.h.NewDeskCode(t.Context(), mrn)
	if err != nil || expires.Time().Sub(s.w.Clock.Now()) > 15*time.Minute {
		t.Fatal(expires, err)
	}
	s.w.Clock.Move(15*time.Minute + time.Second)
	_, err = s.h.Enrol(t.Context(), s.p.Enrol(t, s.h.Party.Cred, s.h.Prekey(t, s.w), code).M)
	s.refused(err, "an expired code")
}

func TestSessionExpires(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	s.h = s.w.Instance(t, s.h.Party, s.h.Storage, s.s, func(c *hospital.Config) { c.Window = openWindow{} })
	x := s.open()
	s.w.Clock.Move(hospital.MaxSessionLife - time.Minute)
	s.release(x, message.Filter{}) // the ticket was good at M6
	s.w.Clock.Move(time.Minute)
	s.refused(s.asksM8(x), "M8 after thirty minutes")
}

func TestPublisher(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	s.w.Break(errors.New("no route"))
	if _, err := s.h.PublishDue(t.Context()); err == nil {
		t.Error("a failure is not reported")
	}
	s.w.Break(nil)
	if n, _ := s.h.PublishDue(t.Context()); n != 0 {
		t.Error("tried again at once")
	}
	s.w.Clock.Move(20 * time.Second)
	if n, err := s.h.PublishDue(t.Context()); n != 3 || err != nil {
		t.Fatalf("%d entries, %v", n, err)
	}
	if n, err := s.h.PublishDue(t.Context()); n != 0 || err != nil {
		t.Errorf("%d entries again, %v", n, err)
	}
	got := map[message.Code]message.IndexContent{}
	for _, w := range s.w.Written() {
		c := s.openEntry(w.Entry)
		got[c.Departments[0]] = c
	}
	if o := got["OUTPATIENT"]; len(got) != 3 || !slices.Equal(o.Classes, []message.Code{"LAB", "VITAL"}) || o.First != 1_600_000_000_000 || o.Last != 1_700_000_000_000 {
		t.Errorf("%+v", got)
	}
	// What does not change an entry is not published; what does, is, under a later time.
	s.load(mrn, []hospital.Resource{resource("Observation", "o9", "OUTPATIENT", "LAB", 1_650_000_000_000)})
	if n, err := s.h.PublishDue(t.Context()); n != 0 || err != nil {
		t.Errorf("%d entries, %v", n, err)
	}
	s.load(mrn, []hospital.Resource{resource("Immunization", "i1", "OUTPATIENT", "IMMUNIZATION", 0)})
	if n, err := s.h.PublishDue(t.Context()); n != 1 || err != nil {
		t.Errorf("%d entries, %v", n, err)
	}
	all := s.w.Written()
	last := all[len(all)-1].Entry
	for _, w := range all[:len(all)-1] {
		if w.Entry.Locator == last.Locator && w.Entry.Time >= last.Time {
			t.Error("the time of an entry does not rise")
		}
	}
}

func (s *scene) openEntry(e message.Entry) message.IndexContent {
	s.t.Helper()
	for _, l := range s.p.Locators(s.h.Party.Cred) {
		if message.Locator(l.VK) == e.Locator {
			return peers.Must(message.OpenIndex(l.Key, e.Locator, s.h.Party.Cred.Hash(), e.Value))
		}
	}
	s.t.Fatal("an entry of no locator of hers")
	return message.IndexContent{}
}

// A changed entry goes with the doctor first, and by the hospital itself two minutes later.
func TestDiagnosisEntryIsPublished(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	if _, err := s.h.PublishDue(t.Context()); err != nil {
		t.Fatal(err)
	}
	x := s.open()
	salted, d5 := x.D5(diagnosis)
	m, err := s.h.StoreDiagnosis(t.Context(), x.M11(salted, d5))
	if err != nil {
		t.Fatal(problem.Reason(err))
	}
	r := x.Stored(t, m, salted, d5)
	if len(r.Entries) != 1 || !slices.Contains(s.openEntry(r.Entries[0]).Classes, "PROBLEM") {
		t.Fatalf("%+v", r.Entries)
	}
	if n, _ := s.h.PublishDue(t.Context()); n != 0 {
		t.Error("published before the doctor could")
	}
	s.w.Clock.Move(2*time.Minute + time.Second)
	if n, err := s.h.PublishDue(t.Context()); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	all := s.w.Written()
	if last := all[len(all)-1].Entry; last.Time != r.Entries[0].Time || string(last.Value) != string(r.Entries[0].Value) {
		t.Error("the publisher's entry is not the doctor's")
	}
}

func TestPrekeys(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	s.h = s.w.Instance(t, s.h.Party, s.h.Storage, s.s, func(c *hospital.Config) { c.Window = openWindow{} })
	rotate := func() message.Hash {
		if err := s.h.RotatePrekeys(t.Context()); err != nil {
			t.Fatal(err)
		}
		return s.h.Prekey(t, s.w).ID()
	}
	first := rotate()
	if rotate() != first {
		t.Error("rotated early")
	}
	old := s.h.Prekey(t, s.w)
	s.w.Clock.Move(hospital.PrekeyRotation)
	second := rotate()
	if second == first {
		t.Error("not rotated")
	}
	c := s.consent()
	sendsTo := func(k ecc.KEMPublicKey) error {
		return s.sendM6(s.w.Visit(s.d, s.h.Party.Cred, k, s.p.Cred, c, s.w.Ticket(s.d, c.Consent, message.ModeRead)))
	}
	if err := sendsTo(old); err != nil {
		t.Errorf("the older prekey within its day: %s", problem.Reason(err))
	}
	s.w.Clock.Move(12*time.Hour + 3*time.Minute)
	third := rotate()
	c = s.consent()
	s.refused(sendsTo(old), "an expired prekey")
	if _, err := s.h.Mongo.Prekey(t.Context(), first); !errors.Is(err, hospital.ErrNotFound) {
		t.Error("the expired private key is still stored")
	}
	if _, err := s.h.Mongo.Prekey(t.Context(), third); err != nil {
		t.Error(err)
	}
}

func TestImportRefuses(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	good := resource("Patient", "p1", "GENERAL", "DEMOGRAPHIC", 0)
	for name, change := range map[string]func(*hospital.Resource){
		"no type": func(r *hospital.Resource) { r.Type = "" }, "no department": func(r *hospital.Resource) { r.Department = "" },
		"no class": func(r *hospital.Resource) { r.Class = "x" }, "no bytes": func(r *hospital.Resource) { r.Bytes = nil },
		"a doctor's": func(r *hospital.Resource) { r.Source = "ab" },
	} {
		r := good
		change(&r)
		_, err := s.h.ImportPatient(t.Context(), "MRN-3", []hospital.Resource{good, r})
		wantKind(t, err, problem.KindInvalid, name)
	}
	if known, err := s.h.Known(t.Context(), "MRN-3"); known || err != nil {
		t.Errorf("a refused import made a patient: %v", err)
	}
	_, err := s.h.ImportPatient(t.Context(), "", nil)
	wantKind(t, err, problem.KindInvalid, "no number")
}
