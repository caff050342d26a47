package server

import (
	"context"
	"fmt"
	"time"

	"medunion/api/command"
	"medunion/api/keyprovider"
	"medunion/api/keyring"
	"medunion/publiccloud/cloud"
	"medunion/publiccloud/internal/mongostore"
)

// recorder writes what a step makes of the ring into the trail of operations: keyroll.Policy.Record.
func (t KeyTools) recorder(s *mongostore.Store) func(context.Context, keyring.Ring, keyring.Ring, bool) error {
	return func(ctx context.Context, from, to keyring.Ring, failed bool) error {
		trail, err := t.trail(s, from)
		if err != nil {
			return err
		}
		for _, o := range steps(from, to) {
			o.Operator, o.Failed = command.Operator(), failed
			if err := trail.Record(ctx, o); err != nil {
				return fmt.Errorf("the trail of operations: %w", explain(err))
			}
		}
		return nil
	}
}

// trail is that of the public cloud whose ring it is.
func (t KeyTools) trail(s *mongostore.Store, r keyring.Ring) (cloud.Trail, error) {
	k, err := keysOf(r, anyID)
	return cloud.Trail{Store: s, HandleKey: k.handle, Now: t.now}, err
}

// steps are what has happened to the versions between two rings. The three keys of a root come and go together: they
// are one step. That a version retires follows from the other that is current.
func steps(from, to keyring.Ring) (out []cloud.Operation) {
	for _, name := range to.Names() {
		if name == keyHedge || name == keySigning {
			continue
		}
		for _, v := range to.Versions(name) {
			before, err := from.Version(name, v.Number)
			if what := became(name, before.State, v.State, err != nil); what != "" {
				out = append(out, stepOf(what, name, v, to))
			}
		}
	}
	return out
}

func became(name string, before, now keyring.State, isNew bool) string {
	root := name == keyMaster
	switch {
	case isNew && root:
		return cloud.OperationAnnounced
	case isNew:
		return cloud.OperationKeyAdded
	case before == now:
		return ""
	case now == keyring.Destroyed && root:
		return cloud.OperationRetired
	case now == keyring.Destroyed:
		return cloud.OperationKeyDestroyed
	case now == keyring.Current && !root:
		return cloud.OperationKeyCurrent
	}
	return ""
}

// stepOf names a root by its number, from 0, and says of one that is announced in which times it takes over.
func stepOf(what, name string, v keyring.Version, to keyring.Ring) cloud.Operation {
	o := cloud.Operation{What: what, Key: name, Version: v.Number, Generation: to.Generation}
	if name != keyMaster {
		return o
	}
	o.Key, o.Version = "root", v.Number-1
	if pins, err := pinsOf(to, anyID); err == nil && what == cloud.OperationAnnounced && len(pins.Successions()) > 0 {
		links := pins.Successions()
		s := links[len(links)-1].Statement()
		o.Note = fmt.Sprintf("good from %s on; the old one until %s", s.From.Time().UTC().Format(time.RFC3339), s.Until.Time().UTC().Format(time.RFC3339))
	}
	return o
}

// Rewrap seals the key file anew, under what keyprovider.Target gives. Running instances
// notice nothing but that the file has changed. It needs the store, whose trail says who did it.
func (t KeyTools) Rewrap(ctx context.Context, to keyprovider.Provider) error {
	f, err := t.open()
	if err != nil {
		return err
	}
	return t.withStore(ctx, func(s *mongostore.Store) error {
		if err := t.recover(ctx, f, s); err != nil {
			return err
		}
		ring, err := f.Load(ctx)
		if err != nil {
			return err
		}
		trail, err := t.trail(s, ring)
		if err != nil {
			return err
		}
		o := cloud.Operation{What: cloud.OperationRewrapped, Operator: command.Operator(), Generation: ring.Generation, Note: sealedBy(to)}
		return explained(trail.Do(ctx, o, func() error { return f.Rewrap(ctx, to) }))
	})
}

func sealedBy(p keyprovider.Provider) string {
	if p == nil {
		return "left in the clear"
	}
	return "sealed by: " + p.Name()
}
