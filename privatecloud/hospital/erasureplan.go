package hospital

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/ecc"
)

// erasurePlan is what must be known when the data key is gone.
type erasurePlan struct {
	Erasing
	Order   Order
	emptied []emptied // what the public cloud has not taken yet
}

// emptied is a locator whose index entry shall say nothing: the key that authorises a write there, and
// the newest time that an entry there is known to have, 0 if none is.
type emptied struct {
	vk   ecc.VerifyKey
	last message.Millis
}

// planErasure counts what will be destroyed, and notes where in the index something may stand.
func (h *Hospital) planErasure(ctx context.Context, p Patient) (erasurePlan, error) {
	plan := erasurePlan{Erasing: Erasing{Record: h.RecordName(p.Handle)}}
	err := h.Records.Versions(ctx, p.Handle, 1, math.MaxInt64, func(v Version) error {
		plan.Versions++
		plan.Bytes += uint64(len(v.Blob))
		return nil
	})
	if err != nil {
		return plan, stored(err)
	}
	if plan.Releases, err = h.Receipts.LastReceipt(ctx, p.Handle); err != nil {
		return plan, stored(err)
	}
	if plan.Diagnoses, err = h.countDiagnoses(ctx, p.Handle); err != nil {
		return plan, err
	}
	err = h.planEntries(ctx, p, &plan)
	return plan, err
}

func (h *Hospital) countDiagnoses(ctx context.Context, handle Handle) (n uint64, err error) {
	for from := uint64(0); ; {
		batch, err := h.Diagnoses.Diagnoses(ctx, handle, from, answerBatch)
		if err != nil || len(batch) == 0 {
			return n, stored(err)
		}
		n, from = n+uint64(len(batch)), batch[len(batch)-1].Record+1
	}
}

// planEntries notes all locators of the enrolment, also those of departments that have no entry yet: one may
// be published until the key is destroyed. It writes the enrolment once more: who publishes from
// what it read before has then lost, and cannot put a later entry over the empty one.
func (h *Hospital) planEntries(ctx context.Context, p Patient, plan *erasurePlan) error {
	e, err := h.Enrolments.EnrolmentByHandle(ctx, p.Handle)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return stored(err)
	}
	s, _, _, err := h.openEnrolmentState(ctx, e)
	if err != nil {
		return err
	}
	plan.Enrolled = true
	for _, l := range s.Locators {
		x := emptied{vk: l.VK}
		for _, old := range s.under(l) {
			x.last = max(x.last, old.Entry.Time)
		}
		plan.emptied = append(plan.emptied, x)
	}
	plan.Entries = len(plan.emptied)
	return h.putEnrolment(ctx, e, s)
}

// emptyEntry is an entry later than the last one known: its value is sealed under a key that is thrown
// away. To the public cloud it looks like any other; who searches cannot open it, and finds nothing here. It
// is signed when it is sent.
func (h *Hospital) emptyEntry(x emptied, by Identity) (message.Entry, error) {
	var key message.Hash
	if _, err := io.ReadFull(h.Rand, key[:]); err != nil {
		return message.Entry{}, err
	}
	locator := message.Locator(x.vk)
	v, err := message.SealIndex(h.Rand, key, locator, by.self, message.IndexContent{Hospital: h.id})
	if err != nil {
		return message.Entry{}, err
	}
	t := max(h.now(), x.last+1)
	sig := by.Sign.Sign(message.TBSIndex(by.self, locator, x.vk, v, t))
	return message.Entry{Locator: locator, Value: v, Time: t, SigIndex: sig, Hospital: by.Credential}, nil
}

// empty has the locator say nothing under every credential of the hospital under which others take
// an entry: which of them one stands under is not known any more.
func (h *Hospital) empty(ctx context.Context, x *emptied) (failed error) {
	for _, by := range h.identities().held() {
		failed = errors.Join(failed, h.emptyUnder(ctx, x, by.self))
	}
	return failed
}

func (h *Hospital) emptyUnder(ctx context.Context, x *emptied, self message.Hash) error {
	ids := h.identities()
	by, ok := ids.find(self)
	if !ok || self != ids.Current.self && !h.good(by.Credential) {
		return nil
	}
	return h.sendEmpty(ctx, x, by)
}

// sendEmpty sends one, again with a later time if a later entry is there. x.last follows.
func (h *Hospital) sendEmpty(ctx context.Context, x *emptied, by Identity) (err error) {
	for range emptyTries {
		e, signing := h.emptyEntry(*x, by)
		if signing != nil {
			return problem.Internal(signing)
		}
		if err = h.sendEntry(ctx, x.vk, e); !errors.Is(err, problem.KindConflict) {
			return err
		}
		x.last = e.Time
	}
	return err
}

// emptyTries is how often an empty entry is signed for one attempt to send it. A clock that was ahead when the
// last entry was signed is waited for by the next attempt.
const emptyTries = 2

func (p erasurePlan) encode() []byte {
	entries := make([][]byte, len(p.emptied))
	for i, x := range p.emptied {
		entries[i] = ecc.Encode(ecc.LabelIndexEntry, x.vk.Bytes(), number(uint64(x.last)))
	}
	return ecc.Encode(ecc.LabelErasing, p.Record[:], number(p.Versions), number(p.Bytes), number(p.Releases), number(p.Diagnoses),
		[]byte(p.Order.Ground), []byte(p.Order.Operator), ecc.Encode(ecc.LabelList, entries...))
}

func decodeErasurePlan(b []byte) (p erasurePlan, err error) {
	f, err := ecc.Decode(ecc.LabelErasing, b, 8)
	if err != nil || len(f[0]) != len(p.Record) {
		return p, errRecord
	}
	copy(p.Record[:], f[0])
	for i, n := range []*uint64{&p.Versions, &p.Bytes, &p.Releases, &p.Diagnoses} {
		if len(f[1+i]) != 8 {
			return p, errRecord
		}
		*n = binary.BigEndian.Uint64(f[1+i])
	}
	p.Order = Order{Ground: string(f[5]), Operator: string(f[6])}
	entries, err := ecc.DecodeList(ecc.LabelList, f[7], maxStateList)
	if err != nil {
		return p, err
	}
	for _, x := range entries {
		e, err := decodeEmptied(x)
		if err != nil {
			return p, err
		}
		p.emptied = append(p.emptied, e)
	}
	return p, nil
}

// decodeEmptied also takes what plans held before: the entry, signed in advance.
func decodeEmptied(b []byte) (emptied, error) {
	f, err := ecc.Decode(ecc.LabelIndexEntry, b, 2)
	if err != nil {
		return emptied{}, fmt.Errorf("%w: erasure", errRecord)
	}
	vk, err := ecc.DecodeVerifyKey(f[0])
	if err != nil || len(f[1]) == 8 {
		return emptied{vk, lastOf(f[1])}, err
	}
	e, err := message.DecodeEntry(f[1])
	return emptied{vk, e.Time}, err
}

func lastOf(b []byte) message.Millis {
	if len(b) != 8 {
		return 0
	}
	return message.Millis(binary.BigEndian.Uint64(b))
}
