package hospital

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/ecc"
)

// auditor appends events to the trail. Events that arrive while one append is under way
// travel together in the next, so that a durable write is not paid for each of them.
type auditor struct {
	log  AuditLog
	keys atRest
	rand io.Reader

	mu      sync.Mutex
	running bool
	waiting []*pendingEvent
	tally   auditTally
}

type pendingEvent struct {
	line  []byte
	what  string
	since time.Time
	done  chan error
}

// append returns when the event is durable.
func (a *auditor) append(ctx context.Context, what string, line []byte) error {
	e := &pendingEvent{line: line, what: what, since: time.Now(), done: make(chan error, 1)}
	a.mu.Lock()
	a.waiting = append(a.waiting, e)
	lead := !a.running
	a.running = true
	a.mu.Unlock()
	if lead {
		// The batch holds other requests' events too: it must not end with this one's.
		a.drain(context.WithoutCancel(ctx))
	}
	select {
	case err := <-e.done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Bounds of one append.
const (
	maxAuditBatch = 200
	auditTimeout  = 10 * time.Second
)

// drain writes what waits, which includes the caller's event; what has come in the
// meantime is left to another goroutine, so that no request works for others for long.
func (a *auditor) drain(ctx context.Context) {
	a.mu.Lock()
	n := min(len(a.waiting), maxAuditBatch)
	batch := a.waiting[:n:n]
	a.waiting = a.waiting[n:]
	a.tally.writing = batch
	a.mu.Unlock()
	err := a.write(ctx, batch)
	a.count(batch, err)
	for _, e := range batch {
		e.done <- err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.running = len(a.waiting) > 0; a.running {
		go a.drain(ctx)
	}
}

// write chains a batch to the newest entry. Another instance may be faster: then it
// begins again behind that one's entries.
func (a *auditor) write(ctx context.Context, batch []*pendingEvent) error {
	ctx, cancel := context.WithTimeout(ctx, auditTimeout)
	defer cancel()
	for range maxRaces {
		last, err := a.log.LastAudit(ctx)
		if err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
		entries, err := a.chain(last, batch)
		if err != nil {
			return err
		}
		if err = a.log.AppendAudit(ctx, entries); !errors.Is(err, ErrExists) {
			return err
		}
	}
	return ErrLost
}

func (a *auditor) chain(last AuditEntry, batch []*pendingEvent) ([]AuditEntry, error) {
	v, err := a.keys.sealing()
	if err != nil {
		return nil, err
	}
	entries := make([]AuditEntry, len(batch))
	for i, e := range batch {
		n := AuditEntry{Number: last.Number + 1, Prev: last.Hash}
		sealed, err := v.seal(a.rand, useAudit, n.place(), e.line)
		if err != nil {
			return nil, err
		}
		n.Sealed = sealed
		n.Hash = v.auditHash(n)
		entries[i], last = n, n
	}
	return entries, nil
}

func (e AuditEntry) place() []byte { return ecc.Encode(ecc.LabelAudit, number(e.Number), e.Prev[:]) }

// auditHash is keyed: whoever can write into the store cannot make a chain that holds. The key
// is of the version that the entry is sealed under, of which the zero hash says that it is gone.
func (v Versions) auditHash(e AuditEntry) message.Hash {
	n, _ := underVersion(e.Sealed)
	key, ok := v.key(useAudit, n)
	if !ok {
		return message.Hash{}
	}
	return ecc.HMAC(key[:], ecc.LabelAudit, number(e.Number), e.Prev[:], e.Sealed)
}

// record appends an event; it must return nil before anything that the event tells of
// leaves the hospital.
func (h *Hospital) record(ctx context.Context, e Event) error {
	e.Time, e.Request = h.now(), h.RequestID(ctx)
	line, err := e.encode()
	if err != nil {
		return problem.Internal(err)
	}
	if err := h.audit.append(ctx, e.What, line); err != nil {
		return problem.Unavailable(time.Second, fmt.Errorf("audit trail: %w", err))
	}
	return nil
}

// refuse answers a failed check: it goes to the audit trail with its reason, and looks like
// every other refusal outside. Problems of time, form and stores keep their kind.
func (h *Hospital) refuse(ctx context.Context, e Event, cause error) error {
	var p *problem.Error
	if !errors.As(cause, &p) {
		p = problem.Refused(cause)
	}
	if !e.proven {
		var write bool
		if e.Count, write = h.strangers.take(h.now()); !write {
			return p
		}
	}
	e.What, e.Reason = EventRefused, problem.Reason(p)
	if err := h.record(ctx, e); err != nil {
		return err
	}
	return p
}

// Bounds of the lines that refusing senders who have proved nothing may add to the trail,
// which is never shortened: a number at once, and one more each strangerEvery.
const (
	strangerBurst = 100
	strangerEvery = 6 * time.Second
)

// strangers counts those lines. What is left out is counted in the next one.
type strangers struct {
	mu      sync.Mutex
	left    int
	since   message.Millis // of the last gain
	skipped int
}

// take reports whether a line may be written, and how many were left out since the last.
func (q *strangers) take(now message.Millis) (skipped int, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if gain := (int64(now) - int64(q.since)) / strangerEvery.Milliseconds(); gain != 0 {
		q.left, q.since = int(min(int64(q.left)+max(gain, 0), strangerBurst)), now
	}
	if q.left == 0 {
		q.skipped++
		return 0, false
	}
	q.left--
	skipped, q.skipped = q.skipped, 0
	return skipped, true
}
