package auditexport

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Times of a connection.
const (
	dialTime  = 10 * time.Second
	writeTime = 30 * time.Second
	closeTime = 10 * time.Second
)

// defaultPort is that of syslog over TLS (RFC 5425, section 4.1).
const defaultPort = "6514"

// Priorities (RFC 5424, section 6.2.1): facility 10, security and authorization, as DICOM PS3.15
// A.6 has it for audit messages; severity notice, and warning for a refusal.
const (
	facility = 10
	notice   = 5
	warning  = 4
)

// ErrReceiver says that a receiver is none that may be used.
var ErrReceiver = errors.New("a receiver is tls://HOST[:PORT], unix:///PATH, or udp://ADDRESS:PORT on loopback")

// Receiver is where syslog messages go.
type Receiver struct {
	network, address string
	tls              *tls.Config
}

// ParseReceiver reads a receiver's address. c is the client's side of TLS; its version is
// 1.3 and the name that the receiver must prove is that of the address.
func ParseReceiver(address string, c *tls.Config) (Receiver, error) {
	u, err := url.Parse(address)
	if err != nil || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return Receiver{}, ErrReceiver
	}
	switch {
	case u.Scheme == "tls" && u.Hostname() != "" && u.Path == "":
		port := u.Port()
		if port == "" {
			port = defaultPort
		}
		c = c.Clone()
		c.MinVersion, c.ServerName = tls.VersionTLS13, u.Hostname()
		return Receiver{"tcp", net.JoinHostPort(u.Hostname(), port), c}, nil
	case u.Scheme == "unix" && u.Host == "" && u.Path != "":
		return Receiver{"unixgram", u.Path, nil}, nil
	case u.Scheme == "udp" && u.Path == "" && u.Port() != "" && net.ParseIP(u.Hostname()).IsLoopback():
		return Receiver{"udp", u.Host, nil}, nil
	}
	return Receiver{}, ErrReceiver
}

// Open connects; host and program name the sender in each message.
func (r Receiver) Open(ctx context.Context, host, program string) (Sink, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, r.network, r.address)
	if err != nil {
		return nil, fmt.Errorf("syslog: %w", err)
	}
	s := &syslog{conn: conn, host: printable(host), program: program, ended: make(chan error, 1)}
	if r.tls == nil {
		return s, nil
	}
	c := tls.Client(conn, r.tls)
	if err := c.HandshakeContext(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("syslog: %w", err), conn.Close())
	}
	s.conn, s.stream = c, c
	go s.listen()
	return s, nil
}

type syslog struct {
	conn          net.Conn
	stream        *tls.Conn // nil over datagrams
	host, program string
	ended         chan error // the receiver's end of the stream
}

// listen waits for the receiver to end the stream; it sends nothing else.
func (s *syslog) listen() {
	_, err := io.Copy(io.Discard, s.stream)
	s.ended <- err
}

func (s *syslog) Write(a Entry, event []byte) error {
	select {
	case err := <-s.ended:
		return s.lost(err)
	default:
	}
	m := Message(s.host, s.program, a, event)
	if s.stream != nil {
		m = append(append(strconv.AppendInt(nil, int64(len(m)), 10), ' '), m...) // octet counting, RFC 5425, section 4.3
	}
	if err := s.conn.SetWriteDeadline(time.Now().Add(writeTime)); err != nil {
		return err
	}
	if _, err := s.conn.Write(m); err != nil {
		return fmt.Errorf("syslog: %w", err)
	}
	return nil
}

func (s *syslog) lost(err error) error {
	s.ended <- err // Close asks too
	if err == nil {
		err = io.EOF
	}
	return fmt.Errorf("syslog: the receiver has ended the connection: %w", err)
}

// Flush says whether the receiver is still there; syslog has no acknowledgement.
func (s *syslog) Flush() (int64, error) {
	select {
	case err := <-s.ended:
		return 0, s.lost(err)
	default:
		return 0, nil
	}
}

// Close tells the receiver that nothing follows, and waits until it ends the stream in turn:
// it has then read all of it.
func (s *syslog) Close() error {
	if s.stream == nil {
		return s.conn.Close()
	}
	err := s.stream.CloseWrite()
	if err == nil {
		select {
		case err = <-s.ended:
		case <-time.After(closeTime):
			err = errors.New("the receiver has not confirmed the end")
		}
	}
	_ = s.conn.Close()
	if err != nil {
		return fmt.Errorf("syslog: %w", err)
	}
	return nil
}

// Message is an event as RFC 5424 has it: its text is UTF-8 JSON behind the byte order mark.
func Message(host, program string, a Entry, event []byte) []byte {
	severity := notice
	if a.Failure {
		severity = warning
	}
	b := fmt.Appendf(nil, "<%d>1 %s %s %s - FHIR+AuditEvent - \xEF\xBB\xBF", facility*8+severity, a.Stamp(), host, program)
	return append(b, event...)
}

// printable makes a HOSTNAME of RFC 5424: printable ASCII without spaces, 255 at most.
func printable(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < 33 || r > 126 {
			return -1
		}
		return r
	}, s)
	if s == "" {
		return "-"
	}
	return s[:min(len(s), 255)]
}
