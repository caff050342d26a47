package hospital

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/ecc"
)

// A record is erased by destroying the patient's wrapped data key, under which all of it is
// sealed: record, enrolment, receipts and evidence. It goes in steps, each of them durable, and whoever finds an
// erasure that broke off goes on with it (FinishErasures):
//
//  1. begun: the plan is stored, with the locators whose index entries shall say nothing: they
//     are known only while the data key is. The trail says who gave the order.
//  2. destroyed: the wrapped key is deleted, under the condition that the record is still the
//     one that was counted; then all else that is kept under its handle. The trail says so and the
//     receipt is signed.
//  3. done: the public cloud has taken entries that say nothing. Nothing of the patient is left here but
//     the receipt and the lines of the audit trail.

// ErasureState is how far an erasure has come.
type ErasureState uint8

// The states.
const (
	ErasureBegun ErasureState = iota + 1
	ErasureDestroyed
	ErasureDone
)

// settleTime is how long after the destruction requests may still write that had read the
// patient before: longer than a request may take. What they have written is deleted then.
const settleTime = time.Minute

// Order says why a record is erased and who says so; message.ValidErasureTexts of both.
type Order struct {
	Ground   string
	Operator string
}

func (o Order) check() error {
	if !message.ValidErasureTexts(o.Ground, o.Operator) {
		return problem.Invalid("An erasure needs a ground and an operator: text on one line, not too long.")
	}
	return nil
}

// Erasing is what an erasure has destroyed, or would.
type Erasing struct {
	Record    message.Hash // RecordName
	Versions  uint64
	Bytes     uint64
	Releases  uint64
	Diagnoses uint64
	Enrolled  bool
	Entries   int // of the index, that are made to say nothing
}

// PreviewErasure says what Erase would destroy; a NotFound problem if there is no such record.
func (h *Hospital) PreviewErasure(ctx context.Context, mrn string) (Erasing, error) {
	p, err := h.Records.PatientByMRN(ctx, h.keys.index(indexMRN, []byte(mrn)))
	if errors.Is(err, ErrNotFound) {
		return Erasing{}, problem.NotFound("There is no record with this number.")
	}
	if err != nil {
		return Erasing{}, stored(err)
	}
	plan, err := h.planErasure(ctx, p)
	return plan.Erasing, err
}

// Erase destroys the record with this medical record number and returns the signed receipt. Given
// again while the erasure is not done, it goes on with it and returns the same receipt; after that there is
// no record with the number. A later import of the number begins a new record.
func (h *Hospital) Erase(ctx context.Context, mrn string, o Order) (message.Signed, error) {
	if err := o.check(); err != nil {
		return message.Signed{}, err
	}
	index := h.keys.index(indexMRN, []byte(mrn))
	p, err := h.Records.PatientByMRN(ctx, index)
	if errors.Is(err, ErrNotFound) {
		return h.resumeErasure(ctx, index)
	}
	if err != nil {
		return message.Signed{}, stored(err)
	}
	return h.erase(ctx, p.Handle, index, o)
}

func (h *Hospital) resumeErasure(ctx context.Context, mrn message.Hash) (message.Signed, error) {
	e, err := h.Erasures.ErasureByMRN(ctx, mrn)
	if errors.Is(err, ErrNotFound) {
		return message.Signed{}, problem.NotFound("There is no record with this number.")
	}
	if err != nil {
		return message.Signed{}, stored(err)
	}
	return h.finishErasure(ctx, e.Handle)
}

// EraseRecord is Erase for a record of which only the handle is known.
func (h *Hospital) EraseRecord(ctx context.Context, handle Handle, o Order) (message.Signed, error) {
	if err := o.check(); err != nil {
		return message.Signed{}, err
	}
	return h.erase(ctx, handle, message.Hash{}, o)
}

func (h *Hospital) erase(ctx context.Context, handle Handle, mrn message.Hash, o Order) (message.Signed, error) {
	for range maxRaces {
		p, err := h.Records.Patient(ctx, handle)
		if errors.Is(err, ErrNotFound) {
			return h.finishErasure(ctx, handle)
		}
		if err != nil {
			return message.Signed{}, stored(err)
		}
		if err = h.beginErasure(ctx, p, mrn, o); err == nil {
			err = h.Erasures.DestroyPatient(ctx, handle, p.Head)
		}
		if err == nil {
			return h.finishErasure(ctx, handle)
		}
		if !raced(err) && !errors.Is(err, ErrNotFound) { // not found: another instance has destroyed it meanwhile
			return message.Signed{}, stored(err)
		}
	}
	return message.Signed{}, problem.Unavailable(time.Second, fmt.Errorf("the record is written by others: %w", ErrLost))
}

// beginErasure stores the plan, over an earlier one of the same record: somebody may have
// written into that meanwhile.
func (h *Hospital) beginErasure(ctx context.Context, p Patient, mrn message.Hash, o Order) error {
	e, err := h.Erasures.Erasure(ctx, p.Handle)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	plan, err := h.planErasure(ctx, p)
	if err != nil {
		return err
	}
	// What was counted while another instance deletes is not all: the record must still be there.
	if now, err := h.Records.Patient(ctx, p.Handle); err != nil || now.Head.Number != p.Head.Number {
		return errors.Join(err, ErrLost)
	}
	plan.Order = o
	if e.Version == 0 {
		ev := Event{What: EventErasing, Handle: p.Handle, Count: int(plan.Versions), Operator: o.Operator, Note: o.Ground}
		if err := h.record(ctx, ev); err != nil {
			return err
		}
		e = Erasure{Handle: p.Handle, MRN: mrn}
	}
	e.State = ErasureBegun
	return h.putErasure(ctx, &e, plan)
}

