package hospital

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/ecc"
)

// session is SEK_2 with what was agreed when it was made. It exists in memory for one
// request; between requests it lies sealed in the session store.
type session struct {
	ID          [16]byte // sid
	Doctor      message.Credential
	Certificate []byte // Cert_D
	Licence     string
	Name        string
	Departments []message.Code // ID_DE* of Cert_D
	Consent     message.Hash   // H(Consent) of M6
	Ticket      message.Hash   // H(Ticket) of M6
	Request     message.Signed // tbs_D3, Sig_D3: evidence
	Accepted    message.Millis // when M6 was accepted
	SEK         ecc.SessionKey
	TH          message.Hash // th2
	In, Out     uint64       // last sequence numbers, D>H and H>D

	by      Identity // of the exchange
	bare    bool     // by is not written down: it was the only one
	version uint64
}

func (s session) expires() message.Millis { return s.Accepted.Add(MaxSessionLife) }

func (s session) inbound() ecc.Channel  { return s.SEK.Channel(ecc.DoctorToHospital, s.TH) }
func (s session) outbound() ecc.Channel { return s.SEK.Channel(ecc.HospitalToDoctor, s.TH) }

func (s session) encode() []byte {
	departments := make([][]byte, len(s.Departments))
	for i, d := range s.Departments {
		departments[i] = []byte(d)
	}
	fields := [][]byte{s.ID[:], s.Doctor.Encode(), s.Certificate, []byte(s.Licence), []byte(s.Name),
		ecc.Encode(ecc.LabelList, departments...), s.Consent[:], s.Ticket[:], number(uint64(s.Accepted)), s.SEK.SecretBytes(),
		s.TH[:], number(s.In), number(s.Out), s.Request.Encode()}
	if !s.bare {
		fields = append(fields, s.by.self[:])
	}
	return ecc.Encode(ecc.LabelSEK2, fields...)
}

// sessionWidths are the fixed widths of the fields of an encoded session, 0 for any. c_HPC, the last one, is left
// out while the hospital has one identity only: the program of before reads the state then, and a
// session lives shorter than two renewals are apart.
var sessionWidths = []int{16, 0, 0, 0, 0, 0, 32, 32, 8, 32, 32, 8, 8, 0, 32}

func sessionFields(b []byte) ([][]byte, error) {
	f, err := ecc.Decode(ecc.LabelSEK2, b, len(sessionWidths))
	if err != nil {
		f, err = ecc.Decode(ecc.LabelSEK2, b, len(sessionWidths)-1)
	}
	return f, err
}

func decodeSession(b []byte) (s session, err error) {
	f, err := sessionFields(b)
	if err != nil {
		return s, err
	}
	for i, x := range f {
		if w := sessionWidths[i]; w != 0 && len(x) != w {
			return s, ecc.ErrEncoding
		}
	}
	if s.bare = len(f) < len(sessionWidths); !s.bare {
		s.by.self = message.Hash(f[14])
	}
	departments, err := ecc.DecodeList(ecc.LabelList, f[5], maxStateList)
	if err != nil {
		return s, err
	}
	for _, d := range departments {
		s.Departments = append(s.Departments, message.Code(d))
	}
	if s.Doctor, err = message.DecodeCredential(f[1]); err != nil {
		return s, err
	}
	if s.SEK, err = ecc.DecodeSessionKey(f[9]); err != nil {
		return s, err
	}
	if s.Request, err = message.DecodeSigned(f[13]); err != nil {
		return s, err
	}
	s.ID, s.Certificate, s.Licence, s.Name = [16]byte(f[0]), f[2], string(f[3]), string(f[4])
	s.Consent, s.Ticket, s.TH = message.Hash(f[6]), message.Hash(f[7]), message.Hash(f[10])
	s.Accepted = message.Millis(binary.BigEndian.Uint64(f[8]))
	s.In, s.Out = binary.BigEndian.Uint64(f[11]), binary.BigEndian.Uint64(f[12])
	return s, nil
}

func (h *Hospital) sessionIndex(sid [16]byte) message.Hash { return h.keys.index(indexSession, sid[:]) }

// sealSession binds the state to its place and to the number of its changes.
func (h *Hospital) sealSession(s session) ([]byte, error) {
	return h.keys.seal(h.Rand, useSessions, sessionPlace(s.ID, s.version), s.encode())
}

func sessionPlace(sid [16]byte, version uint64) []byte {
	return ecc.Encode(ecc.LabelSEK2, sid[:], number(version))
}

func (h *Hospital) createSession(ctx context.Context, s session) error {
	s.version = 1
	sealed, err := h.sealSession(s)
	if err != nil {
		return sealError(err)
	}
	err = h.Sessions.CreateSession(ctx, h.sessionIndex(s.ID), sealed, MaxSessionLife)
	if errors.Is(err, ErrExists) {
		return errors.New("a session with this id exists")
	}
	return stored(err)
}

