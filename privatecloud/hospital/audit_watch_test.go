package hospital_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/ecc"
	"medunion/privatecloud/hospital"
)

// failingAudit refuses appends or probes while it is told to.
type failingAudit struct {
	hospital.AuditLog
	appends, probes *atomic.Bool
}

func (f failingAudit) AppendAudit(ctx context.Context, e []hospital.AuditEntry) error {
	if f.appends.Load() {
		return errors.New("disk full")
	}
	return f.AuditLog.AppendAudit(ctx, e)
}

func (f failingAudit) ProbeAudit(ctx context.Context) error {
	if f.probes.Load() {
		return errors.New("no majority")
	}
	return f.AuditLog.ProbeAudit(ctx)
}

// The probe of the audit trail adds no line while the trail can be written; it fails where
// nothing can be written, stays so after an append that failed, and ends the spell by one
// line, which says so and is in the chain.
func TestAuditReadiness(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	var appends, probes atomic.Bool
	s.h = s.w.Instance(t, s.h.Party, s.h.Storage, s.s, func(c *hospital.Config) { c.Audit = failingAudit{c.Audit, &appends, &probes} })
	ctx, before := t.Context(), len(s.trail())
	for range 5 {
		if err := s.h.AuditReady(ctx); err != nil {
			t.Fatal(problem.Reason(err))
		}
	}
	if n := len(s.trail()); n != before {
		t.Fatalf("probes added %d lines", n-before)
	}
	probes.Store(true)
	wantKind(t, s.h.AuditReady(ctx), problem.KindUnavailable, "no majority")
	probes.Store(false)

	appends.Store(true)
	q := s.p.Ask(t, s.h.Party.Cred, s.h.Prekey(t, s.w), message.Question{Kind: message.AskRecord})
	_, err := s.h.Ask(ctx, q.M)
	wantKind(t, err, problem.KindUnavailable, "a question without a trail")
	for range 3 {
		wantKind(t, s.h.AuditReady(ctx), problem.KindUnavailable, "the trail cannot be written")
	}
	if c := s.h.AuditCounts(); c.Failures < 4 || c.Waiting != 0 || c.Lag != 0 || c.Appended[hospital.EventAsked] != 0 {
		t.Errorf("counts %+v", c)
	}
	appends.Store(false)
	for range 3 {
		if err := s.h.AuditReady(ctx); err != nil {
			t.Fatal(problem.Reason(err))
		}
	}
	trail := s.trail()
	if len(trail) != before+1 || trail[before].What != hospital.EventResumed {
		t.Errorf("%d lines more, the last is %q", len(trail)-before, trail[len(trail)-1].What)
	}
	if c := s.h.AuditCounts(); c.Appended[hospital.EventResumed] != 1 {
		t.Errorf("counts %+v", c)
	}
}

// A trail whose newest line is not ours is not one to write on.
func TestAuditReadinessNoticesChanges(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	h := s.w.Instance(t, s.h.Party, s.h.Storage, s.s, func(c *hospital.Config) { c.Audit = forgedAudit{c.Audit} })
	wantKind(t, h.AuditReady(t.Context()), problem.KindInternal, "a forged line")
}

type forgedAudit struct{ hospital.AuditLog }

func (f forgedAudit) LastAudit(ctx context.Context) (hospital.AuditEntry, error) {
	e, err := f.AuditLog.LastAudit(ctx)
	e.Hash[0] ^= 1
	return e, err
}

// Events that wait are seen with the time that the oldest has waited.
func TestAuditLag(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	hold := make(chan struct{})
	h := s.w.Instance(t, s.h.Party, s.h.Storage, s.s, func(c *hospital.Config) { c.Audit = heldAudit{c.Audit, hold} })
	q := s.p.Ask(t, s.h.Party.Cred, s.h.Prekey(t, s.w), message.Question{Kind: message.AskRecord})
	done := make(chan error, 1)
	go func() { _, err := h.Ask(context.WithoutCancel(t.Context()), q.M); done <- err }()
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if c := h.AuditCounts(); c.Waiting == 1 && c.Lag > 20*time.Millisecond {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("counts %+v", h.AuditCounts())
		}
	}
	close(hold)
	if err := <-done; err != nil {
		t.Fatal(problem.Reason(err))
	}
	if c := h.AuditCounts(); c.Waiting != 0 || c.Lag != 0 || c.Appended[hospital.EventAsked] != 1 {
		t.Errorf("counts %+v", c)
	}
}

type heldAudit struct {
	hospital.AuditLog
	hold chan struct{}
}

func (h heldAudit) AppendAudit(ctx context.Context, e []hospital.AuditEntry) error {
	<-h.hold
	return h.AuditLog.AppendAudit(ctx, e)
}

// An old revocation list makes the hospital not ready: it refuses everybody.
func TestRevocationsReadiness(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	if err := s.h.RevocationsReady(t.Context()); err != nil {
		t.Fatal(problem.Reason(err))
	}
	s.w.AgeList(message.MaxRevocationAge + time.Minute)
	wantKind(t, s.h.RevocationsReady(t.Context()), problem.KindUnavailable, "an old list")
}
