package attack_test

import (
	"slices"
	"testing"
	"time"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/ecc"
	"medunion/patient-agent/patient"
)

// scene is a patient who is enrolled at both hospitals and a dishonest doctor.
type scene struct {
	*union
	p *person
	r *rogue
}

func newScene(t *testing.T, s ecc.Suite) *scene {
	t.Helper()
	u := newUnion(t, s)
	x := &scene{union: u, p: u.patient(), r: u.doctor().turn()}
	x.p.enrol(u.anna, lab("a", 10))
	x.p.enrol(u.bern, lab("b", 10))
	return x
}

// searches makes an M4 of a consent.
func (s *scene) searches(con message.CON) message.Message {
	m, _ := s.r.m4(con, message.ModeRead, edits[message.M4]{})
	return m
}

// asks makes an M8 of a consent under a genuine ticket for it, whatever the public cloud
// would say: what the hospital refuses it refuses by itself.
func (s *scene) asksM8(con message.CON) message.Message {
	s.Helper()
	ticket := s.mint(con, message.ModeRead, nil)
	return s.r.connect(s.anna, con, ticket).m8(s.p.authority(con, ticket))
}

// mint is a ticket as the public cloud signs it, edited.
func (s *scene) mint(con message.CON, mode message.Mode, edit func(*message.Ticket)) message.Signed {
	now := s.clock.millis()
	t := message.Ticket{Header: s.r.header(message.TypeM5), Doctor: s.r.cred.Hash(), Department: con.Consent.Department, Consent: con.Consent.Hash(),
		Mode: mode, Issued: now, Expires: now.Add(5 * time.Minute)}
	if edit != nil {
		edit(&t)
	}
	return message.Sign(s.cloud.Current().Held[0].SigningKey, t.Encode())
}

// TestAttack11_TheSame403: a consent that does not hold is refused at M4 by the public
// cloud, and at M8 and M11 by the hospital alone, with one and the same problem.
func TestAttack11_TheSame403(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	control := s.p.consent(s.r.physician, nil)
	s.mustAsk(s.pc(), s.searches(control))
	_, err := s.send(s.anna.node, s.asksM8(control))
	ok(t, err)
	want, entry := face(problem.Refused(nil)), s.p.entries()[0]
	s.mustAsk(s.pc(), s.r.m12(control, entry, edits[message.M12]{}))
	s.mustAsk(s.anna.node, s.writes(control))
	for name, c := range s.badConsents() {
		if c.cloud {
			err := s.refused(name+" at the public cloud", s.attempt(s.pc(), s.searches(c.con)))
			if got := face(err); got != want {
				t.Errorf("%s at the public cloud: %s, want %s", name, got, want)
			}
			if name != "overused" { // searches are counted, M12 is none
				err := s.refused(name+" at the public cloud, M12", s.attempt(s.pc(), s.r.m12(c.con, entry, edits[message.M12]{})))
				if got := face(err); got != want {
					t.Errorf("%s, M12: %s, want %s", name, got, want)
				}
			}
		}
		if c.hospital {
			err := s.refused(name+" at the hospital", s.attempt(s.anna.node, s.asksM8(c.con)))
			if got := face(err); got != want {
				t.Errorf("%s at the hospital: %s, want %s", name, got, want)
			}
			err = s.refused(name+" at the hospital, M11", s.attempt(s.anna.node, s.writes(c.con)))
			if got := face(err); got != want {
				t.Errorf("%s, M11: %s, want %s", name, got, want)
			}
		}
	}
	s.mustAsk(s.pc(), s.searches(control))
	_, err = s.send(s.anna.node, s.asksM8(control))
	ok(t, err)
}

// writes makes an M11 of a consent under a genuine ticket.
func (s *scene) writes(con message.CON) message.Message {
	s.Helper()
	ticket := s.mint(con, message.ModeWrite, nil)
	return s.r.connect(s.anna, con, ticket).m11(s.p.authority(con, ticket), diagnosis)
}

// badConsent is a consent that must be refused, and by whom.
type badConsent struct {
	con             message.CON
	cloud, hospital bool
}

