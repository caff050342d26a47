package doctor

import (
	"sync"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/ecc"
)

// Session is one session with one hospital (M6-M9, M11). Sessions of a visit run
// side by side; the steps of one session follow each other. It is safe for
// concurrent use. It prints as "[redacted]".
type Session struct {
	redacted
	v        *Visit
	con      message.CON
	consent  message.Hash
	ticket   message.Signed
	mode     message.Mode
	hospital message.Credential
	cH       message.Hash

	mu      sync.Mutex
	phase   sessionPhase
	start   *agreement // between M6 and M7
	id      [16]byte   // sid
	expires message.Millis
	th2     message.Hash // the transcript after M7, from which each release starts anew
	in, out ecc.Channel  // H>D, D>H
	inSeq   *ecc.Sequence
	outSeq  *ecc.Sequence
	release *receiving
	writing *Diagnosis
}

type sessionPhase uint8

const (
	greeted   sessionPhase = iota // M6 is made, M7 is awaited
	ready                         // M8 or M11 may be sent
	releasing                     // pages are awaited
	storing                       // the receipt of M11 is awaited
	over
)

// agreement is what the doctor keeps of M6 until M7: r7, sk_e6, x1.
type agreement struct {
	redacted
	reply oneTime
	r     ecc.Scalar
	x1    []byte
	th1   message.Hash
	pk    ecc.Point // of the root that issued Cred_D
}

// BeginSession makes M6 (Eq. 33-35) for a hospital under its signed prekey, with
// the ticket of this search. A hospital that the consent does not name is refused:
// one that is found must be granted something, one to write at must be write_to.
func (s *Search) BeginSession(hospital message.Credential, prekey message.Signed) (*Session, message.Message, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.phase != found {
		return nil, message.Message{}, order("the search has no ticket")
	}
	if s.v.d.now() >= s.expires {
		return nil, message.Message{}, problem.Conflict("The ticket has expired: search again.").Because(errLifetime)
	}
	if err := s.named(hospital.Info.ID); err != nil {
		return nil, message.Message{}, err
	}
	if err := s.admit(hospital); err != nil {
		return nil, message.Message{}, err
	}
	h := &Session{v: s.v, con: s.con, consent: s.consent, ticket: s.ticket, mode: s.mode, hospital: hospital, cH: hospital.Hash()}
	m6, err := h.greet(prekey)
	if err != nil {
		return nil, message.Message{}, err
	}
	return h, m6, nil
}

func (s *Search) named(hospital message.ID) error {
	_, granted := s.con.OpenH.Grant(hospital)
	if s.mode == message.ModeRead && !granted || s.mode == message.ModeWrite && hospital != s.con.OpenH.WriteTo {
		return problem.Refused(errGrant)
	}
	return nil
}

func (h *Session) greet(prekey message.Signed) (message.Message, error) {
	d, self := h.v.d, h.v.self
	p, err := message.OpenPrekey(prekey, h.cH, self.suite, h.hospital.Info.Keys.Sign, d.now())
	if err != nil {
		return message.Message{}, problem.Refused(err)
	}
	hdr, err := message.NewHeader(d.cfg.Rand, self.suite, message.TypeM6, [16]byte{}, d.stamp())
	if err != nil {
		return message.Message{}, problem.Internal(err)
	}
	sealing, err := message.Begin(d.cfg.Rand, p.Key, h.hospital.Info.ID, hdr)
	if err != nil {
		return message.Message{}, problem.Internal(err)
	}
	a := &agreement{x1: sealing.Export(), reply: oneTime{header: sealing.Header()}}
	if a.r, err = ecc.GenerateScalar(d.cfg.Rand); err != nil { // r7
		return message.Message{}, problem.Internal(err)
	}
	if a.reply.key, err = ecc.GenerateKEM(self.suite, d.cfg.Rand); err != nil {
		return message.Message{}, problem.Internal(err)
	}
	root, err := d.pins().Issuer(self.credential) // the initiator's PK is the one that both name
	if err != nil {
		return message.Message{}, problem.Refused(err)
	}
	a.pk = root.PK
	m6, err := sealing.Seal(h.m6(a).Encode()) // Eq. 34
	if err != nil {
		return message.Message{}, problem.Internal(err)
	}
	h.id = m6.Header.Session
	a.th1 = message.Transcript(message.Transcript0(self.suite, h.id), m6)
	h.start = a
	return m6, nil
}

func (h *Session) m6(a *agreement) message.M6 {
	self := h.v.self
	body := message.M6{Doctor: self.credential, Certificate: self.certificate, R: a.r.Public(), // R_D3 = r7 P, Eq. 33
		PKe: a.reply.key.Public(), Consent: h.consent, Ticket: message.TicketHash(h.ticket)}
	tbs := message.TBSD3(a.reply.header, h.cH, self.c, body.R, body.PKe, body.Consent, body.Ticket, a.pk)
	body.SigD3 = self.sign.Sign(tbs) // Eq. 35
	h.v.note("Sig_D3", self.c, tbs, body.SigD3)
	return body
}

// ReceiveM7 opens the hospital's answer (Eq. 42), verifies Sig_HPC1 (Eq. 43) and
// the key confirmation, "SEK_2 =?" of Eq. 44. Any failure ends the session.
func (h *Session) ReceiveM7(m7 message.Message) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.phase != greeted {
		return order("M7 is not awaited")
	}
	sek, err := h.agree(m7)
	if err != nil {
		h.close()
		return err
	}
	h.th2 = message.Transcript(h.start.th1, m7)
	h.in, h.inSeq = sek.Channel(ecc.HospitalToDoctor, h.th2), ecc.NewSequence(1)   // M7 was number 1
	h.out, h.outSeq = sek.Channel(ecc.DoctorToHospital, h.th2), ecc.NewSequence(1) // M6 was number 1
	h.expires = h.v.d.now().Add(SessionLife)
	h.start, h.phase = nil, ready
	return nil
}

