package hospital_test

import (
	"context"
	"crypto/rand"
	"errors"
	"sync"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/mongo"
	"go.mongodb.org/mongo-driver/mongo/options"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/ecc"
	"medunion/privatecloud/hospital"
	"medunion/privatecloud/internal/peers"
)

var order = hospital.Order{Ground: "asked by the patient", Operator: "kim"}

func (s *scene) erase(number string) message.Erasure {
	s.t.Helper()
	signed, err := s.h.Erase(s.t.Context(), number, order)
	if err != nil {
		s.t.Fatal(problem.Reason(err))
	}
	e, err := message.VerifyErasure(s.w.Pins, s.h.Party.Cred, signed)
	if err != nil {
		s.t.Fatal(err)
	}
	return e
}

func (s *scene) finish() {
	s.t.Helper()
	if _, err := s.h.FinishErasures(s.t.Context()); err != nil {
		s.t.Fatal(problem.Reason(err))
	}
}

// documents counts what the database holds, by collection.
func (s *scene) documents() map[string]int64 {
	s.t.Helper()
	client, err := mongo.Connect(s.t.Context(), options.Client().ApplyURI(s.s.URI))
	if err != nil {
		s.t.Fatal(err)
	}
	defer client.Disconnect(context.Background())
	out := map[string]int64{}
	for _, c := range []string{"patients", "versions", "enrolments", "deskCodes", "receipts", "diagnoses", "revokedConsents", "erasures"} {
		if out[c], err = client.Database(s.s.Database).Collection(c).CountDocuments(s.t.Context(), bson.D{}); err != nil {
			s.t.Fatal(err)
		}
	}
	return out
}

// visited is a scene after a visit with a release and a diagnosis, a revocation, and a desk code that waits: all that
// can lie about under a record.
func visited(t *testing.T) *scene {
	s := newScene(t, ecc.SuiteX25519)
	s.publish()
	x := s.open()
	s.release(x, message.Filter{})
	salted, d5 := x.D5([]byte(`{"resourceType":"Bundle","type":"collection","entry":[{"resource":{"resourceType":"Condition","id":"dx","subject":{"display":"x"}}}]}`))
	m, err := s.h.StoreDiagnosis(t.Context(), x.M11(salted, d5))
	if err != nil {
		t.Fatal(problem.Reason(err))
	}
	x.Stored(t, m, salted, d5)
	q := s.p.Ask(t, s.h.Party.Cred, s.h.Prekey(t, s.w), message.Question{Kind: message.AskRevoke, Consent: message.Hash{3}})
	if _, err := s.h.Ask(t.Context(), q.M); err != nil {
		t.Fatal(problem.Reason(err))
	}
	if _, _, err := s.h.NewDeskCode(t.Context(), mrn); err != nil {
		t.Fatal(problem.Reason(err))
	}
	return s
}

func (s *scene) publish() {
	s.t.Helper()
	if _, err := s.h.PublishDue(s.t.Context()); err != nil {
		s.t.Fatal(problem.Reason(err))
	}
}

// After an erasure nothing is left under the record but the receipt, which says what was
// destroyed and verifies offline, and the lines of the trail; another patient's record is untouched. Her
// number is free: what is imported under it then is a new record.
func TestErase(t *testing.T) {
	s := visited(t)
	s.load("other", s.rec[:1])
	before := s.documents()
	preview, err := s.h.PreviewErasure(t.Context(), mrn)
	if err != nil || preview.Versions != 5 || preview.Releases != 2 || preview.Diagnoses != 1 || !preview.Enrolled || preview.Entries != len(peers.Departments) {
		t.Fatalf("%+v %v", preview, err)
	}
	if after := s.documents(); after["patients"] != before["patients"] || after["erasures"] != 0 {
		t.Fatalf("the preview has changed something: %v", after)
	}
	e := s.erase(mrn)
	if e.Versions != 5 || e.Bytes != preview.Bytes || e.Bytes == 0 || e.Releases != 2 || e.Diagnoses != 1 || e.Ground != order.Ground ||
		e.Operator != order.Operator || e.Record != preview.Record {
		t.Errorf("%+v", e)
	}
	left := s.documents()
	for c, n := range map[string]int64{"patients": 1, "versions": 1, "enrolments": 0, "deskCodes": 0, "receipts": 0, "diagnoses": 0, "revokedConsents": 0, "erasures": 1} {
		if left[c] != n {
			t.Errorf("%s: %d are left, want %d", c, left[c], n)
		}
	}
	if known, err := s.h.Known(t.Context(), mrn); known || err != nil {
		t.Errorf("the number is known: %v %v", known, err)
	}
	out := s.load(mrn, s.rec[:2])
	if out[0] != hospital.Stored || out[1] != hospital.Stored {
		t.Errorf("a new record says %v", out)
	}
	next, err := s.h.PreviewErasure(t.Context(), mrn)
	if err != nil || next.Record == e.Record || next.Versions != 2 || next.Enrolled {
		t.Errorf("%+v %v", next, err)
	}
	s.h.EnrolPatient(t, s.p, mrn) // the same identity is free to enrol again
	s.wantTrail(hospital.EventErasing, hospital.EventErased)
}