func (h *Hospital) loadSession(ctx context.Context, sid [16]byte) (session, error) {
	st, err := h.Sessions.Session(ctx, h.sessionIndex(sid))
	if errors.Is(err, ErrNotFound) {
		return session{}, errors.New("no such session")
	}
	if err != nil {
		return session{}, stored(err)
	}
	b, err := h.keys.open(useSessions, sessionPlace(sid, st.Version), st.Sealed)
	if err != nil {
		return session{}, fmt.Errorf("session state: %w", err)
	}
	s, err := decodeSession(b)
	if err != nil {
		return session{}, fmt.Errorf("session state: %w", err)
	}
	s.version = st.Version
	if h.now() >= s.expires() {
		return session{}, errors.New("the session has expired")
	}
	s.by, err = h.sessionIdentity(s)
	return s, err
}

// sessionIdentity is the identity that a loaded session names. One that names none was begun before another
// one was there.
func (h *Hospital) sessionIdentity(s session) (Identity, error) {
	ids := h.identities()
	switch {
	case !s.bare:
		return h.identity(s.by.self)
	case ids.Previous != nil:
		return *ids.Previous, nil
	}
	return ids.Current, nil
}

// advance takes the session to its next state; the slower of two requests is refused.
func (h *Hospital) advance(ctx context.Context, s session) (session, error) {
	s.version++
	sealed, err := h.sealSession(s)
	if err != nil {
		return s, sealError(err)
	}
	err = h.Sessions.SwapSession(ctx, h.sessionIndex(s.ID), StoredSession{Version: s.version, Sealed: sealed})
	if errors.Is(err, ErrLost) || errors.Is(err, ErrNotFound) {
		return s, errors.New("another message of the session was first")
	}
	return s, stored(err)
}

// errBroken marks a failure after which the session is closed.
var errBroken = errors.New("the session is broken")

// receive opens a message inside its session: time, sequence, AEAD. The session is not
// advanced yet.
func (h *Hospital) receive(ctx context.Context, m message.Message) (session, []byte, error) {
	if err := h.fresh(m); err != nil {
		return session{}, nil, err
	}
	s, err := h.loadSession(ctx, m.Header.Session)
	if err != nil {
		return s, nil, err
	}
	// A number that was used is a replay and changes nothing. Numbers may be left out: a
	// client whose message was refused as stale must not use its nonce again.
	if m.Header.Seq <= s.In {
		return s, nil, ecc.ErrSequence
	}
	if m.Header.To != message.PeerID(s.by.self) {
		return s, nil, fmt.Errorf("%w: sealed for another", errBroken)
	}
	body, err := message.OpenSession(s.inbound(), m)
	if err != nil {
		return s, nil, errors.Join(errBroken, err)
	}
	s.In = m.Header.Seq
	return s, body, nil
}

// closeBroken closes the session of a message that did not open (attack 14).
func (h *Hospital) closeBroken(ctx context.Context, m message.Message, cause error) {
	if errors.Is(cause, errBroken) {
		// A failure leaves the session to its expiry: the message was refused all the same.
		_ = h.Sessions.DropSession(ctx, h.sessionIndex(m.Header.Session))
	}
}

// ticketMemory is how long a used ticket is remembered: longer than a ticket and the session
// that it opened can live together. After that M8 refuses it as expired at M6.
const ticketMemory = MaxSessionLife + 10*time.Minute

// OpenSession answers M6 with M7. Of consent and ticket only the hashes are known yet; M8
// and M11 must show what they are the hashes of.
func (h *Hospital) OpenSession(ctx context.Context, m message.Message) (message.Message, error) {
	if m.Header.Type != message.TypeM6 {
		return message.Message{}, malformed(message.TypeM6)
	}
	ev := Event{Step: message.TypeM6}
	m7, err := h.openSession(ctx, m, &ev)
	if err != nil {
		return message.Message{}, h.refuse(ctx, ev, err)
	}
	ev.What = EventOpened
	return m7, h.record(ctx, ev)
}

func (h *Hospital) openSession(ctx context.Context, m message.Message, ev *Event) (message.Message, error) {
	if err := h.fresh(m); err != nil {
		return message.Message{}, err
	}
	opened, err := h.open(ctx, m)
	if err != nil {
		return message.Message{}, err
	}
	m6, err := message.DecodeM6(h.suite, opened.Plaintext)
	if err != nil {
		return message.Message{}, err
	}
	s, err := h.verifyM6(m.Header, m6, opened.by)
	ev.Doctor, ev.Licence, ev.Consent = m6.Doctor.Hash(), s.Licence, m6.Consent
	if err != nil {
		return message.Message{}, err
	}
	ev.proven = true
	if err := h.accept(ctx, ev.Doctor, m.Header); err != nil {
		return message.Message{}, err
	}
	if err := h.useTicket(ctx, ev.Doctor, m6.Ticket); err != nil {
		return message.Message{}, err
	}
	return h.answerM6(ctx, m, m6, opened.Opened, s)
}

