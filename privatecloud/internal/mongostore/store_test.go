package mongostore_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"go.mongodb.org/mongo-driver/bson"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/deploy/local/embedmongo"
	"medunion/privatecloud/hospital"
	"medunion/privatecloud/internal/mongostore"
)

// open gives a store over a fresh database: of MONGODB_URI, or of an embedded server.
func open(t *testing.T) *mongostore.Store {
	t.Helper()
	uri := os.Getenv("MONGODB_URI")
	if uri == "" {
		server, err := embedmongo.Start(embedmongo.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { server.Close() })
		uri = server.URI()
	}
	s, err := mongostore.Open(t.Context(), uri, "store_"+rand.Text()[:10])
	if err != nil {
		t.Fatal(problem.Reason(err))
	}
	t.Cleanup(func() { s.Close(t.Context()) })
	return s
}

func want(t *testing.T, what string, err, target error) {
	t.Helper()
	if !errors.Is(err, target) {
		t.Errorf("%s: %v, want %v", what, err, target)
	}
}

func ok(t *testing.T, what string, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: %s", what, problem.Reason(err))
	}
}

func TestPatients(t *testing.T) {
	s, ctx := open(t), t.Context()
	_, err := s.PatientByMRN(ctx, message.Hash{1})
	want(t, "nobody", err, hospital.ErrNotFound)
	p := hospital.Patient{Handle: hospital.Handle{1}, Wrapped: []byte("dek"), Under: 1, Head: hospital.Head{Hash: message.Hash{9}, Tag: message.Hash{8}}}
	ok(t, "create", s.CreatePatient(ctx, message.Hash{1}, p))
	q := p
	q.Handle = hospital.Handle{2}
	want(t, "the same MRN", s.CreatePatient(ctx, message.Hash{1}, q), hospital.ErrExists)
	want(t, "the same handle", s.CreatePatient(ctx, message.Hash{2}, p), hospital.ErrExists)
	got, err := s.PatientByMRN(ctx, message.Hash{1})
	ok(t, "read", err)
	if fmt.Sprint(got) != fmt.Sprint(p) {
		t.Errorf("%+v", got)
	}
	to := hospital.Head{Number: 3, Hash: message.Hash{3}, Tag: message.Hash{4}}
	ok(t, "move", s.MoveHead(ctx, p.Handle, p.Head, to))
	want(t, "moved by another", s.MoveHead(ctx, p.Handle, p.Head, to), hospital.ErrLost)
	if got, _ := s.Patient(ctx, p.Handle); got.Head != to {
		t.Errorf("%+v", got.Head)
	}
}

func versions(h hospital.Handle, from, n int) (out []hospital.Version) {
	for i := range n {
		out = append(out, hospital.Version{Handle: h, Number: uint64(from + i), Hash: message.Hash{byte(from + i)}, Key: message.Hash{7}, Blob: []byte{byte(i)}})
	}
	return out
}

func TestVersions(t *testing.T) {
	s, ctx := open(t), t.Context()
	a, b := hospital.Handle{1}, hospital.Handle{2}
	ok(t, "append", s.AppendVersions(ctx, versions(a, 1, 300)))
	ok(t, "another patient's", s.AppendVersions(ctx, versions(b, 1, 2)))
	want(t, "numbers taken", s.AppendVersions(ctx, versions(a, 300, 3)), hospital.ErrExists)
	var last uint64
	ok(t, "read", s.Versions(ctx, a, 2, 1<<62, func(v hospital.Version) error {
		if last != 0 && v.Number != last+1 || v.Handle != a {
			t.Errorf("%d after %d", v.Number, last)
		}
		last = v.Number
		return nil
	}))
	if last != 300 { // the ordered insert stopped at its first
		t.Errorf("ends at %d", last)
	}
	n := 0
	ok(t, "outlines", s.Outlines(ctx, a, 1, 10, func(o hospital.Outline) error { n++; return nil }))
	if n != 10 {
		t.Errorf("%d outlines", n)
	}
	stop := errors.New("stop")
	want(t, "a visitor's error", s.Versions(ctx, a, 1, 10, func(hospital.Version) error { return stop }), stop)
}

