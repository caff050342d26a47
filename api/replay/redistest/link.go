package redistest

import (
	"io"
	"net"
	"sync"
	"testing"
)

// A Link carries TCP connections to a server until it is frozen, after which no byte passes: the way to
// make a replica lag for certain (a stopped process would still find what its kernel had received).
type Link struct {
	l      net.Listener
	target string

	mu     sync.Mutex
	frozen bool
	conns  []net.Conn
}

// NewLink listens on a free loopback port and forwards to target. It closes with the test.
func NewLink(t testing.TB, target string) *Link {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	k := &Link{l: l, target: target}
	t.Cleanup(k.close)
	go k.serve()
	return k
}

// HostPort is the address to use in the target's place.
func (k *Link) HostPort() (host, port string) {
	host, port, _ = net.SplitHostPort(k.l.Addr().String())
	return host, port
}

// Freeze loses every byte from now on, in both directions, while the connections stay up.
func (k *Link) Freeze() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.frozen = true
}

func (k *Link) serve() {
	for {
		in, err := k.l.Accept()
		if err != nil {
			return
		}
		out, err := net.Dial("tcp", k.target)
		if err != nil {
			in.Close()
			continue
		}
		k.keep(in, out)
		go k.copy(in, out)
		go k.copy(out, in)
	}
}

func (k *Link) keep(conns ...net.Conn) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.conns = append(k.conns, conns...)
}

func (k *Link) copy(to io.Writer, from io.Reader) {
	b := make([]byte, 64<<10)
	for {
		n, err := from.Read(b)
		if err != nil || k.pass(to, b[:n]) != nil {
			return
		}
	}
}

func (k *Link) pass(to io.Writer, b []byte) error {
	k.mu.Lock()
	frozen := k.frozen
	k.mu.Unlock()
	if frozen {
		return nil
	}
	_, err := to.Write(b)
	return err
}

func (k *Link) close() {
	k.l.Close()
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, c := range k.conns {
		c.Close()
	}
}
