package system_test

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// process is a child that can be killed.
type process struct {
	t      testing.TB
	cmd    *exec.Cmd
	stdin  io.Closer
	stdout string // file
	stderr string // file
	ended  chan struct{}
}

// run starts a command whose outputs go to files. Whatever becomes of the test, the
// child does not outlive it: neither this one, nor, as its input ends, an orphan.
func run(t testing.TB, cmd *exec.Cmd) *process {
	t.Helper()
	dir := t.TempDir()
	p := &process{t: t, cmd: cmd, stdout: filepath.Join(dir, "stdout"), stderr: filepath.Join(dir, "stderr"), ended: make(chan struct{})}
	out, err := os.Create(p.stdout)
	ok(t, err)
	defer out.Close()
	errs, err := os.Create(p.stderr)
	ok(t, err)
	defer errs.Close()
	cmd.Stdout, cmd.Stderr = out, errs
	p.stdin, err = cmd.StdinPipe()
	ok(t, err)
	ok(t, cmd.Start())
	go func() { _ = cmd.Wait(); close(p.ended) }()
	t.Cleanup(p.kill9)
	return p
}

// part starts this binary in one of its other parts.
func part(t testing.TB, name, dir string) *process {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), partVariable+"="+name, dirVariable+"="+dir)
	return run(t, cmd)
}

// kill9 ends the process as it stands and waits until it is gone.
func (p *process) kill9() {
	_ = p.cmd.Process.Kill()
	<-p.ended
}

// over reports whether the process has ended.
func (p *process) over() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

func (p *process) read(path string) []byte {
	b, err := os.ReadFile(path)
	ok(p.t, err)
	return b
}

// await polls until ok says yes; the process ending first fails the test.
func (p *process) await(limit time.Duration, what string, yes func() bool) {
	p.t.Helper()
	for end := time.Now().Add(limit); !yes(); time.Sleep(10 * time.Millisecond) {
		if p.over() || time.Now().After(end) {
			p.t.Fatalf("%s did not happen; the process ended: %v\n%s\n%s", what, p.over(), tail(p.read(p.stdout)), tail(p.read(p.stderr)))
		}
	}
}

// site waits until a suite says where it is.
func (p *process) site() (s site) {
	p.t.Helper()
	p.await(30*time.Second, "the suite's start", func() bool {
		b := p.read(p.stdout)
		return bytes.HasSuffix(b, []byte("\n")) && json.Unmarshal(b, &s) == nil
	})
	return s
}

// tail is the end of an output, for a failure's report.
func tail(b []byte) []byte { return b[max(0, len(b)-4000):] }

// awaitEnd waits until the process has ended by itself.
func (p *process) awaitEnd(limit time.Duration) {
	p.t.Helper()
	select {
	case <-p.ended:
	case <-time.After(limit):
		p.t.Fatalf("the process does not end\n%s\n%s", tail(p.read(p.stdout)), tail(p.read(p.stderr)))
	}
}
