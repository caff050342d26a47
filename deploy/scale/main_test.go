package scale_test

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// shared is a folder of this run: the programs, the certificate authority, the leaf.
var shared string

// TestMain lets more of the tests run side by side than there are processors: the drill
// waits for a minute in which restored services refuse.
func TestMain(m *testing.M) {
	flag.Parse()
	_ = flag.Set("test.parallel", "3")
	code, err := tests(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func tests(m *testing.M) (code int, err error) {
	if shared, err = os.MkdirTemp("", "scale-test-"); err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(shared)) }()
	if err := makeCertificates(shared); err != nil {
		return 1, err
	}
	// Every party, here and in the programs, trusts this authority alone.
	if err := os.Setenv("SSL_CERT_FILE", filepath.Join(shared, "ca.pem")); err != nil {
		return 1, err
	}
	return m.Run(), nil
}

var built sync.Once

// program returns the path of a service's program; all are built at the first call.
func program(t testing.TB, name string) string {
	t.Helper()
	var out []byte
	var err error
	built.Do(func() {
		out, err = exec.Command("go", "build", "-o", shared+string(filepath.Separator), "medunion/publiccloud", "medunion/privatecloud", "medunion/doctor-portal").CombinedOutput()
	})
	if err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return filepath.Join(shared, name)
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
