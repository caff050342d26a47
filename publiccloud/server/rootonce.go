package server

import (
	"context"
	"errors"

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

// announce stores the statement, then writes it into the key file with the new root. What
// the file then does not take over is taken back: nobody has seen it.
func (w *keyWork) announce(ctx context.Context, r cloud.Roots, from, until message.Millis) (s message.Succession, err error) {
	var stored func() error
	err = w.Step(ctx, func(ring keyring.Ring) (out keyring.Ring, err error) {
		if out, s, err = succeed(ring, r, w.tools.rand(), w.tools.now(), from, until); err != nil {
			return out, err
		}
		stored, err = w.once(ctx, out)
		return out, err
	})
	if err != nil && stored != nil {
		err = errors.Join(err, w.takeBack(ctx, s.Number, stored))
	}
	return s, err
}

// takeBack undoes what once has done, if the key file is as it was.
func (w *keyWork) takeBack(ctx context.Context, number uint64, undo func() error) error {
	now, err := w.file.Load(ctx)
	if err != nil || now.Digest() != w.Ring().Digest() {
		return err // it may be written: what is stored stays
	}
	return explained(undo())
}

// once stores all successions of a ring, and returns how the last one is taken back.
func (w *keyWork) once(ctx context.Context, ring keyring.Ring) (undo func() error, err error) {
	hashes, err := statements(ring)
	if err != nil {
		return nil, err
	}
	for i, h := range hashes {
		number := uint64(i) + 1
		if err := w.store.Succeed(ctx, number, h); errors.Is(err, mongostore.ErrOtherSuccession) {
			return nil, ErrSucceeded
		} else if err != nil {
			return nil, explain(err)
		}
		undo = func() error { return w.store.Unsucceed(context.WithoutCancel(ctx), number, h) }
	}
	return undo, nil
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
