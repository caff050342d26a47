package server

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"medunion/api/keyring"
	"medunion/api/keyroll"
	"medunion/api/message"
	"medunion/api/secretfile"
	"medunion/privatecloud/hospital"
)

// keyStore is the store as the commands about keys need it.
type keyStore interface {
	keyroll.Store
	hospital.Rekeying
	hospital.Prekeys
	hospital.Erasures
	hospital.Enrolments
}

// CredentialStatus is one credential of the hospital. It holds no secret.
type CredentialStatus struct {
	Number     uint64            `json:"number"`     // the epoch in it
	Credential string            `json:"credential"` // c_HPC, in hex: so the public cloud's commands name it
	Version    uint32            `json:"version"`    // of its keys in the ring, 0 if they are destroyed
	State      string            `json:"state"`      // of its keys
	Ends       time.Time         `json:"ends"`
	Until      *time.Time        `json:"until,omitempty"`   // its keys are not destroyed before
	Remains    *hospital.Remains `json:"remains,omitempty"` // what still needs its keys; must be none
}

// Credentials are all that the hospital has and had, newest first.
type Credentials []CredentialStatus

func (c Credentials) previous() *CredentialStatus {
	for i := range c {
		if c[i].State == keyring.Retiring.String() {
			return &c[i]
		}
	}
	return nil
}

// credentials reads the ring, and counts what needs the keys that are retiring.
func credentials(ctx context.Context, r keyring.Ring, s keyStore) (out Credentials, err error) {
	if len(r.Field(fieldCredential)) == 0 {
		return nil, nil
	}
	ids, err := identitiesOf(r)
	if err != nil {
		return nil, err
	}
	if ids.Next != nil {
		out = append(out, statusOf(r, keyring.Next, ids.Next.Credential))
	}
	out = append(out, statusOf(r, keyring.Current, ids.Current.Credential))
	for i := len(ids.Former) - 1; i >= 0; i-- {
		c := ids.Former[i]
		if ids.Previous == nil || c.Hash() != ids.Previous.Hash() {
			out = append(out, statusOf(r, keyring.Destroyed, c))
			continue
		}
		x := statusOf(r, keyring.Retiring, c)
		left, err := hospital.CountRemains(ctx, s, s, s, c, ids.Current.Credential)
		if err != nil {
			return nil, explain(err)
		}
		x.Remains = &left
		out = append(out, x)
	}
	return out, nil
}

func statusOf(r keyring.Ring, s keyring.State, c message.Credential) CredentialStatus {
	h := c.Hash()
	out := CredentialStatus{Number: c.Info.Epoch, Credential: hex.EncodeToString(h[:]), State: s.String(), Ends: c.Info.NotAfter.Time().UTC()}
	if v, ok := inState(r, keySigning, s); ok && s != keyring.Destroyed {
		out.Version = v.Number
		if !v.Until.IsZero() {
			out.Until = &v.Until
		}
	}
	return out
}

// Credentials says which credentials there are, and what still needs the keys of the one before.
func (t KeyTools) Credentials(ctx context.Context) (out Credentials, err error) {
	err = t.with(ctx, func(w *keyroll.Roll, s keyStore) error { out, err = credentials(ctx, w.Ring(), s); return err })
	return out, err
}

// DestroyIdentity destroys the keys of a credential that another one has followed, by their version in the ring, or
// gives up those of a renewal that is not current yet. With dry it only says whether it would. The keys of a former
// credential stay until their time is over and nothing needs them.
func (t KeyTools) DestroyIdentity(ctx context.Context, version uint32, dry bool) error {
	t = t.withDefaults()
	return t.with(ctx, func(w *keyroll.Roll, s keyStore) error {
		if dry {
			return checkDestroyIdentity(ctx, w, s, version, t.Now())
		}
		return destroyIdentity(ctx, w, s, version, t.Now())
	})
}

func checkDestroyIdentity(ctx context.Context, w *keyroll.Roll, s keyStore, version uint32, now time.Time) error {
	r := w.Ring()
	if _, err := r.DestroyTogether(version, now, identityKeys...); err != nil {
		return err
	}
	if v, _ := inState(r, keySigning, keyring.Retiring); v.Number != version {
		return nil
	}
	if running, older, err := w.Loaded(ctx); err != nil || older > 0 {
		return errors.Join(err, fmt.Errorf("%w: %d of %d", keyroll.ErrBehind, older, running))
	}
	all, err := credentials(ctx, r, s)
	if err != nil {
		return err
	}
	if left := all.previous().Remains; !left.None() {
		return fmt.Errorf("%w: %s", keyroll.ErrRemains, left)
	}
	return nil
}

func destroyIdentity(ctx context.Context, w *keyroll.Roll, s keyStore, version uint32, now time.Time) error {
	if err := checkDestroyIdentity(ctx, w, s, version, now); err != nil {
		return err
	}
	return w.Step(ctx, func(r keyring.Ring) (keyring.Ring, error) {
		if given, _ := inState(r, keySigning, keyring.Next); given.Number == version {
			return givenUp(r, version, now)
		}
		return r.DestroyTogether(version, now, identityKeys...)
	})
}

// givenUp is the ring without the keys that were drawn for another credential, or without the credential that waits.
func givenUp(r keyring.Ring, version uint32, now time.Time) (keyring.Ring, error) {
	out, err := r.DestroyTogether(version, now, identityKeys...)
	if err != nil {
		return r, err
	}
	return out.WithField(fieldNext, nil).WithField(fieldAnew, nil), nil
}

// notYet are the errors of a destruction that its time has not come for, or that another instance was first with.
var notYet = []error{keyring.ErrEarly, keyroll.ErrRemains, keyroll.ErrBehind, keyroll.ErrChanged, secretfile.ErrInUse}

// retire destroys the keys of the credential before when their time is over and nothing needs them.
func (p *parts) retire(ctx context.Context) bool {
	v, ok := inState(p.lease.Ring(), keySigning, keyring.Retiring)
	if !ok || p.config.Now().Before(v.Until) {
		return true
	}
	err := p.config.tools().roll(ctx, p.store, func(w *keyroll.Roll) error {
		return destroyIdentity(ctx, w, p.store, v.Number, p.config.Now())
	})
	for _, later := range notYet {
		if errors.Is(err, later) {
			return true
		}
	}
	if err == nil {
		p.config.Logger.Info("the keys of the former credential are destroyed", "version", v.Number)
	}
	return p.failed(ctx, "the keys of the former credential were not destroyed", err)
}
