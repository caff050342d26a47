package system_test

import (
	"bytes"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/deploy/local/suite"
	"medunion/ecc"
)

// visitedSuite is a running suite in which several patients have had visits.
type visitedSuite struct {
	s         *suite.Suite
	at        site
	log       *logbook
	patients  []*story
	hospitals []message.Hash // c_HPC
}

// logbook keeps what all parties log.
type logbook struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write implements io.Writer.
func (l *logbook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// from returns what was logged behind a position.
func (l *logbook) from(at int) []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	return bytes.Clone(l.b.Bytes()[at:])
}

var shared struct {
	sync.Once
	*visitedSuite
}

// visited starts the suite and lets the patients visit, once for all tests. It ends
// with the last test of the package.
func visited(t *testing.T) *visitedSuite {
	t.Helper()
	shared.Do(func() { shared.visitedSuite = newVisited(t, 3) })
	if shared.visitedSuite == nil {
		t.Fatal("the visits failed, as an earlier test says")
	}
	return shared.visitedSuite
}

// closeVisited is for the end of the tests.
func closeVisited() error {
	if shared.visitedSuite == nil {
		return nil
	}
	return shared.s.Close()
}

func newVisited(t *testing.T, patients int) *visitedSuite {
	w := &visitedSuite{log: &logbook{}}
	log := slog.New(slog.NewJSONHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	var err error
	w.s, err = suite.Start(t.Context(), suite.Options{Dir: filepath.Join(scratch, "visited"), Suite: ecc.SuiteX25519, Hospitals: 2, Logger: log})
	ok(t, err)
	w.at, err = describe(w.s)
	ok(t, err)
	d, err := w.s.StartDoctor(t.Context(), suite.DoctorProfile{ID: "dr-visited", Name: "Visited", Departments: []message.Code{"OUTPATIENT"},
		Affiliation: w.s.Hospitals[0].ID})
	ok(t, err)
	for i := range patients {
		p := &story{s: w.s, doctor: d, words: newWords(), sids: &sidCatcher{}, log: log,
			store: filepath.Join(scratch, "visited", "patients", string(rune('a'+i)), "store")}
		if err := p.play(t.Context(), p.importRecord, p.startPatient, p.enrol, p.visit, p.questions); err != nil {
			t.Fatalf("patient %d: %s", i, problem.Reason(err))
		}
		w.patients = append(w.patients, p)
	}
	e, err := d.Evidence(w.patients[0].visited[0])
	ok(t, err)
	for _, h := range e.Hospitals {
		w.hospitals = append(w.hospitals, h.Hash())
	}
	return w
}

// locators are those that the doctor was shown.
func (c *story) locators(t *testing.T) []message.Hash {
	t.Helper()
	e, err := c.doctor.Evidence(c.visited[0])
	ok(t, err)
	return e.Consent.OpenC.Locators
}

func (w *visitedSuite) withAnyLocator(t *testing.T, docs []document) (out []document) {
	for _, p := range w.patients {
		for _, l := range p.locators(t) {
			out = append(out, holding(docs, l[:])...)
		}
	}
	return out
}
