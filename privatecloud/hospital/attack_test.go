package hospital_test

import (
	"bytes"
	"context"
	"crypto/elliptic"
	"crypto/rand"
	"testing"
	"time"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/ecc"
	"medunion/privatecloud/hospital"
	"medunion/privatecloud/internal/peers"
)

// sendM6 hands a doctor's M6 over, without looking at the answer.
func (s *scene) sendM6(x *peers.Session) error {
	m7, err := s.h.OpenSession(s.t.Context(), x.M6)
	if err != nil {
		return err
	}
	return x.ReceiveM7(m7)
}

func (s *scene) visit(c message.CON, ticket message.Signed) *peers.Session {
	s.t.Helper()
	return s.w.Visit(s.d, s.h.Party.Cred, s.h.Prekey(s.t, s.w), s.p.Cred, c, ticket)
}

func (s *scene) asksM8(x *peers.Session) error {
	_, err := s.h.Release(s.t.Context(), x.M8(message.Filter{}))
	return err
}

func (s *scene) receipts() int {
	s.t.Helper()
	list, err := message.DecodeReleases(s.ask(message.Question{Kind: message.AskReleases}))
	if err != nil {
		s.t.Fatal(err)
	}
	return len(list)
}

func TestAttack1_Replay(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	replica := s.w.Instance(t, s.h.Party, s.h.Storage, s.s, nil)
	code, _, err := s.h.NewDeskCode(t.Context(), mrn)
	if err != nil {
		t.Fatal(err)
	}
	enrol := s.p.Enrol(t, s.h.Party.Cred, s.h.Prekey(t, s.w), code)
	ask := s.p.Ask(t, s.h.Party.Cred, s.h.Prekey(t, s.w), message.Question{Kind: message.AskReleases})
	x := s.open()
	m8 := x.M8(message.Filter{})
	salted, d5 := x.D5(diagnosis)
	m11 := x.M11(salted, d5)
	steps := []struct {
		name string
		m    message.Message
		send func(*hospital.Hospital, message.Message) error
		sent bool
	}{
		{"enrolment", enrol.M, func(h *hospital.Hospital, m message.Message) error { _, err := h.Enrol(t.Context(), m); return err }, false},
		{"question", ask.M, func(h *hospital.Hospital, m message.Message) error { _, err := h.Ask(t.Context(), m); return err }, false},
		{"M6", x.M6, func(h *hospital.Hospital, m message.Message) error {
			_, err := h.OpenSession(t.Context(), m)
			return err
		}, true},
		{"M8", m8, func(h *hospital.Hospital, m message.Message) error { _, err := h.Release(t.Context(), m); return err }, false},
		{"M11", m11, func(h *hospital.Hospital, m message.Message) error {
			_, err := h.StoreDiagnosis(t.Context(), m)
			return err
		}, false},
	}
	for _, c := range steps {
		if !c.sent {
			if err := c.send(s.h.Hospital, c.m); err != nil {
				t.Fatalf("%s: %s", c.name, problem.Reason(err))
			}
		}
	}
	before := s.receipts()
	for _, c := range steps {
		s.refused(c.send(s.h.Hospital, c.m), c.name+" again")
		s.refused(c.send(replica.Hospital, c.m), c.name+" at another instance")
	}
	if n := s.receipts(); n != before {
		t.Errorf("%d receipts after the replays, %d before", n, before)
	}
}

// The ticket stays spent when Redis has forgotten everything.
func TestAttack1_TicketOutlivesRedis(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	c := s.consent()
	ticket := s.w.Ticket(s.d, c.Consent, message.ModeRead)
	if err := s.sendM6(s.visit(c, ticket)); err != nil {
		t.Fatal(err)
	}
	s.h = s.w.Instance(t, s.h.Party, s.h.Storage, s.s, func(c *hospital.Config) { c.Window = openWindow{} })
	s.refused(s.sendM6(s.visit(c, ticket)), "the ticket again")
}