func (s *scene) badConsents() map[string]badConsent {
	s.Helper()
	good := s.p.consent(s.r.physician, nil)
	unsigned := func(edit func(*message.CON)) message.CON { // edited without the patient
		c := good
		c.Authorizers, c.OpenH.Grants = slices.Clone(c.Authorizers), slices.Clone(c.OpenH.Grants)
		edit(&c)
		return c
	}
	signed := func(edit func(*message.CON)) message.CON { return s.p.resigned(good, edit) }
	now := s.clock.millis()
	stranger := s.patient()
	otherKeys := func(c *message.CON) {
		c.SigmaP = stranger.keys.Sign.Sign(message.TBSSigmaP(c.Consent))
		for i := range c.Authorizers {
			c.Authorizers[i].SigmaL = stranger.keys.Sign.Sign(message.TBSSigmaL(c.Consent))
		}
	}
	out := map[string]badConsent{
		"no consent, made up by the doctor": {unsigned(func(c *message.CON) { c.Consent.CID[0]++; otherKeys(c) }), true, true},
		"expired": {signed(func(c *message.CON) {
			c.Consent.NotBefore, c.Consent.Expires = now.Add(-time.Hour), now.Add(-time.Second)
		}), true, true},
		"not in force yet":    {signed(func(c *message.CON) { c.Consent.NotBefore = now.Add(5 * time.Minute) }), true, true},
		"edited: its end":     {unsigned(func(c *message.CON) { c.Consent.Expires = now.Add(time.Hour) }), true, true},
		"edited: its uses":    {unsigned(func(c *message.CON) { c.Consent.MaxUses = 1000 }), true, true},
		"edited: the purpose": {unsigned(func(c *message.CON) { c.Consent.Purpose = "RESEARCH" }), true, true},
		"edited: the grants": {unsigned(func(c *message.CON) {
			c.OpenH.Grants[0].Classes = []message.Code{"GENETIC"}
			c.Consent.CommitH = c.OpenH.Commit()
		}), true, true},
		"edited: the opening of the grants": {unsigned(func(c *message.CON) { c.OpenH.Grants[0].Classes = []message.Code{"GENETIC"} }), false, true},
		"for another doctor":                {signed(func(c *message.CON) { c.Consent.Doctor = s.doctor().cred.Hash() }), true, true},
		"for a department not hers":         {signed(func(c *message.CON) { c.Consent.Department = "SURGERY" }), true, true},
		"for another hospital": {signed(func(c *message.CON) {
			c.OpenH.Grants = c.OpenH.Grants[:1]
			c.OpenH.Grants[0] = message.Grant{Hospital: s.bern.id, Departments: []message.Code{"GENERAL"}, Classes: []message.Code{"LAB"}}
			c.OpenH.WriteTo = s.bern.id
		}), false, true},
		"without user verification": {unsigned(func(c *message.CON) { c.Assertion = message.AssertPassphrase(stranger.uv, 1, c.Consent) }), false, true},
		"revoked":                   {s.revokedConsent(), true, true},
		"overused":                  {s.overused(), true, false},
	}
	return out
}

// revokedConsent is one that the patient has revoked at each cloud.
func (s *scene) revokedConsent() message.CON {
	c := s.p.consent(s.r.physician, nil)
	q := message.Question{Kind: message.AskRevoke, Consent: c.Consent.Hash()}
	s.p.asksCloud(q)
	s.p.asks(s.anna, q)
	return c
}

// overused is a consent whose searches are spent: reads are counted at the public cloud.
func (s *scene) overused() message.CON {
	c := s.p.consent(s.r.physician, func(c *patient.Choices) { c.MaxUses = 2 })
	s.r.ticket(c, message.ModeRead)
	s.r.ticket(c, message.ModeWrite) // no use
	s.r.ticket(c, message.ModeRead)
	if n := s.p.uses(c.Consent.Hash()); n != 3 {
		s.Errorf("%d uses are listed, want 3", n)
	}
	return c
}

