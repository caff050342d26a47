package keyroll

import (
	"context"
	"errors"
	"fmt"
	"time"

	"medunion/api/keyring"
)

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
	if err := w.mark(ctx); err != nil {
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
