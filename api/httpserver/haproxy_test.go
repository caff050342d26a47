package httpserver_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"medunion/api/certs/certtest"
	"medunion/api/httpserver"
)

// The proxy of deploy/doc/certificates.md: it asks for client certificates of any issuer and
// says by Client-Cert which came. What its clients say there themselves it takes out.
const haproxy = `
defaults
  mode http
  timeout connect 5s
  timeout client 30s
  timeout server 30s
frontend tls
%s
  default_backend service
backend service
  server one %s
`

func TestPeersBehindHAProxy(t *testing.T) {
	if _, err := exec.LookPath("haproxy"); err != nil {
		t.Skip("haproxy is missing (apt-get install haproxy)")
	}
	dir := t.TempDir()
	anna, stranger := certtest.New(t, dir, "anna"), certtest.New(t, dir, "stranger")
	u := newUnion(t, httpserver.Edge{Proxies: []string{"127.0.0.1"}}, false, entry("st-anna", anna, "write"))
	proxy := startHAProxy(t, u)
	u.site.url = "https://" + proxy
	for _, c := range []struct {
		name string
		as   *certtest.Pair
		head []string
		want int
	}{{"a listed peer", anna, nil, 204}, {"an unlisted certificate", stranger, nil, 403}, {"none", nil, nil, 403},
		{"none, and a header", nil, []string{"Client-Cert", header(anna)}, 403}, {"another, and a header", stranger, []string{"Client-Cert", header(anna)}, 403}} {
		if got := u.post(u.client(c.as), "write", c.head...); got != c.want {
			t.Errorf("%s: %d, not %d", c.name, got, c.want)
		}
	}
	if got := u.post(u.client(nil), "open"); got != 204 {
		t.Errorf("where all may: %d", got)
	}
}

// startHAProxy returns where it listens.
func startHAProxy(t *testing.T, u *union) string {
	t.Helper()
	l := must(net.Listen("tcp", "127.0.0.1:0"))
	at := l.Addr().String()
	_ = l.Close()
	both := append(must(os.ReadFile(u.own.Cert)), must(os.ReadFile(u.own.Key))...)
	pem := filepath.Join(u.dir, "cloud.pem")
	if err := os.WriteFile(pem, both, 0o600); err != nil {
		t.Fatal(err)
	}
	lines := proxyLines(t)
	lines = strings.NewReplacer(":443", at, "/etc/haproxy/cloud.pem", pem, "/etc/haproxy/any.pem", u.own.Cert).Replace(lines)
	config := filepath.Join(u.dir, "haproxy.cfg")
	if err := os.WriteFile(config, fmt.Appendf(nil, haproxy, lines, u.site.addr), 0o600); err != nil {
		t.Fatal(err)
	}
	c := exec.Command("haproxy", "-db", "-f", config)
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Process.Kill(); _ = c.Wait() })
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if conn, err := net.Dial("tcp", at); err == nil {
			_ = conn.Close()
			return at
		}
		if time.Now().After(end) {
			t.Fatal("haproxy does not listen")
		}
	}
}

// proxyLines are those that the page shows.
func proxyLines(t *testing.T) string {
	t.Helper()
	page := string(must(os.ReadFile("../../deploy/doc/certificates.md")))
	_, rest, found := strings.Cut(page, "```text\nbind ")
	lines, _, closed := strings.Cut(rest, "```")
	if !found || !closed {
		t.Fatal("the page shows no proxy")
	}
	return "bind " + lines
}