// openWindow lets everything through: what stands when the window is gone.
type openWindow struct{}

func (openWindow) Fresh(time.Time) error                             { return nil }
func (openWindow) Accept(context.Context, [16]byte, time.Time) error { return nil }

func TestAttack2_Freshness(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	c, prekey := s.consent(), s.h.Prekey(t, s.w)
	for name, d := range map[string]time.Duration{"old": -31 * time.Second, "future": 3 * time.Second} {
		s.w.Clock.Move(d)
		x := s.w.Visit(s.d, s.h.Party.Cred, prekey, s.p.Cred, c, s.w.Ticket(s.d, c.Consent, message.ModeRead))
		ask := s.p.Ask(t, s.h.Party.Cred, prekey, message.Question{Kind: message.AskReleases})
		s.w.Clock.Move(-d)
		wantKind(t, s.sendM6(x), problem.KindStale, name+" M6")
		_, err := s.h.Ask(t.Context(), ask.M)
		wantKind(t, err, problem.KindStale, name+" question")
	}
	x := s.open()
	stale := x.SendAs(message.TypeM8, 2, s.w.Now().Add(-31*time.Second), message.M8{Authority: x.Authority()}.Encode())
	_, err := s.h.Release(t.Context(), stale)
	wantKind(t, err, problem.KindStale, "old M8")
	x.Out = 2 // signed anew under the next number
	if err := s.asksM8(x); err != nil {
		t.Errorf("after a stale refusal: %s", problem.Reason(err))
	}
}

func TestAttack2_OuterHeaderChanged(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	changes := map[string]func(*message.Header){
		"T":   func(h *message.Header) { h.Time++ },
		"N":   func(h *message.Header) { h.Nonce[0]++ },
		"sid": func(h *message.Header) { h.Session[0]++ },
	}
	for name, change := range changes {
		c := s.consent()
		x := s.visit(c, s.w.Ticket(s.d, c.Consent, message.ModeRead))
		change(&x.M6.Header)
		s.refused(s.sendM6(x), "M6 with another "+name)
		y := s.open()
		m8 := y.M8(message.Filter{})
		change(&m8.Header)
		_, err := s.h.Release(t.Context(), m8)
		s.refused(err, "M8 with another "+name)
	}
}

// A nonce that is used again under a new time is the same message to the window.
func TestAttack2_NonceReused(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	c := s.consent()
	x := s.visit(c, s.w.Ticket(s.d, c.Consent, message.ModeRead))
	if err := s.sendM6(x); err != nil {
		t.Fatal(err)
	}
	again := s.w.Ticket(s.d, c.Consent, message.ModeRead)
	m6 := s.m6(func(h *message.Header) { h.Nonce = x.M6.Header.Nonce }, s.h.Party.Cred, s.h.Prekey(t, s.w), s.h.Party.Cred.Hash(), c, again)
	_, err := s.h.OpenSession(t.Context(), m6)
	s.refused(err, "N again")
}

// m6 makes an M6 whose parts disagree: sealed to one hospital, signed for another.
func (s *scene) m6(change func(*message.Header), to message.Credential, prekey ecc.KEMPublicKey, signedFor message.Hash, c message.CON, ticket message.Signed) message.Message {
	hdr := peers.Must(message.NewHeader(rand.Reader, s.w.Suite, message.TypeM6, [16]byte{}, s.w.Now()))
	change(&hdr)
	seal := peers.Must(message.Begin(rand.Reader, prekey, to.Info.ID, hdr))
	m := message.M6{Doctor: s.d.Cred, Certificate: s.d.Cert, R: peers.Must(ecc.GenerateScalar(rand.Reader)).Public(),
		PKe: peers.Must(ecc.GenerateKEM(s.w.Suite, rand.Reader)).Public(), Consent: c.Consent.Hash(), Ticket: message.TicketHash(ticket)}
	m.SigD3 = s.d.Sign.Sign(message.TBSD3(seal.Header(), signedFor, s.d.Cred.Hash(), m.R, m.PKe, m.Consent, m.Ticket, s.w.Pins.PK))
	return peers.Must(seal.Seal(m.Encode()))
}

