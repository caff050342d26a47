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

// behind counts the instances that run, and those of them whose ring is older. ErrNewer
// if one has a newer ring than the file, ErrForked if it has another one of the same generation.
func (w *Roll) behind(ctx context.Context, generation uint64) (running, older int, err error) {
	all, err := w.store.Instances(ctx, time.Now().Add(-aliveFor))
	if err != nil {
		return 0, 0, explain(err)
	}
	for _, i := range all {
		if i.Generation > w.ring.Generation {
			return 0, 0, ErrNewer
		}
		if i.Generation == w.ring.Generation && i.Digest != w.ring.Digest() {
			return 0, 0, ErrForked
		}
		if i.Generation < generation {
			older++
		}
	}
	return len(all), older, nil
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