// TestAttack11_ExpiresDuringTheVisit: what was good at M4 is refused at M8 when its time
// is over then.
func TestAttack11_ExpiresDuringTheVisit(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	c := s.p.consent(s.r.physician, func(c *patient.Choices) { c.Expires = s.clock.Now().Add(2 * time.Minute) })
	ticket := s.r.ticket(c, message.ModeRead)
	l := s.r.connect(s.anna, c, ticket)
	_, err := s.send(s.anna.node, l.m8(s.p.authority(c, ticket)))
	ok(t, err)
	s.clock.move(2 * time.Minute)
	s.refused("M8 after the end", s.attempt(s.anna.node, l.m8(s.p.authority(c, ticket))))
	s.refused("M4 after the end", s.attempt(s.pc(), s.searches(c)))
}

// TestAttack11_RevokedDoctor: her credential is refused at both clouds and by patients.
func TestAttack11_RevokedDoctor(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	c := s.p.consent(s.r.physician, nil)
	ticket := s.r.ticket(c, message.ModeRead)
	l := s.r.connect(s.anna, c, ticket)
	_, err := s.send(s.anna.node, l.m8(s.p.authority(c, ticket)))
	ok(t, err)
	card := s.cardOf(s.r.physician)
	_, err = s.p.VerifyCard(s.r.cred.Hash(), card, s.union.revoked())
	ok(t, err)
	ok(t, s.cloud.RevokeCredential(t.Context(), "kim", s.r.cred.Hash()))
	s.refresh(s.anna)
	s.refused("M4", s.attempt(s.pc(), s.searches(c)))
	s.refused("M6", s.attempt(s.anna.node, s.r.m6(s.anna, c.Consent.Hash(), ecc.Sum(nil), edits[message.M6]{}).m6))
	s.refused("M8 in a session that is open", s.attempt(s.anna.node, l.m8(s.p.authority(c, ticket))))
	s.refused("her card", func() error { _, err := s.p.VerifyCard(s.r.cred.Hash(), card, s.union.revoked()); return err })
}

func (u *union) cardOf(d *physician) patient.Card {
	c := must(u.cloud.Doctor(u.Context(), d.cred.Hash()))
	return patient.Card{Credential: must(message.DecodeCredential(c.Credential)), Certificate: c.Certificate, Prekey: must(message.DecodeSigned(c.Prekey))}
}

func TestAttack12_PublicCloudSkipped(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	c := s.p.consent(s.r.physician, nil)
	own := message.Sign(s.r.sign, s.mint(c, message.ModeRead, nil).TBS) // signed by the doctor instead
	s.refused("M8 with a ticket of her own", s.m8With(c, own))
	s.refused("M8 with a ticket that nobody signed", s.m8With(c, message.Signed{TBS: own.TBS, Signature: make([]byte, 64)}))
	own = message.Sign(s.r.sign, s.mint(c, message.ModeWrite, nil).TBS)
	s.refused("M11 with a ticket of her own", s.attempt(s.anna.node, s.r.connect(s.anna, c, own).m11(s.p.authority(c, own), diagnosis)))
	ok(t, s.m8With(c, s.r.ticket(c, message.ModeRead))())
}

// m8With opens a session under a ticket now and returns an M8 in it as an attack.
func (s *scene) m8With(c message.CON, ticket message.Signed) func() error {
	s.Helper()
	m8 := s.r.connect(s.anna, c, ticket).m8(s.p.authority(c, ticket))
	return s.attempt(s.anna.node, m8)
}

func TestAttack12_TicketForged(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	c := s.p.consent(s.r.physician, nil)
	good := s.r.ticket(c, message.ModeRead)
	changed := func(edit func(*message.Ticket)) message.Signed { // Sig_C stays
		k := must(message.DecodeTicket(good.TBS))
		edit(&k)
		return message.Signed{TBS: k.Encode(), Signature: good.Signature}
	}
	for name, ticket := range map[string]message.Signed{
		"its end":                         changed(func(k *message.Ticket) { k.Expires = k.Expires.Add(time.Hour) }),
		"its doctor":                      changed(func(k *message.Ticket) { k.Doctor[0]++ }),
		"its consent":                     changed(func(k *message.Ticket) { k.Consent[0]++ }),
		"its mode":                        changed(func(k *message.Ticket) { k.Mode = message.ModeWrite }),
		"genuine, for another doctor":     s.mint(c, message.ModeRead, func(k *message.Ticket) { k.Doctor[0]++ }),
		"genuine, for another consent":    s.mint(c, message.ModeRead, func(k *message.Ticket) { k.Consent[0]++ }),
		"genuine, for another department": s.mint(c, message.ModeRead, func(k *message.Ticket) { k.Department = "SURGERY" }),
		"genuine, for writing, to read":   s.r.ticket(c, message.ModeWrite),
	} {
		s.refused(name, s.m8With(c, ticket))
	}
	ok(t, s.m8With(c, good)())
}