func TestAttack3_SignatureForAnotherHospital(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	other := s.w.Register(message.Hospital, "mercy", []byte("http://mercy.example"), 1)
	c := s.consent()
	ticket := s.w.Ticket(s.d, c.Consent, message.ModeRead)
	m6 := s.m6(func(*message.Header) {}, s.h.Party.Cred, s.h.Prekey(t, s.w), other.Cred.Hash(), c, ticket)
	_, err := s.h.OpenSession(t.Context(), m6)
	s.refused(err, "Sig_D3 for another hospital")
	m6 = s.m6(func(*message.Header) {}, other.Cred, s.h.Prekey(t, s.w), s.h.Party.Cred.Hash(), c, ticket)
	_, err = s.h.OpenSession(t.Context(), m6)
	s.refused(err, "sealed in another hospital's name")
	// Another doctor cannot pass Sig_D3 off as his own.
	thief := s.w.Doctor("dr-thief", "OUTPATIENT")
	x := s.w.Visit(peers.Party{Cred: thief.Cred, Cert: thief.Cert, Sign: s.d.Sign, S: thief.S}, s.h.Party.Cred, s.h.Prekey(t, s.w), s.p.Cred, c, ticket)
	s.refused(s.sendM6(x), "Sig_D3 of another doctor")
}

func TestAttack3_RepliesSwapped(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	c := s.consent()
	a := s.visit(c, s.w.Ticket(s.d, c.Consent, message.ModeRead))
	b := s.visit(c, s.w.Ticket(s.d, c.Consent, message.ModeRead))
	m7a, err1 := s.h.OpenSession(t.Context(), a.M6)
	m7b, err2 := s.h.OpenSession(t.Context(), b.M6)
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	if a.ReceiveM7(m7b) == nil || b.ReceiveM7(m7a) == nil {
		t.Error("an answer is taken in another session")
	}
	if err := a.ReceiveM7(m7a); err != nil {
		t.Fatal(err)
	}
	// An M8 of one session in the other's name.
	if err := b.ReceiveM7(m7b); err != nil {
		t.Fatal(err)
	}
	m8 := a.M8(message.Filter{})
	m8.Header.Session = b.M6.Header.Session
	_, err := s.h.Release(t.Context(), m8)
	s.refused(err, "M8 in another session")
}

func TestAttack5_BadPoints(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	p256 := elliptic.P256().Params()
	points := map[string][]byte{
		"identity":      make([]byte, 32),
		"non-canonical": bytes.Repeat([]byte{0xff}, 32),
		"negative":      append([]byte{1}, make([]byte, 31)...),
		"short":         peers.Must(ecc.GenerateScalar(rand.Reader)).Public().Bytes()[:31],
		"empty":         nil,
		"P-256":         elliptic.MarshalCompressed(elliptic.P256(), p256.Gx, p256.Gy),
	}
	for name, R := range points {
		c := s.consent()
		ticket := s.w.Ticket(s.d, c.Consent, message.ModeRead)
		hdr := peers.Must(message.NewHeader(rand.Reader, s.w.Suite, message.TypeM6, [16]byte{}, s.w.Now()))
		seal := peers.Must(message.Begin(rand.Reader, s.h.Prekey(t, s.w), s.h.ID(), hdr))
		hc, ht := c.Consent.Hash(), message.TicketHash(ticket)
		body := ecc.Encode(ecc.LabelBodyM6, s.d.Cred.Encode(), s.d.Cert, R, peers.Must(ecc.GenerateKEM(s.w.Suite, rand.Reader)).Public().Bytes(),
			hc[:], ht[:], s.d.Sign.Sign([]byte("any")))
		_, err := s.h.OpenSession(t.Context(), peers.Must(seal.Seal(body)))
		s.refused(err, name)
	}
}

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

