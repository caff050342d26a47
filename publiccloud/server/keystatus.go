package server

import (
	"context"
	"time"

	"medunion/api/keyring"
)

// KeyStatus is what `keys status` shows. It holds no secret.
type KeyStatus struct {
	Generation uint64          `json:"generation"`
	Fence      uint64          `json:"fence"`     // no instance works below this generation
	Instances  int             `json:"instances"` // that run
	Behind     int             `json:"behind"`    // of them, with an older ring than the file's
	Provider   string          `json:"provider"`  // what seals the file
	Wrapped    int             `json:"wrapped,omitempty"`
	Newest     int             `json:"newest,omitempty"` // version of the provider's key; above Wrapped: rewrap
	Keys       []VersionStatus `json:"keys"`
}

// VersionStatus is one version of a key.
type VersionStatus struct {
	Key       string     `json:"key"`
	Version   uint32     `json:"version"`
	State     string     `json:"state"`
	Since     *time.Time `json:"since,omitempty"`
	Until     *time.Time `json:"until,omitempty"`     // not destroyed before
	Documents *int64     `json:"documents,omitempty"` // that may lie under it
}

// Status reads the ring and the store.
func (t KeyTools) Status(ctx context.Context) (out KeyStatus, err error) {
	err = t.with(ctx, func(w *keyWork) error {
		out.Generation = w.ring.Generation
		if out.Fence, err = w.store.Fence(ctx); err != nil {
			return explain(err)
		}
		if out.Instances, out.Behind, err = w.behind(ctx, w.ring.Generation); err != nil {
			return err
		}
		if out.Provider, out.Wrapped, out.Newest, err = w.file.Sealing(ctx); err != nil {
			return err
		}
		counts, err := w.store.CountSealed(ctx)
		if err != nil {
			return explain(err)
		}
		for _, name := range w.ring.Names() {
			for _, v := range w.ring.Versions(name) {
				s := versionStatus(name, v)
				if n := counts[v.Number]; name == keySealing {
					s.Documents = &n
				}
				out.Keys = append(out.Keys, s)
			}
		}
		return nil
	})
	return out, err
}

func versionStatus(name string, v keyring.Version) VersionStatus {
	s := VersionStatus{Key: name, Version: v.Number, State: v.State.String()}
	if !v.Since.IsZero() {
		s.Since = &v.Since
	}
	if !v.Until.IsZero() {
		s.Until = &v.Until
	}
	return s
}