func TestAttack12_TicketStale(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	c := s.p.consent(s.r.physician, nil)
	old, fresh := s.r.ticket(c, message.ModeRead), s.r.ticket(c, message.ModeRead)
	ok(t, s.m8With(c, fresh)())
	s.clock.move(5*time.Minute + time.Second)
	s.refused("M8 under a ticket that ended before M6", s.m8With(c, old))
	ahead := s.mint(c, message.ModeRead, func(k *message.Ticket) { k.Issued, k.Expires = k.Issued.Add(time.Minute), k.Expires.Add(time.Minute) })
	s.refused("M8 under a ticket from the future", s.m8With(c, ahead))
}

func TestAttack12_TicketUsedTwiceAtOneHospital(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	c := s.p.consent(s.r.physician, nil)
	ticket := s.r.ticket(c, message.ModeRead)
	ok(t, s.m8With(c, ticket)())
	again := func() message.Message {
		return s.r.m6(s.anna, c.Consent.Hash(), message.TicketHash(ticket), edits[message.M6]{}).m6
	}
	s.refused("a second session", s.attempt(s.anna.node, again()))
	s.refused("a second session at another replica", s.attempt(s.replica(s.anna), again()))
	s.clock.move(31 * time.Second)
	s.refused("a second session when the window has passed", s.attempt(s.anna.node, again()))
	s.r.connect(s.bern, c, ticket) // one session at each hospital
}

func TestAttack13_M8DiffersFromM6(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	other := s.patient()
	other.enrol(s.anna, lab("c", 10))
	c, c2 := s.p.consent(s.r.physician, nil), s.p.consent(s.r.physician, nil)
	theirs := other.consent(s.r.physician, nil)
	t1, t2, t3 := s.r.ticket(c, message.ModeRead), s.r.ticket(c2, message.ModeRead), s.r.ticket(theirs, message.ModeRead)
	second := s.r.ticket(c, message.ModeRead)
	l := s.r.connect(s.anna, c, t1)
	mixed := s.p.authority(c, t1)
	mixed.PatientID = other.keys.ID
	foreign := s.p.authority(c, t1)
	foreign.PatientID, foreign.Patient = other.keys.ID, *other.keys.Credential
	for name, a := range map[string]message.Authority{
		"another consent of hers, with its ticket": s.p.authority(c2, t2),
		"another consent of hers, this ticket":     s.p.authority(c2, t1),
		"this consent, another ticket for it":      s.p.authority(c, second),
		"another patient's consent and ticket":     other.authority(theirs, t3),
		"another patient's ID_P":                   mixed,
		"another patient's ID_P and credential":    foreign,
	} {
		s.refused("M8 with "+name, s.attempt(s.anna.node, l.m8(a)))
		s.refused("M11 with "+name, s.attempt(s.anna.node, l.m11(a, diagnosis)))
	}
	_, err := s.send(s.anna.node, l.m8(s.p.authority(c, t1)))
	ok(t, err)
}

// TestAttack13_PlantedEntry: a malicious public cloud shows the doctor an entry of a
// hospital that the consent does not name; she does not name the patient to it.
func TestAttack13_PlantedEntry(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	eve := s.clinic("eve")
	e, vk := eve.entry(s.p, "GENERAL")
	s.mustAsk(s.pc(), eve.write(e, vk))
	v := s.open(s.p, s.doctor(), s.terms())
	search, found := v.search(message.ModeRead)
	for _, f := range found {
		if f.Hospital.Info.ID == eve.cred.Info.ID {
			t.Error("the planted hospital is offered")
		}
	}
	if len(found) != 2 {
		t.Errorf("found %d hospitals, want the two of the consent", len(found))
	}
	s.refused("M6 to the planted hospital", func() error { _, _, err := search.BeginSession(eve.cred, s.prekey(eve.cred)); return err })
	v.session(search, s.anna)
}
