package netns

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"
)

// The test binary starts itself anew inside the people's namespace, where the tests run,
// and inside the clouds' namespaces as what holds their databases.
const (
	partVariable = "NETNS_TEST_PART"
	partTests    = "tests"
	partStore    = "store"
	netVariable  = "NETNS_TEST_NET" // what the names of the namespaces begin with
	skipVariable = "NETNS_TEST_SKIP"
)

func TestMain(m *testing.M) {
	switch os.Getenv(partVariable) {
	case partStore:
		os.Exit(serveStore())
	case partTests:
		os.Exit(m.Run())
	}
	os.Exit(outside(m))
}

// outside makes the namespaces, runs the tests in them, and takes them down again, whatever
// ends the tests.
func outside(m *testing.M) int {
	net, err := newNet(os.Getpid())
	if err != nil {
		os.Setenv(skipVariable, err.Error())
		return m.Run() // each test skips and says why
	}
	defer net.remove()
	tests := net.in(people, os.Args[0], os.Args[1:]...)
	tests.Stdin, tests.Stdout, tests.Stderr = os.Stdin, os.Stdout, os.Stderr
	tests.Env = append(os.Environ(), partVariable+"="+partTests, netVariable+"="+net.prefix)
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, os.Interrupt, syscall.SIGTERM, syscall.SIGQUIT)
	if err := tests.Start(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	go func() {
		for s := range stop {
			_ = tests.Process.Signal(s)
		}
	}()
	err = tests.Wait()
	var ended *exec.ExitError
	if errors.As(err, &ended) {
		return max(1, ended.ExitCode())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// inside returns the namespaces that the test runs in, or skips it.
func inside(t *testing.T) *network {
	t.Helper()
	if why := os.Getenv(skipVariable); why != "" {
		t.Skip("no network namespaces can be made here: " + why)
	}
	if testing.Short() {
		t.Skip("takes long")
	}
	return &network{prefix: os.Getenv(netVariable)}
}

// command runs a program to its end; its words become the error.
func command(c *exec.Cmd) error {
	var said bytes.Buffer
	c.Stdout, c.Stderr = &said, &said
	if err := c.Run(); err != nil {
		return fmt.Errorf("%s: %w: %s", strings.Join(c.Args, " "), err, strings.TrimSpace(said.String()))
	}
	return nil
}
