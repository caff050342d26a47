package hospital

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"medunion/api/problem"
)

// auditTally counts what became of the events; the auditor's lock guards it.
type auditTally struct {
	writing  []*pendingEvent
	appended map[string]uint64
	failures uint64
	failed   bool // the last append
}

// count notes how an append ended.
func (a *auditor) count(batch []*pendingEvent, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.tally.writing = nil
	if a.tally.failed = err != nil; a.tally.failed {
		a.tally.failures += uint64(len(batch))
		return
	}
	if a.tally.appended == nil {
		a.tally.appended = map[string]uint64{}
	}
	for _, e := range batch {
		a.tally.appended[e.what]++
	}
}

// AuditCounts is how the trail stands, of this instance since its start.
type AuditCounts struct {
	Appended map[string]uint64 // durable events, by what happened
	Failures uint64            // events that could not be written: what they tell of was refused
	Waiting  int               // events that are not durable yet
	Lag      time.Duration     // how long the oldest of them has waited
}

// events are all that the trail tells of.
var events = []string{EventRefused, EventImported, EventDeskCode, EventEnrolled, EventRenewed, EventOpened, EventReleased, EventDiagnosis, EventAsked, EventRevoked, EventExported,
	EventErasing, EventErased, EventKeys, EventAnew, EventRestored, EventResumed}

// AuditCounts reads the counts.
func (h *Hospital) AuditCounts() AuditCounts {
	a := &h.audit
	a.mu.Lock()
	defer a.mu.Unlock()
	c := AuditCounts{Appended: map[string]uint64{}, Failures: a.tally.failures, Waiting: len(a.waiting) + len(a.tally.writing)}
	for _, what := range events {
		c.Appended[what] = 0
	}
	maps.Copy(c.Appended, a.tally.appended)
	for _, batch := range [][]*pendingEvent{a.tally.writing, a.waiting} {
		if len(batch) > 0 {
			c.Lag = max(c.Lag, time.Since(batch[0].since))
		}
	}
	return c
}

var errAuditFailed = errors.New("audit trail: the last append failed")

// AuditReady reports whether the trail can be written. While appends succeed it adds no
// line: it reads the newest entry, checks that it is ours, and writes beside the trail with
// the same durability. After an append that failed it appends a line that says that the
// trail goes on, and only when that is durable the trail is ready again.
func (h *Hospital) AuditReady(ctx context.Context) error {
	h.audit.mu.Lock()
	failed, running := h.audit.tally.failed, h.audit.running
	h.audit.mu.Unlock()
	switch {
	case failed && running: // a probe before this one, or an event, is on its way
		return problem.Unavailable(time.Second, errAuditFailed)
	case failed:
		return h.record(ctx, Event{What: EventResumed})
	}
	last, err := h.Audit.LastAudit(ctx)
	switch {
	case errors.Is(err, ErrNotFound):
	case err != nil:
		return stored(err)
	case last.Hash != h.Keys.Storage.Opening().auditHash(last):
		return problem.Internal(fmt.Errorf("%w: audit entry %d", errRecord, last.Number))
	}
	if err := h.Audit.ProbeAudit(ctx); err != nil {
		return problem.Unavailable(time.Second, fmt.Errorf("audit trail: %w", err))
	}
	return nil
}

// RevocationsReady reports whether the revocation list is young enough: with an older one
// the hospital refuses everybody.
func (h *Hospital) RevocationsReady(context.Context) error { return h.unrevoked() }
