package httpserver_test

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"medunion/api/httpclient"
	"medunion/api/httpserver"
)

// The balancer of these tests, somebody else, and whom a header names.
const (
	balancerIP = "127.0.0.2"
	strangerIP = "127.0.0.3"
	clientIP   = "198.51.100.7"
)

const signature = "\r\n\r\n\x00\r\nQUIT\n"

// head is a header of the PROXY protocol: the byte of version and command, that of family
// and transport, the length that it claims, and what follows (section 2.2).
func head(command, family byte, length int, rest string) string {
	return string(binary.BigEndian.AppendUint16([]byte{command, family}, uint16(length))) + rest
}

// of is a whole header of version 2 for a client, with more behind the addresses.
func of(client, more string) string {
	ip, family := netip.MustParseAddr(client), byte(0x21)
	if ip.Is4() {
		family = 0x11
	}
	block := string(ip.AsSlice()) + string(ip.AsSlice()) + "\xd4\x31\x01\xbb" + more
	return signature + head(0x21, family, len(block), block)
}

// balancedSite serves behind the balancer; its answer is the address of the caller.
func balancedSite(t *testing.T, edge httpserver.Edge, serve httpserver.ServeOptions) *site {
	t.Helper()
	if edge.ProxyProtocolFrom == nil {
		edge.ProxyProtocolFrom = []string{balancerIP}
	}
	operations := httpserver.NewOperations()
	edge.Docs = "off"
	serve.Balancers = operations.Balancers(edge)
	return startWith(t, httpserver.Options{Operations: operations, Edge: edge.At(false, "127.0.0.1:0")}, serve, func(e *echo.Echo) {
		e.GET("/who", func(c echo.Context) error { return c.String(200, c.RealIP()) })
		e.GET("/count", func(c echo.Context) error { return c.String(200, refusals(t, operations)) })
	})
}

// refusals are the values of the metric: absent, malformed.
func refusals(t *testing.T, o *httpserver.Operations) string {
	t.Helper()
	families, err := o.Registry.Gather()
	if err != nil {
		t.Error(err)
	}
	var out []string
	for _, f := range families {
		if f.GetName() != "medunion_proxy_header_refusals_total" {
			continue
		}
		for _, m := range f.GetMetric() {
			out = append(out, fmt.Sprintf("%s=%v", m.GetLabel()[0].GetValue(), m.GetCounter().GetValue()))
		}
	}
	return strings.Join(out, " ")
}

// from connects from an address of this machine.
func (s *site) from(t testing.TB, ip string) net.Conn {
	t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(ip)}, Timeout: 20 * time.Second}
	conn, err := d.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	return conn
}

const who = "GET /who HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"

// says sends the parts one after the other, and returns all that is answered.
func says(conn net.Conn, parts ...string) string {
	for _, p := range parts {
		if _, err := io.WriteString(conn, p); err != nil {
			break // it may be closed already: the answer says so
		}
		time.Sleep(time.Millisecond)
	}
	b, _ := io.ReadAll(conn)
	return string(b)
}

func drip(text string) []string { return strings.Split(text, "") }

// A balancer's header names the client, in each form of the protocol that has one for TCP;
// LOCAL names nobody, whatever it says. What comes with the header is the client's.
func TestBalancersNameTheirClients(t *testing.T) {
	s := balancedSite(t, httpserver.Edge{}, httpserver.ServeOptions{})
	for name, c := range map[string]struct {
		sent []string
		want string
	}{
		"IPv4":                       {[]string{of(clientIP, ""), who}, clientIP},
		"in one piece":               {[]string{of(clientIP, "") + who}, clientIP},
		"in many":                    {append(drip(of(clientIP, "")), who), clientIP},
		"IPv6":                       {[]string{of("2001:db8::7", "") + who}, "2001:db8::7"},
		"IPv4 in IPv6":               {[]string{of("::ffff:198.51.100.7", "") + who}, clientIP},
		"with TLVs":                  {[]string{of(clientIP, "\x02\x00\x01h\x03\x00\x04abcd") + who}, clientIP},
		"with TLVs of no sense":      {[]string{of(clientIP, strings.Repeat("\xff", 2000)) + who}, clientIP},
		"a check of its own":         {[]string{signature + head(0x20, 0, 0, "") + who}, balancerIP},
		"a check that names someone": {[]string{strings.Replace(of(clientIP, ""), "\x21\x11", "\x20\x11", 1) + who}, balancerIP},
		"a check, socket":            {[]string{signature + head(0x20, 0x31, 216, strings.Repeat("x", 216)) + who}, balancerIP},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := says(s.from(t, balancerIP), c.sent...); !strings.HasPrefix(got, "HTTP/1.1 200") || !strings.HasSuffix(got, "\r\n\r\n"+c.want) {
				t.Errorf("%.300q", got)
			}
		})
	}
}

