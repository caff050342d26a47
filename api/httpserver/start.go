package httpserver

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/netip"
)

// Running is a server that serves in the background.
type Running struct {
	url, addr string
	stop      context.CancelFunc
	done      chan struct{}
	err       error // read after done is closed
}

// Start is Serve in the background: until ctx ends or Close is called. release, which
// may be nil, gives up what the handler uses; it is called once, when the last
// request has ended.
func Start(ctx context.Context, listener net.Listener, handler http.Handler, o ServeOptions, release func() error) *Running {
	ctx, stop := context.WithCancel(ctx)
	r := &Running{url: BaseURL(listener, o.TLS != nil), addr: listener.Addr().String(), stop: stop, done: make(chan struct{})}
	go func() {
		defer close(r.done)
		defer stop()
		r.err = Serve(ctx, listener, handler, o)
		if release != nil {
			r.err = errors.Join(r.err, release())
		}
	}()
	return r
}

// Addr is the host:port on which the server listens.
func (r *Running) Addr() string { return r.addr }

// URL is the server's base URL, without a slash at the end; "" of none.
func (r *Running) URL() string {
	if r == nil {
		return ""
	}
	return r.url
}

// Wait returns when the server has ended: nil after a clean shutdown, otherwise what
// Serve or release returned. Any number of callers may wait.
func (r *Running) Wait() error {
	<-r.done
	return r.err
}

// Close ends the server, lets running requests finish, and waits for that. Close of none
// does nothing.
func (r *Running) Close() error {
	if r == nil {
		return nil
	}
	r.stop()
	return r.Wait()
}

// BaseURL is the URL of a listener.
func BaseURL(l net.Listener, tls bool) string {
	if tls {
		return "https://" + l.Addr().String()
	}
	return "http://" + l.Addr().String()
}

// OnLoopback says whether only this machine reaches an address, host:port.
func OnLoopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	return err == nil && LoopbackHost(host)
}

// LoopbackHost says whether a host, without port or brackets, is this machine: an
// address of loopback, or the name localhost. No other name is looked up.
func LoopbackHost(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.Unmap().IsLoopback()
}

// ListenLoopback opens a port for a local API; every address that others could reach
// is refused.
func ListenLoopback(address string) (net.Listener, error) {
	if !OnLoopback(address) {
		return nil, errors.New("the local API listens on a loopback address only")
	}
	return net.Listen("tcp", address)
}
