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

// rollable is a storage key that the test rolls.
type rollable struct {
	mu    sync.Mutex
	v     hospital.Versions
	fails error
}

func (k *rollable) Opening() hospital.Versions {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.v
}

func (k *rollable) Sealing() (hospital.Versions, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.v, k.fails
}

func (k *rollable) set(v hospital.Versions) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.v = v
}

func secret(n byte) []byte { return bytes.Repeat([]byte{n}, 32) }

// without is v when version n is destroyed.
func without(v hospital.Versions, n uint32) hospital.Versions {
	out := hospital.Versions{Current: v.Current, Secrets: map[uint32][]byte{}, Audit: map[uint32]message.Hash{n: hospital.AuditKey(v.Secrets[n])}}
	for i, s := range v.Secrets {
		if i != n {
			out.Secrets[i] = s
		}
	}
	return out
}

// rolled is a scene whose hospital's storage key is rollable.
func rolled(t *testing.T) (*scene, *rollable) {
	t.Helper()
	s := newScene(t, ecc.SuiteX25519)
	k := &rollable{v: hospital.Versions{Current: 1, Secrets: map[uint32][]byte{1: s.h.Storage[:]}}}
	s.h = s.w.Instance(t, s.h.Party, s.h.Storage, s.s, func(c *hospital.Config) { c.Keys.Storage = k })
	return s, k
}

func (k *rollable) roll() {
	v := k.Opening()
	next := hospital.Versions{Current: v.Current + 1, Secrets: map[uint32][]byte{v.Current + 1: secret(0x42)}}
	for i, s := range v.Secrets {
		next.Secrets[i] = s
	}
	k.set(next)
}

// under counts what lies under the version or an older one.
func (s *scene) under(version uint32) (sum int64) {
	s.t.Helper()
	counts, err := hospital.CountSealed(s.t.Context(), s.h.Mongo, s.h.Mongo, s.h.Mongo)
	if err != nil {
		s.t.Fatal(problem.Reason(err))
	}
	for v, n := range counts {
		if v <= version {
			sum += n
		}
	}
	return sum
}

// Through a roll everything goes on: a session from before it releases, a message sealed to
// a prekey from before it opens, the record is written, an erasure that waits is done. When all lies under the
// new version and the old one is destroyed, record, trail and evidence are still read, by the new instance too.
func TestRoll(t *testing.T) {
	s, k := rolled(t)
	s.load("other", s.rec[:2])
	open := s.open()
	s.w.Break(errors.New("away"))
	s.publish0()
	s.erase("other") // an erasure that waits lies under version 1 too
	s.w.Break(nil)
	k.roll()
	s.release(open, message.Filter{})
	s.h.EnrolPatient(t, s.w.NewPatient(), s.newRecord("third"))
	s.load(mrn, append(s.rec, resource("Observation", "late", "OUTPATIENT", "LAB", 5)))
	if n := s.under(1); n == 0 {
		t.Fatal("nothing is counted under version 1")
	}
	if r, err := s.h.Rekey(t.Context()); err != nil || r.Done != 1 || r.Others != 2 || r.Broken != 0 {
		t.Fatalf("%+v %v", r, err)
	}
	if n := s.under(1); n != 0 {
		t.Fatalf("%d are left under version 1", n)
	}
	k.set(without(k.Opening(), 1))
	if r, err := s.h.Preview(t.Context(), mrn, s.rec); err != nil || r[0] != hospital.Unchanged {
		t.Errorf("the record: %v %v", r, err)
	}
	s.open() // a message to the prekey from before
	s.w.Clock.Move(2 * time.Minute)
	s.finish()
	s.w.Clock.Move(-2 * time.Minute)
	trail := s.trail()
	if len(trail) < 6 || trail[0].What != hospital.EventImported {
		t.Errorf("the trail has %d entries", len(trail))
	}
	other := s.w.Instance(t, s.h.Party, s.h.Storage, s.s, func(c *hospital.Config) { c.Keys.Storage = k })
	if out, err := other.ImportPatient(t.Context(), mrn, []hospital.Resource{resource("Observation", "last", "OUTPATIENT", "LAB", 6)}); err != nil || out[0] != hospital.Stored {
		t.Errorf("%v %v", out, err)
	}
	s.trail()
}

// publish0 lets the publisher try, whatever comes of it.
func (s *scene) publish0() { _, _ = s.h.PublishDue(s.t.Context()) }

func (s *scene) newRecord(number string) string {
	s.load(number, s.rec[:1])
	return number
}

// Without version 1's audit key the old part of the trail is not vouched for by anything: it
// is an error, never taken on trust; and that key alone opens no record.
func TestAuditKeyOfADestroyedVersion(t *testing.T) {
	s, k := rolled(t)
	k.roll()
	s.load("other", s.rec[:1])
	v := without(k.Opening(), 1)
	k.set(hospital.Versions{Current: v.Current, Secrets: v.Secrets})
	if _, err := s.h.Trail(t.Context(), 1, 10); !errors.Is(err, hospital.ErrTrail) {
		t.Errorf("%v", err)
	}
	k.set(v)
	if _, err := s.h.Trail(t.Context(), 1, 10); err != nil {
		t.Error(problem.Reason(err))
	}
	_, err := s.h.Preview(t.Context(), mrn, s.rec) // it lies under version 1
	wantKind(t, err, problem.KindInternal, "a record under a destroyed version")
}

