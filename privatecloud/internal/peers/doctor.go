package peers

import (
	"crypto/rand"
	"errors"
	"testing"
	"time"

	"medunion/api/message"
	"medunion/ecc"
)

// Ticket makes the public cloud's ticket for a consent.
func (w *World) Ticket(d Party, c message.Consent, mode message.Mode) message.Signed {
	return w.TicketAt(d, c, mode, w.Now())
}

// TicketAt makes a ticket that was issued at some other time.
func (w *World) TicketAt(d Party, c message.Consent, mode message.Mode, issued message.Millis) message.Signed {
	hdr := Must(message.NewHeader(rand.Reader, w.Suite, message.TypeM5, [16]byte{}, issued))
	t := message.Ticket{Header: hdr, Doctor: d.Cred.Hash(), Department: c.Department, Consent: c.Hash(), Mode: mode,
		Issued: issued, Expires: issued.Add(5 * time.Minute)}
	return message.Sign(w.Cloud, t.Encode())
}

// Session is a doctor's session with a hospital.
type Session struct {
	W       *World
	Doctor  Party
	H       message.Credential
	P       message.Credential // Cred_P as it goes into M8
	CON     message.CON
	Ticket  message.Signed
	M6      message.Message
	In, Out uint64

	r7         ecc.Scalar
	key        ecc.KEMPrivateKey
	x1         []byte
	SEK        ecc.SessionKey
	TH         message.Hash // th2
	lastM8     message.Message
	Transcript message.Hash
}

// Visit begins a session: it makes M6 (Eq. 33-35).
func (w *World) Visit(d Party, h message.Credential, prekey ecc.KEMPublicKey, p message.Credential, con message.CON, ticket message.Signed) *Session {
	s := &Session{W: w, Doctor: d, H: h, P: p, CON: con, Ticket: ticket}
	hdr := Must(message.NewHeader(rand.Reader, w.Suite, message.TypeM6, [16]byte{}, w.Now()))
	seal := Must(message.Begin(rand.Reader, prekey, h.Info.ID, hdr))
	s.r7, s.key, s.x1 = Must(ecc.GenerateScalar(rand.Reader)), Must(ecc.GenerateKEM(w.Suite, rand.Reader)), seal.Export()
	m6 := message.M6{Doctor: d.Cred, Certificate: d.Cert, R: s.r7.Public(), PKe: s.key.Public(), Consent: con.Consent.Hash(), Ticket: message.TicketHash(ticket)}
	m6.SigD3 = d.Sign.Sign(message.TBSD3(seal.Header(), h.Hash(), d.Cred.Hash(), m6.R, m6.PKe, m6.Consent, m6.Ticket, w.Pins.First.PK))
	s.M6 = Must(seal.Seal(m6.Encode()))
	return s
}

// ReceiveM7 verifies M7 and derives SEK_2 (Eq. 42-44).
func (s *Session) ReceiveM7(m message.Message) error {
	opened, err := message.Open(m, s.key, s.Doctor.Cred.Info.ID)
	if err != nil {
		return err
	}
	m7, err := message.DecodeM7(opened.Plaintext)
	if err != nil {
		return err
	}
	th1 := message.Transcript(message.Transcript0(s.W.Suite, s.M6.Header.Session), s.M6)
	tbs := message.TBSHPC1(m.Header, th1, s.H.Hash(), s.Doctor.Cred.Hash(), s.r7.Public(), m7.R, s.W.Pins.First.PK)
	if err := s.H.Info.Keys.Sign.Verify(tbs, m7.SigHPC1); err != nil {
		return err
	}
	a := ecc.Agreement{Label: ecc.LabelSEK2, TH: th1, CInitiator: s.Doctor.Cred.Hash(), CResponder: s.H.Hash(), RInitiator: s.r7.Public(),
		RResponder: m7.R, EncResponder: opened.Enc}
	aH, err := s.H.ImplicitKey(s.W.Pins)
	if err != nil {
		return err
	}
	if s.SEK, err = a.Initiator(ecc.Secrets{S: s.Doctor.S, R: s.r7, X1: s.x1, X2: opened.Export}, aH); err != nil {
		return err
	}
	s.TH = message.Transcript(th1, m)
	s.In, s.Out = 1, 1
	return s.SEK.VerifyConfirm("H", tbs, m7.Confirm[:])
}