func TestAttack18_Downgrade(t *testing.T) {
	s := newScene(t, ecc.SuiteXWing)
	c := s.consent()
	ticket := s.w.Ticket(s.d, c.Consent, message.ModeRead)
	s.w.Suite = ecc.SuiteX25519
	weak := s.w.Doctor("dr-weak", "OUTPATIENT")
	key := peers.Must(ecc.GenerateKEM(ecc.SuiteX25519, rand.Reader))
	x := s.w.Visit(weak, s.h.Party.Cred, key.Public(), s.p.Cred, c, ticket)
	s.refused(s.sendM6(x), "M6 in suite 1")
	ask := s.p.Ask(t, s.h.Party.Cred, key.Public(), message.Question{Kind: message.AskReleases})
	_, err := s.h.Ask(t.Context(), ask.M)
	s.refused(err, "a question in suite 1")
	// Suite 2 outside, a suite 1 credential inside.
	s.w.Suite = ecc.SuiteXWing
	y := s.w.Visit(weak, s.h.Party.Cred, s.h.Prekey(t, s.w), s.p.Cred, c, ticket)
	s.refused(s.sendM6(y), "a credential of suite 1")
}

func TestAttack19_Write(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	all := []message.Grant{s.h.Grant(peers.Departments, peers.AllClasses())}
	writes := func(x *peers.Session) error {
		salted, d5 := x.D5(diagnosis)
		_, err := s.h.StoreDiagnosis(t.Context(), x.M11(salted, d5))
		return err
	}
	for name, to := range map[string]message.ID{"none": "", "another hospital": "mercy"} {
		c := s.p.Consent(peers.Terms{Doctor: s.d, Grants: all, WriteTo: to})
		s.refused(writes(s.openWith(c)), "write_to "+name)
	}
	x := s.open()
	x.CON = s.p.Consent(peers.Terms{Doctor: s.d, Grants: all, WriteTo: s.h.ID()})
	s.refused(writes(x), "another consent than that of M6")

	x = s.open()
	salted, _ := x.D5(diagnosis)
	_, foreign := x.D5([]byte(`{"resourceType":"Bundle","type":"collection"}`))
	_, err := s.h.StoreDiagnosis(t.Context(), x.M11(salted, foreign))
	s.refused(err, "Sig_D5 over another diagnosis")

	for name, bundle := range map[string]string{
		"no JSON": "nonsense", "no bundle": `{"resourceType":"Condition"}`, "empty": `{"resourceType":"Bundle","type":"collection"}`,
		"invalid": `{"resourceType":"Bundle","type":"collection","entry":[{"resource":{"resourceType":"Condition","id":"x","wrong":1}}]}`,
		"unknown": `{"resourceType":"Bundle","type":"collection","entry":[{"resource":{"resourceType":"Nonsense","id":"x"}}]}`,
	} {
		y := s.open()
		salted, d5 := y.D5([]byte(bundle))
		_, err := s.h.StoreDiagnosis(t.Context(), y.M11(salted, d5))
		wantKind(t, err, problem.KindInvalid, "a diagnosis: "+name)
	}
	if d, err := message.DecodeDiagnoses(s.ask(message.Question{Kind: message.AskDiagnoses})); err != nil || len(d) != 0 || s.receipts() != 0 {
		t.Errorf("%d diagnoses are stored, %v", len(d), err)
	}
}

