// Package keyroll rolls the keys of a service's ring (api/keyring) while its instances run:
// the lease without which an instance seals nothing, and the steps that an operator's commands make.
//
// Each instance checks in at the store with the generation that it has loaded. A version is made
// current only when all that run have it; a fence in the store turns away whoever starts with an older ring. An
// instance that could not check in for a while may have missed that: it seals nothing until it has.
package keyroll

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"medunion/api/keyring"
	"medunion/api/problem"
	"medunion/ecc"
)

// Times of a lease.
const (
	LeaseLife = time.Minute     // of a check-in, for the instance itself
	aliveFor  = 2 * time.Minute // of a check-in, for others: longer, so that it has stopped when they say it has

	checkIns = 6 // in the life of one
)

// clock says how long the process has run, as long as the machine did, and what the wall's clock shows. The first
// stands still while the machine is suspended, the second may be set.
type clock func() (ran time.Duration, wall time.Time)

func newClock() clock {
	start := time.Now()
	return func() (time.Duration, time.Time) { now := time.Now(); return now.Sub(start), now.Round(0) }
}

// ForgetAfter is when an instance that is gone may be forgotten.
const ForgetAfter = 24 * time.Hour

// InstanceID names a running instance, at random.
type InstanceID [16]byte

// Running is an instance that has checked in.
type Running struct {
	Generation uint64   // of the key ring that it has loaded
	Digest     ecc.Hash // of that ring
}

// Store is where instances that share it see each other.
type Store interface {
	// CheckIn says that the instance runs with the generation of the key ring, and returns
	// the generation below which none may.
	CheckIn(ctx context.Context, id InstanceID, generation uint64, digest ecc.Hash, now time.Time) (fence uint64, err error)
	CheckOut(ctx context.Context, id InstanceID, now time.Time) error
	// Instances are those that were seen since.
	Instances(ctx context.Context, since time.Time) ([]Running, error)
	// Fence is 0 if none was set.
	Fence(ctx context.Context) (uint64, error)
	// RaiseFence sets the fence, never lower than it is.
	RaiseFence(ctx context.Context, generation uint64) error
}

var errLease = errors.New("the key ring could not be compared with the store's for too long")

// Lease is an instance's right to seal.
type Lease struct {
	watch *keyring.Watch
	store Store
	id    InstanceID
	life  time.Duration

	mu    sync.Mutex
	good  bool // the last check-in that was answered held
	ran   time.Duration
	wall  time.Time // by either clock, when it began
	fails error

	clock clock
}

// NewLease checks in for the first time: an instance whose ring is older than the store has
// seen in use does not start (keyring.ErrGeneration). A check-in holds for life: LeaseLife, which it
// never exceeds, or less in a test. Without Run nothing makes the next one.
func NewLease(ctx context.Context, w *keyring.Watch, s Store, life time.Duration) (*Lease, error) {
	l := &Lease{watch: w, store: s, life: min(life, LeaseLife), clock: newClock()}
	if _, err := rand.Read(l.id[:]); err != nil {
		return nil, err
	}
	return l, l.checkIn(ctx)
}

func (l *Lease) checkIn(ctx context.Context) error {
	ran, wall := l.clock()
	ring := l.watch.Ring()
	fence, err := l.store.CheckIn(ctx, l.id, ring.Generation, ring.Digest(), wall)
	switch {
	case err != nil:
		err = errors.New(problem.Reason(err))
	case fence > ring.Generation:
		err = fmt.Errorf("%w: generation %d, and %d is in use", keyring.ErrGeneration, ring.Generation, fence)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.fails = err; err == nil {
		l.good, l.ran, l.wall = true, ran, wall
	} else if fence > ring.Generation {
		l.good = false // at once
	}
	return err
}

// Held says whether this instance may seal, else why not. Both clocks must say so: while a machine was suspended the
// others went on, and the time that the process has run says nothing of it; and the wall's clock may have been set back.
func (l *Lease) Held() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	ran, wall := l.clock()
	if l.good && ran-l.ran < l.life && wall.Sub(l.wall) < l.life {
		return nil
	}
	return errors.Join(errLease, l.fails)
}

// Probe is the service's readiness as far as its keys go.
func (l *Lease) Probe(context.Context) error { return l.Held() }

// Ring is the newest ring that could be loaded.
func (l *Lease) Ring() keyring.Ring { return l.watch.Ring() }

// Degraded is that of the watched key file.
func (l *Lease) Degraded(ctx context.Context) error { return l.watch.Degraded(ctx) }

// Follow is what an instance does about each new ring. Either may be nil.
type Follow struct {
	Load    func(keyring.Ring) // before it says that it has the ring: afterwards others rely on it
	Changed func()             // when it has checked in with the ring, or has tried
}

// Run checks in, and looks for new rings each poll, until ctx ends.
func (l *Lease) Run(ctx context.Context, poll time.Duration, log *slog.Logger, f Follow) {
	anew := make(chan struct{}, 1)
	var both sync.WaitGroup
	both.Go(func() { l.keep(ctx, log, anew, f.Changed) })
	l.watch.Run(ctx, poll, log, func(r keyring.Ring) {
		if f.Load != nil {
			f.Load(r)
		}
		select {
		case anew <- struct{}{}:
		default: // one waits already
		}
	})
	both.Wait()
}

func (l *Lease) keep(ctx context.Context, log *slog.Logger, anew <-chan struct{}, changed func()) {
	tick := time.NewTicker(l.life / checkIns)
	defer tick.Stop()
	for {
		isNew := false
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-anew:
			isNew = true
		}
		if err := l.checkIn(ctx); err != nil && ctx.Err() == nil {
			log.Error("the key ring was not compared with the store's", "reason", err.Error())
		}
		if isNew && changed != nil {
			changed()
		}
	}
}

// CheckOut tells the others that this instance has ended.
func (l *Lease) CheckOut(ctx context.Context) { _ = l.store.CheckOut(ctx, l.id, time.Now()) }
