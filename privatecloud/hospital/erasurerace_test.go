package hospital_test

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/ecc"
	"medunion/privatecloud/hospital"
	"medunion/privatecloud/internal/peers"
)

// between is the port of an instance that is held up before it destroys a record.
type between struct {
	hospital.Erasures
	do func()
}

func (b between) DestroyPatient(ctx context.Context, h hospital.Handle, from hospital.Head) error {
	b.do()
	return b.Erasures.DestroyPatient(ctx, h, from)
}

// wantEmptied: the newest entry at each of her locators opens under none of her keys.
func (s *scene) wantEmptied() {
	s.t.Helper()
	newest := map[message.Hash]message.Entry{}
	for _, w := range s.w.Written() {
		newest[w.Entry.Locator] = w.Entry
	}
	for _, department := range peers.Departments {
		for _, e := range newest {
			kv := message.IndexKey(s.p.KLoc, department, s.h.ID())
			if _, err := message.OpenIndex(kv, e.Locator, s.h.Party.Cred.Hash(), e.Value); err == nil {
				s.t.Errorf("the entry of %s still opens", department)
			}
		}
	}
	if open, err := s.h.Erasures.UnfinishedErasures(s.t.Context(), hospital.Handle{}, 10); err != nil || len(open) != 0 {
		s.t.Errorf("%d are not done: %v", len(open), err)
	}
}

// What is published between the plan of an erasure and the destruction, also the first entry of a
// department, and with a clock that is ahead, is emptied all the same.
func TestEraseAfterAPublisher(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	slow := s.w.Instance(t, s.h.Party, s.h.Storage, s.s, func(c *hospital.Config) {
		c.Erasures = between{c.Erasures, func() { s.publish() }}
	})
	if _, err := slow.Erase(t.Context(), mrn, order); err != nil {
		t.Fatal(problem.Reason(err))
	}
	if len(s.w.Written()) == 0 {
		t.Fatal("nothing was published meanwhile")
	}
	s.finish()
	s.w.Clock.Move(2 * time.Minute)
	s.finish()
	s.wantEmptied()
}

// An erasure comes to its end beside an importer that writes into the record and a publisher.
func TestEraseBesideWriters(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	two := s.w.Instance(t, s.h.Party, s.h.Storage, s.s, nil)
	ctx, stop := context.WithCancel(t.Context())
	var writers sync.WaitGroup
	writers.Go(func() {
		for i := 0; ctx.Err() == nil; i++ {
			r := s.rec[i%len(s.rec)]
			r.Bytes = append(bytes.Clone(r.Bytes), bytes.Repeat([]byte{' '}, i+1)...)
			_, _ = two.ImportPatient(ctx, mrn, []hospital.Resource{r})
		}
	})
	writers.Go(func() {
		for ctx.Err() == nil {
			_, _ = two.PublishDue(ctx)
		}
	})
	for {
		_, err := s.h.Erase(t.Context(), mrn, order)
		if err == nil {
			break
		}
		if !errors.Is(err, problem.KindUnavailable) { // the importer was faster, every time
			t.Fatal(problem.Reason(err))
		}
	}
	stop()
	writers.Wait()
	s.finish()
	s.w.Clock.Move(2 * time.Minute)
	s.finish()
	s.wantEmptied()
}

// An enrolment that a backup holds without its patient does not keep the others from being published again.
func TestRepublishWithoutAPatient(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	s.load("other", s.rec[:1])
	s.h.EnrolPatient(t, s.w.NewPatient(), "other")
	handle := s.trail()[0].Handle
	p, err := s.h.Mongo.Patient(t.Context(), handle)
	if err == nil {
		err = s.h.Mongo.DestroyPatient(t.Context(), handle, p.Head)
	}
	if err != nil {
		t.Fatal(err)
	}
	if n, err := s.h.Republish(t.Context()); err != nil || n != 1 {
		t.Errorf("%d are due: %v", n, err)
	}
}

// More erasures that cannot go on than are taken up at a time do not keep another from being done.
func TestEraseBehindStuckOnes(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	for i := range 60 {
		stuck := hospital.Erasure{Handle: hospital.Handle{0, byte(i + 1)}, Version: 1, State: hospital.ErasureBegun, Plan: []byte("damaged")}
		if err := s.h.Mongo.PutErasure(t.Context(), stuck); err != nil {
			t.Fatal(err)
		}
	}
	s.erase(mrn)
	s.w.Clock.Move(2 * time.Minute)
	if n, err := s.h.FinishErasures(t.Context()); n != 1 || err == nil {
		t.Errorf("%d are done: %v", n, err)
	}
}
