package httpserver

import (
	"bytes"
	"encoding/binary"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"testing"
	"time"
)

// said is a connection on which everything has been said.
type said struct {
	net.Conn
	in     *bytes.Reader
	closed bool
}

var ofBalancer = &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 5}

// Accept makes it a listener of itself.
func (s *said) Accept() (net.Conn, error)        { return s, nil }
func (s *said) Addr() net.Addr                   { return ofBalancer }
func (s *said) RemoteAddr() net.Addr             { return ofBalancer }
func (s *said) Read(p []byte) (int, error)       { return s.in.Read(p) }
func (s *said) Write(p []byte) (int, error)      { return len(p), nil }
func (s *said) SetReadDeadline(time.Time) error  { return nil }
func (s *said) Close() error                     { s.closed = true; return nil }
func (s *said) SetDeadline(time.Time) error      { return nil }
func (s *said) SetWriteDeadline(time.Time) error { return nil }

// whose reads a header as section 2.2 of the protocol describes it, in the plainest way:
// the client of a connection and where its own bytes begin, or ok is false.
func whose(b []byte) (client string, begin int, ok bool) {
	if len(b) < 16 || string(b[:12]) != "\r\n\r\n\x00\r\nQUIT\n" {
		return "", 0, false
	}
	length := int(binary.BigEndian.Uint16(b[14:]))
	begin = 16 + length
	known := bytes.Contains([]byte{0x00, 0x11, 0x12, 0x21, 0x22, 0x31, 0x32}, b[13:14])
	if length > 4096 || begin > len(b) || !known {
		return "", 0, false
	}
	switch {
	case b[12] == 0x20:
		return ofBalancer.String(), begin, true
	case b[12] == 0x21 && b[13] == 0x11 && length >= 12:
		ip, port := netip.AddrFrom4([4]byte(b[16:])), binary.BigEndian.Uint16(b[24:])
		return netip.AddrPortFrom(ip, port).String(), begin, true
	case b[12] == 0x21 && b[13] == 0x21 && length >= 36:
		ip, port := netip.AddrFrom16([16]byte(b[16:])).Unmap(), binary.BigEndian.Uint16(b[48:])
		return netip.AddrPortFrom(ip, port).String(), begin, true
	}
	return "", 0, false
}

// FuzzBalanced: of whatever a balancer sends, either the header names a client and what
// stands behind it is read, every byte, or nothing is read or written and the connection is
// closed and counted once. What is what, a second reader decides.
func FuzzBalanced(f *testing.F) {
	const signature, block = "\r\n\r\n\x00\r\nQUIT\n", "\xc6\x33\x64\x07\xc6\x33\x64\x08\x01\xbb\x01\xbb"
	six := string(make([]byte, 36))
	for _, b := range []string{"", "GET / HTTP/1.1\r\n\r\n", "PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\nx", signature, signature + "\x20\x00\x00\x00rest", signature + "\x20\x11\x00\x03abcrest",
		signature + "\x21\x11\x00\x0c" + block + "rest", signature + "\x21\x21\x00\x24" + six + "rest", signature + "\x21\x11\x00\x0f" + block + "tlvrest",
		signature + "\x21\x11\x10\x01" + block, signature + "\x21\x12\x00\x0c" + block, signature + "\x21\x00\x00\x00", signature + "\x31\x11\x00\x0c" + block} {
		f.Add([]byte(b))
	}
	balancers := NewOperations().Balancers(Edge{ProxyProtocolFrom: []string{"192.0.2.0/24"}})
	f.Fuzz(func(t *testing.T, b []byte) {
		raw := &said{in: bytes.NewReader(b)}
		l, err := balancers.listen(raw, 0, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		conn, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		client, begin, ok := whose(b)
		got, err := io.ReadAll(conn)
		if ok != (err == nil) || ok == raw.closed {
			t.Fatalf("%q: read %v, closed %v; it is a header: %v", b, err, raw.closed, ok)
		}
		if ok && (conn.RemoteAddr().String() != client || !bytes.Equal(got, b[begin:])) {
			t.Fatalf("%q: of %s, %q; not of %s, %q", b, conn.RemoteAddr(), got, client, b[begin:])
		}
		if n, err := conn.Write([]byte("x")); !ok && (err == nil || n > 0 || len(got) > 0) {
			t.Fatalf("%q: it is read or written to", b)
		}
	})
}

// A network is found in whatever form its address is written; one of mapped addresses, which
// nobody would be in, is refused.
func TestNetworks(t *testing.T) {
	in, err := prefixes("proxies", []string{"::ffff:192.0.2.7", "2001:db8::/32"})
	for _, remote := range []string{"192.0.2.7:1", "[::ffff:192.0.2.7]:1", "[2001:db8::1]:1"} {
		if err != nil || !within(in, remote) {
			t.Errorf("%s is in none of the networks (%v)", remote, err)
		}
	}
	for _, bad := range []string{"::ffff:192.0.2.0/120", "192.0.2.0/33", "balancer", ""} {
		if _, err := prefixes("proxies", []string{bad}); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}
