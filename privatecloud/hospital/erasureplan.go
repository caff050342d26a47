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
	entries []emptyEntry // that the public cloud has not taken yet
}

// emptyEntry is an index entry that no key opens, signed, with what authorises its write.
type emptyEntry struct {
	vk    ecc.VerifyKey
	entry message.Entry
}

// planErasure counts what will be destroyed, and signs the entries that replace those of
// the index.
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
	return plan, h.planEntries(ctx, p, &plan)
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

// planEntries makes the empty entries. It writes the enrolment once more: who publishes from
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
	for _, x := range s.Entries {
		l, ok := s.locator(x.Department)
		if !ok {
			continue
		}
		empty, err := h.emptyEntry(l.VK, x.Entry)
		if err != nil {
			return problem.Internal(err)
		}
		plan.entries = append(plan.entries, empty)
	}
	plan.Entries = len(plan.entries)
	return h.putEnrolment(ctx, e, s)
}

// emptyEntry is an entry that follows old: its value is sealed under a key that is thrown
// away. To the public cloud it looks like any other; who searches cannot open it, and finds nothing here.
func (h *Hospital) emptyEntry(vk ecc.VerifyKey, old message.Entry) (emptyEntry, error) {
	var key message.Hash
	if _, err := io.ReadFull(h.Rand, key[:]); err != nil {
		return emptyEntry{}, err
	}
	v, err := message.SealIndex(h.Rand, key, old.Locator, h.self, message.IndexContent{Hospital: h.id})
	if err != nil {
		return emptyEntry{}, err
	}
	t := max(h.now(), old.Time+1)
	sig := h.Keys.Sign.Sign(message.TBSIndex(h.self, old.Locator, vk, v, t))
	return emptyEntry{vk: vk, entry: message.Entry{Locator: old.Locator, Value: v, Time: t, SigIndex: sig, Hospital: h.Keys.Credential}}, nil
}

func (p erasurePlan) encode() []byte {
	entries := make([][]byte, len(p.entries))
	for i, x := range p.entries {
		entries[i] = ecc.Encode(ecc.LabelIndexEntry, x.vk.Bytes(), x.entry.Encode())
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
		e, err := decodeEmptyEntry(x)
		if err != nil {
			return p, err
		}
		p.entries = append(p.entries, e)
	}
	return p, nil
}

func decodeEmptyEntry(b []byte) (emptyEntry, error) {
	f, err := ecc.Decode(ecc.LabelIndexEntry, b, 2)
	if err != nil {
		return emptyEntry{}, fmt.Errorf("%w: erasure", errRecord)
	}
	vk, e1 := ecc.DecodeVerifyKey(f[0])
	e, e2 := message.DecodeEntry(f[1])
	return emptyEntry{vk, e}, errors.Join(e1, e2)
}
