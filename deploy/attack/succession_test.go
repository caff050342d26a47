package attack_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"testing"
	"time"

	"medunion/api/message"
	"medunion/api/replay/redistest"
	"medunion/doctor-portal/doctor"
	"medunion/ecc"
	"medunion/publiccloud/cloud"
	cloudserver "medunion/publiccloud/server"
)

type learner interface{ Learn(context.Context) error }

// rootTools are the commands of the public cloud's operator about its root.
func (u *union) rootTools() cloudserver.RootTools {
	return cloudserver.RootTools{ID: u.config.ID, KeyTools: cloudserver.KeyTools{Keys: u.config.Keys, MongoURI: mongoURI, Database: u.config.Database,
		Now: u.clock.Now}}
}

// announced has the root succeeded by the operator's command: in two hours, and a day
// after that the old one ends. Everybody learns of it at once.
func (u *union) announced() message.Succession {
	u.Helper()
	from := u.clock.Now().Add(2 * time.Hour)
	s, err := u.rootTools().Announce(u.Context(), from, from.Add(24*time.Hour))
	ok(u, err)
	redistest.Eventually(u, 20*time.Second, "the instance to load the new root", func() bool { return len(u.cloud.Pins().Successions()) == 1 })
	u.learn()
	return s
}

// learn lets hospitals fetch the successions, and doctors and patients take the same.
func (u *union) learn() {
	u.Helper()
	for _, h := range []*house{u.anna, u.bern} {
		ok(u, h.node.Revocations.(learner).Learn(u.Context()))
		if !h.node.Pins.Pins().Equal(u.cloud.Pins()) {
			u.Fatal("a hospital has learned something else")
		}
	}
	u.pins = u.cloud.Pins()
}

// at moves the clock to a time, with the lists and prekeys of all that have one.
func (u *union) at(t message.Millis, doctors ...*physician) {
	u.Helper()
	u.later(t.Time().Sub(u.clock.Now()))
	for _, d := range doctors {
		d.refresh()
	}
}

// signing is the root that signs what the public cloud publishes now.
func (u *union) signing() message.Root {
	u.Helper()
	s := must(message.DecodeSigned(must(u.cloud.Parameters())))
	return must(message.OpenParameters(s, u.pins, u.clock.millis())).Root()
}

// holds fails unless all of a visit's evidence verifies offline under the pins.
func (v *visit) holds(pins message.Pins) {
	v.u.Helper()
	for _, s := range v.dv.Evidence().Verify(pins, v.u.verify) {
		if s.Err != nil {
			v.u.Errorf("%s does not verify: %v", s.Name, s.Err)
		}
	}
}

// started is a visit up to M7 at St Anna.
type started struct {
	*visit
	x *doctor.Session
}

func (u *union) begunAtAnna(p *person, d *physician) *started {
	u.Helper()
	v := u.open(p, d, u.terms())
	search, _ := v.search(message.ModeRead)
	return &started{v, v.session(search, u.anna)}
}

// finish runs M8 to M11, and M12 if the diagnosis changed the index; it says whether.
func (s *started) finish() bool {
	s.u.Helper()
	s.fetch(s.x, s.u.anna, message.Filter{})
	g := must(s.dv.Diagnose(diagnosis))
	_, err := s.pv.ReceiveM10(must(s.dv.M10()))
	ok(s.u, err)
	stored := s.store(s.x, s.u.anna, g)
	if stored.Indexable() {
		s.index(stored)
	}
	return stored.Indexable()
}

// TestRootIsSucceededInAVisit: a visit that began under one root ends under the next; visits before and after
// go on, between parties whose credentials are of either root; the evidence of all of them verifies with the chain in hand.
func TestRootIsSucceededInAVisit(t *testing.T) {
	suites(t, func(t *testing.T, suite ecc.Suite) {
		u := newUnion(t, suite)
		p, d := u.patient(), u.doctor()
		p.enrol(u.anna, lab("a1", 10))
		before := u.begunAtAnna(p, d)
		before.finish()
		s := u.announced()
		u.at(s.From-1, d)
		v := u.begunAtAnna(p, d)
		p3, d3 := u.patient(), u.doctor() // their first diagnosis changes the index
		p3.enrol(u.anna, lab("a3", 10))
		first := u.begunAtAnna(p3, d3)
		if !u.signing().Equal(s.Old) {
			t.Fatal("the new root signs before its time")
		}
		u.at(s.From.Add(6*time.Minute), d)
		if !u.signing().Equal(s.New) {
			t.Fatal("the old root signs after the new one's time")
		}
		v.finish()
		if !first.finish() {
			t.Error("M12 was not among the steps")
		}
		p2, d2 := u.patient(), u.doctor() // of the new root
		p2.enrol(u.anna, lab("a2", 10))
		for _, w := range []*started{before, v, first} {
			w.holds(u.pins)
		}
		for _, w := range []*started{u.begunAtAnna(p, d), u.begunAtAnna(p, d2), u.begunAtAnna(p2, d), u.begunAtAnna(p2, d2)} {
			w.finish()
			w.holds(u.pins)
		}
		p.asksCloud(message.Question{Kind: message.AskEntries})
	})
}

