package mongostore_test

import (
	"context"
	"sync/atomic"
	"testing"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/deploy/local/embedmongo"
	"medunion/ecc"
	"medunion/publiccloud/cloud"
	"medunion/publiccloud/internal/mongostore"
)

// failing is a replica set whose next writes fail, in a way and as often as is asked.
type failing struct {
	fault embedmongo.Fault
	left  atomic.Int32
	met   atomic.Int32
}

var writes = map[string]bool{"insert": true, "update": true, "findAndModify": true}

func (f *failing) of(command string) embedmongo.Fault {
	if writes[command] && f.left.Load() > 0 && f.left.Add(-1) >= 0 {
		f.met.Add(1)
		return f.fault
	}
	return embedmongo.Sound
}

// next lets the next n writes fail.
func (f *failing) next(n int32) { f.met.Store(0); f.left.Store(n) }

func (f *failing) open(t *testing.T) *mongostore.Store {
	t.Helper()
	m, err := embedmongo.Start(embedmongo.Options{Fault: f.of})
	ok(t, err)
	t.Cleanup(func() { _ = m.Close() })
	s, err := mongostore.Open(t.Context(), m.URI(), "faults")
	ok(t, err)
	t.Cleanup(func() { _ = s.Close(context.Background()) })
	return s
}

var faults = map[string]embedmongo.Fault{"not primary": embedmongo.NotPrimary, "stepped down": embedmongo.SteppedDown,
	"cut before": embedmongo.CutBefore, "cut after the commit": embedmongo.CutAfter}

// operation is a write of the store, done with the same arguments each time.
type operation struct {
	do   func() error
	kind problem.Kind // of the same again, 0 if that succeeds
	once func() bool  // whether it holds exactly once
}

// operations are all writes of the store.
func operations(t *testing.T, s *mongostore.Store) map[string]operation {
	ctx := t.Context()
	code, owner, revoked, consent := random(), random(), random(), random()
	record := cloud.Record{Credential: random(), Role: message.Patient, Name: random(), Admission: random(), NotAfter: 100}
	prekey := cloud.PublishedPrekey{Owner: owner, Signed: []byte("a"), NotBefore: 1, NotAfter: 100}
	own := cloud.OwnPrekey{Suite: ecc.SuiteX25519, Slot: 1, Signed: []byte{1}, Sealed: []byte{1}, NotAfter: 100}
	e := entry(random(), random(), 5)
	line := cloud.OperationLine{Number: 1, Hash: random(), Line: []byte("{}")}
	u := use(consent, message.ModeRead, 3, random())
	return map[string]operation{
		"AddCode":          {func() error { return s.AddCode(ctx, code, 1, 100) }, 0, func() bool { h, err := s.HasCode(ctx, code, 2); return err == nil && h }},
		"Add":              {func() error { return s.Add(ctx, record) }, 0, func() bool { _, err := s.Find(ctx, record.Credential); return err == nil }},
		"Publish":          {func() error { return s.Publish(ctx, prekey) }, 0, func() bool { p, err := s.Published(ctx, owner); return err == nil && string(p.Signed) == "a" }},
		"AddOwn":           {func() error { return s.AddOwn(ctx, own) }, problem.KindConflict, func() bool { l, err := s.Own(ctx, 1); return err == nil && len(l) == 1 }},
		"RevokeCredential": {func() error { return s.RevokeCredential(ctx, revoked, 1, 100) }, 0, func() bool { l, err := s.RevokedCredentials(ctx, 1); return err == nil && len(l) == 1 }},
		"Put": {func() error { return s.Put(ctx, e) }, 0, func() bool {
			l, err := s.Latest(ctx, []message.Hash{e.Locator}, 0, 9)
			return err == nil && len(l) == 1
		}},
		"AppendOperation": {func() error { return s.AppendOperation(ctx, line) }, 0, func() bool {
			l, err := s.OperationsFrom(ctx, 1, 9)
			return err == nil && len(l) == 1 && l[0].Hash == line.Hash
		}},
		"Count": {func() error { return s.Count(ctx, u) }, problem.KindRefused, func() bool {
			l, err := s.Uses(ctx, consent, u.Tags[0], 0, 9)
			return err == nil && len(l) == 1
		}},
	}
}

// A primary that steps down, and a network that fails before or after the commit: the
// driver sends the write again under its number, and each write of the store happens once.
func TestWritesAreRetriedOnce(t *testing.T) {
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := &failing{fault: fault}
			s := f.open(t)
			for what, x := range operations(t, s) {
				f.next(1)
				ok(t, x.do())
				if f.met.Load() != 1 {
					t.Errorf("%s met no fault: the test tests nothing", what)
				}
				if !x.once() {
					t.Errorf("%s does not hold once", what)
				}
			}
		})
	}
}

// A write whose answer is lost twice is answered as unavailable, and nobody knows whether it
// holds. The same again succeeds, or is refused as the repetition that it is; either way it
// holds once.
func TestUnknownOutcomes(t *testing.T) {
	t.Parallel()
	f := &failing{fault: embedmongo.CutAfter}
	s := f.open(t)
	for what, x := range operations(t, s) {
		f.next(2)
		wants(t, problem.KindUnavailable, x.do())
		if err := x.do(); (err == nil) != (x.kind == 0) || err != nil && problem.KindOf(err) != x.kind {
			t.Errorf("%s again: %v", what, err)
		}
		if !x.once() {
			t.Errorf("%s does not hold once", what)
		}
	}
}

// The log has one line for each Append that succeeded, whatever went wrong on the way.
func TestLogUnderFaults(t *testing.T) {
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := &failing{fault: fault}
			s := f.open(t)
			for range 3 {
				f.next(1)
				ok(t, s.Append(t.Context(), random(), message.Patient, 7))
			}
			lines, err := s.Read(t.Context(), 0, 10)
			ok(t, err)
			if len(lines) != 3 {
				t.Errorf("%d lines of 3", len(lines))
			}
		})
	}
}

// Every unique index of a sharded collection begins with its shard key: another one would
// be enforced on each shard alone.
func TestShardKeys(t *testing.T) {
	ok(t, mongostore.CheckShardKeys())
}
