// Package auditevents says what each entry of a hospital's audit trail becomes when it is
// exported (api/auditexport), and which entries are.
package auditevents

import (
	"context"
	"errors"
	"fmt"

	audit "medunion/api/auditexport"
	"medunion/privatecloud/hospital"
)

// Source is the trail itself: *hospital.Hospital is one.
type Source interface {
	TrailAfter(ctx context.Context, after hospital.Link, limit int) ([]hospital.Audited, error)
}

// Trail is a hospital's trail as an export reads it: auditexport.Trail.
type Trail struct {
	Source
	Site   Site
	Former []Site // as which the hospital has exported before
	Filter Filter
}

// After implements auditexport.Trail.
func (t Trail) After(ctx context.Context, after audit.Link, limit int) ([]audit.Entry, error) {
	entries, err := t.TrailAfter(ctx, hospital.Link{Number: after.Number, Hash: after.Hash}, limit)
	if errors.Is(err, hospital.ErrTrail) {
		err = fmt.Errorf("%w: %w", audit.ErrTrail, err)
	}
	out := make([]audit.Entry, len(entries))
	for i, a := range entries {
		out[i] = entry(a)
		if t.Filter.takes(t.Site, a) {
			event := Event(t.Site, a)
			out[i].Event, out[i].Earlier = &event, t.earlier(a)
		}
	}
	return out, err
}

func (t Trail) earlier(a hospital.Audited) func() []audit.Resource {
	if len(t.Former) == 0 {
		return nil
	}
	return func() (out []audit.Resource) {
		for _, s := range t.Former {
			out = append(out, Event(s, a))
		}
		return out
	}
}
