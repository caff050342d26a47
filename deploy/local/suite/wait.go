package suite

import (
	"context"
	"fmt"
	"time"
)

// lookEvery is how often the suite looks whether one of its parties is ready.
const lookEvery = 100 * time.Millisecond

// WaitFor polls until ok says yes or fails, or the limit has passed; what names it in
// the error.
func WaitFor(ctx context.Context, limit, every time.Duration, what string, ok func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for {
		done, err := ok()
		if done || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s: %w", what, ctx.Err())
		case <-time.After(every):
		}
	}
}
