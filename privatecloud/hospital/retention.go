package hospital

import (
	"context"

	"medunion/api/message"
	"medunion/api/problem"
)

// Idle is a record that nothing has happened to for long.
type Idle struct {
	Handle Handle
	Record message.Hash   // RecordName
	Last   message.Millis // its last activity
}

// IdleSince calls visit for each record whose last activity was before a time, in the order of
// the handles. Activity is the newest clinical date in the record, and what the audit trail says of
// it: enrolment, releases, diagnoses, questions, desk codes. Imports are none, as the same may come again every night;
// a record with neither date nor activity counts from its first import. The trail is verified on the way.
func (h *Hospital) IdleSince(ctx context.Context, before message.Millis, visit func(Idle) error) error {
	active, imported, err := h.activity(ctx)
	if err != nil {
		return err
	}
	return stored(h.Erasures.EachPatient(ctx, Handle{}, func(p Patient) error {
		last := active[p.Handle]
		if last >= before {
			return nil
		}
		newest, err := h.newestDate(ctx, p)
		if err != nil {
			return err
		}
		if last = max(last, newest); last == 0 {
			var known bool
			if last, known = imported[p.Handle]; !known {
				return nil // its import is under way: the line of the trail comes behind it
			}
		}
		if last >= before {
			return nil
		}
		return visit(Idle{Handle: p.Handle, Record: h.RecordName(p.Handle), Last: last})
	}))
}

// activity reads the whole trail: the last activity and the first import of each record.
func (h *Hospital) activity(ctx context.Context) (active, imported map[Handle]message.Millis, err error) {
	active, imported = map[Handle]message.Millis{}, map[Handle]message.Millis{}
	for at := (Link{}); ; {
		entries, err := h.TrailAfter(ctx, at, 500)
		if err != nil || len(entries) == 0 {
			return active, imported, err
		}
		for _, a := range entries {
			at = Link{Number: a.Number, Hash: a.Hash}
			_, seen := imported[a.Handle]
			switch {
			case a.What == EventImported && !seen:
				imported[a.Handle] = a.Time
			case a.What != EventImported && a.What != EventRefused:
				active[a.Handle] = max(active[a.Handle], a.Time)
			}
		}
	}
}

func (h *Hospital) newestDate(ctx context.Context, p Patient) (newest message.Millis, err error) {
	d, err := h.keys.unwrap(p)
	if err != nil {
		return 0, problem.Internal(errRecord)
	}
	err = h.walk(ctx, p, d, func(_ Version, r Resource) error {
		newest = max(newest, r.Date)
		return nil
	})
	return newest, err
}

// RecordsNamed calls visit with the handle of each record whose RecordName is in the set.
func (h *Hospital) RecordsNamed(ctx context.Context, names map[message.Hash]bool, visit func(Handle, message.Hash) error) error {
	return stored(h.Erasures.EachPatient(ctx, Handle{}, func(p Patient) error {
		if name := h.RecordName(p.Handle); names[name] {
			return visit(p.Handle, name)
		}
		return nil
	}))
}
