package system_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"testing"

	"medunion/deploy/local/suite"
	"medunion/ecc"
)

// The parts that this binary plays when a test starts it as a process of its own.
const (
	partVariable = "SYSTEM_TEST_PART"
	dirVariable  = "SYSTEM_TEST_DIR" // the folder of all state
	partSuite    = "suite"           // the suite, until its input ends
	partCanary   = "canary"          // the visits of the canary patient
)

func TestMain(m *testing.M) {
	switch part := os.Getenv(partVariable); part {
	case "":
		os.Exit(tests(m))
	case partSuite:
		exit(serveSuite(os.Getenv(dirVariable)))
	case partCanary:
		exit(canaryVisits(os.Getenv(dirVariable)))
	default:
		exit(fmt.Errorf("no part %q", part))
	}
}

// scratch is a folder of this run, for what no single test owns.
var scratch string

func tests(m *testing.M) int {
	var err error
	if scratch, err = os.MkdirTemp("", "system-test-"); err != nil {
		exit(err)
	}
	code := m.Run()
	if err := errors.Join(closeVisited(), closeWatched(), os.RemoveAll(scratch)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// serveSuite starts the suite as deploy/up does, says on standard output where, and
// ends when its standard input does: a parent that dies takes it along.
func serveSuite(dir string) error {
	s, err := suite.Start(context.Background(), suite.Options{Dir: dir, Suite: ecc.SuiteX25519, Hospitals: 2, Logger: stderrLog(slog.LevelDebug)})
	if err != nil {
		return err
	}
	at, err := describe(s)
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(at)
	}
	if err == nil {
		_, err = io.Copy(io.Discard, os.Stdin)
	}
	if cerr := s.Close(); err == nil {
		err = cerr
	}
	return err
}

func stderrLog(level slog.Level) *slog.Logger {
	return slog.New(slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{Level: level}))
}
