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
	// Under counts what may lie under a version of a key or an older one.
	Under func(ctx context.Context, name string, version uint32) (int64, error)
	// Keep puts into the ring what must outlive a version that is being destroyed. It may be nil.
	Keep func(r keyring.Ring, name string, v keyring.Version) keyring.Ring
}

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
	fence, err := s.Fence(ctx)
	if err != nil {
		return nil, explain(err)
	}
	if ring.Generation < fence {
		return nil, fmt.Errorf("%w: generation %d, and %d is in use", keyring.ErrGeneration, ring.Generation, fence)
	}
	_, _, err = w.behind(ctx, 0)
	return w, err
}

func explain(err error) error { return errors.New(problem.Reason(err)) }

// behind counts the instances that run, and those of them whose ring is older. ErrForked
// if one has a newer ring than the file, or another one of the same generation.
func (w *Roll) behind(ctx context.Context, generation uint64) (running, older int, err error) {
	all, err := w.store.Instances(ctx, time.Now().Add(-aliveFor))
	if err != nil {
		return 0, 0, explain(err)
	}
	for _, i := range all {
		if i.Generation > w.ring.Generation || i.Generation == w.ring.Generation && i.Digest != w.ring.Digest() {
			return 0, 0, ErrForked
		}
		if i.Generation < generation {
			older++
		}
	}
	return len(all), older, nil
}

func (w *Roll) rolls(name string) error {
	if why := w.policy.NotRolled[name]; why != "" {
		return fmt.Errorf("%w: %s: %s", ErrNotRolled, name, why)
	}
	if w.policy.Hold[name] == 0 {
		return fmt.Errorf("%w: there is no key %q", ErrNotRolled, name)
	}
	return nil
}

func (w *Roll) under(ctx context.Context, name string, version uint32) (int64, error) {
	n, err := w.policy.Under(ctx, name, version)
	if err != nil {
		return 0, explain(err)
	}
	return n, nil
}

func (w *Roll) step(ctx context.Context, do func(keyring.Ring) (keyring.Ring, error)) error {
	r, err := w.file.Update(ctx, func(r keyring.Ring) (keyring.Ring, error) {
		if r.Generation != w.ring.Generation { // another operator was faster: what was looked at no longer holds
			return r, ErrChanged
		}
		return do(r)
	})
	if err == nil {
		w.ring = r
	}
	return err
}

// Next says in words what Rotate would do first.
func (w *Roll) Next(ctx context.Context, name string) (string, error) {
	if err := w.rolls(name); err != nil {
		return "", err
	}
	if left, err := w.left(ctx, name); err != nil || left {
		return fmt.Sprintf("would wait until nothing lies under older versions of %s any more; no version is added before", name), err
	}
	v, err := w.ring.Next(name)
	if err != nil {
		return fmt.Sprintf("would add a next version of %s, wait until all instances have it, and make it current", name), nil
	}
	running, older, err := w.behind(ctx, v.Generation)
	return fmt.Sprintf("would make version %d of %s current, as soon as all of %d instances have it; %d have not", v.Number, name, running, older), err
}

// Rotate rolls a key: a next version, then, when all running instances have it, that
// version as the current one, then it waits until nothing lies under older ones any
// more, or no instance runs that would see to it. It goes on where an earlier Rotate was cut off, and
// adds no version while something lies under older ones. If wait is over
// before all is done, it fails with ErrBehind or ErrRemains, and what was done holds.
func (w *Roll) Rotate(ctx context.Context, name string, wait time.Duration, say Say) error {
	if err := w.rolls(name); err != nil {
		return err
	}
	end := time.Now().Add(wait)
	if left, err := w.left(ctx, name); err != nil || left {
		if err != nil {
			return err
		}
		return w.drained(ctx, name, end, say)
	}
	if _, err := w.ring.Next(name); err != nil {
		if err := w.add(ctx, name, say); err != nil {
			return err
		}
	}
	if err := w.promote(ctx, name, end, say); err != nil {
		return err
	}
	return w.drained(ctx, name, end, say)
}

// left says that the last roll is not over: no version waits, and something lies under one that was
// replaced. Another version would not help it.
func (w *Roll) left(ctx context.Context, name string) (bool, error) {
	if _, err := w.ring.Next(name); err == nil {
		return false, nil
	}
	v, err := w.ring.Current(name)
	if err != nil || v.Number == 1 {
		return false, err
	}
	n, err := w.under(ctx, name, v.Number-1)
	return n > 0, err
}

