package keyroll

import (
	"context"
	"errors"
	"fmt"

	"medunion/api/keyring"
)

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
	return w.unused(ctx, name, v)
}

// unused fails while an instance may still make something under the version, or something lies under it.
func (w *Roll) unused(ctx context.Context, name string, v keyring.Version) error {
	// Whoever has not seen that another version is current must not start again, and must
	// not run: only then what is counted is all.
	if err := w.store.RaiseFence(ctx, v.Generation); err != nil {
		return explain(err)
	}
	if running, older, err := w.behind(ctx, v.Generation); err != nil || older > 0 {
		return errors.Join(err, fmt.Errorf("%w: %d of %d", ErrBehind, older, running))
	}
	if err := w.mark(ctx); err != nil {
		return err
	}
	n, err := w.under(ctx, name, v.Number)
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
