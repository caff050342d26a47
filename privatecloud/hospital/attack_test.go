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
	m.SigD3 = s.d.Sign.Sign(message.TBSD3(seal.Header(), signedFor, s.d.Cred.Hash(), m.R, m.PKe, m.Consent, m.Ticket, s.w.Pins.First.PK))
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
