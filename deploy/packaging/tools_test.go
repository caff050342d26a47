package packaging

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// root is the repository, seen from this package's folder.
const root = "../.."

// services are the programs that run on servers, by the names of their charts, images and
// units.
var services = []string{"publiccloud", "privatecloud", "doctor-portal"}

func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// run runs a program and returns what it prints on standard output; with an error, all
// that it says.
func run(t testing.TB, cmd *exec.Cmd) (string, error) {
	t.Helper()
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		return string(out) + said.String(), err
	}
	return string(out), nil
}

// command is one that ends with the test, and after minutes.
func command(t testing.TB, name string, args ...string) *exec.Cmd {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Minute)
	t.Cleanup(cancel)
	return exec.CommandContext(ctx, name, args...)
}

var (
	toolsLock sync.Mutex
	toolsDir  string
)

// tool is a tool of deploy/tools, whose modules are pinned there: in the folder that
// MEDUNION_TOOLS names, or, helm, in PATH; else it is built.
func tool(t testing.TB, folder, pkg string) string {
	t.Helper()
	name := filepath.Base(pkg)
	if path := filepath.Join(os.Getenv("MEDUNION_TOOLS"), name); filepath.IsAbs(path) && exists(path) {
		return path
	}
	if folder == "helm" {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	toolsLock.Lock()
	defer toolsLock.Unlock()
	path := filepath.Join(toolsDir, name)
	if exists(path) {
		return path
	}
	cmd := command(t, "go", "build", "-o", path, pkg)
	cmd.Dir = filepath.Join(root, "deploy", "tools", folder)
	cmd.Env = append(os.Environ(), "GOFLAGS=-trimpath", "GOWORK=off", "CGO_ENABLED=0")
	if out, err := run(t, cmd); err != nil {
		t.Fatalf("%s: %v\n%s", pkg, err, out)
	}
	return path
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "packaging-")
	if err != nil {
		panic(err)
	}
	toolsDir = dir
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}