// Two instances rekey at once, beside writers, again and again: no record is lost, no data
// key is exchanged for another, and at the end everything lies under the newest version.
func TestRekeyRaces(t *testing.T) {
	s, k := rolled(t)
	two := s.w.Instance(t, s.h.Party, s.h.Storage, s.s, func(c *hospital.Config) { c.Keys.Storage = k })
	numbers := []string{"a", "b", "c", "d"}
	for _, n := range numbers {
		s.newRecord(n)
	}
	for range 3 {
		k.roll()
		var all sync.WaitGroup
		for _, h := range []*peers.Hospital{s.h, two} {
			all.Go(func() {
				if _, err := h.Rekey(context.Background()); err != nil {
					t.Error(problem.Reason(err))
				}
			})
			all.Go(func() {
				for i, n := range numbers {
					id := time.Now().Format("150405.000000000") + n + string(rune('0'+i))
					if _, err := h.ImportPatient(context.Background(), n, []hospital.Resource{resource("Observation", id, "OUTPATIENT", "LAB", 5)}); err != nil {
						t.Error(problem.Reason(err))
					}
				}
			})
		}
		all.Wait()
	}
	if r, err := s.h.Rekey(t.Context()); err != nil || r.Broken != 0 {
		t.Fatalf("%+v %v", r, err)
	}
	v := k.Opening()
	if n := s.under(v.Current - 1); n != 0 {
		t.Errorf("%d under older versions", n)
	}
	k.set(hospital.Versions{Current: v.Current, Secrets: map[uint32][]byte{v.Current: v.Secrets[v.Current]}})
	for _, n := range numbers {
		p, err := s.h.PreviewErasure(t.Context(), n)
		if err != nil || p.Versions != 7 {
			t.Errorf("%s: %+v %v", n, p, err)
		}
		if out, err := s.h.Preview(t.Context(), n, s.rec[:1]); err != nil || out[0] != hospital.Unchanged {
			t.Errorf("%s: %v %v", n, out, err)
		}
	}
}

// dying is the port of an instance that dies in the midst of rekeying.
type dying struct {
	hospital.Rekeying
	left int
}

func (d *dying) RekeyPatient(ctx context.Context, p hospital.Patient, wrapped []byte, to hospital.Head, under uint32) error {
	if d.left--; d.left < 0 {
		return errCrash
	}
	return d.Rekeying.RekeyPatient(ctx, p, wrapped, to, under)
}

// A pass that dies anywhere is gone on with by the next.
func TestRekeyCrash(t *testing.T) {
	s, k := rolled(t)
	for _, n := range []string{"a", "b", "c", "d"} {
		s.newRecord(n)
	}
	k.roll()
	d := &dying{left: 2}
	h := s.w.Instance(t, s.h.Party, s.h.Storage, s.s, func(c *hospital.Config) { c.Keys.Storage, d.Rekeying, c.Rekeying = k, c.Rekeying, d })
	if r, err := h.Rekey(t.Context()); !errors.Is(err, errCrash) || r.Done != 2 {
		t.Fatalf("%+v %v", r, err)
	}
	if r, err := s.h.Rekey(t.Context()); err != nil || r.Done != 3 {
		t.Fatalf("%+v %v", r, err)
	}
}

// A head that somebody has moved in the database gets no tag of the new version.
func TestRekeyVouchesForNothing(t *testing.T) {
	s, k := rolled(t)
	k.roll()
	handle := s.trail()[0].Handle
	p, err := s.h.Mongo.Patient(t.Context(), handle)
	if err != nil {
		t.Fatal(err)
	}
	cut := hospital.Head{Number: 1, Hash: message.Hash{1}, Tag: p.Head.Tag}
	if err := s.h.Mongo.MoveHead(t.Context(), handle, p.Head, cut); err != nil {
		t.Fatal(err)
	}
	if r, err := s.h.Rekey(t.Context()); err != nil || r.Broken != 1 || r.Done != 0 {
		t.Errorf("%+v %v", r, err)
	}
	_, err = s.h.Preview(t.Context(), mrn, s.rec)
	if n := s.under(1); n == 0 {
		t.Errorf("what does not hold is not counted, %v", err)
	}
}

// An instance that may have missed a roll makes nothing: what it would write says so, and
// reading goes on.
func TestNothingIsSealedWithoutALease(t *testing.T) {
	s, k := rolled(t)
	k.mu.Lock()
	k.fails = errors.New("no lease")
	k.mu.Unlock()
	_, err := s.h.ImportPatient(t.Context(), "new", s.rec)
	wantKind(t, err, problem.KindUnavailable, "a new record")
	_, err = s.h.ImportPatient(t.Context(), mrn, []hospital.Resource{resource("Observation", "x", "OUTPATIENT", "LAB", 5)})
	wantKind(t, err, problem.KindUnavailable, "a version")
	_, err = s.h.Erase(t.Context(), mrn, order)
	wantKind(t, err, problem.KindUnavailable, "an erasure")
	if out, err := s.h.Preview(t.Context(), mrn, s.rec); err != nil || out[0] != hospital.Unchanged {
		t.Errorf("reading: %v %v", out, err)
	}
	if d := s.documents(); d["patients"] != 1 || d["erasures"] != 0 {
		t.Errorf("%v", d)
	}
}
