package keyroll

import (
	"context"
	"fmt"
	"time"

	"medunion/api/keyring"
)

// Ring is the ring as it was read or written last.
func (w *Roll) Ring() keyring.Ring { return w.ring }

// Step changes the ring, which must still be the one that was read: ErrChanged.
func (w *Roll) Step(ctx context.Context, do func(keyring.Ring) (keyring.Ring, error)) error {
	return w.step(ctx, do)
}

// StepCommitted is Step for one that cannot be taken back: commit makes it hold elsewhere, when the new ring is safe on
// the disk and before it takes the file's place (keyring.File.UpdateStaged).
func (w *Roll) StepCommitted(ctx context.Context, do func(keyring.Ring) (keyring.Ring, error), commit func(keyring.Ring) error) error {
	return w.record(ctx, do, func(ctx context.Context, step func(keyring.Ring) (keyring.Ring, error)) (keyring.Ring, error) {
		return w.file.UpdateStaged(ctx, step, commit)
	})
}

// Running counts the instances that run, and those of them that have not loaded the ring as it is.
func (w *Roll) Running(ctx context.Context) (running, older int, err error) {
	return w.behind(ctx, w.ring.Generation)
}

// Loaded counts the instances that run, and those of them that have not loaded the ring as it
// is. When all have, it turns away those that have not from then on.
func (w *Roll) Loaded(ctx context.Context) (running, older int, err error) {
	if running, older, err = w.behind(ctx, w.ring.Generation); err != nil || older > 0 {
		return running, older, err
	}
	if err := w.store.RaiseFence(ctx, w.ring.Generation); err != nil {
		return running, older, explain(err)
	}
	return running, older, nil
}

// Fence turns away whoever has an older ring than this one, from now on: also instances that run.
func (w *Roll) Fence(ctx context.Context) error {
	if err := w.store.RaiseFence(ctx, w.ring.Generation); err != nil {
		return explain(err)
	}
	return nil
}

// Await waits until Loaded says that all have. It fails with ErrBehind when the time is over.
func (w *Roll) Await(ctx context.Context, wait time.Duration) error {
	return Poll(ctx, time.Now().Add(wait), func() (bool, error) {
		running, older, err := w.Loaded(ctx)
		if err == nil && older > 0 {
			err = fmt.Errorf("%w: %d of %d", ErrBehind, older, running)
		}
		return older == 0, err
	})
}
