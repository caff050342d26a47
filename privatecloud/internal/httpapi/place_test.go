package httpapi

import (
	"context"
	"sync"
	"testing"
	"time"

	"medunion/api/problem"
)

// With every place taken again and again by strangers, each for a moment, a doctor's
// release still finds one; with all held for good it is told to come again.
func TestReleaseWaitsForAPlace(t *testing.T) {
	h := handlers{slots: make(chan struct{}, 2)}
	ctx, stop := context.WithCancel(t.Context())
	var strangers sync.WaitGroup
	for range 20 {
		strangers.Go(func() {
			for ctx.Err() == nil {
				if free, err := h.place(ctx); err == nil {
					time.Sleep(2 * time.Millisecond)
					free()
				}
			}
		})
	}
	for range 50 {
		free, err := h.place(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		free()
	}
	stop()
	strangers.Wait()
	h.slots <- struct{}{}
	h.slots <- struct{}{}
	short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := h.place(short); problem.KindOf(err) != problem.KindUnavailable {
		t.Errorf("no place: %v", err)
	}
}
