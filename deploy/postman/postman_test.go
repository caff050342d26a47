package postman

import (
	"context"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"medunion/deploy/local/source"
	"medunion/deploy/local/suite"
	"medunion/deploy/local/visit"
	"medunion/ecc"
)

// folder holds the collections and what runs them.
const folder = "../../api/postman"

// reportsVariable names the environment variable with the folder of the reports.
const reportsVariable = "POSTMAN_REPORTS"

// collections in the order in which a reader takes them.
var collections = []string{"visit", "refusals", "administration"}

// Every request of every collection, against a suite as deploy/up starts it, twice: they
// must be repeatable. Each request is a test of its own.
func TestCollections(t *testing.T) {
	if testing.Short() {
		t.Skip("it runs every request of the Postman collections")
	}
	if _, err := os.Stat(filepath.Join(folder, "node_modules", "newman")); err != nil {
		t.Fatal("newman is not installed: run deploy/pages install")
	}
	environment := startSuite(t)
	for _, round := range []string{"first", "again"} {
		dir := reports(t, round)
		for _, c := range collections {
			t.Run(round+"/"+c, func(t *testing.T) { runCollection(t, c, environment, dir) })
		}
	}
}

// startSuite starts everything and returns the file of the environment.
func startSuite(t *testing.T) string {
	ctx, dir := t.Context(), t.TempDir()
	s, err := suite.Start(ctx, suite.Options{Dir: dir, Suite: ecc.SuiteX25519, Hospitals: 2, Development: true, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	path := filepath.Join(dir, "environment.json")
	if err := fill(ctx, s, path); err != nil {
		t.Fatal(err)
	}
	return path
}

func fill(ctx context.Context, s *suite.Suite, path string) error {
	src, err := source.Read(os.DirFS("../local/testdata/synthea"), len(s.Hospitals))
	if err != nil {
		return err
	}
	plan := visit.NewPlan(src)
	src.Files = []source.File{plan.File}
	if err := visit.Import(ctx, s, src); err != nil {
		return err
	}
	if _, err := visit.Join(ctx, s, plan, &visit.Log{}); err != nil {
		return err
	}
	return Write(ctx, s, plan, path)
}

// reports is the folder of a round's reports.
func reports(t *testing.T, round string) string {
	dir := os.Getenv(reportsVariable)
	if dir == "" {
		dir = t.TempDir()
	}
	dir, err := filepath.Abs(filepath.Join(dir, round))
	if err == nil {
		err = os.MkdirAll(dir, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// runCollection runs newman and makes a test of each request of its report.
func runCollection(t *testing.T, name, environment, dir string) {
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "node", "run.mjs", "--environment", environment, "--reports", dir, name)
	cmd.Dir = folder
	said, runErr := cmd.CombinedOutput()
	r, err := readReport(filepath.Join(dir, name+".xml"))
	if err != nil {
		t.Fatalf("%v: %v\n%s", err, runErr, said)
	}
	if len(r.Requests) == 0 {
		t.Fatalf("no request ran: %v\n%s", runErr, said)
	}
	for _, q := range r.Requests {
		t.Run(q.Name, func(t *testing.T) {
			for _, w := range q.wrong() {
				t.Error(w)
			}
		})
	}
	if runErr != nil && !t.Failed() {
		t.Errorf("newman failed outside of the requests: %v\n%s", runErr, said)
	}
}
