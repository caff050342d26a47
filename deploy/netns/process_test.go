package netns

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"medunion/api/problem"
)

// process is a program in a namespace.
type process struct {
	t     testing.TB
	cmd   *exec.Cmd
	log   string // file
	ended chan struct{}
}

// run starts a command whose words go to a file. It is killed at the test's end.
func run(t testing.TB, c *exec.Cmd) *process {
	t.Helper()
	p := &process{t: t, cmd: c, log: filepath.Join(t.TempDir(), "log"), ended: make(chan struct{})}
	log, err := os.Create(p.log)
	ok(t, err)
	defer log.Close()
	c.Stderr = log
	if c.Stdout == nil && c.Stdin == nil {
		c.Stdout = log
	}
	ok(t, c.Start())
	go func() { _ = c.Wait(); close(p.ended) }()
	t.Cleanup(func() { _ = c.Process.Kill(); <-p.ended })
	return p
}

// lives polls until yes. The program ending first, or a minute, is an error.
func (p *process) lives(yes func() bool) error {
	for end := time.Now().Add(time.Minute); !yes(); time.Sleep(20 * time.Millisecond) {
		select {
		case <-p.ended:
			return fmt.Errorf("the program has ended: %s", p.said())
		default:
		}
		if time.Now().After(end) {
			return fmt.Errorf("the program does not answer: %s", p.said())
		}
	}
	return nil
}

func (p *process) said() []byte {
	b, err := os.ReadFile(p.log)
	ok(p.t, err)
	return b[max(0, len(b)-6000):]
}

// logged says whether a line of the whole log holds a text, of those since the last hangup.
func (p *process) logged(text string) bool {
	b := must(os.ReadFile(p.log))
	return bytes.Contains(b[max(0, bytes.LastIndex(b, []byte("a changed file is in force"))):], []byte(text))
}

// hangup makes the program read its files anew, and returns when what has changed in one is
// in force.
func (p *process) hangup() {
	p.t.Helper()
	taken := func() int { return bytes.Count(must(os.ReadFile(p.log)), []byte("a changed file is in force")) }
	before := taken()
	ok(p.t, p.cmd.Process.Signal(syscall.SIGHUP))
	ok(p.t, p.lives(func() bool { return taken() > before }))
}

// store is the databases of one cloud.
type store struct {
	t    testing.TB
	uri  string
	in   io.Writer
	out  *bufio.Scanner
	name string // of the database
}

func startStore(t testing.TB, c *exec.Cmd, database string) *store {
	t.Helper()
	c.Env = append(os.Environ(), partVariable+"="+partStore)
	in, out, err := pipes(c)
	ok(t, err)
	run(t, c)
	s := &store{t: t, in: in, out: bufio.NewScanner(out), name: database}
	if !s.out.Scan() {
		t.Fatal("the store does not start")
	}
	s.uri = s.out.Text()
	return s
}

func pipes(c *exec.Cmd) (io.Writer, io.Reader, error) {
	in, err := c.StdinPipe()
	if err != nil {
		return nil, nil, err
	}
	out, err := c.StdoutPipe()
	return in, out, err
}

// counts says how many documents each collection has.
func (s *store) counts() (counts map[string]int64) {
	s.t.Helper()
	if _, err := fmt.Fprintln(s.in, s.name); err != nil || !s.out.Scan() {
		s.t.Fatal("the store has ended", err)
	}
	ok(s.t, json.Unmarshal(s.out.Bytes(), &counts))
	return counts
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(problem.Reason(err))
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
