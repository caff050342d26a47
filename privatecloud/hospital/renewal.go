package hospital

import (
	"context"
	"errors"
	"fmt"
	"time"

	"medunion/api/message"
	"medunion/api/problem"
)

// A patient renews her credential with the public cloud and keeps her keys. The hospital
// learns of it when she shows the new one, and moves its pin to it. From then on an older
// one asks for nothing here; what was allowed under it before goes on.

// errRolledBack is a credential older than the pinned one of the same keys.
var errRolledBack = fmt.Errorf("%w: a newer one of this patient is pinned", message.ErrCredential)

// renewalOverlap is how much later than the beginning of a renewed credential a consent may
// begin that is shown with an older one: a credential begins five minutes before it is
// issued, and clocks differ.
const renewalOverlap = 10 * time.Minute

// notOlder refuses a credential older than the pinned one for a consent that was given
// after the renewal. σ_P names no credential, so that the one shown with a consent only
// says which keys; for the same reason it never moves the pin: who holds her consent and
// can mint credentials could else pin one that she does not have.
func (e enrolled) notOlder(c message.Credential, given message.Consent) error {
	if c.Info.Epoch < e.pin.Info.Epoch && given.NotBefore > e.pin.Info.NotBefore.Add(renewalOverlap) {
		return errRolledBack
	}
	return nil
}

// follow moves the pin to a newer credential of the same keys, which its holder has shown
// under her own signature, and refuses an older one. The line of the audit trail comes
// first: no pin moves without one, though a line may tell of a credential over which another
// request, with a newer one, was faster.
func (h *Hospital) follow(ctx context.Context, e enrolled, c message.Credential, ev Event) error {
	if c.Info.Epoch < e.pin.Info.Epoch {
		return errRolledBack
	}
	if c.Info.Epoch == e.pin.Info.Epoch {
		return nil
	}
	ev.What = EventRenewed
	if err := h.record(ctx, ev); err != nil {
		return err
	}
	return h.repin(ctx, c)
}

// repin writes c in the place of an older credential of the same line; whatever else is
// pinned by then, it is refused.
func (h *Hospital) repin(ctx context.Context, c message.Credential) error {
	for range maxRaces {
		e, err := h.pinned(ctx, c)
		switch {
		case err != nil:
			return err
		case c.Info.Epoch < e.pin.Info.Epoch:
			return errRolledBack
		case c.Info.Epoch == e.pin.Info.Epoch:
			return nil // another question of hers was faster
		}
		s, _, _, err := h.openEnrolmentState(ctx, e.Enrolment)
		if err != nil {
			return err
		}
		s.Patient = c
		if err = h.putEnrolment(ctx, e.Enrolment, s); !errors.Is(err, ErrLost) {
			return stored(err)
		}
	}
	return problem.Unavailable(time.Second, ErrLost)
}
