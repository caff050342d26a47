package redistest

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

const startTimeout = 10 * time.Second

// A Server is one redis-server process.
type Server struct {
	t      testing.TB
	args   []string
	dir    string
	port   int
	cmd    *exec.Cmd
	exited chan struct{}
	shared bool
}

// Start runs redis-server with args on a free port of 127.0.0.1, without persistence unless args say
// otherwise, in a folder of its own, and waits until it answers.
func Start(t testing.TB, args ...string) *Server {
	t.Helper()
	return start(t, slices.Concat(base, args))
}

func start(t testing.TB, args []string) *Server {
	t.Helper()
	s := &Server{t: t, args: args, dir: t.TempDir()}
	t.Cleanup(s.end)
	return s.begin(t)
}

func (s *Server) begin(t testing.TB) *Server {
	t.Helper()
	requireBinary(t, "redis-server")
	var err error
	for range 3 { // another process may take the free port first
		s.port = freePort(t)
		if err = s.run(); err == nil {
			return s
		}
		s.end()
	}
	t.Fatalf("redis-server does not start: %v\n%s", err, s.Log())
	return nil
}

// base is without persistence.
var base = []string{"--save", "", "--appendonly", "no", "--repl-diskless-sync-delay", "0"}

var common struct {
	sync.Mutex
	server *Server
}

// Shared is the one redis-server that the tests of a process have in common; it ends with the process. A replay window
// in an empty server lets nothing in for two seconds, in this one only the first test waits for that. It is for tests that
// neither stop it nor look at all that is in it, and whose clock is the machine's.
func Shared(t testing.TB) *Server {
	t.Helper()
	common.Lock()
	defer common.Unlock()
	if common.server == nil {
		common.server = (&Server{t: t, args: base, shared: true}).begin(t)
	}
	s := *common.server
	s.t = t
	return &s
}

func requireBinary(t testing.TB, name string) {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		t.Skipf("%s is not installed: this test needs a real Redis", name)
	}
}

func (s *Server) run() error {
	args := append([]string{}, s.args...) // a configuration file, if any, comes first
	args = append(args, "--port", strconv.Itoa(s.port), "--bind", "127.0.0.1", "--daemonize", "no")
	if s.shared { // nobody would clear its folder away, and it writes nothing
		args = append(args, "--dir", os.TempDir(), "--logfile", os.DevNull)
	} else {
		args = append(args, "--dir", s.dir, "--logfile", filepath.Join(s.dir, "log"))
	}
	s.cmd = exec.Command("redis-server", args...)
	endWithParent(s.cmd)
	if err := s.cmd.Start(); err != nil {
		return err
	}
	exited := make(chan struct{})
	s.exited = exited
	go func(c *exec.Cmd) { _ = c.Wait(); close(exited) }(s.cmd)
	return s.answers()
}

func (s *Server) answers() error {
	c := s.dial()
	defer c.Close()
	for end := time.Now().Add(startTimeout); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		select {
		case <-s.exited:
			return fmt.Errorf("it exited: %v", s.cmd.ProcessState)
		default:
		}
		err := c.Ping(context.Background()).Err()
		if err == nil || redis.HasErrorPrefix(err, "NOAUTH") {
			return nil
		}
	}
	return fmt.Errorf("no answer within %v", startTimeout)
}

// Addr is host:port.
func (s *Server) Addr() string { return net.JoinHostPort("127.0.0.1", s.Port()) }

// Port is the port in decimal.
func (s *Server) Port() string { return strconv.Itoa(s.port) }

// Client is a plain client of this very server, for the test's own commands. It closes with the test.
func (s *Server) Client() *redis.Client {
	c := s.dial()
	s.t.Cleanup(func() { c.Close() })
	return c
}

func (s *Server) dial() *redis.Client {
	return redis.NewClient(&redis.Options{Addr: s.Addr(), DisableIdentity: true})
}

// Do sends one command and fails the test if Redis refuses it.
func (s *Server) Do(args ...any) any {
	s.t.Helper()
	c := s.dial()
	defer c.Close()
	v, err := c.Do(context.Background(), args...).Result()
	if err != nil {
		s.t.Fatalf("redis %v: %v", args, err)
	}
	return v
}

// Kill9 ends the process as a power cut would, and waits until it is gone.
func (s *Server) Kill9() {
	s.t.Helper()
	s.signal(syscall.SIGKILL)
	<-s.exited
}

// Restart runs it again after Kill9, with the same port, folder and arguments.
func (s *Server) Restart() {
	s.t.Helper()
	if err := s.run(); err != nil {
		s.t.Fatalf("redis-server does not restart: %v\n%s", err, s.Log())
	}
}

// Pause stops the process where it is (SIGSTOP): its connections stay open and nothing answers.
func (s *Server) Pause() { s.t.Helper(); s.signal(syscall.SIGSTOP) }

// Resume lets it go on.
func (s *Server) Resume() { s.t.Helper(); s.signal(syscall.SIGCONT) }

func (s *Server) signal(sig syscall.Signal) {
	s.t.Helper()
	if s.shared {
		s.t.Fatal("other tests use this redis-server: stop one of your own")
	}
	if err := s.cmd.Process.Signal(sig); err != nil {
		s.t.Fatalf("signal %v to redis-server: %v", sig, err)
	}
}

// Log is what the server wrote.
func (s *Server) Log() string {
	b, _ := os.ReadFile(filepath.Join(s.dir, "log"))
	return string(b)
}

func (s *Server) end() {
	if s.cmd == nil || s.cmd.Process == nil {
		return
	}
	_ = s.cmd.Process.Kill()
	<-s.exited
}

// Eventually polls until ok, and fails the test after limit.
func Eventually(t testing.TB, limit time.Duration, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(limit); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within %v: %s", limit, what)
		}
	}
}