// What is no header in whole and in time, from a balancer, is closed without a byte and
// counted, and the log names nobody.
func TestBalancersMustSayWhose(t *testing.T) {
	socket := strings.Repeat("x", 216)
	for name, c := range map[string]struct {
		sent   []string
		reason string
	}{
		"nothing":                 {nil, "absent"},
		"a request":               {[]string{who}, "absent"},
		"a TLS handshake":         {[]string{"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"}, "absent"},
		"half the signature":      {[]string{signature[:7]}, "absent"},
		"another one":             {[]string{signature[:11] + "X" + of(clientIP, "")[12:] + who}, "absent"},
		"half a header":           {[]string{of(clientIP, "")[:20]}, "absent"},
		"all but the TLVs":        {[]string{signature + head(0x21, 0x11, 100, of(clientIP, "")[16:])}, "absent"},
		"slowly, and not all":     {drip(of(clientIP, "")[:27]), "absent"},
		"of version 1":            {[]string{"PROXY TCP4 198.51.100.7 198.51.100.8 5 443\r\n" + who}, "malformed"},
		"of version 1, unknown":   {[]string{"PROXY UNKNOWN\r\n" + who}, "malformed"},
		"of version 3":            {[]string{signature + head(0x31, 0x11, 12, of(clientIP, "")[16:]) + who}, "malformed"},
		"another command":         {[]string{signature + head(0x22, 0x11, 12, of(clientIP, "")[16:]) + who}, "malformed"},
		"of an unknown family":    {[]string{signature + head(0x21, 0x00, 0, "") + who}, "malformed"},
		"of no known family":      {[]string{signature + head(0x21, 0x41, 12, of(clientIP, "")[16:]) + who}, "malformed"},
		"of no known transport":   {[]string{signature + head(0x21, 0x13, 12, of(clientIP, "")[16:]) + who}, "malformed"},
		"of a socket":             {[]string{signature + head(0x21, 0x31, 216, socket) + who}, "malformed"},
		"of UDP":                  {[]string{signature + head(0x21, 0x12, 12, of(clientIP, "")[16:]) + who}, "malformed"},
		"too short for addresses": {[]string{signature + head(0x21, 0x11, 11, of(clientIP, "")[16:]) + who}, "malformed"},
		"IPv6 as long as IPv4":    {[]string{signature + head(0x21, 0x21, 12, of(clientIP, "")[16:]) + who}, "malformed"},
		"longer than 4096":        {[]string{of(clientIP, strings.Repeat("\x04", 4085)) + who}, "malformed"},
		"as long as can be":       {[]string{signature + head(0x21, 0x11, 0xffff, "")}, "malformed"},
		"a check, that long":      {[]string{signature + head(0x20, 0x00, 0xffff, "")}, "malformed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wait := map[string]time.Duration{"absent": 500 * time.Millisecond}[c.reason] // what is wrong need not be waited for
			s := balancedSite(t, httpserver.Edge{}, httpserver.ServeOptions{HeaderTimeout: wait})
			conn := s.from(t, balancerIP)
			if got := says(conn, c.sent...); got != "" {
				t.Fatalf("it is answered: %.300q", got)
			}
			want := map[string]string{"absent": "absent=1 malformed=0", "malformed": "absent=0 malformed=1"}[c.reason]
			if got := s.do(t, "GET", "/count", "").body; got != want {
				t.Errorf("counted: %s, not %s", got, want)
			}
			log := s.log.wait(t, `"header":"`+c.reason+`"`)
			if strings.Contains(log, "127.0.0.") || strings.Contains(log, clientIP) || strings.Contains(log, `"/who"`) {
				t.Errorf("the log:\n%s", log)
			}
		})
	}
}

