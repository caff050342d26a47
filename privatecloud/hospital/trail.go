package hospital

import (
	"context"
	"errors"
	"fmt"

	"medunion/api/message"
	"medunion/api/problem"
)

// Link is a place in the audit trail: an entry's number and hash, which vouch for
// everything before it. The zero Link is the place before the first entry.
type Link struct {
	Number uint64
	Hash   message.Hash
}

// ErrTrail says that the audit trail is not the one that was written: an entry is lost,
// exchanged or altered, or the trail is shorter than it was.
var ErrTrail = errors.New("hospital: the audit trail is broken")

// Trail returns up to limit events from a number on, after checking that their chain
// holds from the entry before them to the newest one.
func (h *Hospital) Trail(ctx context.Context, from uint64, limit int) ([]Audited, error) {
	after := Link{Number: max(from, 1) - 1}
	if after.Number > 0 {
		before, err := h.Audit.AuditFrom(ctx, after.Number, 1)
		if err != nil {
			return nil, stored(err)
		}
		if len(before) == 0 {
			return nil, nil
		}
		after.Hash = before[0].Hash
	}
	entries, err := h.Audit.AuditFrom(ctx, after.Number+1, limit)
	if err != nil {
		return nil, stored(err)
	}
	return h.openTrail(entries, after)
}

// TrailAfter returns up to limit events behind a place that was seen before. Beside what
// Trail checks, that place must still be there, with the same hash: a trail that was cut
// off, or replaced by another, is found out. Its errors are ErrTrail for that, else problems.
func (h *Hospital) TrailAfter(ctx context.Context, after Link, limit int) ([]Audited, error) {
	if after.Number > 0 {
		seen, err := h.Audit.AuditFrom(ctx, after.Number, 1)
		if err != nil {
			return nil, stored(err)
		}
		if len(seen) == 0 || seen[0].Number != after.Number || seen[0].Hash != after.Hash {
			return nil, fmt.Errorf("%w: entry %d is not what it was", ErrTrail, after.Number)
		}
	}
	entries, err := h.Audit.AuditFrom(ctx, after.Number+1, limit)
	if err != nil {
		return nil, stored(err)
	}
	return h.openTrail(entries, after)
}

func (h *Hospital) openTrail(entries []AuditEntry, after Link) ([]Audited, error) {
	v, out := h.Keys.Storage.Opening(), make([]Audited, len(entries))
	for i, e := range entries {
		if e.Number != after.Number+1 || e.Prev != after.Hash || e.Hash != v.auditHash(e) || e.Hash == (message.Hash{}) {
			return nil, problem.Internal(fmt.Errorf("%w: entry %d", ErrTrail, after.Number+1))
		}
		b, err := h.keys.open(useAudit, e.place(), e.Sealed)
		if err != nil {
			return nil, problem.Internal(fmt.Errorf("%w: entry %d", ErrTrail, e.Number))
		}
		ev, err := decodeEvent(b)
		if err != nil {
			return nil, problem.Internal(err)
		}
		out[i], after = Audited{Number: e.Number, Prev: e.Prev, Hash: e.Hash, Event: ev}, Link{Number: e.Number, Hash: e.Hash}
	}
	return out, nil
}

// RecordName is the name under which an export of the trail speaks of a record: it is the
// same for all events of one record, and tells nothing to whoever holds the stores without the keys.
// It is 32 bytes, of the zero Handle as of any other.
func (h *Hospital) RecordName(x Handle) message.Hash { return h.keys.index(indexRecord, x[:]) }

// RecordOf is the name of the record with this medical record number; a NotFound problem
// if there is none.
func (h *Hospital) RecordOf(ctx context.Context, mrn string) (message.Hash, error) {
	p, err := h.Records.PatientByMRN(ctx, h.keys.index(indexMRN, []byte(mrn)))
	if errors.Is(err, ErrNotFound) {
		return message.Hash{}, problem.NotFound("There is no record with this number.")
	}
	return h.RecordName(p.Handle), stored(err)
}

// RecordKeys writes into the trail that this instance has taken over a changed key ring; note
// says which, without a secret.
func (h *Hospital) RecordKeys(ctx context.Context, note string) error {
	return h.record(ctx, Event{What: EventKeys, Note: note})
}

// RecordAnew writes into the trail that an operator has registered the hospital anew; note says from which credential to
// which.
func (h *Hospital) RecordAnew(ctx context.Context, operator, note string) error {
	return h.record(ctx, Event{What: EventAnew, Operator: operator, Note: note})
}

// RecordExport writes into the trail that somebody exports it, before anything of it leaves.
// note says which part, in words without an identifier.
func (h *Hospital) RecordExport(ctx context.Context, operator, note string) error {
	return h.record(ctx, Event{What: EventExported, Operator: operator, Note: note})
}
