package keyroll_test

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"medunion/api/keyring"
	"medunion/api/keyroll"
	"medunion/api/keyroll/mongoroll"
	"medunion/api/mongodb"
	"medunion/deploy/local/embedmongo"
)

var mongoURI string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	if mongoURI = os.Getenv("MONGODB_URI"); mongoURI == "" {
		s, err := embedmongo.Start(embedmongo.Options{})
		if err != nil {
			panic(err)
		}
		defer s.Close()
		mongoURI = s.URI()
	}
	return m.Run()
}

// scene is a key file and a store. The key "box" is rolled, and what lies under it is what boxes says.
type scene struct {
	*testing.T
	file  keyring.File
	dir   string // of the file
	store mongoroll.Store
	boxes map[uint32]int64
	steps []string // marks and checks
	wrong error    // what Check finds

	record func(from, to keyring.Ring, failed bool) error // nil: nothing is recorded
}

func newScene(t *testing.T) *scene {
	t.Helper()
	var name [8]byte
	rand.Read(name[:])
	db, err := mongodb.Open(t.Context(), mongoURI, "keyroll_"+hex.EncodeToString(name[:]), mongodb.Schema{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close(context.Background()) })
	dir := t.TempDir()
	s := &scene{T: t, store: mongoroll.In(db), boxes: map[uint32]int64{1: 3}, dir: dir,
		file: keyring.NewFile(filepath.Join(dir, "keys"), "service", nil, rand.Reader, nil)}
	ring := keyring.New("service").WithKey("box", make([]byte, keyring.SecretSize), time.Now()).WithKey("other", make([]byte, keyring.SecretSize), time.Now())
	s.ok(s.file.Create(t.Context(), ring))
	return s
}

func (s *scene) ok(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

func (s *scene) open() (*keyroll.Roll, error) {
	p := keyroll.Policy{
		Hold:      map[string]time.Duration{"box": time.Hour},
		NotRolled: map[string]string{"other": "it never is"},
		Count:     map[string]keyroll.Count{"box": func(context.Context) (map[uint32]int64, error) { return s.boxes, nil }},
		Mark:      func(context.Context) error { s.steps = append(s.steps, "mark"); return nil },
		Check:     func(context.Context, keyring.Ring) error { return s.wrong },
	}
	if s.record != nil {
		p.Record = func(_ context.Context, from, to keyring.Ring, failed bool) error { return s.record(from, to, failed) }
	}
	return keyroll.Open(s.Context(), s.file, s.store, p, rand.Reader, time.Now)
}

func (s *scene) roll() *keyroll.Roll {
	s.Helper()
	w, err := s.open()
	s.ok(err)
	return w
}

// lease is an instance that runs until the test ends.
func (s *scene) lease(f keyroll.Follow) *keyroll.Lease {
	s.Helper()
	w, err := s.file.Watch(s.Context())
	s.ok(err)
	l, err := keyroll.NewLease(s.Context(), w, s.store, keyroll.LeaseLife)
	s.ok(err)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		l.Run(ctx, 10*time.Millisecond, slog.New(slog.NewTextHandler(io.Discard, nil)), f)
	}()
	s.Cleanup(func() { stop(); <-ended })
	return l
}

func (s *scene) say(format string, args ...any) { s.Logf(format, args...) }

// An instance does not say that it has a ring before it has taken over what hangs on it: until then a
// roll waits, and nobody is turned away for having an older one. Afterwards the fence is raised, and it is told.
func TestLoadedBeforeItIsSaid(t *testing.T) {
	s := newScene(t)
	loading, loaded, changed := make(chan uint64, 1), make(chan struct{}), make(chan struct{})
	s.lease(keyroll.Follow{
		Load:    func(r keyring.Ring) { loading <- r.Generation; <-loaded },
		Changed: func() { close(changed) },
	})
	w := s.roll()
	s.ok(w.Step(t.Context(), func(r keyring.Ring) (keyring.Ring, error) { return r.Add("box", rand.Reader, time.Now()) }))
	if g := <-loading; g != 2 {
		t.Fatalf("generation %d", g)
	}
	if err := w.Await(t.Context(), 0); !errors.Is(err, keyroll.ErrBehind) {
		t.Errorf("an instance says that it has what it is loading: %v", err)
	}
	if fence, err := s.store.Fence(t.Context()); fence != 0 || err != nil {
		t.Errorf("fence %d, %v", fence, err)
	}
	close(loaded)
	s.ok(w.Await(t.Context(), time.Minute))
	if fence, err := s.store.Fence(t.Context()); fence != 2 || err != nil {
		t.Errorf("fence %d, %v", fence, err)
	}
	<-changed
}

// What is there from before versions were written down is marked before a second version is used, status
// writes nothing, and it counts what lies under each version alone and what lies under none not at all.
func TestMarkedBeforeCurrent(t *testing.T) {
	s := newScene(t)
	status := func() []keyroll.VersionStatus {
		t.Helper()
		st, err := s.roll().Status(t.Context())
		s.ok(err)
		return st.Keys
	}
	status()
	if len(s.steps) != 0 {
		t.Errorf("a status has marked something: %v", s.steps)
	}
	s.ok(s.roll().Rotate(t.Context(), "box", 0, func(format string, args ...any) {
		if strings.Contains(format, "is current") {
			s.steps = append(s.steps, "current")
		}
	}))
	if !slices.Equal(s.steps, []string{"mark", "current"}) {
		t.Errorf("%v", s.steps)
	}
	s.boxes = map[uint32]int64{1: 3, 2: 4}
	got := status()
	if len(got) != 3 || *got[0].Documents != 3 || *got[1].Documents != 4 || got[2].Documents != nil {
		t.Errorf("%+v", got)
	}
}