// Authority is what M8 and M11 carry.
func (s *Session) Authority() message.Authority {
	return message.Authority{PatientID: s.CON.OpenH.Patient, Patient: s.P, Consent: s.CON.Consent, OpenH: s.CON.OpenH, SigmaP: s.CON.SigmaP,
		Assertion: s.CON.Assertion, Ticket: s.Ticket}
}

// Send seals a body as the next message of the session.
func (s *Session) Send(t message.Type, body []byte) message.Message {
	s.Out++
	return s.SendAs(t, s.Out, s.W.Now(), body)
}

// SendAs seals a body under a chosen number and time.
func (s *Session) SendAs(t message.Type, seq uint64, at message.Millis, body []byte) message.Message {
	hdr := Must(message.NewHeader(rand.Reader, s.W.Suite, t, s.M6.Header.Session, at))
	hdr.Seq, hdr.To = seq, message.PeerID(s.H.Hash())
	return Must(message.SealSession(s.SEK.Channel(ecc.DoctorToHospital, s.TH), hdr, body))
}

// M8 asks for the record.
func (s *Session) M8(f message.Filter) message.Message {
	s.lastM8 = s.Send(message.TypeM8, message.M8{Authority: s.Authority(), Filter: f}.Encode())
	return s.lastM8
}

// D5 signs a diagnosis, given without its salt.
func (s *Session) D5(bundle []byte) (salted []byte, d5 message.Signed) {
	salted = Must(message.Salted(rand.Reader, bundle))
	d := message.D5{Patient: s.CON.OpenH.Patient, Doctor: s.Doctor.Cred.Hash(), Consent: s.CON.Consent.Hash(), Diagnosis: ecc.Sum(salted), Time: s.W.Now()}
	return salted, message.Sign(s.Doctor.Sign, d.Encode())
}

// M11 writes a diagnosis.
func (s *Session) M11(salted []byte, d5 message.Signed) message.Message {
	return s.Send(message.TypeM11, message.M11{Authority: s.Authority(), Diagnosis: salted, SigD5: d5}.Encode())
}

// Open opens the next message from the hospital.
func (s *Session) Open(m message.Message, want message.Type) ([]byte, error) {
	h := m.Header
	if h.Type != want || h.Seq != s.In+1 || h.To != message.PeerID(s.Doctor.Cred.Hash()) || h.Session != s.M6.Header.Session {
		return nil, errors.New("header")
	}
	b, err := message.OpenSession(s.SEK.Channel(ecc.HospitalToDoctor, s.TH), m)
	if err == nil {
		s.In++
	}
	return b, err
}

// Pages opens the pages of a release and verifies Sig_HPC2; it returns their contents.
func (s *Session) Pages(t testing.TB, pages []message.Message) (contents [][]byte, receipt uint64, hashes []message.Hash) {
	t.Helper()
	th := message.Transcript(s.TH, s.lastM8)
	for i, m := range pages {
		b, err := s.Open(m, message.TypeM9)
		if err != nil {
			t.Fatalf("page %d: %v", i+1, err)
		}
		p, err := message.DecodeM9(b)
		if err != nil || int(p.Page) != i+1 || int(p.Pages) != len(pages) {
			t.Fatalf("page %d of %d: %v", p.Page, p.Pages, err)
		}
		hashes, receipt = append(hashes, ecc.Sum(p.EMR)), p.Receipt
		contents = append(contents, Must(message.Unsalted(p.EMR)))
		if i == len(pages)-1 {
			tbs := message.TBSHPC2(m.Header, th, s.Doctor.Cred.Hash(), s.H.Hash(), s.CON.OpenH.Patient, s.CON.Consent.Hash(), receipt, hashes)
			if err := s.H.Info.Keys.Sign.Verify(tbs, p.SigHPC2); err != nil {
				t.Fatal("Sig_HPC2 does not hold")
			}
		}
		th = message.Transcript(th, m)
	}
	return contents, receipt, hashes
}

// Stored opens the answer to M11 and verifies Sig_HPC3.
func (s *Session) Stored(t testing.TB, m message.Message, salted []byte, d5 message.Signed) message.Stored {
	t.Helper()
	b, err := s.Open(m, message.TypeStored)
	if err != nil {
		t.Fatal(err)
	}
	r, err := message.DecodeStored(b)
	if err != nil {
		t.Fatal(err)
	}
	tbs := message.TBSHPC3(m.Header, s.Doctor.Cred.Hash(), s.H.Hash(), r.Record, salted, d5, r.Time)
	if err := s.H.Info.Keys.Sign.Verify(tbs, r.SigHPC3); err != nil {
		t.Fatal("Sig_HPC3 does not hold")
	}
	return r
}
