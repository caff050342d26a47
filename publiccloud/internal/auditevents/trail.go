// Package auditevents says what each line of the public cloud's two trails becomes when it is
// exported (api/auditexport): the registration log, which is open to everybody, and what its
// operators did. Neither names a patient: of a credential there is nothing but its hash and its role.
package auditevents

import (
	"context"
	"errors"
	"fmt"

	"medunion/api/auditexport"
	"medunion/api/message"
	"medunion/publiccloud/cloud"
)

// Registrations is the registration log as an export reads it: auditexport.Trail. The log counts its
// lines from 0, an export from 1.
type Registrations struct {
	Log    cloud.Log
	Site   Site
	Filter auditexport.Filter
}

// After implements auditexport.Trail.
func (r Registrations) After(ctx context.Context, after auditexport.Link, limit int) ([]auditexport.Entry, error) {
	if err := r.seen(ctx, after); err != nil {
		return nil, err
	}
	lines, err := r.Log.Read(ctx, after.Number, limit)
	if err != nil {
		return nil, err
	}
	out := make([]auditexport.Entry, len(lines))
	for i, l := range lines {
		if l.Index != after.Number || l.Previous != after.Hash {
			return nil, fmt.Errorf("%w: line %d of the registration log", auditexport.ErrTrail, after.Number)
		}
		after = auditexport.Link{Number: l.Index + 1, Hash: l.Hash()}
		out[i] = auditexport.Entry{Link: after, Prev: l.Previous, Recorded: l.Time.Time().UTC(), What: Registered}
		if r.Filter.Takes(out[i]) {
			out[i].Event = r.Site.registration(out[i], l)
		}
	}
	return out, nil
}

// seen fails if the line at a place that was seen before is not what it was.
func (r Registrations) seen(ctx context.Context, at auditexport.Link) error {
	if at.Number == 0 {
		return nil
	}
	l, err := r.Log.Read(ctx, at.Number-1, 1)
	if err != nil {
		return err
	}
	if len(l) == 0 || l[0].Index != at.Number-1 || l[0].Hash() != at.Hash {
		return fmt.Errorf("%w: line %d of the registration log is not what it was", auditexport.ErrTrail, at.Number-1)
	}
	return nil
}

// Operations is the trail of operations as an export reads it: auditexport.Trail.
type Operations struct {
	Trail  cloud.Trail
	Site   Site
	Filter auditexport.Filter
}

// After implements auditexport.Trail.
func (o Operations) After(ctx context.Context, after auditexport.Link, limit int) ([]auditexport.Entry, error) {
	lines, err := o.Trail.After(ctx, after.Number, after.Hash, limit)
	if errors.Is(err, cloud.ErrOperations) {
		err = fmt.Errorf("%w: %w", auditexport.ErrTrail, err)
	}
	out := make([]auditexport.Entry, len(lines))
	for i, l := range lines {
		out[i] = auditexport.Entry{Link: auditexport.Link{Number: l.Number, Hash: l.Hash}, Prev: l.Prev, Recorded: l.Time.Time().UTC(), What: l.What, Failure: l.Failed}
		if o.Filter.Takes(out[i]) {
			out[i].Event = o.Site.operation(out[i], l)
		}
	}
	return out, err
}

// Site is the public cloud that exports.
type Site struct{ ID message.ID }