// A roll waits for what lies under older versions while somebody runs who sees to it, adds no version
// meanwhile, and nothing under which something lies is destroyed.
func TestDrains(t *testing.T) {
	s := newScene(t)
	loaded := make(chan struct{})
	l := s.lease(keyroll.Follow{Load: func(keyring.Ring) { <-loaded }})
	for range 2 { // the second time adds no third version
		if err := s.roll().Rotate(t.Context(), "box", 0, s.say); !errors.Is(err, keyroll.ErrBehind) {
			t.Errorf("made current before the instance has it: %v", err)
		}
	}
	close(loaded)
	s.ok(s.roll().Await(t.Context(), time.Minute))
	if err := s.roll().Rotate(t.Context(), "box", 0, s.say); !errors.Is(err, keyroll.ErrRemains) {
		t.Errorf("over while data remains: %v", err)
	}
	s.ok(s.roll().Await(t.Context(), time.Minute))
	if words, err := s.roll().Next(t.Context(), "box"); !strings.Contains(words, "would wait") || err != nil {
		t.Errorf("%q, %v", words, err)
	}
	if v, err := l.Ring().Current("box"); v.Number != 2 || err != nil {
		t.Errorf("version %d, %v", v.Number, err)
	}
	for version, want := range map[uint32]error{1: keyring.ErrEarly, 2: keyring.ErrState, 3: keyring.ErrUnknown} {
		if err := s.roll().Destroy(t.Context(), "box", version); !errors.Is(err, want) {
			t.Errorf("destroy %d: %v", version, err)
		}
	}
	for _, name := range []string{"other", "none"} {
		if err := s.roll().Destroy(t.Context(), name, 1); !errors.Is(err, keyroll.ErrNotRolled) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// No step is made on a ring that the service finds wrong, nor on one from before what has been in use; an instance
// with such a one does not start.
func TestOpenRefuses(t *testing.T) {
	s := newScene(t)
	s.wrong = errors.New("not this one")
	if _, err := s.open(); !errors.Is(err, s.wrong) {
		t.Errorf("a wrong ring: %v", err)
	}
	s.wrong = nil
	s.ok(s.store.RaiseFence(t.Context(), 2))
	s.ok(s.store.RaiseFence(t.Context(), 1)) // it is never lowered
	if _, err := s.open(); !errors.Is(err, keyring.ErrGeneration) {
		t.Errorf("an older ring: %v", err)
	}
	w, err := s.file.Watch(t.Context())
	s.ok(err)
	l, err := keyroll.NewLease(t.Context(), w, s.store, keyroll.LeaseLife)
	if !errors.Is(err, keyring.ErrGeneration) || l.Held() == nil {
		t.Errorf("an instance with an older ring: %v", err)
	}
}

// A step is recorded before it is done: one that cannot be recorded is not done, and of one that then fails that is
// recorded too.
func TestStepsAreRecorded(t *testing.T) {
	s := newScene(t)
	var said []string
	mute := errors.New("the trail is away")
	s.record = func(from, to keyring.Ring, failed bool) error {
		said = append(said, fmt.Sprint(from.Generation, " to ", to.Generation, " ", failed))
		if now, err := s.file.Load(t.Context()); err == nil && now.Generation != from.Generation {
			t.Errorf("recorded when it was done")
		}
		return mute
	}
	add := func(r keyring.Ring) (keyring.Ring, error) { return r.Add("box", rand.Reader, time.Now()) }
	if err := s.roll().Step(t.Context(), add); !errors.Is(err, mute) || s.roll().Ring().Generation != 1 {
		t.Errorf("%v, generation %d", err, s.roll().Ring().Generation)
	}
	mute = nil
	s.ok(s.roll().Step(t.Context(), add))
	err := s.roll().Step(t.Context(), func(r keyring.Ring) (keyring.Ring, error) {
		return r.Changed(), os.RemoveAll(s.dir) // what it is to be written into is gone
	})
	if want := []string{"1 to 2 false", "1 to 2 false", "2 to 3 false", "2 to 3 true"}; err == nil || !slices.Equal(said, want) {
		t.Errorf("%v, %q", err, said)
	}
}

// A file that instances are ahead of is told apart from a copy that was changed beside theirs: the first comes right by
// itself while another instance is at it, the second never does.
func TestAnotherKeyFile(t *testing.T) {
	s := newScene(t)
	w := s.roll()
	running := func(generation uint64, digest byte) error {
		_, err := s.store.CheckIn(t.Context(), keyroll.InstanceID{1}, generation, [32]byte{digest}, time.Now())
		s.ok(err)
		_, _, err = w.Running(t.Context())
		return err
	}
	if err := running(2, 1); !errors.Is(err, keyroll.ErrNewer) || !errors.Is(err, keyroll.ErrForked) {
		t.Errorf("an instance is ahead: %v", err)
	}
	if err := running(1, 1); !errors.Is(err, keyroll.ErrForked) || errors.Is(err, keyroll.ErrNewer) {
		t.Errorf("an instance has another file: %v", err)
	}
}
