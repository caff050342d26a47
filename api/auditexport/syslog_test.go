package auditexport_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"medunion/api/auditexport"
)

// pair is a certificate for loopback, with itself as the authority.
func pair(t *testing.T, name string) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), DNSNames: []string{name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}
	der, err := x509.CreateCertificate(rand.Reader, &c, &c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: parsed}, pool
}

// receiver is a listener of RFC 5425 that keeps what it gets.
type receiver struct {
	listener net.Listener
	mu       sync.Mutex
	got      []string
	conns    []net.Conn
	wrong    error
}

func listen(t *testing.T, c *tls.Config) *receiver {
	t.Helper()
	l, err := tls.Listen("tcp", "127.0.0.1:0", c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	r := &receiver{listener: l}
	go r.serve()
	return r
}

func (r *receiver) serve() {
	for {
		conn, err := r.listener.Accept()
		if err != nil {
			return
		}
		r.mu.Lock()
		r.conns = append(r.conns, conn)
		r.mu.Unlock()
		go func() {
			defer conn.Close()
			if err := r.frames(bufio.NewReader(conn)); err != nil {
				r.mu.Lock()
				r.wrong = err
				r.mu.Unlock()
			}
		}()
	}
}

// frames reads MSG-LEN SP SYSLOG-MSG until the stream ends in order.
func (r *receiver) frames(b *bufio.Reader) error {
	for {
		digits, err := b.ReadString(' ')
		if err == io.EOF && digits == "" {
			return nil
		}
		n, wrong := strconv.Atoi(strings.TrimSuffix(digits, " "))
		if err != nil || wrong != nil || n <= 0 || digits[0] == '0' {
			return fmt.Errorf("no length: %q, %v", digits, err)
		}
		m := make([]byte, n)
		if _, err := io.ReadFull(b, m); err != nil {
			return err
		}
		r.mu.Lock()
		r.got = append(r.got, string(m))
		r.mu.Unlock()
	}
}

func (r *receiver) messages() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), r.got...)
}

