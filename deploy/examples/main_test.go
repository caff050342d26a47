package examples_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"testing"

	"medunion/api/httpserver"
	"medunion/deploy/local/source"
	"medunion/deploy/local/suite"
	"medunion/deploy/local/visit"
	"medunion/ecc"
)

// TestMain starts the suite that every example of the package speaks with, as deploy/up
// does but at the services' own rates, and puts its variables into the environment. The
// services hold their answers against their documents.
func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	dir, err := os.MkdirTemp("", "examples-")
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := os.Setenv(httpserver.CheckResponses, "yes"); err != nil {
		return 1, err
	}
	ctx := context.Background()
	s, err := suite.Start(ctx, suite.Options{Dir: dir, Suite: ecc.SuiteX25519, Hospitals: 2, Development: true, RateScale: 1,
		Logger: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))})
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	path, err := people(ctx, s)
	if err == nil {
		err = load(path)
	}
	if err != nil {
		return 1, err
	}
	return m.Run(), nil
}

// people makes a doctor and a patient with records at both hospitals, and returns the path
// of the variables that name them.
func people(ctx context.Context, s *suite.Suite) (string, error) {
	src, err := source.Read(os.DirFS("../local/testdata/synthea"), len(s.Hospitals))
	if err != nil {
		return "", err
	}
	plan := visit.NewPlan(src)
	src.Files = []source.File{plan.File} // nobody else's record is asked for
	if err := visit.Import(ctx, s, src); err != nil {
		return "", err
	}
	p, err := visit.Join(ctx, s, plan, &visit.Log{})
	if err != nil {
		return "", err
	}
	return p.WriteEnvironment(plan)
}

// load takes over what a shell has after it has read the file.
func load(path string) error {
	out, err := exec.Command("bash", "-c", `set -e; . "$1"; env -0`, "bash", path).Output()
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	for _, v := range bytes.Split(bytes.TrimRight(out, "\x00"), []byte{0}) {
		name, value, _ := strings.Cut(string(v), "=")
		if err := os.Setenv(name, value); err != nil {
			return err
		}
	}
	return nil
}
