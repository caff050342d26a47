package server

import (
	"context"
	"errors"
	"fmt"

	"medunion/api/keyring"
	"medunion/api/message"
	"medunion/ecc"
	"medunion/publiccloud/cloud"
	"medunion/publiccloud/internal/mongostore"
)

// A root is succeeded once. Two statements about the same root, each signed with a copy of the key
// file, would divide the parties for good (message.ErrFork). The generation alone does not keep
// a copy from that, as the fence is raised only when all instances have loaded the new file. So
// the store keeps the number and the hash of each statement, from before it is
// written anywhere.

// announce writes the new root beside the key file, stores the statement, and then puts the new file into the old one's
// place, where instances find it. A run that dies in between is ended by the next command (recover): with the same
// statement if it was stored, without a trace if not.
func (w *keyWork) announce(ctx context.Context, r cloud.Roots, from, until message.Millis) (s message.Succession, err error) {
	err = w.StepCommitted(ctx, func(ring keyring.Ring) (out keyring.Ring, err error) {
		out, s, err = succeed(ring, r, w.tools.rand(), w.tools.now(), from, until)
		return out, err
	}, func(ring keyring.Ring) error { return w.once(ctx, ring) })
	return s, err
}

// once stores all successions of a ring.
func (w *keyWork) once(ctx context.Context, ring keyring.Ring) error {
	hashes, err := statements(ring)
	if err != nil {
		return err
	}
	for i, h := range hashes {
		if err := w.store.Succeed(ctx, uint64(i)+1, h); errors.Is(err, mongostore.ErrOtherSuccession) {
			return ErrSucceeded
		} else if err != nil {
			return fmt.Errorf("%w; whether the announcement is stored the next command about keys finds out, and completes it or drops it", explain(err))
		}
	}
	return nil
}

// recover ends an announcement that was cut off: what the store has is completed, and recorded once more; what it has
// not, nobody has seen.
func (t KeyTools) recover(ctx context.Context, f keyring.File, s *mongostore.Store) error {
	return f.Recover(ctx, func(from, to keyring.Ring) (bool, error) {
		stored, err := s.Successions(ctx)
		if err != nil {
			return false, explain(err)
		}
		hashes, err := statements(to)
		if err != nil || len(hashes) == 0 || stored[uint64(len(hashes))] != hashes[len(hashes)-1] {
			return false, err
		}
		return true, t.recorder(s)(ctx, from, to, false)
	})
}

// succeeded refuses a ring that lacks a succession which the store knows of, or has another
// in its place: ErrSucceeded.
func succeeded(ctx context.Context, s *mongostore.Store, ring keyring.Ring) error {
	known, err := s.Successions(ctx)
	if err != nil {
		return explain(err)
	}
	hashes, err := statements(ring)
	if err != nil {
		return err
	}
	for number, h := range known {
		if number == 0 || number > uint64(len(hashes)) || hashes[number-1] != h {
			return ErrSucceeded
		}
	}
	return nil
}

// statements are the hashes of a ring's successions, the first one's first.
func statements(ring keyring.Ring) ([]ecc.Hash, error) {
	pins, err := pinsOf(ring, anyID)
	if err != nil {
		return nil, err
	}
	var out []ecc.Hash
	for _, s := range pins.Successions() {
		out = append(out, ecc.Sum(s.Encode()))
	}
	return out, nil
}
