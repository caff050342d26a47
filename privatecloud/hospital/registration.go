package hospital

import (
	"context"
	"encoding/base32"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/ecc"
)

// Draft is a hospital that is not registered yet: its own secrets, which the public cloud
// never sees, and who it wants to be.
type Draft struct {
	Suite   ecc.Suite
	ID      message.ID
	Address string     // attr_HPC, the base URL at which the hospital answers
	X       ecc.Scalar // x_HPC
	Sign    ecc.SigningKey
	KEM     ecc.KEMPrivateKey
}

// NewDraft draws the secrets of M0.
func NewDraft(rand io.Reader, s ecc.Suite, id message.ID, address string) (Draft, error) {
	d := Draft{Suite: s, ID: id, Address: address}
	if !id.Valid() || address == "" || len(address) > 256 {
		return d, errors.New("hospital: the id or the address is not valid")
	}
	var e1, e2, e3 error
	d.X, e1 = ecc.GenerateScalar(rand)
	d.Sign, e2 = ecc.GenerateSigningKey(rand)
	d.KEM, e3 = ecc.GenerateKEM(s, rand)
	return d, errors.Join(e1, e2, e3)
}

// Request is M0: X_HPC = x_HPC P with the proof of possession, signed.
func (d Draft) Request(rand io.Reader, challenge []byte) (message.RegistrationRequest, error) {
	reg := message.Registration{Suite: d.Suite, Role: message.Hospital, ID: d.ID, X: d.X.Public(),
		Keys:      message.PublicKeys{Sign: d.Sign.Public(), KEM: d.KEM.Public()},
		Attribute: []byte(d.Address), Challenge: challenge}
	proof, err := ecc.ProvePossession(rand, d.X, ecc.Sum(reg.Encode()))
	if err != nil {
		return message.RegistrationRequest{}, err
	}
	return message.RegistrationRequest{Registration: reg, Possession: proof, Signature: d.Sign.Sign(reg.Encode())}, nil
}

// Accept checks the reply, S_HPC P = R_HPC1 + e_HPC PK (Eq. 7) and that the credential
// says what was asked for. It returns Cred_HPC and S_HPC.
func (d Draft) Accept(r message.RegistrationReply, pins message.Pins, now message.Millis) (message.Credential, ecc.Scalar, error) {
	c := r.Credential
	root, err := c.VerifyIssued(pins, message.Hospital, now)
	if err != nil {
		return c, ecc.Scalar{}, err
	}
	if c.Info.Suite != d.Suite || c.Info.ID != d.ID || string(c.Info.Attribute) != d.Address ||
		!c.Info.Keys.Sign.Equal(d.Sign.Public()) || !c.Info.Keys.KEM.Equal(d.KEM.Public()) {
		return c, ecc.Scalar{}, fmt.Errorf("%w: it says something else than was asked for", message.ErrCredential)
	}
	s, err := ecc.Accept(d.X, c.Info.Encode(), ecc.PartialKey{R: c.R, D: r.D}, root.PK)
	return c, s, err
}

// Desk codes: 16 characters of base32, 80 bits, in groups of four.
const (
	deskCodeBytes = 10
	maxTries      = 5
)

// NewDeskCode mints the code that enrols the patient of a medical record number, once.
// It fails with a NotFound problem if the hospital holds no such record.
func (h *Hospital) NewDeskCode(ctx context.Context, mrn string) (string, message.Millis, error) {
	p, err := h.Records.PatientByMRN(ctx, h.keys.index(indexMRN, []byte(mrn)))
	if errors.Is(err, ErrNotFound) {
		return "", 0, problem.NotFound("There is no record with this number.")
	}
	if err != nil {
		return "", 0, stored(err)
	}
	b := make([]byte, deskCodeBytes)
	if _, err := io.ReadFull(h.Rand, b); err != nil {
		return "", 0, problem.Internal(err)
	}
	code := groups(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(b))
	c := DeskCode{Code: h.keys.index(indexDeskCode, []byte(code)), Handle: p.Handle, Expires: h.now().Add(h.DeskCodeLife)}
	if err := h.DeskCodes.AddDeskCode(ctx, c); err != nil {
		return "", 0, stored(err)
	}
	return code, c.Expires, h.record(ctx, Event{What: EventDeskCode, Handle: p.Handle})
}

func groups(s string) string {
	var parts []string
	for ; len(s) > 4; s = s[4:] {
		parts = append(parts, s[:4])
	}
	return strings.Join(append(parts, s), "-")
}

// Enrol links a patient to her record and pins her credential (section 4.2): its keys and
// attr_P, and its epoch, which rises when she renews it. The code is consumed before
// anything is written; whoever holds none is refused, also the holder of a credential with
// new keys for an identity that is enrolled.
func (h *Hospital) Enrol(ctx context.Context, m message.Message) (message.Message, error) {
	if m.Header.Type != message.TypeEnrol {
		return message.Message{}, malformed(message.TypeEnrol)
	}
	ev := Event{Step: message.TypeEnrol}
	e, by, err := h.openEnrolment(ctx, m, &ev)
	if err != nil {
		return message.Message{}, h.refuse(ctx, ev, err)
	}
	if err := h.admit(ctx, e, &ev); err != nil {
		return message.Message{}, h.refuse(ctx, ev, err)
	}
	ev.What = EventEnrolled
	if err := h.record(ctx, ev); err != nil {
		return message.Message{}, err
	}
	h.Due()
	return h.enrolled(m.Header, e, by)
}

