package server

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
	"medunion/publiccloud/cloud"
	"medunion/publiccloud/internal/mongostore"
)

// How instances that share a store keep from working under different rings. Each checks
// in with the generation that it has loaded; nobody is asked to make a version current
// before all have it. An instance that could not check in for a while may have missed
// that: it seals nothing until it has.
const (
	checkInEvery = 10 * time.Second
	leaseLife    = time.Minute     // of a check-in, for the instance itself
	aliveFor     = 2 * time.Minute // of a check-in, for others: longer, so that it has stopped when they say it has
	resealEvery  = 5 * time.Minute
)

var errLease = errors.New("the key ring could not be compared with the store's for too long")

// lease is this instance's right to seal, and the keys that it seals under: cloud.AtRest.
type lease struct {
	watch *keyring.Watch
	store *mongostore.Store
	id    mongostore.InstanceID

	mu    sync.Mutex
	until time.Time
	fails error
}

// newLease checks in for the first time: an instance whose ring is older than the store
// has seen in use does not start.
func newLease(ctx context.Context, w *keyring.Watch, s *mongostore.Store) (*lease, error) {
	l := &lease{watch: w, store: s}
	if _, err := rand.Read(l.id[:]); err != nil {
		return nil, err
	}
	return l, l.checkIn(ctx)
}

func (l *lease) checkIn(ctx context.Context) error {
	begun := time.Now()
	ring := l.watch.Ring()
	generation := ring.Generation
	fence, err := l.store.CheckIn(ctx, l.id, generation, ring.Digest(), begun)
	switch {
	case err != nil:
		err = errors.New(problem.Reason(err))
	case fence > generation:
		err = fmt.Errorf("%w: generation %d, and %d is in use", keyring.ErrGeneration, generation, fence)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.fails = err; err == nil {
		l.until = begun.Add(leaseLife)
	} else if fence > generation {
		l.until = time.Time{} // at once
	}
	return err
}

// held says whether this instance may seal, else why not.
func (l *lease) held() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if time.Now().Before(l.until) {
		return nil
	}
	return errors.Join(errLease, l.fails)
}

// Probe is the service's readiness as far as its keys go.
func (l *lease) Probe(context.Context) error { return l.held() }

// Challenge implements cloud.AtRest.
func (l *lease) Challenge() cloud.Versions { return versions(l.watch.Ring(), keyChallenge) }

// Opening implements cloud.AtRest.
func (l *lease) Opening() cloud.Versions { return versions(l.watch.Ring(), keySealing) }

// Sealing implements cloud.AtRest.
func (l *lease) Sealing() (cloud.Versions, error) { return l.Opening(), l.held() }

func versions(r keyring.Ring, name string) cloud.Versions {
	out := cloud.Versions{Secrets: map[uint32][]byte{}}
	for _, v := range r.Versions(name) {
		if v.State == keyring.Destroyed {
			continue
		}
		out.Secrets[v.Number] = v.SecretBytes()
		if v.State == keyring.Current {
			out.Current = v.Number
		}
	}
	return out
}

// run checks in until ctx ends, and at once when there is a new ring.
func (l *lease) run(ctx context.Context, log *slog.Logger, changed <-chan struct{}) {
	tick := time.NewTicker(checkInEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-changed:
		}
		if err := l.checkIn(ctx); err != nil && ctx.Err() == nil {
			log.Error("the key ring was not compared with the store's", "reason", err.Error())
		}
	}
}

// checkOut tells the others that this instance has ended.
func (l *lease) checkOut(ctx context.Context) { _ = l.store.CheckOut(ctx, l.id, time.Now()) }

// reseal brings what lies under older versions under the current one: at the start,
// when there is a new ring, and now and then for what came in between.
func reseal(ctx context.Context, c *cloud.Cloud, log *slog.Logger, changed <-chan struct{}) {
	tick := time.NewTicker(resealEvery)
	defer tick.Stop()
	for {
		switch r, err := c.Reseal(ctx); {
		case ctx.Err() != nil:
			return
		case err != nil:
			log.Error("what lies under an older key was not sealed anew", "reason", problem.Reason(err))
		case r != cloud.Resealed{}:
			log.Info("sealed anew under the current key", "documents", r.Done, "changed", r.Changed, "broken", r.Broken)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-changed:
		}
	}
}
