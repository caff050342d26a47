package mongostore_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/deploy/local/embedmongo"
	"medunion/privatecloud/hospital"
	"medunion/privatecloud/internal/mongostore"
)

// failing is a replica set whose next writes fail, in a way and as often as is asked.
type failing struct {
	fault     embedmongo.Fault
	left, met atomic.Int32
}

var writes = map[string]bool{"insert": true, "update": true, "findAndModify": true}

func (f *failing) of(command string) embedmongo.Fault {
	if writes[command] && f.left.Load() > 0 && f.left.Add(-1) >= 0 {
		f.met.Add(1)
		return f.fault
	}
	return embedmongo.Sound
}

func (f *failing) next(n int32) { f.met.Store(0); f.left.Store(n) }

func (f *failing) open(t *testing.T) *mongostore.Store {
	t.Helper()
	m, err := embedmongo.Start(embedmongo.Options{Fault: f.of})
	ok(t, "start", err)
	t.Cleanup(func() { _ = m.Close() })
	s, err := mongostore.Open(t.Context(), m.URI(), "faults")
	ok(t, "open", err)
	t.Cleanup(func() { _ = s.Close(context.Background()) })
	return s
}

// operation is a write of the store: what it says to the same again.
type operation struct {
	name  string
	do    func() error
	again error
}

// operations are the writes of the store, in an order in which each finds what it needs.
func operations(t *testing.T, s *mongostore.Store) []operation {
	ctx, h, id := t.Context(), hospital.Handle{1}, message.Hash{1}
	p := hospital.Patient{Handle: h, Wrapped: []byte("dek")}
	e := hospital.Enrolment{Handle: h, Who: id, Version: 1, Due: 5, Sealed: []byte("1")}
	e2 := e
	e2.Version, e2.Sealed = 2, []byte("2")
	audit := []hospital.AuditEntry{{Number: 1, Sealed: []byte("a")}, {Number: 2, Sealed: []byte("b")}}
	return []operation{
		{"CreatePatient", func() error { return s.CreatePatient(ctx, id, p) }, hospital.ErrExists},
		{"AppendVersions", func() error { return s.AppendVersions(ctx, versions(h, 1, 3)) }, hospital.ErrExists},
		{"MoveHead", func() error { return s.MoveHead(ctx, h, hospital.Head{}, hospital.Head{Number: 3, Hash: id}) }, hospital.ErrLost},
		{"PutEnrolment new", func() error { return s.PutEnrolment(ctx, e) }, hospital.ErrLost},
		{"PutEnrolment next", func() error { return s.PutEnrolment(ctx, e2) }, hospital.ErrLost},
		{"AddDeskCode", func() error { return s.AddDeskCode(ctx, hospital.DeskCode{Code: id, Handle: h, Expires: 100}) }, hospital.ErrExists},
		{"UseDeskCode", func() error { _, err := s.UseDeskCode(ctx, id, 1); return err }, hospital.ErrNotFound},
		{"UseTicket", func() error { return s.UseTicket(ctx, id, 100) }, hospital.ErrExists},
		{"RevokeConsent", func() error { return s.RevokeConsent(ctx, id, h) }, nil},
		{"AddReceipt", func() error { return s.AddReceipt(ctx, hospital.Receipt{Handle: h, Number: 1}) }, hospital.ErrExists},
		{"CompleteReceipt", func() error { return s.CompleteReceipt(ctx, h, 1, []byte("answer")) }, nil},
		{"AddDiagnosis", func() error { return s.AddDiagnosis(ctx, hospital.Diagnosis{Operation: id, Handle: h}) }, hospital.ErrExists},
		{"AppendAudit", func() error { return s.AppendAudit(ctx, audit) }, hospital.ErrExists},
		{"AddPrekey", func() error { return s.AddPrekey(ctx, hospital.StoredPrekey{ID: id, NotAfter: 100}) }, hospital.ErrExists},
	}
}

// A primary that steps down, and a network that fails before or after the commit: the
// driver sends the write again under its number, and it happens once: the same again says so.
func TestWritesAreRetriedOnce(t *testing.T) {
	for name, fault := range map[string]embedmongo.Fault{"not primary": embedmongo.NotPrimary, "stepped down": embedmongo.SteppedDown,
		"cut before": embedmongo.CutBefore, "cut after the commit": embedmongo.CutAfter} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := &failing{fault: fault}
			for _, x := range operations(t, f.open(t)) {
				f.next(1)
				ok(t, x.name, x.do())
				if f.met.Load() != 1 {
					t.Errorf("%s met no fault: the test tests nothing", x.name)
				}
				if x.name != "MoveHead" { // its own head is in the place of the one that it wants
					want(t, x.name+" again", x.do(), x.again)
				}
			}
		})
	}
}

// A write whose answer is lost twice is answered as unavailable, and nobody knows whether it
// holds. The same again meets what it has left, never a second one.
func TestUnknownOutcomes(t *testing.T) {
	t.Parallel()
	f := &failing{fault: embedmongo.CutAfter}
	for _, x := range operations(t, f.open(t)) {
		f.next(2)
		if err := x.do(); problem.KindOf(err) != problem.KindUnavailable || errors.Is(err, hospital.ErrExists) {
			t.Errorf("%s with both answers lost: %v", x.name, err)
		}
		want(t, x.name+" again", x.do(), x.again)
	}
}

// Every unique index of a sharded collection begins with its shard key.
func TestShardKeys(t *testing.T) { ok(t, "shard keys", mongostore.CheckShardKeys()) }
