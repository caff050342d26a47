package keyroll

import (
	"context"
	"time"

	"medunion/api/keyring"
)

// Status is what the command `keys status` shows. It holds no secret.
type Status struct {
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
	Documents *int64     `json:"documents,omitempty"` // that may lie under it, and under no older one
}

// Status reads the ring and the store.
func (w *Roll) Status(ctx context.Context) (out Status, err error) {
	out.Generation = w.ring.Generation
	if out.Fence, err = w.store.Fence(ctx); err != nil {
		return out, explain(err)
	}
	if out.Instances, out.Behind, err = w.behind(ctx, w.ring.Generation); err != nil {
		return out, err
	}
	if out.Provider, out.Wrapped, out.Newest, err = w.file.Sealing(ctx); err != nil {
		return out, err
	}
	for _, name := range w.ring.Names() {
		versions, err := w.versions(ctx, name)
		if err != nil {
			return out, err
		}
		out.Keys = append(out.Keys, versions...)
	}
	return out, nil
}

func (w *Roll) versions(ctx context.Context, name string) (out []VersionStatus, err error) {
	counts, err := w.count(ctx, name)
	if err != nil {
		return nil, err
	}
	for _, v := range w.ring.Versions(name) {
		s := versionStatus(name, v)
		if n := counts[v.Number]; counts != nil {
			s.Documents = &n
		}
		out = append(out, s)
	}
	return out, nil
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
