package config

import (
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"medunion/deploy/internal/freeport"
)

// checks is the line by which servers are asked how they are; without it all are up.
var checks = regexp.MustCompile(`(?m)^ *default-server check .*$`)

// greeter says one byte to whoever connects, and keeps the connection.
func greeter(t *testing.T) (address string) {
	t.Helper()
	l := must(net.Listen("tcp", "127.0.0.1:0"))(t)
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = c.Write([]byte{1})
		}
	}()
	return l.Addr().String()
}

// balancer runs the shipped file before one server (host:port), and returns where each part
// listens.
func balancer(t *testing.T, server string, env ...string) map[string]string {
	t.Helper()
	if _, err := exec.LookPath("haproxy"); err != nil {
		t.Skip("haproxy is missing (apt-get install haproxy)")
	}
	path := filepath.Join(t.TempDir(), "haproxy.cfg")
	text := checks.ReplaceAll(must(os.ReadFile("haproxy.cfg"))(t), nil)
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	at := map[string]string{}
	for _, part := range []string{"PUBLICCLOUD", "PRIVATECLOUD", "ADMINISTRATION", "PORTAL"} {
		at[part] = freeport.For(t)
		env = append(env, part+"="+at[part], part+"_A="+server, part+"_B="+server, part+"_A_OPERATIONS=1", part+"_B_OPERATIONS=1")
	}
	cmd := exec.Command("haproxy", "-db", "-f", path)
	cmd.Env, cmd.Stderr = append(append(os.Environ(), "NAME=localhost"), env...), t.Output()
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	return at
}

// connects says whether a connection from an address is led to a server; it stays open.
func connects(t *testing.T, from, to string) bool {
	t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}, Timeout: 20 * time.Second}
	c, err := d.Dial("tcp", to)
	if err != nil {
		return false
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	_, err = io.ReadFull(c, make([]byte, 1))
	return err == nil
}

// One source has no more connections than it may, at each part of the balancer; others are
// served meanwhile.
func TestBalancerBoundsEachSource(t *testing.T) {
	for part, at := range balancer(t, greeter(t), "SOURCE_CONNECTIONS=3") {
		for end := time.Now().Add(30 * time.Second); !connects(t, "127.0.0.3", at); time.Sleep(20 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("%s serves nobody", part)
			}
		}
		for i := range 3 {
			if !connects(t, "127.0.0.1", at) {
				t.Errorf("%s: connection %d is refused", part, i)
			}
		}
		if connects(t, "127.0.0.1", at) {
			t.Errorf("%s: a fourth connection of one source is served", part)
		}
		if !connects(t, "127.0.0.2", at) {
			t.Errorf("%s: another source is refused", part)
		}
	}
}

// A source that begins connections too fast is refused, and without numbers of the site
// what is shipped is in effect and generous.
func TestBalancerBoundsRates(t *testing.T) {
	at := balancer(t, greeter(t), "SOURCE_RATE=8")["PORTAL"]
	for end := time.Now().Add(30 * time.Second); !connects(t, "127.0.0.3", at); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("nobody is served")
		}
	}
	served := 0
	for range 20 {
		if connects(t, "127.0.0.1", at) {
			served++
		}
	}
	if served < 8 || served == 20 {
		t.Errorf("%d of 20 connections at once are served, and 8 in ten seconds may be", served)
	}
	text := string(must(os.ReadFile("haproxy.cfg"))(t))
	if n := strings.Count(text, `"${SOURCE_CONNECTIONS-1000}"`); n != strings.Count(text, "\nlisten ") {
		t.Errorf("%d parts bound a source", n)
	}
}