// One byte now and then does not extend the time for a header.
func TestAHeaderDoesNotDrip(t *testing.T) {
	t.Parallel()
	s := balancedSite(t, httpserver.Edge{}, httpserver.ServeOptions{HeaderTimeout: 500 * time.Millisecond})
	conn := s.from(t, balancerIP)
	go func() {
		text := of(clientIP, strings.Repeat("\x04", 4000))
		for i := range text {
			if _, err := io.WriteString(conn, text[i:i+1]); err != nil {
				return
			}
			time.Sleep(10 * time.Millisecond) // 40 s for all
		}
	}()
	if b, err := io.ReadAll(conn); len(b) > 0 || err != nil && strings.Contains(err.Error(), "timeout") {
		t.Errorf("%q, %v", b, err)
	}
	s.log.wait(t, `"header":"absent"`)
}

// A connection from elsewhere is its own, and what looks like a header from there is a bad
// request, to whomever it says that it belongs; nothing of it is counted as a balancer's.
func TestStrangersClaimNoAddress(t *testing.T) {
	t.Parallel()
	s := balancedSite(t, httpserver.Edge{ProxyProtocolFrom: []string{balancerIP, "127.0.1.0/24", "::1"}}, httpserver.ServeOptions{})
	for ip, want := range map[string]string{strangerIP: strangerIP, "127.0.2.1": "127.0.2.1"} {
		if got := says(s.from(t, ip), who); !strings.HasSuffix(got, "\r\n\r\n"+want) {
			t.Errorf("%s is served as %.300q", ip, got)
		}
		for _, forged := range []string{of(clientIP, ""), "PROXY TCP4 198.51.100.7 198.51.100.8 5 443\r\n"} {
			if got := says(s.from(t, ip), forged+who); strings.Contains(got, "200 OK") || strings.Contains(got, clientIP) {
				t.Errorf("%s may claim: %.300q", ip, got)
			}
		}
	}
	if got := says(s.from(t, "127.0.1.200"), of(clientIP, "")+who); !strings.HasSuffix(got, clientIP) {
		t.Errorf("a balancer of a network: %.300q", got)
	}
	if got := s.do(t, "GET", "/count", "").body; got != "absent=0 malformed=0" {
		t.Errorf("counted: %s", got)
	}
}

// Whoever connects and waits holds up nobody: were a header awaited before the next
// connection is taken, the last one here would wait a minute.
func TestSilentBalancersHoldUpNobody(t *testing.T) {
	t.Parallel()
	s := balancedSite(t, httpserver.Edge{}, httpserver.ServeOptions{})
	for range 20 {
		s.from(t, balancerIP)
	}
	if got := says(s.from(t, balancerIP), of(clientIP, "")+who); !strings.HasSuffix(got, clientIP) {
		t.Errorf("%.300q", got)
	}
}

// The header stands before the TLS handshake; HTTP/2 and several requests on one connection
// are as without it. A stranger's header ends the handshake.
func TestBalancersPassTLSThrough(t *testing.T) {
	t.Parallel()
	certificate, roots := selfSigned(t)
	s := balancedSite(t, httpserver.Edge{}, httpserver.ServeOptions{TLS: &tls.Config{Certificates: []tls.Certificate{certificate}}})
	get := func(ip, header string, http2 bool) (string, error) {
		transport := httpclient.Transport()
		transport.TLSClientConfig.RootCAs, transport.ForceAttemptHTTP2 = roots, http2
		dials := 0
		transport.DialContext = func(context.Context, string, string) (net.Conn, error) {
			dials++
			conn := s.from(t, ip)
			_, err := io.WriteString(conn, header)
			return conn, err
		}
		defer transport.CloseIdleConnections()
		client, last := httpclient.New(transport, 20*time.Second), ""
		for range 3 {
			resp, err := client.Get("https://" + s.addr + "/who")
			if err != nil {
				return "", err
			}
			b, err := io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			if err != nil {
				return "", err
			}
			last = fmt.Sprintf("%s %d %d", b, resp.ProtoMajor, dials)
		}
		return last, nil
	}
	for _, c := range []struct {
		ip, header string
		http2      bool
		want       string
	}{{balancerIP, of(clientIP, ""), true, clientIP + " 2 1"}, {balancerIP, of("2001:db8::7", "tlv"), false, "2001:db8::7 1 1"},
		{strangerIP, "", true, strangerIP + " 2 1"}, {strangerIP, of(clientIP, ""), true, ""}, {balancerIP, "", true, ""}} {
		if got, err := get(c.ip, c.header, c.http2); got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("from %s with %.20q: %q, %v", c.ip, c.header, got, err)
		}
	}
}

