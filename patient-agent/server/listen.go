package server

import (
	"errors"
	"net"
	"sync"
	"syscall"
	"time"

	"medunion/api/httpserver"
)

// errTaken: browsers look for localhost at ::1 first, and the link with the token would
// lead them to whoever listens there.
var errTaken = errors.New("another program listens at the same port of ::1, which is localhost too")

// listen opens the port at the address, and at ::1 too if that is 127.0.0.1: the page's
// name, localhost, is both. A machine without IPv6 has the one alone.
func listen(address string) (net.Listener, error) {
	// A free port (0) may be taken at ::1, and for a moment any port by somebody's
	// outgoing connection.
	const tries = 8
	for try := 1; ; try++ {
		l, err := listenBoth(address)
		if !errors.Is(err, errTaken) || try == tries {
			return l, err
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func listenBoth(address string) (net.Listener, error) {
	v4, err := httpserver.ListenLoopback(address)
	if err != nil {
		return nil, err
	}
	host, port, err := net.SplitHostPort(v4.Addr().String())
	if err != nil || host != "127.0.0.1" {
		return v4, err
	}
	v6, err := net.Listen("tcp6", net.JoinHostPort("::1", port))
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, errors.Join(errTaken, v4.Close())
	case err != nil: // no IPv6 here
		return v4, nil
	}
	return newPair(v4, v6), nil
}

// pair is two listeners as one; its address is that of the first.
type pair struct {
	net.Listener
	second   net.Listener
	accepted chan accepted
	closed   chan struct{}
	once     sync.Once
}

type accepted struct {
	conn net.Conn
	err  error
}

func newPair(first, second net.Listener) *pair {
	p := &pair{Listener: first, second: second, accepted: make(chan accepted), closed: make(chan struct{})}
	for _, l := range []net.Listener{first, second} {
		go p.accept(l)
	}
	return p
}

func (p *pair) accept(l net.Listener) {
	for {
		conn, err := l.Accept()
		select {
		case p.accepted <- accepted{conn, err}:
		case <-p.closed:
			if conn != nil {
				_ = conn.Close()
			}
			return
		}
	}
}

// Accept returns the next connection of either.
func (p *pair) Accept() (net.Conn, error) {
	select {
	case a := <-p.accepted:
		return a.conn, a.err
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

// Close closes both.
func (p *pair) Close() error {
	p.once.Do(func() { close(p.closed) })
	return errors.Join(p.Listener.Close(), p.second.Close())
}