func (h *Session) agree(m7 message.Message) (ecc.SessionKey, error) {
	self := h.v.self
	opened, err := h.start.reply.open(m7, message.TypeM7, self.id) // Eq. 42
	if err != nil {
		return ecc.SessionKey{}, err
	}
	body, err := message.DecodeM7(opened.Plaintext)
	if err != nil {
		return ecc.SessionKey{}, malformed(message.TypeM7, err)
	}
	if body.Hospital.Hash() != h.cH {
		return ecc.SessionKey{}, problem.Refused(errPeer)
	}
	rD := h.start.r.Public()
	tbs := message.TBSHPC1(m7.Header, h.start.th1, h.cH, self.c, rD, body.R, h.start.pk)
	if err := h.hospital.Info.Keys.Sign.Verify(tbs, body.SigHPC1); err != nil { // Eq. 43
		return ecc.SessionKey{}, problem.Refused(err)
	}
	sek, err := h.sek2(body.R, opened)
	if err != nil {
		return ecc.SessionKey{}, problem.Refused(err)
	}
	if err := sek.VerifyConfirm("H", tbs, body.Confirm[:]); err != nil { // SEK_2 =?
		return ecc.SessionKey{}, problem.Refused(err)
	}
	h.v.noteHospital(h.hospital)
	h.v.note("Sig_HPC1", h.cH, tbs, body.SigHPC1)
	return sek, nil
}

// sek2 is SEK_2 on the doctor's side (Eq. 44).
func (h *Session) sek2(rH ecc.Point, opened ecc.Opened) (ecc.SessionKey, error) {
	aH, err := h.hospital.ImplicitKey(h.v.d.pins()) // A_HPC, left side of Eq. 7
	if err != nil {
		return ecc.SessionKey{}, err
	}
	a := ecc.Agreement{Label: ecc.LabelSEK2, TH: h.start.th1, CInitiator: h.v.self.c, CResponder: h.cH,
		RInitiator: h.start.r.Public(), RResponder: rH, EncResponder: opened.Enc}
	return a.Initiator(ecc.Secrets{S: h.v.self.s, R: h.start.r, X1: h.start.x1, X2: opened.Export}, aH) // Eq. 44
}

// Hospital returns Cred_HPC of the peer.
func (h *Session) Hospital() message.Credential { return h.hospital }

// Ready reports whether M8 or M11 can be sent now.
func (h *Session) Ready() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.phase == ready && h.v.d.now() < h.expires
}

// SignAnew lets M8 or M11 be made once more after the hospital has refused the one
// under way, for its time above all: the session is ready again, and the next message
// takes the next number and a new nonce. It is a conflict unless an answer is awaited
// and none of it has come. A relay that only pretends the refusal gains nothing: the
// answer to the first message no longer fits and closes the session.
func (h *Session) SignAnew() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.phase != storing && (h.phase != releasing || h.release.next != 1) {
		return order("no answer is awaited, or a part of it has come")
	}
	h.phase, h.release, h.writing = ready, nil, nil
	return nil
}

// Close ends the session and drops its keys.
func (h *Session) Close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.close()
}

func (h *Session) close() {
	h.phase, h.start, h.release, h.writing = over, nil, nil, nil
	h.in, h.out = ecc.Channel{}, ecc.Channel{}
}

// authority is what M8 and M11 share. Before either, ID_HPC must stand in open_H:
// otherwise an entry planted in the index would make the doctor name the patient
// to a hospital that she never named.
func (h *Session) authority() message.Authority {
	return message.Authority{PatientID: h.con.OpenH.Patient, Patient: h.v.patient, Consent: h.con.Consent,
		OpenH: h.con.OpenH, SigmaP: h.con.SigmaP, Assertion: h.con.Assertion, Ticket: h.ticket}
}

// send seals a message of the session under the next number.
func (h *Session) send(t message.Type, body []byte) (message.Message, error) {
	if h.v.d.now() >= h.expires {
		h.close()
		return message.Message{}, problem.Refused(errLifetime)
	}
	hdr, err := message.NewHeader(h.v.d.cfg.Rand, h.v.self.suite, t, h.id, h.v.d.stamp())
	if err != nil {
		return message.Message{}, problem.Internal(err)
	}
	hdr.Seq, hdr.To = h.outSeq.Next(), message.PeerID(h.cH)
	m, err := message.SealSession(h.out, hdr, body)
	if err != nil {
		return message.Message{}, problem.Internal(err)
	}
	return m, nil
}

// receive opens the next message of the session.
func (h *Session) receive(m message.Message, want message.Type) ([]byte, error) {
	hdr := m.Header
	if hdr.Type != want || hdr.Session != h.id || hdr.Suite != h.v.self.suite || hdr.To != message.PeerID(h.v.self.c) {
		return nil, problem.Refused(errHeader)
	}
	if h.v.d.now() >= h.expires {
		return nil, problem.Refused(errLifetime)
	}
	if err := h.inSeq.Accept(hdr.Seq); err != nil {
		return nil, problem.Refused(err)
	}
	b, err := message.OpenSession(h.in, m)
	if err != nil {
		return nil, problem.Refused(err)
	}
	return b, nil
}
