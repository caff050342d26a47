package hospital

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"medunion/api/message"
	"medunion/api/problem"
)

// Outcome is what an import did with one resource.
type Outcome uint8

// The outcomes.
const (
	Unchanged Outcome = iota // the same bytes in the same place were there
	Stored                   // the first version
	Updated                  // a further version
)

// maxRaces bounds how often a writer begins again after losing to another.
const maxRaces = 50

// ImportPatient stores resources of the patient with this medical record number, who is
// created if she is new. It returns what became of each. When it returns without an
// error all of them are durable; after an error or a crash some are, and importing the
// same again stores the rest. A resource that is not valid is a mistake of the caller
// and refuses the whole call.
func (h *Hospital) ImportPatient(ctx context.Context, mrn string, rs []Resource) ([]Outcome, error) {
	if mrn == "" {
		return nil, problem.Invalid("A medical record number is needed.")
	}
	for _, r := range rs {
		if !r.valid() || r.Source != "" {
			return nil, problem.Invalid("A resource has no type, place or content.")
		}
	}
	p, err := h.findOrCreate(ctx, mrn)
	if err != nil {
		return nil, err
	}
	out, _, err := h.store(ctx, p.Handle, rs)
	if err != nil {
		return nil, err
	}
	// Even if nothing changed: an earlier import may have died before it came here.
	if err := h.Enrolments.MarkDue(ctx, p.Handle, h.now()); err != nil {
		return nil, stored(err)
	}
	h.Due()
	return out, h.record(ctx, Event{What: EventImported, Handle: p.Handle, Count: len(rs)})
}

// Preview says what ImportPatient would do, and does nothing.
func (h *Hospital) Preview(ctx context.Context, mrn string, rs []Resource) ([]Outcome, error) {
	out := make([]Outcome, len(rs))
	p, err := h.Records.PatientByMRN(ctx, h.keys.index(indexMRN, []byte(mrn)))
	if errors.Is(err, ErrNotFound) {
		for i := range out {
			out[i] = Stored
		}
		return out, nil
	}
	if err != nil {
		return nil, stored(err)
	}
	d, err := h.keys.unwrap(p)
	if err != nil {
		return nil, problem.Internal(errRecord)
	}
	known, err := h.outline(ctx, p)
	if err != nil {
		return nil, err
	}
	known.pending(d, rs, out)
	return out, nil
}

func (h *Hospital) findOrCreate(ctx context.Context, mrn string) (Patient, error) {
	index := h.keys.index(indexMRN, []byte(mrn))
	p, err := h.Records.PatientByMRN(ctx, index)
	if !errors.Is(err, ErrNotFound) {
		return p, stored(err)
	}
	if p, err = h.newPatient(); err != nil {
		return p, sealError(err)
	}
	err = h.Records.CreatePatient(ctx, index, p)
	if errors.Is(err, ErrExists) { // another import was faster
		p, err = h.Records.PatientByMRN(ctx, index)
	}
	return p, stored(err)
}

func (h *Hospital) newPatient() (Patient, error) {
	var p Patient
	if _, err := io.ReadFull(h.Rand, p.Handle[:]); err != nil {
		return p, err
	}
	wrapped, err := h.keys.newDataKey(h.Rand, p.Handle)
	if err != nil {
		return p, err
	}
	p.Wrapped = wrapped
	d, err := h.keys.unwrap(p)
	if err != nil {
		return p, err
	}
	if p.Head, err = h.headAt(d, 0, message.Hash{}); err != nil {
		return p, err
	}
	n, _ := underVersion(wrapped)
	p.Under = min(n, p.Head.Under)
	return p, nil
}

// store appends what is new or changed, and returns the outcomes and the number of the
// newest version of each resource.
func (h *Hospital) store(ctx context.Context, handle Handle, rs []Resource) ([]Outcome, []uint64, error) {
	out := make([]Outcome, len(rs))
	for range maxRaces {
		numbers, err := h.storeOnce(ctx, handle, rs, out)
		if !raced(err) {
			return out, numbers, stored(err)
		}
	}
	return nil, nil, problem.Unavailable(time.Second, fmt.Errorf("the record is written by others: %w", ErrLost))
}

func (h *Hospital) storeOnce(ctx context.Context, handle Handle, rs []Resource, out []Outcome) ([]uint64, error) {
	p, d, err := h.patientByHandle(ctx, handle)
	if err != nil {
		return nil, err
	}
	if p, err = h.adopt(ctx, p, d); err != nil {
		return nil, err
	}
	known, err := h.outline(ctx, p)
	if err != nil {
		return nil, err
	}
	if _, err := h.appendAll(ctx, p, d, known.pending(d, rs, out)); err != nil {
		return nil, err
	}
	return known.numbers(d, rs), nil
}

// outline is the newest version's number and content of every resource of a record.
type outline struct {
	newest map[message.Hash]Outline
	last   uint64
}

func (h *Hospital) outline(ctx context.Context, p Patient) (outline, error) {
	o := outline{newest: map[message.Hash]Outline{}, last: p.Head.Number}
	err := h.Records.Outlines(ctx, p.Handle, 1, p.Head.Number, func(v Outline) error {
		o.newest[v.Key] = v
		return nil
	})
	return o, stored(err)
}

// pending returns the resources that must be appended, notes in out what becomes of
// each, and takes them up. What an earlier attempt found new is not called unchanged
// now that its version is there.
func (o *outline) pending(d dataKey, rs []Resource, out []Outcome) []Resource {
	var todo []Resource
	for i, r := range rs {
		key, content := d.key(r), d.content(r)
		was, known := o.newest[key]
		if known && was.Content == content {
			continue
		}
		if out[i] == Unchanged {
			out[i] = Stored
			if known {
				out[i] = Updated
			}
		}
		o.last++
		o.newest[key] = Outline{Number: o.last, Key: key, Content: content}
		todo = append(todo, r)
	}
	return todo
}

func (o *outline) numbers(d dataKey, rs []Resource) []uint64 {
	n := make([]uint64, len(rs))
	for i, r := range rs {
		n[i] = o.newest[d.key(r)].Number
	}
	return n
}

// Known reports whether the hospital holds a record under a medical record number.
func (h *Hospital) Known(ctx context.Context, mrn string) (bool, error) {
	_, err := h.Records.PatientByMRN(ctx, h.keys.index(indexMRN, []byte(mrn)))
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return err == nil, stored(err)
}