// TestAttack22_TheOldRootAfterItsEnd: whoever has the secrets of a root that has ended mints
// credentials, tickets and lists that nobody accepts, dated back or not.
func TestAttack22_TheOldRootAfterItsEnd(t *testing.T) {
	u := newUnion(t, ecc.SuiteX25519)
	p, d := u.patient(), u.doctor()
	p.enrol(u.anna, lab("a1", 10))
	thief := u.cloud.Current().Held[0]
	s := u.announced()
	u.at(s.From.Add(10*time.Minute), d)
	r := u.doctor().turn() // of the new root, and dishonest
	u.at(s.Until.Add(-time.Hour), d, r.physician)
	con := p.consent(r.physician, nil)
	control := message.Sign(thief.SigningKey, u.ticketFor(r, con, u.clock.millis()).Encode())
	u.mustRelease(r, p, con, control)
	u.clock.move(time.Hour + 10*time.Minute)
	r.refresh()
	u.refresh(u.anna)
	for name, issued := range map[string]message.Millis{"of now": u.clock.millis(), "dated back": s.Until - 1} {
		ticket := u.ticketFor(r, con, issued)
		ticket.Expires = u.clock.millis().Add(4 * time.Minute)
		signed := message.Sign(thief.SigningKey, ticket.Encode())
		l := r.connect(u.anna, con, signed)
		u.refused("a ticket of the old root, "+name, u.attempt(u.anna.node, l.m8(p.authority(con, signed))))
	}
	forged := r.cred
	forged.Signature = thief.SigningKey.Sign(message.TBSCredential(forged.Info, forged.R))
	l := r.m6(u.anna, con.Consent.Hash(), message.Hash{}, edits[message.M6]{body: func(m *message.M6) { m.Doctor = forged }})
	u.refused("a doctor of the old root at a hospital", u.attempt(u.anna.node, l.m6))
	search, _ := r.m4(con, message.ModeRead, edits[message.M4]{body: func(m *message.M4) { m.Doctor = forged }})
	u.refused("a doctor of the old root at the public cloud", u.attempt(u.pc(), search))
	list := message.Sign(thief.SigningKey, message.Revocations{Issued: u.clock.millis()}.Encode())
	if err := r.AcceptRevocations(list); err == nil {
		t.Error("a revocation list of the old root is accepted")
	}
	u.forks(thief)
}

// ticketFor is a ticket as a public cloud would sign it.
func (u *union) ticketFor(r *rogue, con message.CON, issued message.Millis) message.Ticket {
	return message.Ticket{Header: r.header(message.TypeM5), Doctor: r.cred.Hash(), Department: con.Consent.Department,
		Consent: con.Consent.Hash(), Mode: message.ModeRead, Issued: issued, Expires: issued.Add(message.TicketLife)}
}

// mustRelease is the control: St Anna releases under the ticket.
func (u *union) mustRelease(r *rogue, p *person, con message.CON, ticket message.Signed) {
	u.Helper()
	l := r.connect(u.anna, con, ticket)
	if _, err := u.send(u.anna.node, l.m8(p.authority(con, ticket))); err != nil {
		ok(u, err)
	}
}

// forks: the old key names another successor, and nobody follows.
func (u *union) forks(thief cloud.OwnRoot) {
	u.Helper()
	own := cloud.OwnRoot{SigningKey: must(ecc.GenerateSigningKey(rand.Reader)), Issuer: must(ecc.NewIssuer(must(ecc.GenerateScalar(rand.Reader)), bytes.Repeat([]byte{1}, 32)))}
	now := u.clock.millis()
	fork := message.SignSuccession(thief.SigningKey, own.SigningKey, message.Succession{CloudID: u.pins.CloudID, Number: 1, Old: thief.Public(),
		New: own.Public(), From: now, Until: now.Add(24 * time.Hour)})
	if got, err := u.pins.Extend(fork); err == nil || !got.Equal(u.pins) {
		u.Error("another successor of the old root is followed")
	}
}
