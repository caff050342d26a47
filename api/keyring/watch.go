package keyring

import (
	"context"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"medunion/api/secretfile"
)

// PollEvery is how often a running service looks whether its key file has changed, if its
// configuration says nothing else.
const PollEvery = 5 * time.Second

// probeEvery is how often Degraded asks the provider, at most.
const probeEvery = 30 * time.Second

// Watch holds the ring that a running service uses, and takes over each newer one.
type Watch struct {
	file File
	ring atomic.Pointer[Ring]

	mu    sync.Mutex
	sum   [sha256.Size]byte // of the file's bytes as they were last looked at
	fails error             // why the last look failed

	probeMu sync.Mutex
	probed  time.Time
	probe   error
}

// Watch loads the ring and holds it.
func (f File) Watch(ctx context.Context) (*Watch, error) {
	w := &Watch{file: f}
	if err := w.Reload(ctx); err != nil {
		return nil, err
	}
	return w, nil
}

// Ring is the newest ring that could be loaded.
func (w *Watch) Ring() Ring { return *w.ring.Load() }

// Reload takes over the file's ring if it has changed. An older one is ErrGeneration, another one of
// the same generation ErrForked, and the one in use stays, as it does when the provider is away.
func (w *Watch) Reload(ctx context.Context) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fails = w.reload(ctx)
	return w.fails
}

func (w *Watch) reload(ctx context.Context) error {
	raw, err := secretfile.Read(w.file.path)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(raw)
	if sum == w.sum && w.fails == nil {
		return nil
	}
	r, err := w.file.decode(ctx, raw)
	if err != nil {
		return err
	}
	if old := w.ring.Load(); old != nil {
		if err := follows(*old, r); err != nil {
			return err
		}
	}
	w.ring.Store(&r)
	w.sum = sum
	return nil
}

// follows says whether a ring may take another one's place. A file that was sealed anew has the same ring.
func follows(old, r Ring) error {
	switch {
	case r.Generation < old.Generation:
		return fmt.Errorf("%w: generation %d after %d", ErrGeneration, r.Generation, old.Generation)
	case r.Generation == old.Generation && r.Digest() != old.Digest():
		return fmt.Errorf("%w: generation %d", ErrForked, r.Generation)
	}
	return nil
}

// Run reloads at intervals, and at once on SIGHUP, until ctx ends, and tells changed of each new generation. A failure is
// logged once, until it is over.
func (w *Watch) Run(ctx context.Context, every time.Duration, log *slog.Logger, changed func(Ring)) {
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	defer signal.Stop(hup)
	tick := time.NewTicker(every)
	defer tick.Stop()
	was := error(nil)
	for {
		select {
		case <-ctx.Done():
			return
		case <-hup:
		case <-tick.C:
		}
		before := w.Ring().Generation
		err := w.Reload(ctx)
		if err != nil && ctx.Err() == nil && (was == nil || was.Error() != err.Error()) {
			log.Error("the key file was not reloaded; the keys in memory stay in use", "reason", err.Error())
		}
		was = err
		if r := w.Ring(); r.Generation != before {
			log.Info("the key ring was reloaded", "generation", r.Generation)
			changed(r)
		}
	}
}

// Degraded says why a restart would find the keys locked, though the service itself goes
// on with those in memory. It asks the provider every half minute at most.
func (w *Watch) Degraded(ctx context.Context) error {
	w.mu.Lock()
	fails := w.fails
	w.mu.Unlock()
	if fails != nil {
		return fails
	}
	w.probeMu.Lock()
	defer w.probeMu.Unlock()
	if time.Since(w.probed) > probeEvery {
		w.probe, w.probed = w.file.Probe(ctx), time.Now()
	}
	return w.probe
}
