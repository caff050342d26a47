package server

import (
	"context"
	"errors"
	"fmt"
	"time"

	"medunion/api/keyprovider"
	"medunion/api/keyring"
)

// Say tells the operator of a step.
type Say func(format string, args ...any)

// Errors of a roll.
var (
	ErrBehind  = errors.New("instances run that have not loaded the key ring")
	ErrRemains = errors.New("data remains under the version")
)

// Next says in words what Rotate would do first.
func (t KeyTools) Next(ctx context.Context, name string) (words string, err error) {
	if err := rolls(name); err != nil {
		return "", err
	}
	err = t.with(ctx, func(w *keyWork) error {
		if left, err := w.left(ctx, name); err != nil || left {
			words = fmt.Sprintf("would wait until nothing lies under older versions of %s any more; no version is added before", name)
			return err
		}
		v, err := w.ring.Next(name)
		if err != nil {
			words = fmt.Sprintf("would add a next version of %s, wait until all instances have it, and make it current", name)
			return nil
		}
		running, older, err := w.behind(ctx, v.Generation)
		words = fmt.Sprintf("would make version %d of %s current, as soon as all of %d instances have it; %d have not", v.Number, name, running, older)
		return err
	})
	return words, err
}

func rolls(name string) error {
	if why := notRolled[name]; why != "" {
		return fmt.Errorf("%w: %s: %s", ErrNotRolled, name, why)
	}
	if hold[name] == 0 {
		return fmt.Errorf("%w: there is no key %q", ErrNotRolled, name)
	}
	return nil
}

// Rotate rolls a key: a next version, then, when all running instances have it, that
// version as the current one, then it waits until nothing lies under older ones any
// more. It goes on where an earlier Rotate was cut off, and
// adds no version while something lies under older ones. If wait is over before all is
// done, it fails with ErrBehind or ErrRemains, and what was done holds.
func (t KeyTools) Rotate(ctx context.Context, name string, wait time.Duration, say Say) error {
	if err := rolls(name); err != nil {
		return err
	}
	end := time.Now().Add(wait)
	return t.with(ctx, func(w *keyWork) error {
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
	})
}

// left says that the last roll is not over: no version waits, and something lies under one that was
// replaced. Another version would not help it.
func (w *keyWork) left(ctx context.Context, name string) (bool, error) {
	if _, err := w.ring.Next(name); err == nil {
		return false, nil
	}
	v, err := w.ring.Current(name)
	if err != nil || v.Number == 1 {
		return false, err
	}
	n, err := w.remain(ctx, name, v.Number-1)
	return n > 0, err
}

func (w *keyWork) add(ctx context.Context, name string, say Say) error {
	err := w.step(ctx, func(r keyring.Ring) (keyring.Ring, error) { return r.Add(name, w.tools.rand(), w.tools.now()) })
	if err != nil {
		return err
	}
	v, err := w.ring.Next(name)
	say("%s: version %d is next", name, v.Number)
	return err
}

// promote waits for the instances. The fence comes first: whoever starts with a ring that
// has not the version is turned away before anything lies under it.
func (w *keyWork) promote(ctx context.Context, name string, end time.Time, say Say) error {
	v, err := w.ring.Next(name)
	if err != nil {
		return err
	}
	err = poll(ctx, end, func() (bool, error) {
		running, older, err := w.behind(ctx, v.Generation)
		if err == nil && older > 0 {
			say("%s: %d of %d instances have not loaded version %d yet", name, older, running, v.Number)
			err = ErrBehind
		}
		return older == 0, err
	})
	if err != nil {
		return err
	}
	if err := errors.Join(w.store.MarkSealed(ctx), w.store.RaiseFence(ctx, v.Generation)); err != nil {
		return explain(err)
	}
	// An instance may have started between the count and the fence.
	if _, older, err := w.behind(ctx, v.Generation); err != nil || older > 0 {
		return errors.Join(err, ErrBehind)
	}
	err = w.step(ctx, func(r keyring.Ring) (keyring.Ring, error) { return r.Promote(name, w.tools.now(), hold[name]) })
	if err != nil {
		return err
	}
	say("%s: version %d is current", name, v.Number)
	return nil
}

// drained waits until the running instances have sealed everything under the current version.
func (w *keyWork) drained(ctx context.Context, name string, end time.Time, say Say) error {
	v, err := w.ring.Current(name)
	if err != nil {
		return err
	}
	said := int64(-1)
	return poll(ctx, end, func() (bool, error) {
		n, err := w.remain(ctx, name, v.Number-1)
		if err != nil || n == 0 {
			return true, err
		}
		running, _, err := w.behind(ctx, 0)
		if err != nil {
			return true, err
		}
		if running == 0 {
			say("%s: %d documents lie under older versions; a running service seals them anew", name, n)
			return true, nil
		}
		if n != said {
			say("%s: %d documents lie under older versions", name, n)
			said = n
		}
		return false, ErrRemains
	})
}

// poll asks again and again until done, an end of the time, or an error with done.
func poll(ctx context.Context, end time.Time, ask func() (done bool, err error)) error {
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
func (t KeyTools) CheckDestroy(ctx context.Context, name string, version uint32) error {
	return t.with(ctx, func(w *keyWork) error { return w.destroyable(ctx, name, version) })
}

// Destroy takes a version's secret out of the key file, for good. Copies of the file, such as backups,
// still hold it.
func (t KeyTools) Destroy(ctx context.Context, name string, version uint32) error {
	return t.with(ctx, func(w *keyWork) error {
		if err := w.destroyable(ctx, name, version); err != nil {
			return err
		}
		return w.step(ctx, func(r keyring.Ring) (keyring.Ring, error) { return r.Destroy(name, version, w.tools.now()) })
	})
}

func (w *keyWork) destroyable(ctx context.Context, name string, version uint32) error {
	if err := rolls(name); err != nil {
		return err
	}
	v, err := w.ring.Version(name, version)
	if err != nil {
		return err
	}
	if _, err := w.ring.Destroy(name, version, w.tools.now()); err != nil {
		return err
	}
	if v.State == keyring.Next {
		return nil
	}
	// Whoever has not seen that another version is current must not start again, and must
	// not run: only then what is counted is all.
	if err := errors.Join(w.store.RaiseFence(ctx, v.Generation), w.store.MarkSealed(ctx)); err != nil {
		return explain(err)
	}
	if running, older, err := w.behind(ctx, v.Generation); err != nil || older > 0 {
		return errors.Join(err, fmt.Errorf("%w: %d of %d", ErrBehind, older, running))
	}
	n, err := w.remain(ctx, name, version)
	if err == nil && n > 0 {
		err = fmt.Errorf("%w: %d documents", ErrRemains, n)
	}
	return err
}

// Rewrap seals the key file anew, under what keyprovider.Target gives. Running instances
// notice nothing but that the file has changed.
func (t KeyTools) Rewrap(ctx context.Context, to keyprovider.Provider) error {
	f, err := t.open()
	if err != nil {
		return err
	}
	return f.Rewrap(ctx, to)
}