// verifyM6 checks the doctor (Eq. 36) and Sig_D3 (Eq. 37).
func (h *Hospital) verifyM6(hdr message.Header, m6 message.M6, by Identity) (session, error) {
	if m6.Doctor.Info.Suite != h.suite {
		return session{}, fmt.Errorf("%w: suite", message.ErrCredential)
	}
	now, pins := h.now(), h.Pins.Pins()
	cert, err := message.VerifyDoctor(pins, h.VerifyCertificate, m6.Doctor, m6.Certificate, now)
	if err != nil {
		return session{}, err
	}
	root, err := pins.Issuer(m6.Doctor) // the doctor is the initiator
	if err != nil {
		return session{}, err
	}
	cD := m6.Doctor.Hash()
	s := session{ID: hdr.Session, Doctor: m6.Doctor, Certificate: m6.Certificate, Licence: cert.Licence, Name: cert.Name,
		Departments: codes(cert.Departments), Consent: m6.Consent, Ticket: m6.Ticket, Accepted: now, In: 1, Out: 1, by: by, bare: len(h.identities().held()) == 1}
	tbs := message.TBSD3(hdr, by.self, cD, m6.R, m6.PKe, m6.Consent, m6.Ticket, root.PK)
	s.Request = message.Signed{TBS: tbs, Signature: m6.SigD3}
	if err := m6.Doctor.Info.Keys.Sign.Verify(tbs, m6.SigD3); err != nil {
		return s, err
	}
	return s, h.unrevoked(cD)
}

func codes(s []string) []message.Code {
	out := make([]message.Code, len(s))
	for i := range s {
		out[i] = message.Code(s[i])
	}
	return message.SortCodes(out)
}

// useTicket spends H(Ticket) at this hospital, durably. It is spent for this doctor: a ticket
// names its doctor, so that nobody can spend another's.
func (h *Hospital) useTicket(ctx context.Context, cD, ticket message.Hash) error {
	err := h.Tickets.UseTicket(ctx, h.keys.index(indexTicket, cD[:], ticket[:]), h.now().Add(ticketMemory))
	if errors.Is(err, ErrExists) {
		return errors.New("the ticket has opened a session here")
	}
	return stored(err)
}

// answerM6 derives SEK_2 and makes M7 (Eq. 38-41).
func (h *Hospital) answerM6(ctx context.Context, m message.Message, m6 message.M6, opened ecc.Opened, s session) (message.Message, error) {
	r8, err := ecc.GenerateScalar(h.Rand)
	if err != nil {
		return message.Message{}, problem.Internal(err)
	}
	R := r8.Public() // R_HPC2 = r8 P (38)
	seal, err := h.reply(m.Header, message.TypeM7, m6.PKe, m6.Doctor.Info.ID)
	if err != nil {
		return message.Message{}, problem.Internal(err)
	}
	th1 := message.Transcript(message.Transcript0(h.suite, m.Header.Session), m)
	cD := m6.Doctor.Hash()
	root, err := h.Pins.Pins().Issuer(m6.Doctor)
	if err != nil {
		return message.Message{}, err
	}
	aD, err := ecc.ImplicitKey(m6.Doctor.Info.Encode(), m6.Doctor.R, root.PK)
	if err != nil {
		return message.Message{}, err
	}
	agreement := ecc.Agreement{Label: ecc.LabelSEK2, TH: th1, CInitiator: cD, CResponder: s.by.self,
		RInitiator: m6.R, RResponder: R, EncResponder: seal.Enc()}
	secrets := ecc.Secrets{S: s.by.S, R: r8, X1: opened.Export, X2: seal.Export()}
	if s.SEK, err = agreement.Responder(secrets, aD); err != nil { // (39)
		return message.Message{}, err
	}
	tbs := message.TBSHPC1(seal.Header(), th1, s.by.self, cD, m6.R, R, root.PK)
	m7, err := seal.Seal(message.M7{Hospital: s.by.Credential, R: R, Confirm: s.SEK.Confirm("H", tbs),
		SigHPC1: s.by.Sign.Sign(tbs)}.Encode()) // (40, 41)
	if err != nil {
		return message.Message{}, problem.Internal(err)
	}
	s.TH = message.Transcript(th1, m7)
	return m7, h.createSession(ctx, s)
}