// wantTrail looks for events of the erasure, with operator and ground.
func (s *scene) wantTrail(events ...string) {
	s.t.Helper()
	for _, want := range events {
		n := 0
		for _, a := range s.trail() {
			if a.What == want && a.Operator == order.Operator && a.Note == order.Ground && a.Handle != (hospital.Handle{}) {
				n++
			}
		}
		if n != 1 {
			s.t.Errorf("%d events %q in the trail", n, want)
		}
	}
}

// A session that was open when the record was erased releases nothing, and a consent that
// was given opens nothing any more: the refusal is that for a patient who is not enrolled.
func TestEraseUnderASession(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	x := s.open()
	s.erase(mrn)
	_, err := s.h.Release(t.Context(), x.M8(message.Filter{}))
	s.refused(err, "a release after the erasure")
	q := s.p.Ask(t, s.h.Party.Cred, s.h.Prekey(t, s.w), message.Question{Kind: message.AskRecord})
	_, err = s.h.Ask(t.Context(), q.M)
	s.refused(err, "a question after the erasure")
}

// Searches find nothing: each locator gets an entry that follows the one before and that her
// keys do not open. While the public cloud is away the erasure waits, and then it is done.
func TestEraseEmptiesTheIndex(t *testing.T) {
	s := visited(t)
	written := s.w.Written()
	newest := map[message.Hash]message.IndexWrite{}
	for _, w := range written {
		newest[w.Entry.Locator] = w
	}
	if len(newest) != 3 {
		t.Fatalf("%d locators", len(newest))
	}
	s.erase(mrn)
	s.w.Break(errors.New("away"))
	if _, err := s.h.FinishErasures(t.Context()); err == nil || len(s.w.Written()) != len(written) {
		t.Fatalf("the public cloud is away: %v", err)
	}
	s.w.Break(nil)
	s.finish()
	empty := s.w.Written()[len(written):]
	if len(empty) != len(peers.Departments) {
		t.Fatalf("%d empty entries for %d departments", len(empty), len(peers.Departments))
	}
	for _, w := range empty {
		old, written := newest[w.Entry.Locator]
		if written && (w.Entry.Time <= old.Entry.Time || len(w.Entry.Value) != len(old.Entry.Value)) {
			t.Errorf("at %d after %d, %d bytes", w.Entry.Time, old.Entry.Time, len(w.Entry.Value))
		}
		for _, department := range peers.Departments {
			kv := message.IndexKey(s.p.KLoc, department, s.h.ID())
			if _, err := message.OpenIndex(kv, w.Entry.Locator, s.h.Party.Cred.Hash(), w.Entry.Value); err == nil {
				t.Error("an empty entry opens")
			}
		}
	}
	s.w.Clock.Move(2 * time.Minute)
	s.finish()
	if open, err := s.h.Erasures.UnfinishedErasures(t.Context(), hospital.Handle{}, 10); err != nil || len(open) != 0 {
		t.Errorf("%d are not done: %v", len(open), err)
	}
	s.finish()
	if n := len(s.w.Written()) - len(written); n != len(peers.Departments) {
		t.Errorf("%d were sent", n)
	}
}

// crashing is the port of an instance that dies at one of its calls.
type crashing struct {
	hospital.Erasures
	left *int
}

var errCrash = errors.New("the process has died")

func (c crashing) step() error {
	if *c.left--; *c.left < 0 {
		return errCrash
	}
	return nil
}

func (c crashing) PutErasure(ctx context.Context, e hospital.Erasure) error {
	if err := c.step(); err != nil {
		return err
	}
	return errors.Join(c.Erasures.PutErasure(ctx, e), c.step())
}

func (c crashing) DestroyPatient(ctx context.Context, h hospital.Handle, from hospital.Head) error {
	if err := c.step(); err != nil {
		return err
	}
	return errors.Join(c.Erasures.DestroyPatient(ctx, h, from), c.step())
}

func (c crashing) EraseTraces(ctx context.Context, h hospital.Handle) error {
	if err := c.step(); err != nil {
		return err
	}
	return errors.Join(c.Erasures.EraseTraces(ctx, h), c.step())
}

