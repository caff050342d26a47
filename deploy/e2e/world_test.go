package e2e_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"testing"
	"time"

	"medunion/deploy/e2e/browser"
	"medunion/deploy/local/source"
	"medunion/deploy/local/suite"
	"medunion/deploy/local/visit"
	"medunion/ecc"
)

// world is a running suite with one patient's record at two hospitals.
type world struct {
	*suite.Suite
	plan visit.Plan
	mrn  string
	dir  string
}

// newWorld starts a suite of its own for a test that stops parts of it.
func newWorld(t *testing.T, log slog.Handler) *world {
	t.Helper()
	people(t)
	dir := t.TempDir()
	w, err := startWorld(t.Context(), dir, log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

func startWorld(ctx context.Context, dir string, log slog.Handler) (*world, error) {
	s, err := suite.Start(ctx, suite.Options{Dir: dir, Suite: ecc.SuiteX25519, Hospitals: 2, Logger: slog.New(log)})
	if err != nil {
		return nil, err
	}
	w := &world{Suite: s, dir: dir}
	if err := w.fill(ctx); err != nil {
		_ = s.Close()
		return nil, err
	}
	return w, nil
}

func (w *world) fill(ctx context.Context) error {
	src, err := source.Read(os.DirFS("../local/testdata/synthea"), len(w.Hospitals))
	if err != nil {
		return err
	}
	w.plan = visit.NewPlan(src)
	src.Files = []source.File{w.plan.File}
	if w.mrn, err = visit.MRN(w.plan.File.Patient().Raw); err != nil {
		return err
	}
	return visit.Import(ctx, w.Suite, src)
}

// shared is one suite for all tests that stop nothing.
var shared struct {
	sync.Mutex
	*world
	dir string
}

func sharedWorld(t *testing.T) *world {
	t.Helper()
	people(t)
	shared.Lock()
	defer shared.Unlock()
	if shared.world == nil {
		var err error
		if shared.dir, err = os.MkdirTemp("", "e2e-suite-"); err != nil {
			t.Fatal(err)
		}
		if shared.world, err = startWorld(context.Background(), shared.dir, slog.DiscardHandler); err != nil {
			t.Fatal(err)
		}
	}
	return shared.world
}

func closeShared() error {
	if shared.world == nil {
		return nil
	}
	if err := shared.Close(); err != nil {
		return err
	}
	return os.RemoveAll(shared.dir)
}

// code mints what a desk hands out, with the patience of the desk.
func code(t *testing.T, mint func(context.Context) (string, error)) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	c, err := mint(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// inSpanish looks at a screen in the other language, in its narrowest size; the page then
// speaks English again. A second tab of the same page would change it in the same way.
func inSpanish(t *browser.Tab, name string, s browser.Size) {
	for _, language := range []string{"es", "en"} {
		t.Eval(fmt.Sprintf(`localStorage.setItem('medunion.language', %[1]q);
dispatchEvent(new StorageEvent('storage', { key: 'medunion.language', newValue: %[1]q }))`, language), nil)
		if language == "es" {
			t.Look(name+"-es", s, false)
		}
	}
}
