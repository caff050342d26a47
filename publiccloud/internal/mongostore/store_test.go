package mongostore_test

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"flag"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/deploy/local/embedmongo"
	"medunion/ecc"
	"medunion/publiccloud/cloud"
	"medunion/publiccloud/internal/mongostore"
	"medunion/publiccloud/internal/peers"
)

// One suite for every MongoDB: MONGODB_URI, else the embedded server on disk.
var mongoURI string

// The tests of faults wait for the driver to find its primary again, and not for a processor.
func TestMain(m *testing.M) {
	flag.Parse()
	_ = flag.Set("test.parallel", "8")
	os.Exit(run(m))
}

func run(m *testing.M) int {
	if mongoURI = os.Getenv("MONGODB_URI"); mongoURI == "" {
		dir := peers.Must(os.MkdirTemp("", "mongo-*"))
		defer os.RemoveAll(dir)
		s := peers.Must(embedmongo.Start(embedmongo.Options{Dir: dir}))
		defer s.Close()
		mongoURI = s.URI()
	}
	return m.Run()
}

// open returns n stores on one fresh database: as many instances of the service.
func open(t *testing.T, n int) []*mongostore.Store {
	t.Helper()
	var name [8]byte
	rand.Read(name[:])
	out := make([]*mongostore.Store, n)
	for i := range out {
		s, err := mongostore.Open(t.Context(), mongoURI, "store_"+hex.EncodeToString(name[:]))
		if err != nil {
			t.Fatal(problem.Reason(err))
		}
		t.Cleanup(func() { _ = s.Close(context.Background()) })
		out[i] = s
	}
	return out
}

func random() (h message.Hash) {
	rand.Read(h[:])
	return h
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(problem.Reason(err))
	}
}

func wants(t *testing.T, k problem.Kind, err error) {
	t.Helper()
	if err == nil || problem.KindOf(err) != k {
		t.Fatalf("got %v, want %v", err, k)
	}
}

// parallel runs f n times at once, spread over the instances, and counts the successes.
// Every failure must be of the kind.
func parallel(t *testing.T, n int, stores []*mongostore.Store, k problem.Kind, f func(i int, s *mongostore.Store) error) int {
	t.Helper()
	var won atomic.Int64
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			switch err := f(i, stores[i%len(stores)]); {
			case err == nil:
				won.Add(1)
			case problem.KindOf(err) != k:
				t.Error(problem.Reason(err))
			}
		})
	}
	wg.Wait()
	return int(won.Load())
}

func TestRegistry(t *testing.T) {
	s, ctx := open(t, 1)[0], t.Context()
	code := random()
	ok(t, s.AddCode(ctx, code, 1, 100))
	for now, want := range map[message.Millis]bool{1: true, 99: true, 100: false} {
		if got, err := s.HasCode(ctx, code, now); err != nil || got != want {
			t.Errorf("at %d: %v %v", now, got, err)
		}
	}
	r := cloud.Record{Credential: random(), Role: message.Patient, Name: random(), Admission: code, NotAfter: 1000}
	ok(t, s.Add(ctx, r))
	if got, _ := s.HasCode(ctx, code, 1); got {
		t.Error("the code is still there")
	}
	got, err := s.Find(ctx, r.Credential)
	ok(t, err)
	if got.Name != r.Name || got.Role != r.Role || got.Admission != r.Admission || got.NotAfter != r.NotAfter || len(got.Body) != 0 {
		t.Errorf("found %+v", got)
	}
	wants(t, problem.KindConflict, s.Add(ctx, cloud.Record{Credential: random(), Role: message.Patient, Name: r.Name, Admission: random()}))
	wants(t, problem.KindRefused, s.Add(ctx, cloud.Record{Credential: random(), Role: message.Patient, Name: random(), Admission: code}))
	for _, role := range []message.Role{message.Doctor, message.Hospital} {
		wants(t, problem.KindConflict, s.Add(ctx, cloud.Record{Credential: random(), Role: role, Name: random(), Admission: code}))
	}
	_, err = s.Find(ctx, random())
	wants(t, problem.KindNotFound, err)

	old := random()
	ok(t, s.AddCode(ctx, old, 1, 100))
	ok(t, s.AddCode(ctx, random(), 200, 300))
	if got, _ := s.HasCode(ctx, old, 1); got {
		t.Error("an expired code is kept")
	}
	h := cloud.Record{Credential: random(), Role: message.Hospital, Name: random(), Admission: random(), Body: []byte("body"), NotAfter: 50}
	ok(t, s.Add(ctx, h))
	for now, want := range map[message.Millis]int{49: 1, 50: 0} {
		if got, err := s.Hospitals(ctx, now); err != nil || len(got) != want {
			t.Errorf("at %d: %d hospitals, %v", now, len(got), err)
		}
	}
}

