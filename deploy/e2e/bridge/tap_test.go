package bridge_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"medunion/deploy/local/authority"
	"medunion/deploy/local/suite"
	portal "medunion/doctor-portal/server"
)

// tap stands before a portal, at the portal's own origin, and keeps all that passes in
// either direction: whatever the portal, its Redis and its logs could ever hold of a
// visit is in it.
type tap struct {
	origin string
	to     string
	mu     sync.Mutex
	seen   bytes.Buffer
}

// tapPortal starts another instance of the suite's portal behind a tap.
func tapPortal(t *testing.T, world *suite.Suite, logs io.Writer) *tap {
	t.Helper()
	ln := must(net.Listen("tcp", "127.0.0.1:0"))
	t.Cleanup(func() { _ = ln.Close() })
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	p := &tap{origin: "http://localhost:" + port}
	pins := world.Pins()
	_, keys := world.Files()
	i := must(portal.Start(t.Context(), portal.Config{Dev: true, Listen: "127.0.0.1:0", Origin: p.origin, Cloud: world.Cloud, Pins: &pins,
		Authority: authority.DefaultName, AuthorityFile: keys, SessionKeyFile: filepath.Join(t.TempDir(), "key"), RedisAddrs: []string{world.Redis},
		Namespace: "tapped", Logger: slog.New(slog.NewJSONHandler(logs, &slog.HandlerOptions{Level: slog.LevelDebug}))}))
	t.Cleanup(func() { _ = i.Close() })
	p.to = i.Addr()
	go p.serve(ln)
	world.Portal = p.origin
	return p
}

func (p *tap) serve(ln net.Listener) {
	for {
		from, err := ln.Accept()
		if err != nil {
			return // the test is over
		}
		to, err := net.Dial("tcp", p.to)
		if err != nil {
			_ = from.Close()
			continue
		}
		go p.pass(from, to)
		go p.pass(to, from)
	}
}

func (p *tap) pass(from, to net.Conn) {
	_, _ = io.Copy(io.MultiWriter(p, to), from)
	_ = from.Close()
	_ = to.Close()
}

// Write keeps what passes.
func (p *tap) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.seen.Write(b)
}

// forget drops what has passed so far, the page's own files with it.
func (p *tap) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seen.Reset()
}

func (p *tap) passed() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.seen.String()
}

// forms are the ways in which a text may stand in JSON or in base64 inside of something
// longer: base64 shows it whole at each of three positions, but for its ends.
func forms(text string) []string {
	out := []string{text, hex.EncodeToString([]byte(text))}
	for _, enc := range []*base64.Encoding{base64.RawURLEncoding, base64.RawStdEncoding} {
		for shift := range 3 {
			b := enc.EncodeToString([]byte(strings.Repeat("\x00", shift) + text))
			out = append(out, b[(shift*8+5)/6:len(b)-2])
		}
	}
	return out
}

func holds(in, text string) bool {
	for _, f := range forms(text) {
		if strings.Contains(in, f) {
			return true
		}
	}
	return false
}

// The search itself finds a text in every form.
func TestFormsAreFound(t *testing.T) {
	const text = "Quetzalcoatlus-Northropi"
	for shift := range 4 {
		for _, enc := range []*base64.Encoding{base64.RawURLEncoding, base64.StdEncoding} {
			if b := enc.EncodeToString([]byte("abcd"[:shift] + text + ">?tail")); !holds(b, text) {
				t.Errorf("shift %d: not found in %s", shift, b)
			}
		}
	}
	if holds("something else", text) {
		t.Error("found where it is not")
	}
}
