package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// runGo writes a one-package module and counts what the real go command says
// about it.
func runGo(t *testing.T, source string, flags ...string) (Tally, string, error) {
	t.Helper()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "go.mod"), "module sample\n\ngo 1.26\n")
	write(t, filepath.Join(dir, "sample_test.go"), "package sample\n\n"+source)
	cmd := exec.Command("go", append([]string{"test", "-json"}, append(flags, "./...")...)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOFLAGS=", "GOWORK=off")
	stream, _ := cmd.Output()
	var out strings.Builder
	tally, err := Count(strings.NewReader(string(stream)), &out)
	return tally, out.String(), err
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestCount(t *testing.T) {
	const imports = "import (\"testing\"; \"os\"; \"time\")\nvar _ = os.Exit\nvar _ = time.Now\n"
	cases := []struct {
		name, source string
		flags        []string
		want         Tally
		says         string
	}{
		{"leaves", `func TestA(t *testing.T) { t.Run("x", func(t *testing.T) {}); t.Run("y", func(t *testing.T) { t.Skip("no y here") }) }
func TestB(t *testing.T) {}`, nil, Tally{2, 0, 1}, "no y here"},
		{"a failed subtest counts once", `func TestA(t *testing.T) { t.Run("x", func(t *testing.T) { t.Error("wrong sum") }); t.Run("y", func(t *testing.T) {}) }`,
			nil, Tally{1, 1, 0}, "wrong sum"},
		{"a parent that fails by itself", `func TestA(t *testing.T) { t.Run("x", func(t *testing.T) {}); t.Error("after") }`, nil, Tally{1, 1, 0}, "after"},
		{"a panic", `func TestA(t *testing.T) {}
func TestB(t *testing.T) { panic("boom") }`, nil, Tally{1, 1, 0}, "boom"},
		{"an early exit", `func TestA(t *testing.T) {}
func TestB(t *testing.T) { os.Exit(3) }`, nil, Tally{1, 1, 0}, "FAIL"},
		{"a timeout", `func TestA(t *testing.T) { time.Sleep(time.Minute) }`, []string{"-timeout=300ms"}, Tally{0, 1, 0}, "timed out"},
		{"a broken build", `func TestA(t *testing.T) { undefinedName() }`, nil, Tally{0, 1, 0}, "undefined: undefinedName"},
		{"a failing TestMain", `func TestA(t *testing.T) {}
func TestMain(m *testing.M) { m.Run(); os.Exit(1) }`, nil, Tally{1, 1, 0}, "FAIL"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			tally, out, err := runGo(t, imports+c.source, c.flags...)
			if err != nil || tally != c.want {
				t.Fatalf("counted %v (error %v), want %v:\n%s", tally, err, c.want, out)
			}
			if !strings.Contains(out, c.says) {
				t.Fatalf("the report does not say %q:\n%s", c.says, out)
			}
		})
	}
}

// A stream that stops in the middle must not read as a success.
func TestBrokenStream(t *testing.T) {
	for name, stream := range map[string]string{
		"empty":      "",
		"unfinished": `{"Action":"run","Package":"p","Test":"TestA"}` + "\n" + `{"Action":"pass","Package":"p","Test":"TestA"}` + "\n",
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := Count(strings.NewReader(stream), &strings.Builder{}); err == nil {
				t.Fatal("accepted")
			}
		})
	}
}

func TestLastLine(t *testing.T) {
	if got := (Tally{1, 2, 3}).String(); got != "1 passed, 2 failed, 3 skipped" {
		t.Fatal(got)
	}
}