// An erasure that dies before or behind any of its steps is completed by whoever comes next:
// by the same order given again, and by an instance that only looks for unfinished ones. There is one
// receipt, whoever asks.
func TestEraseCrashes(t *testing.T) {
	for _, again := range []string{"ordered again", "found"} {
		for at := range 8 {
			s := newScene(t, ecc.SuiteX25519)
			left := at
			dying := s.w.Instance(t, s.h.Party, s.h.Storage, s.s, func(c *hospital.Config) { c.Erasures = crashing{c.Erasures, &left} })
			if _, err := dying.Erase(t.Context(), mrn, order); !errors.Is(err, errCrash) {
				t.Fatalf("step %d: %v", at, err)
			}
			if known, _ := s.h.Known(t.Context(), mrn); known && at > 3 {
				t.Errorf("step %d: the record is still there", at)
			}
			if again == "found" {
				s.finish()
			}
			signed, err := s.h.Erase(t.Context(), mrn, order)
			if err != nil {
				t.Fatalf("step %d, %s: %v", at, again, problem.Reason(err))
			}
			twice, err := s.h.Erase(t.Context(), mrn, order)
			if err != nil || string(twice.Encode()) != string(signed.Encode()) {
				t.Errorf("step %d, %s: another receipt, %v", at, again, err)
			}
			if e, err := message.VerifyErasure(s.w.Pins, s.h.Party.Cred, signed); err != nil || e.Versions != uint64(len(s.rec)) {
				t.Errorf("step %d, %s: %+v %v", at, again, e, err)
			}
			if d := s.documents(); d["patients"]+d["versions"]+d["enrolments"] != 0 {
				t.Errorf("step %d, %s: left %v", at, again, d)
			}
		}
	}
}

// Writers do not bring a record back that is being erased, and two instances that erase at
// once make one receipt.
func TestEraseRaces(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	two := s.w.Instance(t, s.h.Party, s.h.Storage, s.s, nil)
	var all sync.WaitGroup
	receipts := make([]message.Signed, 4)
	for i := range receipts {
		all.Go(func() {
			h := []*peers.Hospital{s.h, two}[i%2]
			var err error
			if receipts[i], err = h.Erase(context.Background(), mrn, order); err != nil {
				t.Error(problem.Reason(err))
			}
		})
	}
	all.Wait()
	for _, r := range receipts[1:] {
		if string(r.Encode()) != string(receipts[0].Encode()) {
			t.Error("two receipts")
		}
	}
	handle := s.trail()[len(s.trail())-1].Handle
	stray := hospital.Version{Handle: handle, Number: 9, Blob: []byte("a writer that was late")}
	if err := s.h.Mongo.AppendVersions(t.Context(), []hospital.Version{stray}); err != nil {
		t.Fatal(err)
	}
	s.w.Clock.Move(2 * time.Minute)
	s.finish()
	if d := s.documents(); d["versions"] != 0 {
		t.Errorf("left: %v", d)
	}
}

// Orders without a ground, and numbers that nobody has, change nothing.
func TestEraseRefused(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	for _, o := range []hospital.Order{{}, {Ground: "x"}, {Operator: "x"}, {Ground: "two\nlines", Operator: "x"}} {
		_, err := s.h.Erase(t.Context(), mrn, o)
		wantKind(t, err, problem.KindInvalid, "an order without words")
	}
	_, err := s.h.Erase(t.Context(), "nobody", order)
	wantKind(t, err, problem.KindNotFound, "nobody")
	_, err = s.h.EraseRecord(t.Context(), hospital.Handle{1}, order)
	wantKind(t, err, problem.KindNotFound, "no handle")
	_, err = s.h.PreviewErasure(t.Context(), "nobody")
	wantKind(t, err, problem.KindNotFound, "nobody's preview")
	if d := s.documents(); d["patients"] != 1 || d["erasures"] != 0 {
		t.Errorf("%v", d)
	}
}

// Whoever has a copy of the whole database from after an erasure, and the hospital's keys,
// has no key that opens a version from before it.
func TestErasedStaysClosed(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	var old []hospital.Version
	handle := s.trail()[0].Handle
	if err := s.h.Mongo.Versions(t.Context(), handle, 1, 100, func(v hospital.Version) error { old = append(old, v); return nil }); err != nil || len(old) == 0 {
		t.Fatal(err)
	}
	p, err := s.h.Mongo.Patient(t.Context(), handle)
	if err != nil {
		t.Fatal(err)
	}
	index := s.field("patients", "mrn")
	s.erase(mrn)
	// The versions come back, as from a disk that kept them, under a patient whom the thief makes up.
	fake := hospital.Patient{Handle: handle, Wrapped: make([]byte, len(p.Wrapped)), Head: p.Head}
	rand.Read(fake.Wrapped)
	if err := errors.Join(s.h.Mongo.AppendVersions(t.Context(), old), s.h.Mongo.CreatePatient(t.Context(), message.Hash(index), fake)); err != nil {
		t.Fatal(err)
	}
	_, err = s.h.Preview(t.Context(), mrn, s.rec)
	wantKind(t, err, problem.KindInternal, "a record without its key")
}

// field is a field of the only document of a collection.
func (s *scene) field(collection, name string) []byte {
	s.t.Helper()
	client, err := mongo.Connect(s.t.Context(), options.Client().ApplyURI(s.s.URI))
	if err != nil {
		s.t.Fatal(err)
	}
	defer client.Disconnect(context.Background())
	raw, err := client.Database(s.s.Database).Collection(collection).FindOne(s.t.Context(), bson.D{}).Raw()
	if err != nil {
		s.t.Fatal(err)
	}
	_, b := raw.Lookup(name).Binary()
	return b
}
