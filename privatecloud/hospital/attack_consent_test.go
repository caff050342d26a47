package hospital_test

import (
	"bytes"
	"crypto/rand"
	"testing"
	"time"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/ecc"
	"medunion/privatecloud/hospital"
	"medunion/privatecloud/internal/peers"
)

func TestAttack11_Consent(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	now := s.w.Now()
	grant := func(h message.ID) []message.Grant {
		return []message.Grant{{Hospital: h, Departments: []message.Code{"GENERAL"}, Classes: peers.AllClasses()}}
	}
	other := s.w.Doctor("dr-other", "OUTPATIENT")
	own := grant(s.h.ID())
	cases := map[string]func() message.CON{
		"expired": func() (a message.CON) {
			a = s.p.Consent(peers.Terms{Doctor: s.d, Grants: own, Expires: now - 1})
			return a
		},
		"not yet in force": func() (a message.CON) {
			a = s.p.Consent(peers.Terms{Doctor: s.d, Grants: own, NotBefore: now.Add(time.Minute)})
			return a
		},
		"another doctor": func() (a message.CON) { a = s.p.Consent(peers.Terms{Doctor: other, Grants: own}); return a },
		"another department": func() (a message.CON) {
			a = s.p.Consent(peers.Terms{Doctor: s.d, Grants: own, Department: "EMERGENCY"})
			return a
		},
		"another hospital": func() (a message.CON) { a = s.p.Consent(peers.Terms{Doctor: s.d, Grants: grant("mercy")}); return a },
		"no hospital":      func() (a message.CON) { a = s.p.Consent(peers.Terms{Doctor: s.d}); return a },
		"edited opening": func() (a message.CON) {
			a = s.p.Consent(peers.Terms{Doctor: s.d, Grants: own})
			a.OpenH.Grants = []message.Grant{{Hospital: s.h.ID(), Departments: peers.Departments, Classes: peers.AllClasses()}}
			return a
		},
		"edited after signing": func() (a message.CON) {
			a = s.p.Consent(peers.Terms{Doctor: s.d, Grants: own})
			a.Consent.Purpose = "RESEARCH"
			return a
		},
		"without user verification": func() (a message.CON) {
			a = s.p.Consent(peers.Terms{Doctor: s.d, Grants: own})
			a.Assertion = message.AssertPassphrase(peers.Must(ecc.GenerateSigningKey(rand.Reader)), 1, a.Consent)
			return a
		},
		"assertion of another consent": func() (a message.CON) {
			a = s.p.Consent(peers.Terms{Doctor: s.d, Grants: own})
			a.Assertion = s.consent().Assertion
			return a
		},
		"signed by another": func() (a message.CON) {
			a = s.p.Consent(peers.Terms{Doctor: s.d, Grants: own})
			a.SigmaP = s.d.Sign.Sign(message.TBSSigmaP(a.Consent))
			return a
		},
	}
	for name, consent := range cases {
		a := consent()
		x := s.visit(a, s.w.Ticket(s.d, a.Consent, message.ModeRead))
		if err := s.sendM6(x); err != nil {
			t.Fatalf("%s: %s", name, problem.Reason(err))
		}
		s.refused(s.asksM8(x), name)
	}
	if n := s.receipts(); n != 0 {
		t.Errorf("%d receipts", n)
	}
}

func TestAttack11_Revoked(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	x := s.open()
	s.release(x, message.Filter{})
	s.ask(message.Question{Kind: message.AskRevoke, Consent: x.CON.Consent.Hash()})
	s.refused(s.asksM8(x), "M8 after the revocation")
	salted, d5 := x.D5(diagnosis)
	_, err := s.h.StoreDiagnosis(t.Context(), x.M11(salted, d5))
	s.refused(err, "M11 after the revocation")

	y := s.open()
	s.w.Revoke(s.d.Cred.Hash())
	s.refused(s.asksM8(y), "M8 of a revoked doctor")
	c := s.consent()
	s.refused(s.sendM6(s.visit(c, s.w.Ticket(s.d, c.Consent, message.ModeRead))), "M6 of a revoked doctor")
}

func TestAttack11_RevocationListTooOld(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	x := s.open()
	s.w.AgeList(message.MaxRevocationAge + time.Minute)
	wantKind(t, s.asksM8(x), problem.KindUnavailable, "M8 with an old list")
	c := s.consent()
	wantKind(t, s.sendM6(s.visit(c, s.w.Ticket(s.d, c.Consent, message.ModeRead))), problem.KindUnavailable, "M6 with an old list")
}

func TestAttack12_Tickets(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	now := s.w.Now()
	forger := peers.NewWorld(s.w.Suite)
	forger.Cloud = peers.Must(ecc.GenerateSigningKey(rand.Reader))
	for name, ticket := range map[string]func(c message.Consent) message.Signed{
		"none": func(message.Consent) message.Signed {
			return message.Signed{TBS: []byte("none"), Signature: make([]byte, 64)}
		},
		"forged": func(c message.Consent) message.Signed { return forger.Ticket(s.d, c, message.ModeRead) },
		"expired at M6": func(c message.Consent) message.Signed {
			return s.w.TicketAt(s.d, c, message.ModeRead, now.Add(-6*time.Minute))
		},
		"of the future": func(c message.Consent) message.Signed {
			return s.w.TicketAt(s.d, c, message.ModeRead, now.Add(time.Minute))
		},
		"for another doctor": func(c message.Consent) message.Signed {
			return s.w.Ticket(s.w.Doctor("dr-x", "OUTPATIENT"), c, message.ModeRead)
		},
		"for another consent":  func(message.Consent) message.Signed { return s.w.Ticket(s.d, s.consent().Consent, message.ModeRead) },
		"for writing":          func(c message.Consent) message.Signed { return s.w.Ticket(s.d, c, message.ModeWrite) },
		"for other department": func(c message.Consent) message.Signed { c2 := c; c2.Department = "SURGERY"; return ticketFor(s, c, c2) },
	} {
		c := s.consent()
		x := s.visit(c, ticket(c.Consent))
		if err := s.sendM6(x); err != nil {
			t.Fatalf("%s: %s", name, problem.Reason(err))
		}
		s.refused(s.asksM8(x), name)
	}
	c := s.consent()
	ticket := s.w.Ticket(s.d, c.Consent, message.ModeRead)
	if err := s.sendM6(s.visit(c, ticket)); err != nil {
		t.Fatal(err)
	}
	s.refused(s.sendM6(s.visit(c, ticket)), "used twice")
}

