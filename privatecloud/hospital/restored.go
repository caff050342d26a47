package hospital

import (
	"context"
	"errors"
	"fmt"
)

// republishBatch is how many enrolments Republish reads at once.
const republishBatch = 200

// Republish signs every index entry of every enrolled patient anew and makes it due: after
// a restore of this hospital, whose newest entries it may not know, or of the public cloud,
// which may not know them. PublishDue, of whatever instance, sends them. It may be done at
// any time and as often as one likes; each time is one more version of each entry. It
// returns how many enrolments are due.
func (h *Hospital) Republish(ctx context.Context) (n int, err error) {
	for after := (Handle{}); ; {
		list, err := h.Enrolments.EnrolmentsAfter(ctx, after, republishBatch)
		if err != nil || len(list) == 0 {
			return n, stored(err)
		}
		for _, e := range list {
			err := h.republish(ctx, e)
			if errors.Is(err, ErrNotFound) { // erased since the list was read, or while the backup was taken
				continue
			}
			if err != nil {
				return n, stored(err)
			}
			n++
		}
		after = list[len(list)-1].Handle
	}
}

// republish forgets what the entries of one patient said, so that the publisher signs them
// again, with a later time than any that was sent.
func (h *Hospital) republish(ctx context.Context, e Enrolment) error {
	for range maxRaces {
		s, _, _, err := h.openEnrolmentState(ctx, e)
		if err != nil {
			return err
		}
		for i := range s.Entries {
			if s.Entries[i].Former {
				continue
			}
			s.Entries[i].Content, s.Entries[i].Published = [32]byte{}, false
		}
		e.Due = h.now()
		if err = h.putEnrolment(ctx, e, s); !errors.Is(err, ErrLost) {
			return err
		}
		if e, err = h.Enrolments.EnrolmentByHandle(ctx, e.Handle); err != nil {
			return err
		}
	}
	return ErrLost
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
