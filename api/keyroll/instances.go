package keyroll

import (
	"context"
	"fmt"
	"time"

	"medunion/api/keyring"
)

// fenced refuses a ring that is older than one that has been in use.
func (w *Roll) fenced(ctx context.Context) error {
	fence, err := w.store.Fence(ctx)
	if err != nil {
		return explain(err)
	}
	if w.ring.Generation < fence {
		return fmt.Errorf("%w: generation %d, and %d is in use", keyring.ErrGeneration, w.ring.Generation, fence)
	}
	return nil
}

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

// Await waits until Loaded says that all have. It fails with ErrBehind when the time is over.
func (w *Roll) Await(ctx context.Context, wait time.Duration) error {
	return poll(ctx, time.Now().Add(wait), func() (bool, error) {
		running, older, err := w.Loaded(ctx)
		if err == nil && older > 0 {
			err = behindErr(older, running)
		}
		return older == 0, err
	})
}

func behindErr(older, running int) error {
	return fmt.Errorf("%w: %d of %d", ErrBehind, older, running)
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
