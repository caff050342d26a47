package scale_test

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// process is a program that this test started, and may kill.
type process struct {
	t      testing.TB
	cmd    *exec.Cmd
	output string // file of both outputs
	ended  chan struct{}
}

// run starts a program that does not outlive the test, whatever becomes of it.
func run(t testing.TB, cmd *exec.Cmd) *process {
	t.Helper()
	p := &process{t: t, cmd: cmd, output: filepath.Join(t.TempDir(), "output"), ended: make(chan struct{})}
	out, err := os.Create(p.output)
	ok(t, err)
	defer out.Close()
	cmd.Stdout, cmd.Stderr = io.Writer(out), io.Writer(out)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	ok(t, cmd.Start())
	go func() { _ = cmd.Wait(); close(p.ended) }()
	t.Cleanup(p.kill9)
	return p
}

// kill9 ends the process as a power cut would, and waits until it is gone.
func (p *process) kill9() {
	_ = p.cmd.Process.Kill()
	<-p.ended
}

func (p *process) log() []byte {
	b, err := os.ReadFile(p.output)
	ok(p.t, err)
	return b
}

func (p *process) over() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

// await polls until yes; the end of the process, or 60 seconds, fail the test.
func (p *process) await(what string, yes func() bool) {
	p.t.Helper()
	for end := time.Now().Add(60 * time.Second); !yes(); time.Sleep(20 * time.Millisecond) {
		if p.over() || time.Now().After(end) {
			b := p.log()
			p.t.Fatalf("%s did not happen; the process ended: %v\n%s", what, p.over(), b[max(0, len(b)-4000):])
		}
	}
}
