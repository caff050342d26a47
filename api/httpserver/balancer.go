package httpserver

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/pires/go-proxyproto"
	"github.com/prometheus/client_golang/prometheus"
)

// balancerWait is how long a balancer may take for its header, which it sends before
// anything of its client: long enough for one lost packet.
const balancerWait = 3 * time.Second

// Reasons for which a connection of a balancer is refused, as labels of the metric.
const (
	headerAbsent    = "absent"    // none came, or not all of it in time
	headerMalformed = "malformed" // what came is no header of version 2 with a client's TCP address
)

var errHeaderKind = errors.New("the header is not of version 2, or names no TCP address")

// Balancers are what stands in front, passes connections on as they are, and says by a
// PROXY header of version 2 whose each is (HAProxy's send-proxy-v2). The nil value has none.
//
// A connection from one of their addresses must begin with the header, and is closed if it
// does not: counted under the balancer's own address, its clients would share one rate. A
// connection from anywhere else is served as what it is, its bytes all its own: what looks
// like a header there is no TLS and no HTTP, so that nobody else can claim an address. It is
// not refused, because operators, probes and neighbours inside the network may come directly.
type Balancers struct {
	from    []netip.Prefix
	refused *prometheus.CounterVec
	err     error
}

// Balancers are those that the edge names, for ServeOptions of all listeners of the
// instance that they lead to; nil if it names none.
func (o *Operations) Balancers(e Edge) *Balancers {
	from, err := e.balancers()
	if len(from) == 0 && err == nil {
		return nil
	}
	return &Balancers{from: from, refused: o.headers, err: err}
}

// newHeaders is the metric, with all its series from the start.
func newHeaders() *prometheus.CounterVec {
	v := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "medunion_proxy_header_refusals_total",
		Help: "Connections of balancers that were closed for their PROXY header."}, []string{"reason"})
	for _, reason := range []string{headerAbsent, headerMalformed} {
		v.WithLabelValues(reason)
	}
	return v
}

// balancers are the networks that the edge names.
func (e Edge) balancers() ([]netip.Prefix, error) {
	return prefixes("proxy-protocol-from", e.ProxyProtocolFrom)
}

// listen wraps a listener. It reads nothing itself: a header is read by whoever serves the
// connection, so that a slow one holds up nobody else.
func (b *Balancers) listen(l net.Listener, wait time.Duration, log *slog.Logger) (net.Listener, error) {
	if b == nil {
		return l, nil
	}
	if b.err != nil {
		return nil, fmt.Errorf("httpserver: %w", b.err)
	}
	return &balancedListener{l, b, min(cmp.Or(wait, balancerWait), balancerWait), log}, nil
}

type balancedListener struct {
	net.Listener
	of   *Balancers
	wait time.Duration
	log  *slog.Logger
}

// Accept implements net.Listener.
func (l *balancedListener) Accept() (net.Conn, error) {
	raw, err := l.Listener.Accept()
	if err != nil || !within(l.of.from, raw.RemoteAddr().String()) {
		return raw, err
	}
	conn := proxyproto.NewConn(raw, proxyproto.WithPolicy(proxyproto.REQUIRE), proxyproto.ValidateHeader(ofTCP), proxyproto.SetReadHeaderTimeout(l.wait))
	return &balanced{Conn: conn, header: conn, refused: l.refuse}, nil
}

// ofTCP refuses what says of whom the connection is in words that nobody here counts by.
// LOCAL says that it is the balancer's own, such as a check.
func ofTCP(h *proxyproto.Header) error {
	tcp := h.TransportProtocol == proxyproto.TCPv4 || h.TransportProtocol == proxyproto.TCPv6
	if h.Version != 2 || h.Command.IsProxy() && !tcp {
		return errHeaderKind
	}
	return nil
}

// refuse counts a connection, and logs it without an address.
func (l *balancedListener) refuse(err error) {
	reason := headerMalformed
	var network net.Error
	if errors.Is(err, proxyproto.ErrNoProxyProtocol) || errors.As(err, &network) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		reason = headerAbsent
	}
	l.of.refused.WithLabelValues(reason).Inc()
	l.log.Warn("a balancer's connection was refused", "header", reason)
}

// balanced is a connection of a balancer. RemoteAddr, Read and Write wait for the header;
// without a good one the first Read closes it, and nothing is ever read or written.
type balanced struct {
	net.Conn
	header  *proxyproto.Conn
	once    sync.Once
	refused func(error)
}

// Read implements net.Conn.
func (c *balanced) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if err != nil && c.header.ProxyHeader() == nil {
		c.once.Do(func() { c.refused(err); _ = c.Conn.Close() })
	}
	return n, err
}

// CloseWrite lets net/http end an answer of plain HTTP before the rest of a request has come.
func (c *balanced) CloseWrite() error {
	if tcp, ok := c.header.TCPConn(); ok {
		return tcp.CloseWrite()
	}
	return nil
}
