package hospital

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"medunion/api/message"
)

// ticketSkew allows the public cloud's clock to be a little ahead of ours.
const ticketSkew = 2 * time.Second

// errWeakVerification is a consent that holds, but by a passphrase.
var errWeakVerification = fmt.Errorf("%w: user verification by a passphrase, and this hospital requires a passkey", message.ErrConsent)

// errBeforeRestore is a consent or a ticket of which a restored store does not know all.
var errBeforeRestore = fmt.Errorf("%w: older than the state that was restored here", message.ErrConsent)

// authorize makes the checks that M8 and M11 share (section 5), all of them under what
// this hospital has pinned or agreed itself:
//
//   - H(Consent) and H(Ticket) are those of M6,
//   - the patient's credential is of the pinned keys and attr_P, holds now and is not revoked,
//     and is not older than the pinned one unless the consent is too,
//   - commit_H, σ_P and the assertion hold under it, and the consent is of this patient; the
//     assertion is a passkey's, if this hospital requires that,
//   - the consent names this doctor and a department of Cert_D, is in force, and the patient
//     has not revoked it here,
//   - the public cloud's ticket was good when M6 was accepted and is for this doctor,
//     department and consent.
//
// Only then the caller looks at what commit_H grants this hospital.
func (h *Hospital) authorize(ctx context.Context, s session, a message.Authority) (enrolled, message.Ticket, error) {
	if a.Consent.Hash() != s.Consent || message.TicketHash(a.Ticket) != s.Ticket {
		return enrolled{}, message.Ticket{}, fmt.Errorf("%w: not the consent or the ticket of M6", message.ErrConsent)
	}
	if a.PatientID != a.Patient.Info.ID || a.Patient.Info.Suite != h.suite {
		return enrolled{}, message.Ticket{}, fmt.Errorf("%w: another patient", message.ErrConsent)
	}
	// Whether she is enrolled here is asked last: whoever does not hold her consent must not
	// learn it from the time that a refusal takes.
	if err := a.Patient.Verify(h.Pins.Pins(), message.Patient, h.now()); err != nil {
		return enrolled{}, message.Ticket{}, err
	}
	if err := message.VerifyPatientConsent(a.Patient, a.Consent, a.OpenH, a.SigmaP, a.Assertion); err != nil {
		return enrolled{}, message.Ticket{}, err
	}
	if h.RequirePasskey && a.Assertion.Kind != message.KindWebAuthn { // the kind that attr_P names: Verify has compared them
		return enrolled{}, message.Ticket{}, errWeakVerification
	}
	if err := h.consentInForce(s, a.Consent); err != nil {
		return enrolled{}, message.Ticket{}, err
	}
	t, err := h.ticketOf(s, a)
	if err != nil {
		return enrolled{}, t, err
	}
	e, err := h.pinned(ctx, a.Patient)
	if err != nil {
		return e, t, err
	}
	if err := e.notOlder(a.Patient, a.Consent); err != nil {
		return e, t, err
	}
	return e, t, h.notRevokedBy(ctx, e.Handle, s.Consent)
}

func (h *Hospital) consentInForce(s session, c message.Consent) error {
	cD := s.Doctor.Hash()
	if c.Doctor != cD || !slices.Contains(s.Departments, c.Department) {
		return fmt.Errorf("%w: another doctor or department", message.ErrConsent)
	}
	now := h.now()
	if err := c.CheckTime(now); err != nil {
		return err
	}
	if c.NotBefore < h.Floor {
		return errBeforeRestore
	}
	if now >= s.Doctor.Info.NotAfter {
		return message.ErrExpired
	}
	return h.unrevoked(cD)
}

func (h *Hospital) notRevokedBy(ctx context.Context, patient Handle, consent message.Hash) error {
	revoked, err := h.Consents.ConsentRevoked(ctx, h.consentIndex(consent), patient)
	if err != nil {
		return stored(err)
	}
	if revoked {
		return fmt.Errorf("%w: revoked by the patient", message.ErrConsent)
	}
	return nil
}

func (h *Hospital) consentIndex(c message.Hash) message.Hash {
	return h.keys.index(indexConsent, c[:])
}

// ticketOf verifies Sig_C (Eq. 32). The ticket must have been good when M6 was accepted: its
// hash was all that the hospital knew of it then.
func (h *Hospital) ticketOf(s session, a message.Authority) (message.Ticket, error) {
	t, err := message.OpenTicket(a.Ticket, h.Pins.Pins(), s.Doctor.Hash(), s.Consent)
	if err != nil {
		return t, err
	}
	if t.Department != a.Consent.Department {
		return t, fmt.Errorf("%w: ticket for another department", message.ErrConsent)
	}
	if t.Issued < h.Floor {
		return t, errBeforeRestore
	}
	if s.Accepted.Add(ticketSkew) < t.Issued || s.Accepted >= t.Expires {
		return t, errors.New("the ticket was not good when M6 came")
	}
	return t, nil
}