// Rates count each client of a balancer, also where the balancer or one before it ends TLS.
func TestRatesOfABalancersClients(t *testing.T) {
	t.Parallel()
	edge := httpserver.Edge{ProxyProtocolFrom: []string{balancerIP}, Docs: "off"}.At(true, "127.0.0.1:0")
	operations := httpserver.NewOperations()
	s := startWith(t, httpserver.Options{Spec: traitsSpec(t, traits), Edge: edge, Operations: operations, Authenticate: func(echo.Context, string, []string) error { return nil }},
		httpserver.ServeOptions{Balancers: operations.Balancers(edge)}, func(e *echo.Echo) {
			e.POST("/v1/code", func(c echo.Context) error { return c.JSON(http.StatusOK, map[string]int{"list": 1}) })
		})
	const post = "POST /v1/code HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
	for i, c := range []struct {
		client string
		want   int
	}{{clientIP, 200}, {clientIP, 200}, {clientIP, 429}, {"198.51.100.8", 200}, {"2001:db8::1", 200}, {"2001:db8::2", 200}, {"2001:db8::3", 429}, {"2001:db8:0:1::1", 200}} {
		if got := says(s.from(t, balancerIP), of(c.client, "")+post); !strings.HasPrefix(got, fmt.Sprintf("HTTP/1.1 %d ", c.want)) {
			t.Errorf("%d: %s: %.200q", i, c.client, got)
		}
	}
}

// X-Forwarded-For is believed if the connection's client, by its header, is a named proxy:
// it is not the balancer's word.
func TestForwardedBehindABalancer(t *testing.T) {
	t.Parallel()
	s := balancedSite(t, httpserver.Edge{Proxies: []string{"192.0.2.9", balancerIP}}, httpserver.ServeOptions{})
	forwarded := strings.Replace(who, "Host: h\r\n", "Host: h\r\nX-Forwarded-For: 203.0.113.5\r\n", 1)
	for client, want := range map[string]string{"192.0.2.9": "203.0.113.5", clientIP: clientIP} {
		if got := says(s.from(t, balancerIP), of(client, "")+forwarded); !strings.HasSuffix(got, "\r\n\r\n"+want) {
			t.Errorf("%s: %.300q", client, got)
		}
	}
}

// A named balancer is a proxy in front: what is for this machine alone is not served there.
func TestBalancedIsNotLocal(t *testing.T) {
	t.Parallel()
	s := balancedSite(t, httpserver.Edge{}, httpserver.ServeOptions{})
	if a := s.do(t, "GET", "/metrics", ""); a.status != 404 {
		t.Errorf("metrics: %d", a.status)
	}
}

// A list that names no network, or all of them, serves nothing.
func TestBalancersThatAreNone(t *testing.T) {
	for text, want := range map[string]string{"balancer.example": "no address and no network", "10.0.0.0/33": "no address and no network",
		"0.0.0.0/0": "everybody", "::/0": "everybody", "10.0.0.0/8": "", "fd00::1": ""} {
		edge := httpserver.Edge{ProxyProtocolFrom: []string{"192.0.2.1", text}}
		said := ""
		edge.Check(func(setting string, err error) {
			if err != nil {
				said = setting + ": " + err.Error()
			}
		})
		if (said == "") != (want == "") || !strings.Contains(said, want) {
			t.Errorf("%s: %s", text, said)
		}
		l, _ := net.Listen("tcp", "127.0.0.1:0")
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		err := httpserver.Serve(ctx, l, http.NotFoundHandler(), httpserver.ServeOptions{Balancers: httpserver.NewOperations().Balancers(edge)})
		_, created := httpserver.New(httpserver.Options{Service: "x", Logger: (&logbook{}).logger(), Edge: edge})
		if (err == nil) != (want == "") || (created == nil) != (want == "") {
			t.Errorf("%s is served: %v, %v", text, err, created)
		}
	}
	if httpserver.NewOperations().Balancers(httpserver.Edge{}) != nil {
		t.Error("no balancer is one")
	}
}