func TestAttack20_SecondCredential(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	minted := s.w.PatientAs(s.p.Cred.Info.ID, 2)
	c := minted.Consent(peers.Terms{Doctor: s.d, WriteTo: s.h.ID(), Grants: []message.Grant{s.h.Grant(peers.Departments, peers.AllClasses())}})
	x := s.visit(c, s.w.Ticket(s.d, c.Consent, message.ModeRead))
	x.P = minted.Cred
	if err := s.sendM6(x); err != nil {
		t.Fatal(err)
	}
	s.refused(s.asksM8(x), "M8 under a minted credential")
	// Her own credential beside the minted signatures.
	y := s.visit(c, s.w.Ticket(s.d, c.Consent, message.ModeRead))
	if err := s.sendM6(y); err != nil {
		t.Fatal(err)
	}
	s.refused(s.asksM8(y), "M8 with minted signatures")
	// The minted credential beside a consent that she did sign: with her keys in it, only
	// the pin tells the two apart.
	sameKeys := s.w.RegisterKeys(message.Patient, s.p.Cred.Info.ID, s.p.Cred.Info.Attribute, 2, s.p.Sign, s.p.KEM)
	z := s.open()
	z.P = sameKeys.Cred
	s.refused(s.asksM8(z), "M8 with a second credential of the same keys")
	ask := minted.Ask(t, s.h.Party.Cred, s.h.Prekey(t, s.w), message.Question{Kind: message.AskRecord})
	_, err := s.h.Ask(t.Context(), ask.M)
	s.refused(err, "a question under a minted credential")
	enrol := minted.Enrol(t, s.h.Party.Cred, s.h.Prekey(t, s.w), "AAAA-BBBB-CCCC-DDDD")
	_, err = s.h.Enrol(t.Context(), enrol.M)
	s.refused(err, "enrolment of a minted credential without a code")
}

// In person, with a new code, she replaces her credential; the old one is nobody then.
func TestNewCredentialInPerson(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	old := s.open()
	renewed := s.w.PatientAs(s.p.Cred.Info.ID, 2)
	s.h.EnrolPatient(t, renewed, mrn)
	s.refused(s.asksM8(old), "M8 under the old credential")
	s.p = renewed
	if got, _ := s.release(s.open(), message.Filter{}); len(got) != 3 {
		t.Errorf("received %v", names(got))
	}
}

func TestAttack21_ForeignRevocation(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	stranger := s.w.NewPatient()
	s.load("MRN-2", []hospital.Resource{resource("Patient", "p2", "GENERAL", "DEMOGRAPHIC", 0)})
	s.h.EnrolPatient(t, stranger, "MRN-2")
	grants := []message.Grant{s.h.Grant([]message.Code{"GENERAL"}, peers.AllClasses())}
	x := s.openWith(s.p.Consent(peers.Terms{Doctor: s.d, Grants: grants, CID: [16]byte{7}}))

	q := stranger.Ask(t, s.h.Party.Cred, s.h.Prekey(t, s.w), message.Question{Kind: message.AskRevoke, Consent: x.CON.Consent.Hash()})
	if _, err := s.h.Ask(t.Context(), q.M); err != nil {
		t.Fatal(problem.Reason(err))
	}
	other := stranger.Consent(peers.Terms{Doctor: s.d, Grants: grants, CID: [16]byte{7}})
	q = stranger.Ask(t, s.h.Party.Cred, s.h.Prekey(t, s.w), message.Question{Kind: message.AskRevoke, Consent: other.Consent.Hash()})
	if _, err := s.h.Ask(t.Context(), q.M); err != nil {
		t.Fatal(problem.Reason(err))
	}
	if got, _ := s.release(x, message.Filter{}); len(got) != 1 {
		t.Errorf("received %v", names(got))
	}
	// A revocation that she did not sign is refused.
	thief := *s.p
	thief.Sign = stranger.Sign
	q = thief.Ask(t, s.h.Party.Cred, s.h.Prekey(t, s.w), message.Question{Kind: message.AskRevoke, Consent: x.CON.Consent.Hash()})
	_, err := s.h.Ask(t.Context(), q.M)
	s.refused(err, "a revocation signed by another")
}
