package hospital

import (
	"context"
	"errors"

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
// Right before each visit it is looked at again: a record to which anything has happened since the beginning is
// left out, whatever it was.
func (h *Hospital) IdleSince(ctx context.Context, before message.Millis, visit func(Idle) error) error {
	a := activity{last: map[Handle]message.Millis{}, imported: map[Handle]message.Millis{}}
	if err := h.readOn(ctx, &a); err != nil {
		return err
	}
	a.since = map[Handle]bool{}
	return stored(h.Erasures.EachPatient(ctx, Handle{}, func(listed Patient) error {
		if a.last[listed.Handle] >= before {
			return nil
		}
		p, undisturbed, err := h.undisturbed(ctx, &a, listed.Handle)
		if err != nil || !undisturbed {
			return err
		}
		last, known, err := h.lastActivity(ctx, a, p)
		if err != nil || !known || last >= before {
			return err
		}
		return visit(Idle{Handle: p.Handle, Record: h.RecordName(p.Handle), Last: last})
	}))
}

// activity is what the trail says, as far as it was read.
type activity struct {
	at             Link
	last, imported map[Handle]message.Millis // the last activity and the first import of each record
	since          map[Handle]bool           // records that anything has happened to since the first reading; nil during that
}

// readOn reads the trail on from where it was read.
func (h *Hospital) readOn(ctx context.Context, a *activity) error {
	for {
		entries, err := h.TrailAfter(ctx, a.at, 500)
		if err != nil || len(entries) == 0 {
			return err
		}
		for _, e := range entries {
			a.take(e)
		}
	}
}

func (a *activity) take(e Audited) {
	a.at = Link{Number: e.Number, Hash: e.Hash}
	_, seen := a.imported[e.Handle]
	switch {
	case e.What == EventImported && !seen:
		a.imported[e.Handle] = e.Time
	case e.What != EventImported && e.What != EventRefused:
		a.last[e.Handle] = max(a.last[e.Handle], e.Time)
	}
	if a.since != nil {
		a.since[e.Handle] = true
	}
}

// lastActivity is not known of a record whose import is under way: the line of the trail comes behind it.
func (h *Hospital) lastActivity(ctx context.Context, a activity, p Patient) (message.Millis, bool, error) {
	newest, err := h.newestDate(ctx, p)
	if err != nil {
		return 0, false, err
	}
	if last := max(a.last[p.Handle], newest); last != 0 {
		return last, true, nil
	}
	last, known := a.imported[p.Handle]
	return last, known, nil
}

// undisturbed is the record as it is now, false if anything has happened to it since the first reading of the trail.
func (h *Hospital) undisturbed(ctx context.Context, a *activity, handle Handle) (Patient, bool, error) {
	if err := h.readOn(ctx, a); err != nil || a.since[handle] {
		return Patient{}, false, err
	}
	p, err := h.Records.Patient(ctx, handle)
	if errors.Is(err, ErrNotFound) {
		return Patient{}, false, nil
	}
	return p, err == nil, stored(err)
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