func open(t *testing.T, address string, c *tls.Config) auditexport.Sink {
	t.Helper()
	r, err := auditexport.ParseReceiver(address, c)
	if err != nil {
		t.Fatal(err)
	}
	s, err := r.Open(t.Context(), "st anna", "privatecloud")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// What is sent over TLS arrives message by message, as RFC 5425 frames it and RFC 5424 forms
// it, and Close returns when the receiver has all of it.
func TestTLS(t *testing.T) {
	cert, pool := pair(t, "siem")
	client, clients := pair(t, "hospital")
	r := listen(t, &tls.Config{Certificates: []tls.Certificate{cert}, ClientCAs: clients, ClientAuth: tls.RequireAndVerifyClientCert})
	s := open(t, "tls://"+r.listener.Addr().String(), &tls.Config{RootCAs: pool, Certificates: []tls.Certificate{client}})
	a := entry(1, true)
	for _, text := range []string{`{"a":"first"}`, `{"a":"größer"}`, strings.Repeat("x", 20_000)} {
		if err := s.Write(a, []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	got := r.messages()
	if len(got) != 3 || r.wrong != nil {
		t.Fatalf("%d messages, %v", len(got), r.wrong)
	}
	// <PRI>VERSION SP TIMESTAMP SP HOSTNAME SP APP-NAME SP PROCID SP MSGID SP SD SP BOM MSG
	if want := "<84>1 2023-11-14T22:13:20.123Z stanna privatecloud - FHIR+AuditEvent - \xEF\xBB\xBF" + `{"a":"größer"}`; got[1] != want {
		t.Errorf("%q", got[1])
	}
	if m := auditexport.Message("h", "p", entry(1, false), nil); !bytes.HasPrefix(m, []byte("<85>1 ")) {
		t.Errorf("%q", m)
	}
}

// A receiver that cannot prove its name, speaks an old TLS, or gets no certificate from us
// where it wants one, gets no event.
func TestReceiversRefused(t *testing.T) {
	cert, pool := pair(t, "siem")
	_, stranger := pair(t, "siem")
	_, clients := pair(t, "hospital")
	for name, c := range map[string]struct {
		server *tls.Config
		client *tls.Config
	}{
		"another authority": {&tls.Config{}, &tls.Config{RootCAs: stranger}},
		"TLS 1.2":           {&tls.Config{MaxVersion: tls.VersionTLS12}, &tls.Config{RootCAs: pool}},
		"no certificate":    {&tls.Config{ClientCAs: clients, ClientAuth: tls.RequireAndVerifyClientCert}, &tls.Config{RootCAs: pool}},
	} {
		c.server.Certificates = []tls.Certificate{cert}
		r := listen(t, c.server)
		receiver, err := auditexport.ParseReceiver("tls://"+r.listener.Addr().String(), c.client)
		if err != nil {
			t.Fatal(err)
		}
		s, err := receiver.Open(t.Context(), "h", "p")
		if err == nil { // in TLS 1.3 a server refuses the client's certificate after the handshake
			_ = s.Write(entry(1, false), []byte("secret"))
			err = s.Close()
		}
		if err == nil || len(r.messages()) > 0 {
			t.Errorf("%s: %v, %v", name, err, r.messages())
		}
	}
}

// Without TLS nothing leaves this machine.
func TestReceiverAddresses(t *testing.T) {
	for address, good := range map[string]bool{
		"tls://siem.example": true, "tls://siem.example:1": true, "tls://127.0.0.1:6514": true, "tls://[::1]:6514": true,
		"udp://127.0.0.1:514": true, "udp://[::1]:514": true, "unix:///dev/log": true,
		"udp://10.0.0.1:514": false, "udp://localhost:514": false, "udp://127.0.0.1": false, "tcp://127.0.0.1:514": false, "unix://relative": false,
		"tls://user@host": false, "tls:///path": false, "": false, "siem.example": false, "tls://h/?x=1": false,
	} {
		if _, err := auditexport.ParseReceiver(address, &tls.Config{}); (err == nil) != good {
			t.Errorf("%q: %v", address, err)
		}
	}
}

// Over datagrams each message is one.
func TestDatagrams(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	for address, l := range map[string]net.PacketConn{"unix://" + path: packets(t, "unixgram", path), "": packets(t, "udp", "127.0.0.1:0")} {
		if address == "" {
			address = "udp://" + l.LocalAddr().String()
		}
		s := open(t, address, nil)
		if err := s.Write(entry(1, false), []byte(`{"x":1}`)); err != nil {
			t.Fatal(err)
		}
		b := make([]byte, 1<<16)
		n, _, err := l.ReadFrom(b)
		if err != nil || !strings.HasSuffix(string(b[:n]), `- FHIR+AuditEvent - `+"\xEF\xBB\xBF"+`{"x":1}`) || b[0] != '<' {
			t.Errorf("%s: %q %v", address, b[:n], err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

func packets(t *testing.T, network, address string) net.PacketConn {
	t.Helper()
	l, err := net.ListenPacket(network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// The syslog server of Debian takes what is sent: each event is one line of its file, whole.
func TestRsyslog(t *testing.T) {
	daemon, err := exec.LookPath("rsyslogd")
	if _, missing := os.Stat("/usr/lib/" + debian() + "/rsyslog/lmnsd_ossl.so"); err != nil || missing != nil {
		t.Skip("rsyslogd with its OpenSSL driver is not here: apt-get install rsyslog rsyslog-openssl")
	}
	dir := t.TempDir()
	cert, pool := pair(t, "siem")
	file := func(name string, content []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	key, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	chain := file("cert.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Certificate[0]}))
	out, port := filepath.Join(dir, "events"), freePort(t)
	config := file("rsyslog.conf", fmt.Appendf(nil, `
global(workDirectory="%[1]s" maxMessageSize="64k" defaultNetstreamDriver="ossl" defaultNetstreamDriverCAFile="%[2]s"
  defaultNetstreamDriverCertFile="%[2]s" defaultNetstreamDriverKeyFile="%[3]s")
module(load="imtcp" StreamDriver.Name="ossl" StreamDriver.Mode="1" StreamDriver.AuthMode="anon")
template(name="whole" type="string" string="%%syslogpriority%%|%%timestamp:::date-rfc3339%%|%%hostname%%|%%app-name%%|%%msgid%%|%%msg%%\n")
ruleset(name="audit") { action(type="omfile" file="%[4]s" template="whole") }
input(type="imtcp" address="127.0.0.1" port="%[5]d" ruleset="audit")
`, dir, chain, file("key.pem", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})), out, port))
	said := &bytes.Buffer{}
	cmd := exec.Command(daemon, "-n", "-f", config, "-i", filepath.Join(dir, "pid"))
	cmd.Stdout, cmd.Stderr = said, said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	r, err := auditexport.ParseReceiver(fmt.Sprintf("tls://127.0.0.1:%d", port), &tls.Config{RootCAs: pool})
	if err != nil {
		t.Fatal(err)
	}
	sink := dial(t, r)
	events := []string{`{"resourceType":"AuditEvent","id":"audit-1"}`, `{"x":"` + strings.Repeat("long ", 3000) + `"}`, `{"x":"größer"}`}
	for _, e := range events {
		if err := sink.Write(entry(1, false), []byte(e)); err != nil {
			t.Fatal(err)
		}
	}
	if err := sink.Close(); err != nil {
		t.Fatal(err)
	}
	var got string
	for range 300 {
		b, _ := os.ReadFile(out)
		if got = string(b); strings.Count(got, "\n") == len(events) {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	for _, e := range events {
		if !strings.Contains(got, "|stanna|privatecloud|FHIR+AuditEvent|") || !strings.Contains(got, e+"\n") {
			t.Fatalf("%.80s is not in\n%.2000s", e, got)
		}
	}
}

func dial(t *testing.T, r auditexport.Receiver) auditexport.Sink {
	t.Helper()
	var err error
	for range 200 {
		var s auditexport.Sink
		if s, err = r.Open(context.Background(), "stanna", "privatecloud"); err == nil {
			return s
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal(err)
	return nil
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// debian is the folder of Debian's libraries for this machine.
func debian() string {
	matches, _ := filepath.Glob("/usr/lib/*-linux-gnu*/rsyslog")
	if len(matches) == 0 {
		return "none"
	}
	return filepath.Base(filepath.Dir(matches[0]))
}
