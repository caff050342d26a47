package runbook

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Options say how a page is run.
type Options struct {
	// Env are variables (NAME=value) beside those of the test. PATH is what programs are
	// found by: see Programs.
	Env []string
	// Dir is the folder in which the shell begins; default: one of the test's own.
	Dir string
	// Limit is how long all of the page may take; default 2 minutes.
	Limit time.Duration
	// Then are pages that go on in the same shell, with what the first has left running.
	Then []string
	// Least is how many commands the page has at least: a page of which nothing is run
	// passes for nothing. Default 1.
	Least int
}

// Test runs the page and fails the test if a command fails or answers something else
// than is shown. When it returns, nothing that the page has started in the background
// runs any more.
func Test(t testing.TB, page string, o Options) {
	t.Helper()
	commands := read(t, page, max(o.Least, 1))
	for _, p := range o.Then {
		commands = append(commands, read(t, p, 1)...)
	}
	r := run{t: t, dir: t.TempDir()}
	said := r.shell(commands, o)
	for i, b := range commands {
		if !r.judge(i, b) {
			t.Fatalf("what all commands say on standard error:\n%s", said)
		}
	}
}

// read finds the commands of a page.
func read(t testing.TB, page string, least int) []Block {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Base(page)
	commands, err := Blocks(string(text))
	if err != nil || len(commands) < least {
		t.Fatalf("%s: %d commands are found, %v", name, len(commands), err)
	}
	for i := range commands {
		commands[i].Page = name
	}
	return commands
}

// run is a shell at work. Output, and exit code, of command N lie in N.out and N.code of
// the folder.
type run struct {
	t   testing.TB
	dir string
}

func (r run) file(i int, kind string) string { return filepath.Join(r.dir, strconv.Itoa(i)+"."+kind) }

// judge says whether command i did what the page says.
func (r run) judge(i int, b Block) bool {
	r.t.Helper()
	out, _ := os.ReadFile(r.file(i, "out"))
	code, err := os.ReadFile(r.file(i, "code"))
	switch {
	case err != nil:
		r.t.Errorf("%s:%d: the shell ended in it:\n%s", b.Page, b.Line, out)
		return false
	case string(code) != "0\n":
		r.t.Errorf("%s:%d: ends with %s%s", b.Page, b.Line, code, out)
		return false
	}
	if err := b.compare(string(out)); err != nil {
		r.t.Errorf("%s:%d: %v; it is\n%s", b.Page, b.Line, err, out)
	}
	return true
}

// script is all of the pages as one script.
func (r run) script(commands []Block) string {
	r.t.Helper()
	var s strings.Builder
	s.WriteString("set -uo pipefail\n")
	for i, b := range commands {
		if out, err := exec.Command("bash", "-n", "-c", b.Command).CombinedOutput(); err != nil {
			r.t.Fatalf("%s:%d: %s", b.Page, b.Line, out)
		}
		code := r.file(i, "code")
		fmt.Fprintf(&s, "echo '-- %s:%d' >&2\ntrap 'c=$?; [ $c = 0 ] || echo $c >\"%s\"' EXIT\nset -e\n{\n%s} >'%s'\nset +e\ntrap - EXIT; echo 0 >'%s'\n",
			b.Page, b.Line, code, b.Command, r.file(i, "out"), code)
	}
	return s.String()
}

// shell runs the commands and returns what they say on standard error. The shell leads a
// process group of its own, which ends with it.
func (r run) shell(commands []Block, o Options) []byte {
	r.t.Helper()
	if o.Dir == "" {
		o.Dir = r.t.TempDir()
	}
	if o.Limit == 0 {
		o.Limit = 2 * time.Minute
	}
	ctx, cancel := context.WithTimeout(r.t.Context(), o.Limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-c", r.script(commands))
	cmd.Dir, cmd.Env = o.Dir, append(os.Environ(), o.Env...)
	said, err := os.Create(filepath.Join(r.dir, "stderr")) // a file: background jobs keep a pipe open
	if err != nil {
		r.t.Fatal(err)
	}
	defer said.Close()
	cmd.Stdout, cmd.Stderr = said, said
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	if err := cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	_ = cmd.Wait() // its code is that of the command that failed, which has a file
	_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	if ctx.Err() != nil {
		r.t.Errorf("it takes longer than %v", o.Limit)
	}
	b, _ := os.ReadFile(said.Name())
	return b
}