func (w *Roll) add(ctx context.Context, name string, say Say) error {
	err := w.step(ctx, func(r keyring.Ring) (keyring.Ring, error) { return r.Add(name, w.rand, w.now()) })
	if err != nil {
		return err
	}
	v, err := w.ring.Next(name)
	say("%s: version %d is next", name, v.Number)
	return err
}

// promote waits for the instances. The fence comes first: whoever starts with a ring that
// has not the version is turned away before anything lies under it.
func (w *Roll) promote(ctx context.Context, name string, end time.Time, say Say) error {
	v, err := w.ring.Next(name)
	if err != nil {
		return err
	}
	if err := w.loaded(ctx, name, v, end, say); err != nil {
		return err
	}
	if err := w.store.RaiseFence(ctx, v.Generation); err != nil {
		return explain(err)
	}
	// An instance may have started between the count and the fence.
	if _, older, err := w.behind(ctx, v.Generation); err != nil || older > 0 {
		return errors.Join(err, ErrBehind)
	}
	// What is there from before versions were written down is marked as such by the count.
	if _, err := w.under(ctx, name, v.Number-1); err != nil {
		return err
	}
	err = w.step(ctx, func(r keyring.Ring) (keyring.Ring, error) { return r.Promote(name, w.now(), w.policy.Hold[name]) })
	if err != nil {
		return err
	}
	say("%s: version %d is current", name, v.Number)
	return nil
}

func (w *Roll) loaded(ctx context.Context, name string, v keyring.Version, end time.Time, say Say) error {
	said := -1
	return Poll(ctx, end, func() (bool, error) {
		running, older, err := w.behind(ctx, v.Generation)
		if err == nil && older > 0 {
			if older != said {
				say("%s: %d of %d instances have not loaded version %d yet", name, older, running, v.Number)
				said = older
			}
			err = ErrBehind
		}
		return older == 0, err
	})
}

func (w *Roll) drained(ctx context.Context, name string, end time.Time, say Say) error {
	v, err := w.ring.Current(name)
	if err != nil {
		return err
	}
	said := int64(-1)
	return Poll(ctx, end, func() (bool, error) {
		n, err := w.under(ctx, name, v.Number-1)
		if err != nil || n == 0 {
			return true, err
		}
		running, _, err := w.behind(ctx, 0)
		if err != nil {
			return true, err
		}
		if n != said {
			say("%s: %d documents lie under older versions", name, n)
			said = n
		}
		if running == 0 {
			say("%s: no instance runs; the next one brings them under version %d", name, v.Number)
			return true, nil
		}
		return false, ErrRemains
	})
}

// Poll asks again and again until done, an end of the time, or an error with done.
func Poll(ctx context.Context, end time.Time, ask func() (done bool, err error)) error {
	for {
		done, err := ask()
		if done || !time.Now().Before(end) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Second):
		}
	}
}

// CheckDestroy says whether a version may be destroyed: no running instance may still
// make anything under it, and nothing may lie under it.
func (w *Roll) CheckDestroy(ctx context.Context, name string, version uint32) error {
	if err := w.rolls(name); err != nil {
		return err
	}
	v, err := w.ring.Version(name, version)
	if err != nil {
		return err
	}
	if _, err := w.ring.Destroy(name, version, w.now()); err != nil {
		return err
	}
	if v.State == keyring.Next {
		return nil
	}
	// Whoever has not seen that another version is current must not start again, and must
	// not run: only then what is counted is all.
	if err := w.store.RaiseFence(ctx, v.Generation); err != nil {
		return explain(err)
	}
	if running, older, err := w.behind(ctx, v.Generation); err != nil || older > 0 {
		return errors.Join(err, fmt.Errorf("%w: %d of %d", ErrBehind, older, running))
	}
	n, err := w.under(ctx, name, version)
	if err == nil && n > 0 {
		err = fmt.Errorf("%w: %d documents", ErrRemains, n)
	}
	return err
}

// Destroy takes a version's secret out of the key file, for good. Copies of the file, such as backups,
// still hold it.
func (w *Roll) Destroy(ctx context.Context, name string, version uint32) error {
	if err := w.CheckDestroy(ctx, name, version); err != nil {
		return err
	}
	return w.step(ctx, func(r keyring.Ring) (keyring.Ring, error) {
		v, err := r.Version(name, version)
		if err != nil {
			return r, err
		}
		out, err := r.Destroy(name, version, w.now())
		if err == nil && w.policy.Keep != nil && v.State != keyring.Next {
			out = w.policy.Keep(out, name, v)
		}
		return out, err
	})
}