func TestDeskCodes(t *testing.T) {
	s, ctx := open(t), t.Context()
	c := hospital.DeskCode{Code: message.Hash{1}, Handle: hospital.Handle{5}, Expires: 1000}
	ok(t, "add", s.AddDeskCode(ctx, c))
	_, err := s.UseDeskCode(ctx, c.Code, 1000)
	want(t, "expired", err, hospital.ErrNotFound)
	var won atomic.Int32
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			if h, err := s.UseDeskCode(ctx, c.Code, 999); err == nil && h == c.Handle {
				won.Add(1)
			}
		})
	}
	wg.Wait()
	if won.Load() != 1 {
		t.Errorf("%d used one code", won.Load())
	}
	for i := range 12 {
		wg.Go(func() { _, err := s.CountTry(ctx, message.Hash{2}, 10, 100); ok(t, fmt.Sprint("try ", i), err) })
	}
	wg.Wait()
	if n, err := s.CountTry(ctx, message.Hash{2}, 10, 100); n != 13 || err != nil {
		t.Errorf("%d tries, %v", n, err)
	}
	if n, err := s.CountTry(ctx, message.Hash{2}, 100, 200); n != 1 || err != nil {
		t.Errorf("%d tries after the first were forgotten, %v", n, err)
	}
}

