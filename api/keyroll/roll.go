package keyroll

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"medunion/api/keyring"
	"medunion/api/problem"
)

// Say tells the operator of a step.
type Say func(format string, args ...any)

// Errors of a roll.
var (
	ErrNotRolled = errors.New("the key is not rolled this way")
	ErrBehind    = errors.New("instances run that have not loaded the key ring")
	ErrRemains   = errors.New("data remains under the version")
	ErrForked    = errors.New("instances run with another key file than this one: copy the right one to all of them first")
	ErrNewer     = fmt.Errorf("%w (it is older than theirs)", ErrForked)
	ErrChanged   = errors.New("the key file has been changed by somebody else; look at it again")
)

// Refusals are the errors of what was not tried.
var Refusals = []error{ErrNotRolled, ErrBehind, ErrRemains, ErrForked, keyring.ErrState, keyring.ErrEarly, keyring.ErrUnknown, keyring.ErrGeneration}

// Policy is what a service knows of its keys.
type Policy struct {
	// Hold are the keys that are rolled, and how long a version that has been replaced is
	// kept at least: for what is on its way under it.
	Hold map[string]time.Duration
	// NotRolled says of the others why not.
	NotRolled map[string]string
	// Count counts what may lie under a key, by name: the documents by the oldest version that
	// anything in them may lie under. A key that is not in it has nothing under it.
	Count map[string]Count
	// Mark writes the first version to what is there from before versions were written down. It
	// may be nil.
	Mark func(context.Context) error
	// Check says what is wrong with a ring for this service, or with its place in the store.
	// It may be nil.
	Check func(context.Context, keyring.Ring) error
	// Keep puts into the ring what must outlive a version that is being destroyed. It may be nil.
	Keep func(r keyring.Ring, name string, v keyring.Version) keyring.Ring
	// Record says, durably, what a step is about to make of a ring: a step that cannot be recorded is not done.
	// Called once more with failed, it says that it was not done, as far as is known. It may be nil.
	Record func(ctx context.Context, from, to keyring.Ring, failed bool) error
}

// Count counts documents by version.
type Count func(context.Context) (map[uint32]int64, error)

// Roll is the work of one command on a ring.
type Roll struct {
	file   keyring.File
	store  Store
	policy Policy
	ring   keyring.Ring // as it was read last
	rand   io.Reader
	now    func() time.Time
}

// Open reads the ring. A key file that is older than one that has been in use is refused: a
// step on it would fork the ring.
func Open(ctx context.Context, f keyring.File, s Store, p Policy, rand io.Reader, now func() time.Time) (*Roll, error) {
	ring, err := f.Load(ctx)
	if err != nil {
		return nil, err
	}
	w := &Roll{file: f, store: s, policy: p, ring: ring, rand: rand, now: now}
	if err := w.fenced(ctx); err != nil {
		return nil, err
	}
	if p.Check != nil {
		if err := p.Check(ctx, ring); err != nil {
			return nil, err
		}
	}
	_, _, err = w.behind(ctx, 0)
	return w, err
}

func explain(err error) error { return errors.New(problem.Reason(err)) }

func (w *Roll) rolls(name string) error {
	if why := w.policy.NotRolled[name]; why != "" {
		return fmt.Errorf("%w: %s: %s", ErrNotRolled, name, why)
	}
	if w.policy.Hold[name] == 0 {
		return fmt.Errorf("%w: there is no key %q", ErrNotRolled, name)
	}
	return nil
}

// count is nil for a key under which nothing lies.
func (w *Roll) count(ctx context.Context, name string) (map[uint32]int64, error) {
	do := w.policy.Count[name]
	if do == nil {
		return nil, nil
	}
	n, err := do(ctx)
	if err != nil {
		return nil, explain(err)
	}
	return n, nil
}

// under counts what may lie under the version or an older one.
func (w *Roll) under(ctx context.Context, name string, version uint32) (n int64, err error) {
	counts, err := w.count(ctx, name)
	for v, documents := range counts {
		if v <= version {
			n += documents
		}
	}
	return n, err
}

func (w *Roll) mark(ctx context.Context) error {
	if w.policy.Mark == nil {
		return nil
	}
	if err := w.policy.Mark(ctx); err != nil {
		return explain(err)
	}
	return nil
}

func (w *Roll) step(ctx context.Context, do func(keyring.Ring) (keyring.Ring, error)) error {
	return w.record(ctx, do, w.file.Update)
}

// record makes a step by update, recorded before it is done.
func (w *Roll) record(ctx context.Context, do func(keyring.Ring) (keyring.Ring, error),
	update func(context.Context, func(keyring.Ring) (keyring.Ring, error)) (keyring.Ring, error)) error {
	var recorded *keyring.Ring
	r, err := update(ctx, func(r keyring.Ring) (keyring.Ring, error) {
		if r.Generation != w.ring.Generation { // another operator was faster: what was looked at no longer holds
			return r, ErrChanged
		}
		to, err := do(r)
		if err != nil || w.policy.Record == nil {
			return to, err
		}
		if err := w.policy.Record(ctx, r, to, false); err != nil {
			return to, err
		}
		recorded = &to
		return to, nil
	})
	if err == nil {
		w.ring = r
	} else if recorded != nil {
		err = errors.Join(err, w.policy.Record(context.WithoutCancel(ctx), w.ring, *recorded, true))
	}
	return err
}