// A line is read in whole, also by its first when that has none: a record of an older program.
func TestLine(t *testing.T) {
	s, ctx := open(t, 1)[0], t.Context()
	first := cloud.Record{Credential: random(), Role: message.Hospital, Name: random(), Admission: random(), Body: []byte("body"), NotAfter: 50}
	first.Line = first.Credential
	next := cloud.Record{Credential: random(), Role: message.Hospital, Name: random(), Admission: random(), Line: first.Credential, NotAfter: 60}
	other := cloud.Record{Credential: random(), Role: message.Hospital, Name: random(), Admission: random(), NotAfter: 60}
	other.Line = other.Credential
	for _, r := range []cloud.Record{first, next, other} {
		ok(t, s.Add(ctx, r))
	}
	line, err := s.Line(ctx, first.Credential)
	ok(t, err)
	if len(line) != 2 || line[0].Line != first.Credential || line[1].Line != first.Credential || line[0].Credential == line[1].Credential {
		t.Errorf("the line has %d records", len(line))
	}
	got, err := s.Admitted(ctx, next.Admission)
	ok(t, err)
	if got.Credential != next.Credential || got.Line != first.Credential {
		t.Error("admitted by it was another")
	}
	_, err = s.Admitted(ctx, random())
	wants(t, problem.KindNotFound, err)
}

func TestAddInParallel(t *testing.T) {
	stores := open(t, 3)
	code := random()
	ok(t, stores[0].AddCode(t.Context(), code, 0, 100))
	n := parallel(t, 30, stores, problem.KindRefused, func(_ int, s *mongostore.Store) error {
		return s.Add(t.Context(), cloud.Record{Credential: random(), Role: message.Patient, Name: random(), Admission: code})
	})
	if n != 1 {
		t.Errorf("one code let %d in", n)
	}
}

func TestRevocations(t *testing.T) {
	s, ctx := open(t, 1)[0], t.Context()
	c, consent, other := random(), random(), random()
	ok(t, s.RevokeCredential(ctx, c, 5, 100))
	ok(t, s.RevokeCredential(ctx, c, 6, 100))
	ok(t, s.RevokeConsent(ctx, consent, 5))
	for _, x := range []struct {
		names []message.Hash
		want  bool
	}{{[]message.Hash{other}, false}, {[]message.Hash{other, c}, true}, {[]message.Hash{consent}, true}} {
		if got, err := s.AnyRevoked(ctx, x.names); err != nil || got != x.want {
			t.Errorf("%v %v, want %v", got, err, x.want)
		}
	}
	for now, want := range map[message.Millis]int{99: 1, 100: 0} { // a consent is no credential
		if got, err := s.RevokedCredentials(ctx, now); err != nil || len(got) != want {
			t.Errorf("at %d: %d, %v", now, len(got), err)
		}
	}
	if got, _ := s.AnyRevoked(ctx, []message.Hash{c}); !got {
		t.Error("an expired credential is no longer revoked")
	}
}

func TestPrekeys(t *testing.T) {
	s, ctx, owner := open(t, 1)[0], t.Context(), random()
	_, err := s.Published(ctx, owner)
	wants(t, problem.KindNotFound, err)
	p := cloud.PublishedPrekey{Owner: owner, Signed: []byte("a"), NotBefore: 10, NotAfter: 20}
	ok(t, s.Publish(ctx, p))
	ok(t, s.Publish(ctx, p))
	p.Signed = []byte("b")
	wants(t, problem.KindConflict, s.Publish(ctx, p))
	p.NotBefore = 9
	wants(t, problem.KindConflict, s.Publish(ctx, p))
	p.NotBefore = 11
	ok(t, s.Publish(ctx, p))
	if got, err := s.Published(ctx, owner); err != nil || string(got.Signed) != "b" || got.NotBefore != 11 || got.NotAfter != 20 {
		t.Errorf("%+v %v", got, err)
	}
}