// ticketFor signs a ticket for the consent c that names the department of another.
func ticketFor(s *scene, c, other message.Consent) message.Signed {
	t := peers.Must(message.DecodeTicket(s.w.Ticket(s.d, c, message.ModeRead).TBS))
	t.Department = other.Department
	return message.Sign(s.w.Cloud, t.Encode())
}

// One ticket serves two hospitals: it is spent at each by itself.
func TestTicketIsSpentPerHospital(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	second := s.w.NewHospital(t, "mercy", peers.NewStores(mongoURI, redisAddr))
	c := s.consent()
	ticket := s.w.Ticket(s.d, c.Consent, message.ModeRead)
	y := s.w.Visit(s.d, second.Party.Cred, second.Prekey(t, s.w), s.p.Cred, c, ticket)
	if _, err := second.OpenSession(t.Context(), y.M6); err != nil {
		t.Error(problem.Reason(err))
	}
}

func TestAttack13_M8DiffersFromM6(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	stranger := s.w.NewPatient()
	s.load("MRN-2", []hospital.Resource{resource("Patient", "p2", "GENERAL", "DEMOGRAPHIC", 0)})
	s.h.EnrolPatient(t, stranger, "MRN-2")
	for name, change := range map[string]func(x *peers.Session){
		"consent": func(x *peers.Session) { x.CON = s.consent() },
		"ticket":  func(x *peers.Session) { x.Ticket = s.w.Ticket(s.d, x.CON.Consent, message.ModeRead) },
		"ID_P":    func(x *peers.Session) { x.P = stranger.Cred; x.CON.OpenH.Patient = stranger.Cred.Info.ID },
		"Cred_P":  func(x *peers.Session) { x.P = stranger.Cred },
	} {
		x := s.open()
		change(x)
		s.refused(s.asksM8(x), "another "+name)
	}
}

func TestAttack14_SessionMessages(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	for name, spoil := range map[string]func(*peers.Session, *message.Message){
		"bit flipped": func(_ *peers.Session, m *message.Message) { m.Ciphertext[len(m.Ciphertext)/2] ^= 1 },
		"truncated":   func(_ *peers.Session, m *message.Message) { m.Ciphertext = m.Ciphertext[:len(m.Ciphertext)-1] },
		"renumbered":  func(_ *peers.Session, m *message.Message) { m.Header.Seq++ },
		"reflected": func(x *peers.Session, m *message.Message) {
			h := m.Header
			*m = peers.Must(message.SealSession(x.SEK.Channel(ecc.HospitalToDoctor, x.TH), h, []byte("anything")))
		},
		"for another": func(_ *peers.Session, m *message.Message) { m.Header.To[0] ^= 1 },
	} {
		x := s.open()
		m8 := x.M8(message.Filter{})
		good := message.Message{Header: m8.Header, Ciphertext: bytes.Clone(m8.Ciphertext)}
		spoil(x, &m8)
		_, err := s.h.Release(t.Context(), m8)
		s.refused(err, name)
		_, err = s.h.Release(t.Context(), good)
		s.refused(err, name+": the session must be closed")
	}
	// Sealed for another hospital by the doctor herself.
	y := s.open()
	hdr := peers.Must(message.NewHeader(rand.Reader, s.w.Suite, message.TypeM8, y.M6.Header.Session, s.w.Now()))
	hdr.Seq, hdr.To = 2, message.PeerID(message.Hash{1})
	m8 := peers.Must(message.SealSession(y.SEK.Channel(ecc.DoctorToHospital, y.TH), hdr, message.M8{Authority: y.Authority()}.Encode()))
	_, err := s.h.Release(t.Context(), m8)
	s.refused(err, "kid_to of another hospital")
	// A number that was used changes nothing: the session goes on.
	x := s.open()
	s.release(x, message.Filter{})
	old := x.SendAs(message.TypeM8, 2, s.w.Now(), message.M8{Authority: x.Authority()}.Encode())
	_, err = s.h.Release(t.Context(), old)
	s.refused(err, "a used number")
	if err := s.asksM8(x); err != nil {
		t.Errorf("after a used number: %s", problem.Reason(err))
	}
}

// TestBoundOfRevocationAtAHospital: whoever is on the list that the hospital holds is refused
// with the next message, in a session that was opened before too; a patient's revoked
// credential speaks for nobody. Without a newer list the last one serves for two hours,
// and nobody is served after that.
func TestBoundOfRevocationAtAHospital(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	x := s.open()
	s.w.AgeList(message.MaxRevocationAge - time.Minute)
	s.release(x, message.Filter{})
	y := s.open()
	s.w.Revoke(s.p.Cred.Hash())
	s.refused(s.asksM8(y), "M8 for a patient whose credential is revoked, in a session from before")
	s.w.AgeList(message.MaxRevocationAge + time.Minute)
	wantKind(t, s.asksM8(y), problem.KindUnavailable, "with a list that is too old")
}