func (h *Hospital) openEnrolment(ctx context.Context, m message.Message, ev *Event) (e message.Enrolment, by Identity, err error) {
	if err := h.fresh(m); err != nil {
		return e, by, err
	}
	opened, err := h.open(ctx, m)
	if err != nil {
		return e, by, err
	}
	by = opened.by
	if e, err = message.DecodeEnrolment(h.suite, opened.Plaintext); err != nil {
		return e, by, err
	}
	ev.Patient = e.Patient.Info.ID
	cP := e.Patient.Hash()
	if err := h.patientCredential(e.Patient); err != nil {
		return e, by, err
	}
	tbs := message.TBSEnrol(m.Header, cP, by.self, e.Code, e.Locators, e.PKe)
	if err := e.Patient.Info.Keys.Sign.Verify(tbs, e.Signature); err != nil {
		return e, by, err
	}
	for _, l := range e.Locators {
		if err := l.Verify(cP, by.self); err != nil {
			return e, by, fmt.Errorf("locator: %w", err)
		}
	}
	ev.proven = true
	return e, by, h.accept(ctx, cP, m.Header)
}

func (h *Hospital) patientCredential(c message.Credential) error {
	if c.Info.Suite != h.suite {
		return fmt.Errorf("%w: suite", message.ErrCredential)
	}
	if err := c.Verify(h.Pins.Pins(), message.Patient, h.now()); err != nil {
		return err
	}
	return h.unrevoked(c.Hash())
}

// triesLife is how long wrong codes of one holder of keys are counted.
const triesLife = 15 * time.Minute

// admit consumes the code and pins the credential with the record that the code is for.
func (h *Hospital) admit(ctx context.Context, e message.Enrolment, ev *Event) error {
	now := h.now()
	tries, err := h.DeskCodes.CountTry(ctx, h.keys.index(indexTries, e.Patient.Info.Keys.Encode()), now, now.Add(triesLife))
	if err != nil {
		return stored(err)
	}
	if tries > maxTries {
		return errors.New("too many desk codes tried")
	}
	handle, err := h.DeskCodes.UseDeskCode(ctx, h.keys.index(indexDeskCode, []byte(e.Code)), now)
	if errors.Is(err, ErrNotFound) {
		return errors.New("desk code unknown, used or expired")
	}
	if err != nil {
		return stored(err)
	}
	ev.Handle = handle
	return h.pin(ctx, handle, enrolmentState{Patient: e.Patient, Locators: e.Locators})
}

// pin writes the enrolment over an earlier one of the same record: a new code of the
// desk, handed out in person, is what permits that. The identity must not be enrolled
// with another record.
func (h *Hospital) pin(ctx context.Context, handle Handle, s enrolmentState) error {
	for range maxRaces {
		e, err := h.Enrolments.EnrolmentByHandle(ctx, handle)
		if err != nil && !errors.Is(err, ErrNotFound) {
			return stored(err)
		}
		if err == nil {
			if err := h.keepEntries(ctx, e, &s); err != nil {
				return err
			}
		}
		e.Handle, e.Who, e.Due = handle, h.who(s.Patient.Info.ID), h.now()
		err = h.putEnrolment(ctx, e, s)
		if errors.Is(err, ErrExists) {
			return errors.New("the identity is enrolled with another record")
		}
		if !errors.Is(err, ErrLost) {
			return stored(err)
		}
	}
	return problem.Unavailable(time.Second, ErrLost)
}

// keepEntries takes over the state of entries whose locator stays the same, as the times of
// their signatures must go on rising.
func (h *Hospital) keepEntries(ctx context.Context, e Enrolment, s *enrolmentState) error {
	old, _, _, err := h.openEnrolmentState(ctx, e)
	if err != nil {
		return err
	}
	for _, l := range s.Locators {
		s.Entries = append(s.Entries, old.under(l)...)
	}
	return nil
}

func (h *Hospital) who(id message.ID) message.Hash { return h.keys.index(indexPatient, []byte(id)) }

// enrolled makes the receipt S_PRK_HPC⟨enrolled: hdr, c_P, c_HPC, T⟩ under pk_e.
func (h *Hospital) enrolled(hdr message.Header, e message.Enrolment, by Identity) (message.Message, error) {
	s, err := h.reply(hdr, message.TypeEnrolled, e.PKe, e.Patient.Info.ID)
	if err != nil {
		return message.Message{}, problem.Internal(err)
	}
	t := s.Header().Time
	r := message.Enrolled{Time: t, Signature: by.Sign.Sign(message.TBSEnrolled(s.Header(), e.Patient.Hash(), by.self, t))}
	return s.Seal(r.Encode())
}