func TestOwnPrekeys(t *testing.T) {
	stores, ctx := open(t, 2), t.Context()
	n := parallel(t, 10, stores, problem.KindConflict, func(i int, s *mongostore.Store) error {
		return s.AddOwn(ctx, cloud.OwnPrekey{Suite: ecc.SuiteXWing, Slot: 1 << 40, Signed: []byte{1}, Sealed: []byte{byte(i)}, NotAfter: 100})
	})
	if n != 1 {
		t.Errorf("%d keys of one slot", n)
	}
	ok(t, stores[0].AddOwn(ctx, cloud.OwnPrekey{Suite: ecc.SuiteX25519, Slot: 1 << 40, NotAfter: 200, Signed: []byte{1}, Sealed: []byte{1}}))
	got, err := stores[1].Own(ctx, 50)
	ok(t, err)
	if len(got) != 2 || !slices.ContainsFunc(got, func(p cloud.OwnPrekey) bool { return p.Suite == ecc.SuiteXWing && p.Slot == 1<<40 }) {
		t.Errorf("%+v", got)
	}
	ok(t, stores[0].EraseOwn(ctx, 101))
	if got, err := stores[1].Own(ctx, 0); err != nil || len(got) != 1 || got[0].Suite != ecc.SuiteX25519 {
		t.Errorf("%d left, %v", len(got), err)
	}
}

func entry(l, h message.Hash, t message.Millis) cloud.StoredEntry {
	v := random()
	return cloud.StoredEntry{Locator: l, Hospital: h, Time: t, Value: v[:], SigIndex: make([]byte, 64), Credential: []byte("cred")}
}

func TestIndex(t *testing.T) {
	s, ctx := open(t, 1)[0], t.Context()
	l, h := random(), random()
	e := entry(l, h, 10)
	ok(t, s.Put(ctx, e))
	ok(t, s.Put(ctx, e))
	wants(t, problem.KindConflict, s.Put(ctx, entry(l, h, 10)))
	wants(t, problem.KindConflict, s.Put(ctx, entry(l, h, 9)))
	newer := entry(l, h, 11)
	ok(t, s.Put(ctx, newer))
	wants(t, problem.KindConflict, s.Put(ctx, e))
	ok(t, s.Put(ctx, entry(l, random(), 1)))
	ok(t, s.Put(ctx, entry(random(), h, 1)))
	got, err := s.Latest(ctx, []message.Hash{random(), l}, 0, 10)
	ok(t, err)
	if len(got) != 2 || !slices.ContainsFunc(got, func(x cloud.StoredEntry) bool {
		return x.Hospital == h && x.Time == 11 && string(x.Value) == string(newer.Value) && string(x.Credential) == "cred"
	}) {
		t.Errorf("%d entries", len(got))
	}
	first, err := s.Latest(ctx, []message.Hash{l}, 0, 1)
	ok(t, err)
	second, err := s.Latest(ctx, []message.Hash{l}, 1, 1)
	ok(t, err)
	if len(first) != 1 || len(second) != 1 || first[0].Hospital != got[0].Hospital || second[0].Hospital != got[1].Hospital {
		t.Error("the pages are not the list")
	}
	if none, err := s.Latest(ctx, []message.Hash{random()}, 0, 10); err != nil || len(none) != 0 {
		t.Errorf("%d entries of nobody, %v", len(none), err)
	}
}

// Of versions written at once over several instances, the newest is the latest,
// and every accepted one is kept.
func TestIndexInParallel(t *testing.T) {
	stores := open(t, 3)
	l, h := random(), random()
	parallel(t, 40, stores, problem.KindConflict, func(i int, s *mongostore.Store) error {
		return s.Put(t.Context(), entry(l, h, message.Millis(100+i)))
	})
	got, err := stores[0].Latest(t.Context(), []message.Hash{l}, 0, 10)
	ok(t, err)
	if len(got) != 1 || got[0].Time != 139 {
		t.Errorf("%d entries, time %d", len(got), got[0].Time)
	}
}