// finishErasure goes on behind the destruction of the key. It returns the receipt.
func (h *Hospital) finishErasure(ctx context.Context, handle Handle) (message.Signed, error) {
	for range maxRaces {
		e, err := h.Erasures.Erasure(ctx, handle)
		if errors.Is(err, ErrNotFound) {
			return message.Signed{}, problem.NotFound("There is no such record.")
		}
		if err == nil && e.State == ErasureBegun {
			e, err = h.stateErasure(ctx, e)
		}
		if err == nil {
			return message.DecodeSigned(e.Receipt)
		}
		if !raced(err) { // who was faster has signed: that receipt is the one
			return message.Signed{}, stored(err)
		}
	}
	return message.Signed{}, problem.Unavailable(time.Second, ErrLost)
}

// stateErasure deletes what is kept under the handle, writes the line of the trail, and signs.
func (h *Hospital) stateErasure(ctx context.Context, e Erasure) (Erasure, error) {
	plan, err := h.openErasure(e)
	if err != nil {
		return e, err
	}
	if err := h.Erasures.EraseTraces(ctx, e.Handle); err != nil {
		return e, err
	}
	ev := Event{What: EventErased, Handle: e.Handle, Count: int(plan.Versions), Operator: plan.Order.Operator, Note: plan.Order.Ground}
	if err := h.record(ctx, ev); err != nil {
		return e, err
	}
	e.State, e.Time = ErasureDestroyed, h.now()
	by := h.Identity()
	e.Receipt = message.Sign(by.Sign, plan.statement(by, e.Time).Encode()).Encode()
	err = h.putErasure(ctx, &e, plan)
	h.Due()
	return e, err
}

func (p erasurePlan) statement(by Identity, t message.Millis) message.Erasure {
	return message.Erasure{Hospital: by.self, Record: p.Record, Versions: p.Versions, Bytes: p.Bytes, Releases: p.Releases, Diagnoses: p.Diagnoses,
		Time: t, Ground: p.Order.Ground, Operator: p.Order.Operator}
}

// erasureBatch is how many unfinished erasures are taken up at a time.
const erasureBatch = 50

// FinishErasures goes on with erasures that are not done: those that broke off, and those
// whose index entries the public cloud has not taken; one that fails holds up none of the others. It
// returns how many are done now.
func (h *Hospital) FinishErasures(ctx context.Context) (done int, err error) {
	var failed []error
	for after := (Handle{}); ctx.Err() == nil; {
		open, err := h.Erasures.UnfinishedErasures(ctx, after, erasureBatch)
		if err != nil {
			return done, errors.Join(append(failed, stored(err))...)
		}
		if len(open) == 0 {
			break
		}
		n, err := h.continueErasures(ctx, open)
		done, failed, after = done+n, append(failed, err), open[len(open)-1].Handle
	}
	return done, errors.Join(failed...)
}

func (h *Hospital) continueErasures(ctx context.Context, open []Erasure) (done int, failed error) {
	for _, e := range open {
		ok, err := h.continueErasure(ctx, e)
		if ok {
			done++
		}
		if err != nil && !raced(err) { // who was faster goes on with it
			failed = errors.Join(failed, err)
		}
	}
	return done, failed
}

func (h *Hospital) continueErasure(ctx context.Context, e Erasure) (bool, error) {
	plan, err := h.openErasure(e)
	if err != nil {
		return false, err
	}
	if e.State == ErasureBegun {
		_, err := h.erase(ctx, e.Handle, e.MRN, plan.Order)
		return false, err
	}
	if err := h.emptyEntries(ctx, &e, &plan); err != nil {
		return false, err
	}
	if h.now() < e.Time.Add(settleTime) {
		return false, nil
	}
	if err := h.Erasures.EraseTraces(ctx, e.Handle); err != nil {
		return false, err
	}
	e.State, e.MRN = ErasureDone, message.Hash{}
	e.Version++
	e.Plan = nil
	return true, h.Erasures.PutErasure(ctx, e)
}

// emptyEntries sends what is not confirmed yet, and notes what is.
func (h *Hospital) emptyEntries(ctx context.Context, e *Erasure, plan *erasurePlan) error {
	var left []emptied
	var failed error
	for i, x := range plan.emptied {
		err := h.empty(ctx, &x)
		if err == nil {
			continue
		}
		left, failed = append(left, x), errors.Join(failed, err)
		if !errors.Is(err, problem.KindConflict) { // the public cloud is away: so it is for the rest
			left = append(left, plan.emptied[i+1:]...)
			break
		}
	}
	if slices.EqualFunc(left, plan.emptied, func(a, b emptied) bool { return a.last == b.last }) {
		return failed
	}
	plan.emptied = left
	return errors.Join(failed, h.putErasure(ctx, e, *plan))
}

func (h *Hospital) putErasure(ctx context.Context, e *Erasure, plan erasurePlan) error {
	e.Version++
	sealed, err := h.keys.seal(h.Rand, useErasures, e.place(), plan.encode())
	if err != nil {
		return sealError(err)
	}
	e.Plan = sealed
	return h.Erasures.PutErasure(ctx, *e)
}

func (e Erasure) place() []byte { return ecc.Encode(ecc.LabelErasing, e.Handle[:], number(e.Version)) }

func (h *Hospital) openErasure(e Erasure) (erasurePlan, error) {
	b, err := h.keys.open(useErasures, e.place(), e.Plan)
	if err != nil {
		return erasurePlan{}, problem.Internal(fmt.Errorf("%w: erasure", errRecord))
	}
	p, err := decodeErasurePlan(b)
	if err != nil {
		return p, problem.Internal(fmt.Errorf("%w: erasure", errRecord))
	}
	return p, nil
}
