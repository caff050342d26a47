package hospital

import (
	"context"
	"errors"
	"fmt"

	"medunion/api/message"
)

// republishBatch is how many enrolments Republish reads at once.
const republishBatch = 200

// Republish signs every index entry of every enrolled patient anew and makes it due: after
// a restore of this hospital, whose newest entries it may not know, or of the public cloud,
// which may not know them. PublishDue, of whatever instance, sends them. It may be done at
// any time and as often as one likes; each time is one more version of each entry. It
// returns how many enrolments are due.
func (h *Hospital) Republish(ctx context.Context) (n int, err error) {
	n, _, err = h.republishAll(ctx, func(message.Credential) bool { return true })
	return n, err
}

// RepublishPinned is Republish after the public cloud's root was replaced by another one and nothing succeeds it: a patient
// whose credential no pinned root has issued is unlinked. Nobody takes anything under that credential; her record stays as it is, and
// the desk enrols her with it again. It also returns how many were unlinked.
func (h *Hospital) RepublishPinned(ctx context.Context) (n, unlinked int, err error) {
	return h.republishAll(ctx, h.Pins.Pins().Issued)
}

func (h *Hospital) republishAll(ctx context.Context, linked func(message.Credential) bool) (n, unlinked int, err error) {
	for after := (Handle{}); ; {
		list, err := h.Enrolments.EnrolmentsAfter(ctx, after, republishBatch)
		if err != nil || len(list) == 0 {
			return n, unlinked, stored(err)
		}
		for _, e := range list {
			is, err := h.republish(ctx, e, linked)
			switch {
			case errors.Is(err, ErrNotFound): // erased since the list was read, or while the backup was taken
			case err != nil:
				return n, unlinked, stored(err)
			case is:
				n++
			default:
				unlinked++
			}
		}
		after = list[len(list)-1].Handle
	}
}

// republish forgets what the entries of one patient said, so that the publisher signs them
// again, with a later time than any that was sent. It reports whether the patient is linked; of one who is not it forgets
// the locators too, so that nothing is published.
func (h *Hospital) republish(ctx context.Context, e Enrolment, linked func(message.Credential) bool) (is bool, err error) {
	for range maxRaces {
		s, _, _, err := h.openEnrolmentState(ctx, e)
		if err != nil {
			return false, err
		}
		is, e.Due = linked(s.Patient), h.now()
		if s.forget(); !is {
			s.Locators, s.Entries, e.Due = nil, nil, NeverDue
		}
		if err = h.putEnrolment(ctx, e, s); !errors.Is(err, ErrLost) {
			return is, err
		}
		if e, err = h.Enrolments.EnrolmentByHandle(ctx, e.Handle); err != nil {
			return false, err
		}
	}
	return false, ErrLost
}

// VerifyRecord proves all that is kept of one patient: every version back to the first
// one, the head, and what is sealed about her enrolment, if she has one.
func (h *Hospital) VerifyRecord(ctx context.Context, handle Handle) error {
	p, d, err := h.patientByHandle(ctx, handle)
	if err != nil {
		return err
	}
	if err := h.walk(ctx, p, d, func(Version, Resource) error { return nil }); err != nil {
		return err
	}
	e, err := h.Enrolments.EnrolmentByHandle(ctx, handle)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err == nil {
		_, _, _, err = h.openEnrolmentState(ctx, e)
	}
	return stored(err)
}

// RecordRestore writes into the trail that it was restored, and from which backup: whoever
// reads it knows that events are missing before this one.
func (h *Hospital) RecordRestore(ctx context.Context, operator, from string) error {
	return h.record(ctx, Event{What: EventRestored, Operator: operator, Note: fmt.Sprintf("from a backup of %s", from)})
}
