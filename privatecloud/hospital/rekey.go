package hospital

import (
	"context"
	"errors"
	"fmt"

	"medunion/api/problem"
	"medunion/ecc"
)

// When the storage key is rolled, each patient's data key is wrapped anew and her head
// tagged anew; the record itself is not touched, as it lies under the data key. Prekeys and erasures that are
// not done are sealed anew. Sessions end by themselves before a version may be destroyed, the trail keeps its old
// audit keys, and the lookup key is never rolled: the stores hold keyed hashes of numbers, identities and consents, and
// not what was hashed.

// Rekeying lets patients be brought under the current version of the storage key.
type Rekeying interface {
	// MarkVersions writes version 1 to the patients from before versions were written down.
	MarkVersions(ctx context.Context) error
	// PatientsUnder returns up to limit patients under a version older than current, by handle, behind after.
	PatientsUnder(ctx context.Context, current uint32, after Handle, limit int) ([]Patient, error)
	// RekeyPatient puts wrapped and tag, both under the given version, in the place of those of p; ErrLost
	// if the patient has changed since p was read.
	RekeyPatient(ctx context.Context, p Patient, wrapped []byte, to Head, under uint32) error
	// CountPatients counts the patients by the oldest version that anything of them may lie under;
	// unmarked ones are under the first.
	CountPatients(ctx context.Context) (map[uint32]int64, error)
}

// Rekeyed is what one pass has done.
type Rekeyed struct {
	Done    int // patients
	Others  int // prekeys and erasures
	Changed int // by somebody else in between: the next pass finds them
	Broken  int // whose data key or head does not hold, and that stay as they are
}

const rekeyBatch = 200

// Rekey brings everything that lies under an older version of the storage key under the
// current one. Instances may do it at once, and it may be cut off anywhere: each document is one compare-and-set, and
// what is left is found again.
func (h *Hospital) Rekey(ctx context.Context) (sum Rekeyed, err error) {
	v, err := h.keys.sealing()
	if err != nil || v.Current == 1 {
		return sum, err
	}
	if err := h.Rekeying.MarkVersions(ctx); err != nil {
		return sum, stored(err)
	}
	if err := h.rekeyOthers(ctx, v, &sum); err != nil {
		return sum, err
	}
	for after := (Handle{}); ; {
		batch, err := h.Rekeying.PatientsUnder(ctx, v.Current, after, rekeyBatch)
		if err != nil || len(batch) == 0 {
			return sum, stored(err)
		}
		for _, p := range batch {
			after = p.Handle
			if err := h.rekey(ctx, v, p, &sum); err != nil {
				return sum, err
			}
		}
	}
}

func (h *Hospital) rekey(ctx context.Context, v Versions, p Patient, sum *Rekeyed) error {
	wrapped, to, err := h.rewrapped(v, p)
	if err != nil {
		sum.Broken++
		return nil
	}
	err = h.Rekeying.RekeyPatient(ctx, p, wrapped, to, v.Current)
	switch {
	case errors.Is(err, ErrLost):
		sum.Changed++
		return nil
	case err != nil:
		return stored(err)
	}
	sum.Done++
	return nil
}

// rewrapped never vouches for a head that the old key does not vouch for.
func (h *Hospital) rewrapped(v Versions, p Patient) ([]byte, Head, error) {
	if err := h.checkHead(dataKey{handle: p.Handle}, p.Head); err != nil {
		return nil, Head{}, err
	}
	dek, err := h.keys.open(useWrap, wrapPlace(p.Handle), p.Wrapped)
	if err != nil {
		return nil, Head{}, err
	}
	defer clear(dek)
	wrapped, err := v.seal(h.Rand, useWrap, wrapPlace(p.Handle), dek)
	if err != nil {
		return nil, Head{}, err
	}
	to, err := v.head(p.Handle, p.Head.Number, p.Head.Hash)
	return wrapped, to, err
}

// rekeyOthers collects first and writes then: no cursor is open over what is written.
func (h *Hospital) rekeyOthers(ctx context.Context, v Versions, sum *Rekeyed) error {
	older := func(sealed []byte) bool {
		n, _ := underVersion(sealed)
		return len(sealed) > 0 && n < v.Current
	}
	var prekeys []StoredPrekey
	var erasures []Erasure
	err := errors.Join(
		h.Prekeys.EachPrekey(ctx, func(k StoredPrekey) error {
			if older(k.Sealed) {
				prekeys = append(prekeys, k)
			}
			return nil
		}),
		h.Erasures.EachErasure(ctx, func(e Erasure) error {
			if older(e.Plan) {
				erasures = append(erasures, e)
			}
			return nil
		}))
	for _, k := range prekeys {
		err = errors.Join(err, sum.other(h.rekeyPrekey(ctx, v, k)))
	}
	for _, e := range erasures {
		err = errors.Join(err, sum.other(h.rekeyErasure(ctx, e)))
	}
	return stored(err)
}

func (r *Rekeyed) other(err error) error {
	switch {
	case errors.Is(err, errRecord), errors.Is(err, ecc.ErrOpen), errors.Is(err, errNoVersion):
		r.Broken++
	case errors.Is(err, ErrLost):
		r.Changed++
	case err != nil:
		return err
	default:
		r.Others++
	}
	return nil
}

func (h *Hospital) rekeyPrekey(ctx context.Context, v Versions, k StoredPrekey) error {
	b, err := h.keys.open(usePrekeys, prekeyPlace(k.ID), k.Sealed)
	if err != nil {
		return err
	}
	defer clear(b)
	sealed, err := v.seal(h.Rand, usePrekeys, prekeyPlace(k.ID), b)
	if err != nil {
		return err
	}
	return h.Prekeys.ExchangePrekey(ctx, k, sealed)
}

func (h *Hospital) rekeyErasure(ctx context.Context, e Erasure) error {
	plan, err := h.openErasure(e)
	if err != nil {
		return err
	}
	return h.putErasure(ctx, &e, plan)
}

// CountSealed counts what may lie under each version of the storage key: patients,
// prekeys, and erasures that are not done. While any of it lies under a version or an older one, that must not be
// destroyed; sessions are not counted, they end within MaxSessionLife.
func CountSealed(ctx context.Context, r Rekeying, prekeys Prekeys, erasures Erasures) (map[uint32]int64, error) {
	out, err := r.CountPatients(ctx)
	if err != nil {
		return nil, stored(err)
	}
	count := func(sealed []byte) error {
		if len(sealed) > 0 {
			under, _ := underVersion(sealed)
			out[under]++
		}
		return nil
	}
	err = errors.Join(
		prekeys.EachPrekey(ctx, func(k StoredPrekey) error { return count(k.Sealed) }),
		erasures.EachErasure(ctx, func(e Erasure) error { return count(e.Plan) }))
	if err != nil {
		return nil, problem.Unavailable(unsealable, fmt.Errorf("count: %w", err))
	}
	return out, nil
}