func use(consent message.Hash, mode message.Mode, uses uint32, tags ...message.Hash) cloud.SearchUse {
	u := cloud.SearchUse{Consent: consent, MaxUses: uses, Tags: tags, Use: message.Use{Time: 5, Mode: mode, Request: random()}}
	rand.Read(u.Operation[:])
	return u
}

func TestConsentUses(t *testing.T) {
	s, ctx := open(t, 1)[0], t.Context()
	c, tag := random(), random()
	ok(t, s.Count(ctx, use(c, message.ModeWrite, 2, tag)))
	first := use(c, message.ModeRead, 2, tag)
	ok(t, s.Count(ctx, first))
	wants(t, problem.KindRefused, s.Count(ctx, first)) // the same operation
	ok(t, s.Count(ctx, use(c, message.ModeRead, 2, tag)))
	wants(t, problem.KindRefused, s.Count(ctx, use(c, message.ModeRead, 2, tag)))
	ok(t, s.Count(ctx, use(c, message.ModeWrite, 2, tag)))
	got, err := s.Uses(ctx, c, tag, 0, 10)
	ok(t, err)
	if len(got) != 4 || got[1] != first.Use {
		t.Errorf("%+v", got)
	}
	if page, err := s.Uses(ctx, c, tag, 1, 2); err != nil || !slices.Equal(page, got[1:3]) {
		t.Errorf("%+v %v", page, err)
	}
	for _, none := range []struct{ c, tag message.Hash }{{c, random()}, {random(), tag}} {
		if got, err := s.Uses(ctx, none.c, none.tag, 0, 10); err != nil || len(got) != 0 {
			t.Errorf("%+v %v", got, err)
		}
	}
	if got, err := s.Uses(ctx, c, tag, 99, 10); err != nil || len(got) != 0 {
		t.Errorf("%+v %v", got, err)
	}
}

func TestConsentUsesInParallel(t *testing.T) {
	stores, c, tag := open(t, 3), random(), random()
	if n := parallel(t, 60, stores, problem.KindRefused, func(_ int, s *mongostore.Store) error {
		return s.Count(t.Context(), use(c, message.ModeRead, 3, tag))
	}); n != 3 {
		t.Errorf("%d uses of 3", n)
	}
	same := use(random(), message.ModeRead, 10, tag)
	if n := parallel(t, 20, stores, problem.KindRefused, func(_ int, s *mongostore.Store) error { return s.Count(t.Context(), same) }); n != 1 {
		t.Errorf("one operation counted %d times", n)
	}
}

// The log is one chain whatever the number of writers.
func TestLogInParallel(t *testing.T) {
	stores := open(t, 3)
	const n = 45
	if got := parallel(t, n, stores, problem.KindUnavailable, func(_ int, s *mongostore.Store) error {
		return s.Append(t.Context(), random(), message.Patient, 7)
	}); got != n {
		t.Fatalf("%d of %d lines", got, n)
	}
	lines, err := open(t, 1)[0].Read(t.Context(), 0, 100)
	ok(t, err)
	if len(lines) != 0 {
		t.Error("a fresh database has a log")
	}
	lines, err = stores[1].Read(t.Context(), 0, 100)
	ok(t, err)
	var previous message.Hash
	for i, l := range lines {
		if l.Index != uint64(i) || l.Previous != previous {
			t.Fatalf("line %d does not continue the chain", i)
		}
		previous = l.Hash()
	}
	if len(lines) != n {
		t.Errorf("%d lines", len(lines))
	}
	if page, err := stores[2].Read(t.Context(), 40, 3); err != nil || len(page) != 3 || page[0].Index != 40 {
		t.Errorf("%+v %v", page, err)
	}
}

// An error's reason names the step and nothing of the data.
func TestErrorsHoldNoData(t *testing.T) {
	s := open(t, 1)[0]
	c := random()
	ctx, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	err := s.Add(ctx, cloud.Record{Credential: c, Role: message.Patient, Name: random(), Admission: random(), Body: []byte("CANARY")})
	wants(t, problem.KindUnavailable, err)
	if r := problem.Reason(err); strings.Contains(r, "CANARY") || strings.Contains(r, hex.EncodeToString(c[:])) || !strings.Contains(r, "add credential") {
		t.Errorf("the reason is %q", r)
	}
}