func TestEnrolments(t *testing.T) {
	s, ctx := open(t), t.Context()
	e := hospital.Enrolment{Handle: hospital.Handle{1}, Who: message.Hash{1}, Version: 1, Due: 50, Sealed: []byte("one")}
	ok(t, "new", s.PutEnrolment(ctx, e))
	want(t, "new again", s.PutEnrolment(ctx, e), hospital.ErrLost)
	x := e
	x.Handle = hospital.Handle{2}
	want(t, "the same identity", s.PutEnrolment(ctx, x), hospital.ErrExists)
	x.Who = message.Hash{2}
	ok(t, "another", s.PutEnrolment(ctx, x))
	x.Who, x.Version = e.Who, 2
	want(t, "into the same identity", s.PutEnrolment(ctx, x), hospital.ErrExists)

	e.Version, e.Due, e.Sealed = 2, hospital.NeverDue, []byte("two")
	ok(t, "change", s.PutEnrolment(ctx, e))
	want(t, "change again", s.PutEnrolment(ctx, e), hospital.ErrLost)
	ok(t, "mark", s.MarkDue(ctx, e.Handle, 70))
	ok(t, "mark what is not enrolled", s.MarkDue(ctx, hospital.Handle{9}, 70))
	e.Version = 3
	want(t, "change over a mark", s.PutEnrolment(ctx, e), hospital.ErrLost)
	due, err := s.DueEnrolments(ctx, 70, 10)
	ok(t, "due", err)
	if len(due) != 2 || due[0].Due != 50 || due[1].Due != 70 || due[1].Marks != 1 {
		t.Errorf("%+v", due)
	}
	if got, err := s.EnrolmentOf(ctx, message.Hash{1}); err != nil || string(got.Sealed) != "two" || got.Version != 2 {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestEvidence(t *testing.T) {
	s, ctx := open(t), t.Context()
	ok(t, "ticket", s.UseTicket(ctx, message.Hash{1}, 10))
	want(t, "ticket again", s.UseTicket(ctx, message.Hash{1}, 10), hospital.ErrExists)
	h := hospital.Handle{1}
	ok(t, "revoke", s.RevokeConsent(ctx, message.Hash{1}, h))
	ok(t, "revoke again", s.RevokeConsent(ctx, message.Hash{1}, h))
	for other, want := range map[hospital.Handle]bool{h: true, {2}: false} {
		if got, err := s.ConsentRevoked(ctx, message.Hash{1}, other); got != want || err != nil {
			t.Errorf("revoked by %x: %v, %v", other, got, err)
		}
	}
	for i := range 3 {
		ok(t, "receipt", s.AddReceipt(ctx, hospital.Receipt{Handle: h, Number: uint64(i + 1), Sealed: []byte{byte(i)}}))
	}
	want(t, "a number taken", s.AddReceipt(ctx, hospital.Receipt{Handle: h, Number: 3}), hospital.ErrExists)
	last, err := s.LastReceipt(ctx, h)
	list, err2 := s.Receipts(ctx, h, 2, 10)
	if last != 3 || len(list) != 2 || list[0].Number != 2 || errors.Join(err, err2) != nil {
		t.Errorf("last %d, %+v, %v", last, list, errors.Join(err, err2))
	}
	if none, err := s.LastReceipt(ctx, hospital.Handle{9}); none != 0 || err != nil {
		t.Errorf("%d, %v", none, err)
	}
	d := hospital.Diagnosis{Operation: message.Hash{1}, Handle: h, Record: 7, Sealed: []byte("d")}
	ok(t, "diagnosis", s.AddDiagnosis(ctx, d))
	want(t, "diagnosis again", s.AddDiagnosis(ctx, d), hospital.ErrExists)
	if got, err := s.Diagnoses(ctx, h, 7, 1); err != nil || len(got) != 1 || got[0].Record != 7 {
		t.Errorf("%+v, %v", got, err)
	}
	ok(t, "prekey", s.AddPrekey(ctx, hospital.StoredPrekey{ID: message.Hash{1}, Owner: message.Hash{7}, NotBefore: 1, NotAfter: 10}))
	ok(t, "prekey", s.AddPrekey(ctx, hospital.StoredPrekey{ID: message.Hash{2}, Owner: message.Hash{7}, NotBefore: 5, NotAfter: 20}))
	ok(t, "another owner's prekey", s.AddPrekey(ctx, hospital.StoredPrekey{ID: message.Hash{3}, Owner: message.Hash{8}, NotBefore: 9, NotAfter: 20}))
	if k, err := s.NewestPrekey(ctx, message.Hash{7}); err != nil || k.ID != (message.Hash{2}) || k.Owner != (message.Hash{7}) {
		t.Errorf("%+v, %v", k, err)
	}
	ok(t, "erase", s.ErasePrekeys(ctx, 15))
	_, err = s.Prekey(ctx, message.Hash{1})
	want(t, "an erased prekey", err, hospital.ErrNotFound)
	ok(t, "sweep", s.Sweep(ctx, 1000))
	ok(t, "a ticket that was swept", s.UseTicket(ctx, message.Hash{1}, 10))
}

func TestAudit(t *testing.T) {
	s, ctx := open(t), t.Context()
	_, err := s.LastAudit(ctx)
	want(t, "empty", err, hospital.ErrNotFound)
	ok(t, "append", s.AppendAudit(ctx, []hospital.AuditEntry{{Number: 1, Sealed: []byte("a")}, {Number: 2, Prev: message.Hash{1}}}))
	want(t, "a number taken", s.AppendAudit(ctx, []hospital.AuditEntry{{Number: 2}, {Number: 3}}), hospital.ErrExists)
	if last, err := s.LastAudit(ctx); err != nil || last.Number != 2 || last.Prev != (message.Hash{1}) {
		t.Errorf("%+v, %v", last, err)
	}
	if all, err := s.AuditFrom(ctx, 1, 10); err != nil || len(all) != 2 || string(all[0].Sealed) != "a" {
		t.Errorf("%+v, %v", all, err)
	}
}

// Where nothing answers, the error is Unavailable and says no more than the step.
func TestUnreachable(t *testing.T) {
	_, err := mongostore.Open(t.Context(), "mongodb://user:secretpassword@127.0.0.1:1/?serverSelectionTimeoutMS=200", "x")
	if problem.KindOf(err) != problem.KindUnavailable || strings.Contains(problem.Reason(err), "secretpassword") {
		t.Errorf("%v", err)
	}
}

// Erasures: written by compare-and-set, found by number while they are open, and DestroyPatient and
// EraseTraces take exactly one record away.
func TestErasures(t *testing.T) {
	s, ctx := open(t), t.Context()
	a, b := hospital.Handle{1}, hospital.Handle{1, 0xff}
	head := hospital.Head{Number: 2, Hash: message.Hash{2}}
	for i, h := range []hospital.Handle{a, b} {
		n := byte(i + 1)
		ok(t, "patient", s.CreatePatient(ctx, message.Hash{n}, hospital.Patient{Handle: h, Wrapped: []byte("dek"), Head: head}))
		ok(t, "versions", s.AppendVersions(ctx, versions(h, 1, 2)))
		ok(t, "enrolment", s.PutEnrolment(ctx, hospital.Enrolment{Handle: h, Who: message.Hash{n}, Version: 1}))
		ok(t, "desk code", s.AddDeskCode(ctx, hospital.DeskCode{Code: message.Hash{n}, Handle: h, Expires: 1000}))
		ok(t, "receipt", s.AddReceipt(ctx, hospital.Receipt{Handle: h, Number: 1}))
		ok(t, "diagnosis", s.AddDiagnosis(ctx, hospital.Diagnosis{Operation: message.Hash{n}, Handle: h, Record: 1}))
		for _, c := range []message.Hash{{}, {7}, message.Hash(bytes.Repeat([]byte{0xff}, 32))} {
			ok(t, "revocation", s.RevokeConsent(ctx, c, h))
		}
	}
	_, err := s.Erasure(ctx, a)
	want(t, "none yet", err, hospital.ErrNotFound)
	e := hospital.Erasure{Handle: a, MRN: message.Hash{1}, Version: 1, State: hospital.ErasureBegun, Plan: []byte("plan")}
	ok(t, "begin", s.PutErasure(ctx, e))
	want(t, "begin again", s.PutErasure(ctx, e), hospital.ErrLost)
	want(t, "destroy what has moved", s.DestroyPatient(ctx, a, hospital.Head{Number: 1, Hash: message.Hash{2}}), hospital.ErrLost)
	ok(t, "destroy", s.DestroyPatient(ctx, a, head))
	want(t, "destroy again", s.DestroyPatient(ctx, a, head), hospital.ErrLost)
	ok(t, "traces", s.EraseTraces(ctx, a))
	ok(t, "traces again", s.EraseTraces(ctx, a))
	for h, left := range map[hospital.Handle]int{a: 0, b: 1} {
		n := 0
		ok(t, "versions", s.Versions(ctx, h, 1, 9, func(hospital.Version) error { n++; return nil }))
		last, _ := s.LastReceipt(ctx, h)
		list, _ := s.Diagnoses(ctx, h, 0, 9)
		_, enrolment := s.EnrolmentByHandle(ctx, h)
		_, patient := s.Patient(ctx, h)
		revoked := 0
		for _, c := range []message.Hash{{}, {7}, message.Hash(bytes.Repeat([]byte{0xff}, 32))} {
			if r, _ := s.ConsentRevoked(ctx, c, h); r {
				revoked++
			}
		}
		if n != 2*left || int(last) != left || len(list) != left || (enrolment == nil) != (left == 1) || (patient == nil) != (left == 1) || revoked != 3*left {
			t.Errorf("%x: %d versions, %d receipts, %d diagnoses, %v, %v, %d revocations", h, n, last, len(list), enrolment, patient, revoked)
		}
	}
	_, err = s.UseDeskCode(ctx, message.Hash{1}, 1)
	want(t, "its desk code", err, hospital.ErrNotFound)
	ok(t, "the other's", s.CreatePatient(ctx, message.Hash{1}, hospital.Patient{Handle: hospital.Handle{3}, Head: head})) // the number is free
	if got, err := s.ErasureByMRN(ctx, message.Hash{1}); err != nil || got.Handle != a || string(got.Plan) != "plan" {
		t.Errorf("%+v %v", got, err)
	}
	e.Version, e.State, e.Plan, e.Receipt, e.MRN = 2, hospital.ErasureDone, nil, []byte("receipt"), message.Hash{}
	ok(t, "done", s.PutErasure(ctx, e))
	_, err = s.ErasureByMRN(ctx, message.Hash{1})
	want(t, "by number when it is done", err, hospital.ErrNotFound)
	if open, err := s.UnfinishedErasures(ctx, hospital.Handle{}, 10); err != nil || len(open) != 0 {
		t.Errorf("%+v %v", open, err)
	}
	var seen []hospital.Handle
	ok(t, "patients", s.EachPatient(ctx, hospital.Handle{1}, func(p hospital.Patient) error { seen = append(seen, p.Handle); return nil }))
	if len(seen) != 2 || seen[0] != b {
		t.Errorf("%x", seen)
	}
	n := 0
	ok(t, "erasures", s.EachErasure(ctx, func(e hospital.Erasure) error { n++; return nil }))
	if n != 1 {
		t.Errorf("%d erasures", n)
	}
}

// Rekeying exchanges what was read and nothing else, and what is counted under a version is
// never too little: a head that is moved under an older one brings the patient back.
func TestRekeying(t *testing.T) {
	s, ctx := open(t), t.Context()
	head := hospital.Head{Number: 1, Hash: message.Hash{1}, Tag: message.Hash{1}}
	for i := range 5 {
		ok(t, "create", s.CreatePatient(ctx, message.Hash{byte(i)}, hospital.Patient{Handle: hospital.Handle{byte(i + 1)}, Wrapped: []byte("dek"), Head: head}))
	}
	count := func(version uint32, want int64) {
		t.Helper()
		if n, err := s.CountPatients(ctx); n[version] != want || err != nil {
			t.Errorf("%v, want %d under %d, %v", n, want, version, err)
		}
	}
	old, err := s.Database().Collection("patients").UpdateMany(ctx, bson.D{}, bson.D{{Key: "$unset", Value: bson.D{{Key: "kv", Value: ""}}}})
	if err != nil || old.ModifiedCount != 5 {
		t.Fatal(old, err)
	}
	count(1, 5) // from before versions were written down
	ok(t, "mark", s.MarkVersions(ctx))
	count(1, 5)
	list, err := s.PatientsUnder(ctx, 2, hospital.Handle{2}, 2)
	if err != nil || len(list) != 2 || list[0].Handle != (hospital.Handle{3}) {
		t.Fatalf("%+v %v", list, err)
	}
	to := hospital.Head{Number: 1, Hash: message.Hash{1}, Tag: message.Hash{2}}
	ok(t, "rekey", s.RekeyPatient(ctx, list[0], []byte("new"), to, 2))
	want(t, "rekey again", s.RekeyPatient(ctx, list[0], []byte("newer"), to, 2), hospital.ErrLost)
	got, err := s.Patient(ctx, list[0].Handle)
	if err != nil || string(got.Wrapped) != "new" || got.Head != to || got.Under != 2 {
		t.Errorf("%+v %v", got, err)
	}
	count(1, 4)
	count(2, 1)
	moved := hospital.Head{Number: 2, Hash: message.Hash{2}, Tag: message.Hash{3}, Under: 3}
	ok(t, "moved under a newer one", s.MoveHead(ctx, list[1].Handle, list[1].Head, moved))
	count(1, 4)
	want(t, "rekey what was moved", s.RekeyPatient(ctx, list[1], []byte("x"), to, 2), hospital.ErrLost)
	moved.Under = 1
	ok(t, "moved under an older one", s.MoveHead(ctx, list[0].Handle, to, moved))
	count(1, 5)
	count(2, 0)
}
