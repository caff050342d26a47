package relay

import (
	"context"
	"errors"
	"sync"
	"time"

	"medunion/api/message"
	"medunion/api/problem"
)

// How a list of revoked credentials is kept.
const (
	revokedLife  = time.Minute     // then a new one is asked for
	revokedWait  = 2 * time.Second // for it
	revokedPause = 5 * time.Second // after one that did not come
)

// revoked is the newest list that this instance has seen.
type revoked struct {
	mu   sync.Mutex
	list message.Revocations
	next time.Time // when to ask again
}

// Revocations returns the public cloud's list as it stands now, verified and fresh enough.
func (r *Relay) Revocations(ctx context.Context) (message.Revocations, error) {
	r.revoked.mu.Lock()
	defer r.revoked.mu.Unlock()
	return r.renewRevoked(ctx)
}

// Revoked says whether a credential is revoked, by a list that was asked for in the last
// minute. While the public cloud does not answer the last one serves, for as long as it
// may be used; without one it is Unavailable.
func (r *Relay) Revoked(ctx context.Context, c message.Hash) (bool, error) {
	k := &r.revoked
	k.mu.Lock()
	defer k.mu.Unlock()
	now := r.now()
	holds := k.list.Issued != 0 && message.MillisOf(now) <= k.list.Issued.Add(message.MaxRevocationAge)
	if holds && now.Before(k.next) {
		return k.list.Contains(c), nil
	}
	// A caller who leaves does not keep the list old for the others.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), revokedWait)
	defer cancel()
	if _, err := r.renewRevoked(ctx); err != nil {
		if !holds {
			return false, err
		}
		k.next = now.Add(revokedPause)
	}
	return k.list.Contains(c), nil
}

// renewRevoked fetches and keeps the list. The caller holds the lock, so that a crowd asks
// once.
func (r *Relay) renewRevoked(ctx context.Context) (message.Revocations, error) {
	s, err := r.signed(ctx, "/v1/revocations")
	if err != nil {
		return message.Revocations{}, err
	}
	v, err := message.OpenRevocations(s, r.pins.Pins(), message.MillisOf(r.now()))
	if errors.Is(err, message.ErrCredential) { // perhaps of a root that is new here
		r.learn(ctx)
		v, err = message.OpenRevocations(s, r.pins.Pins(), message.MillisOf(r.now()))
	}
	if err != nil {
		return message.Revocations{}, problem.Unavailable(time.Minute, err)
	}
	if v.Issued >= r.revoked.list.Issued { // an old list does not bring anybody back
		r.revoked.list, r.revoked.next = v, r.now().Add(revokedLife)
	}
	return v, nil
}
