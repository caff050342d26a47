// Package httpclient makes the HTTP clients with which the parties speak to each
// other: who answers is who was asked, over TLS 1.3.
package httpclient

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"time"
)

// ErrRedirect is the error of a request whose peer redirects elsewhere.
var ErrRedirect = errors.New("the peer redirects elsewhere")

// Bounds of a connection.
const (
	dialTimeout    = 5 * time.Second
	maxHeaderBytes = 64 << 10

	// Over HTTP/2 a connection is asked for a sign of life when nothing has come for so long,
	// and given up without one: otherwise every request after a partition would wait in a
	// connection that is dead, for as long as TCP hopes for it.
	silentTime   = 5 * time.Second
	answerToPing = 5 * time.Second
)

// Transport is the usual transport of a client: TLS 1.3 or newer, short headers, a
// proxy of the environment except to loopback. The caller may change it before the
// first use.
func Transport() *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS13}
	t.DialContext = (&net.Dialer{Timeout: dialTimeout}).DialContext
	t.MaxResponseHeaderBytes = maxHeaderBytes
	t.HTTP2 = &http.HTTP2Config{SendPingTimeout: silentTime, PingTimeout: answerToPing}
	return t
}

// New makes a client over a transport. It follows no redirect: the request fails with
// ErrRedirect. The timeout is for a whole exchange, its body included; 0 is none.
func New(t http.RoundTripper, timeout time.Duration) *http.Client {
	return &http.Client{Transport: t, Timeout: timeout, CheckRedirect: func(*http.Request, []*http.Request) error { return ErrRedirect }}
}

// Bearer adds a bearer token to each request; it is a RequestEditorFn of every generated
// client.
func Bearer(token string) func(context.Context, *http.Request) error {
	return func(_ context.Context, r *http.Request) error {
		r.Header.Set("Authorization", "Bearer "+token)
		return nil
	}
}
