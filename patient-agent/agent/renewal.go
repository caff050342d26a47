package agent

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/patient-agent/internal/keystore"
	"medunion/patient-agent/patient"
)

// How often the agent looks whether her credential is to be renewed: at the unlock and
// daily, sooner while a visit goes on or the public cloud cannot be reached.
const (
	renewalTick    = time.Minute
	renewalEvery   = 24 * time.Hour
	renewalOffline = time.Hour
)

// lastDays is the time before the end in which she is told that renewals fail: until then,
// tomorrow is early enough. Of a credential of a short life, its last sixteenth.
const lastDays = 8 * 24 * time.Hour

// What she must know of the renewal of her credential.
const (
	renewalLate      = "late"      // it ends soon, and the last attempt has failed
	renewalEnded     = "ended"     // it has ended: only a new registration helps
	renewalElsewhere = "elsewhere" // somebody else has renewed with her keys
)

// renewing is what an open store remembers of renewals.
type renewing struct {
	mu     sync.Mutex // one at a time
	failed atomic.Bool
}

// StayRenewed makes the agent renew her credential by itself, while its store is open,
// from the next unlock on. A program that ends at once should not: each attempt that is broken off
// may use up a number.
func (a *Agent) StayRenewed() { a.renews.Store(true) }

// mayRenew keeps renewals from going on beside a visit: its messages come first.
func (o *opened) mayRenew() bool { return o.role().Registered() && o.running.none() }

func (a *Agent) stayRenewed(o *opened) {
	tick := time.NewTicker(renewalTick)
	defer tick.Stop()
	var next time.Time
	for {
		// The time of day decides: the ticker stands still while a device sleeps.
		if now := a.cfg.Now(); o.mayRenew() && !now.Before(next) {
			next = now.Add(a.renewIfDue(o))
		}
		select {
		case <-o.ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// renewIfDue renews what is due, and returns how long to wait before the next look.
func (a *Agent) renewIfDue(o *opened) time.Duration {
	ctx, cancel := context.WithTimeout(o.ctx, 2*callTime)
	defer cancel()
	again := renewalEvery
	if err := a.learn(ctx); err != nil { // whether a root ends, and her credential with it
		again = renewalOffline
	}
	at, err := o.role().RenewAt()
	if err == nil && !a.cfg.Now().Before(at) {
		err = a.renew(ctx, o, false)
	}
	if err == nil || errors.Is(err, errTooLate) || o.ctx.Err() != nil {
		return again
	}
	a.cfg.Logger.LogAttrs(o.ctx, slog.LevelWarn, "credential not renewed", slog.String("reason", problem.Reason(err)))
	if k := problem.KindOf(err); k == problem.KindUnavailable || k == problem.KindTooMany {
		return renewalOffline
	}
	return renewalEvery
}

// RenewAt is from when on the agent renews her credential.
func (a *Agent) RenewAt(ctx context.Context) (time.Time, error) {
	o, err := a.registered()
	if err != nil {
		return time.Time{}, err
	}
	if err := a.learn(ctx); err != nil {
		return time.Time{}, err
	}
	return o.role().RenewAt()
}

// Renew renews her credential now (M0, admitted by both secrets of the old one). Her
// identity, her keys and her passkey or passphrase stay, and hospitals go on without a visit
// at the desk. restored says that this store is an older copy, so that renewals which it does
// not know of are her own; else they fail it with patient.ErrRenewedElsewhere.
func (a *Agent) Renew(ctx context.Context, restored bool) (Identity, error) {
	o, err := a.registered()
	if err != nil {
		return Identity{}, err
	}
	if err := a.learn(ctx); err != nil {
		return Identity{}, err
	}
	if err := a.renew(ctx, o, restored); err != nil {
		return Identity{}, err
	}
	return a.Identity()
}

// renew makes one attempt and remembers what she must know of it.
func (a *Agent) renew(ctx context.Context, o *opened, restored bool) error {
	o.renewing.mu.Lock()
	defer o.renewing.mu.Unlock()
	if ends, err := o.role().Ends(); err != nil {
		return err
	} else if !a.cfg.Now().Before(ends) {
		return errTooLate
	}
	elsewhere, err := renewedElsewhere(o)
	if err != nil {
		return err
	}
	if elsewhere && !restored {
		return patient.ErrRenewedElsewhere // to ask again would only use up numbers
	}
	err = a.tryRenewal(ctx, o, restored)
	if errors.Is(err, patient.ErrRenewedElsewhere) {
		err = errors.Join(err, o.store.Update(func(c *keystore.Content) error { c.Elsewhere = a.cfg.Now(); return nil }))
	}
	o.renewing.failed.Store(err != nil)
	a.changes.broadcast(Statuses)
	return err
}

func (a *Agent) tryRenewal(ctx context.Context, o *opened, restored bool) error {
	var next *patient.Patient
	reply, err := a.requestRegistration(ctx, func(challenge []byte) (q message.RegistrationRequest, err error) {
		if next == nil { // the same again, if only the challenge was too old
			if next, err = a.draftRenewal(o); err != nil {
				return q, err
			}
		}
		return next.RequestRenewal(challenge)
	})
	if err != nil {
		return err
	}
	former := next.Identity().Credential.Encode()
	if err := next.AcceptRenewal(reply, restored); err != nil { // Eq. 4
		return err
	}
	return a.takeOver(o, next.Identity(), func(c *keystore.Content) {
		c.Former, c.Elsewhere = append(c.Former, former), time.Time{}
	})
}

// draftRenewal makes x_P of the next credential, and that it is asked for, durable. She goes
// on under the old one; the role that it returns is for the renewal alone.
func (a *Agent) draftRenewal(o *opened) (*patient.Patient, error) {
	id, err := o.role().DraftRenewal()
	if err != nil {
		return nil, err
	}
	if err := a.takeOver(o, id, func(*keystore.Content) {}); err != nil {
		return nil, err
	}
	return a.newRole(id)
}

// takeOver makes an identity durable and then current. A role is never changed while others
// may use it: a new one takes its place.
func (a *Agent) takeOver(o *opened, id patient.Identity, also func(*keystore.Content)) error {
	role, err := a.newRole(id)
	if err != nil {
		return problem.Internal(err)
	}
	err = o.store.Update(func(c *keystore.Content) error {
		c.Identity = id.Encode()
		also(c)
		return nil
	})
	if err == nil {
		o.current.Store(role)
	}
	return storeProblem(err)
}

func renewedElsewhere(o *opened) (yes bool, err error) {
	err = o.store.View(func(c keystore.Content) error { yes = !c.Elsewhere.IsZero(); return nil })
	return yes, storeProblem(err)
}

// renewalTrouble is what she must know of the renewal of a credential that ends then.
func (a *Agent) renewalTrouble(o *opened, ends time.Time) (string, error) {
	now := a.cfg.Now()
	elsewhere, err := renewedElsewhere(o)
	switch {
	case err != nil:
		return "", err
	case elsewhere:
		return renewalElsewhere, nil
	case !now.Before(ends):
		return renewalEnded, nil
	}
	life := ends.Sub(o.role().Identity().Credential.Info.NotBefore.Time())
	if o.renewing.failed.Load() && ends.Sub(now) < min(lastDays, life/16) {
		return renewalLate, nil
	}
	return "", nil
}
