package httpclient_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"os/exec"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"medunion/api/httpclient"
)

// hostile are addresses that only the machine, its network or its cloud reaches, in every
// form that a resolver can give.
var hostile = map[string]string{
	"0.0.0.0": "this host", "0.1.2.3": "this network", "::": "this host", "127.0.0.1": "loopback", "127.255.255.254": "loopback", "::1": "loopback",
	"::ffff:127.0.0.1": "mapped loopback", "::127.0.0.1": "IPv4-compatible loopback", "64:ff9b::127.0.0.1": "NAT64 of loopback", "64:ff9b::7f00:1": "NAT64 of loopback",
	"169.254.169.254": "metadata", "::ffff:169.254.169.254": "mapped metadata", "64:ff9b::a9fe:a9fe": "NAT64 of metadata", "64:ff9b:1::a9fe:a9fe": "local NAT64 of metadata",
	"2002:a9fe:a9fe::1": "6to4 of metadata", "2002:7f00:1::": "6to4 of loopback", "fd00:ec2::254": "metadata", "fd20:ce::254": "metadata", "fd00:c1::a9fe:a9fe": "metadata", "100.100.100.200": "metadata", "168.63.129.16": "metadata",
	"169.254.0.1": "link", "fe80::1": "link", "fe80::1%eth0": "link", "2001:4860::1%eth0": "a zone", "fec0::1": "site", "10.0.0.1": "private", "172.16.0.1": "private", "172.31.255.255": "private",
	"192.168.1.1": "private", "::ffff:192.168.1.1": "mapped private", "64:ff9b::c0a8:101": "NAT64 of private", "fc00::1": "private", "fdff::1": "private",
	"100.64.0.1": "carrier", "192.0.0.1": "protocols", "192.0.2.1": "documents", "198.18.0.1": "benchmarks", "198.51.100.1": "documents", "203.0.113.1": "documents",
	"224.0.0.1": "a group", "239.255.255.250": "a group", "ff02::1": "a group", "240.0.0.1": "reserved", "255.255.255.255": "everybody",
	"2001::1": "Teredo", "2001:db8::1": "documents", "3fff::1": "documents", "100::1": "nowhere", "5f00::1": "segments", "4000::1": "not given out",
}

// What is not public is refused, in whatever form it comes; what is public is not.
func TestGuard(t *testing.T) {
	var g httpclient.Guard
	for text, what := range hostile {
		ip := netip.MustParseAddr(text)
		if g.Allows(ip) {
			t.Errorf("%s, %s, may be dialled", text, what)
		}
		if err := g.Control("tcp", netip.AddrPortFrom(ip, 443).String(), nil); !errors.Is(err, httpclient.ErrAddress) {
			t.Errorf("%s, %s: %v", text, what, err)
		}
	}
	for _, text := range []string{"1.1.1.1", "172.15.255.255", "172.32.0.1", "100.128.0.1", "223.255.255.255", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::1.1.1.1"} {
		if !g.Allows(netip.MustParseAddr(text)) {
			t.Errorf("%s may not be dialled", text)
		}
	}
	for _, bad := range []string{"", "emr.example:443", "1.1.1.1", "/var/run/docker.sock"} {
		if g.Control("tcp", bad, nil) == nil {
			t.Errorf("%q may be dialled", bad)
		}
	}
	if g.Control("unix", "1.1.1.1:443", nil) == nil || g.Control("udp", "1.1.1.1:443", nil) == nil {
		t.Error("other networks than TCP may be dialled")
	}
}

// A network that is allowed opens itself, and never what holds the credentials of machines;
// loopback is opened by its own word.
func TestGuardNetworks(t *testing.T) {
	g := must(httpclient.NewGuard([]string{"10.1.0.0/16", "fd12::/16", "169.254.0.0/16", "127.0.0.0/8", "fd20::/16", "fd00::/16"}, false))
	for text, want := range map[string]bool{"10.1.2.3": true, "::ffff:10.1.2.3": true, "64:ff9b::10.1.2.3": true, "10.2.0.1": false, "fd12::1": true, "fd13::1": false,
		"169.254.169.254": false, "127.0.0.1": false, "1.1.1.1": true, "fd20:ce::253": true, "fd20:ce::254": false,
		"fd00:c1::1": true, "fd00:c1::a9fe:a9fe": false, "fd00:ec2::254": false} {
		if g.Allows(netip.MustParseAddr(text)) != want {
			t.Errorf("%s: %v", text, !want)
		}
	}
	all := must(httpclient.NewGuard([]string{"0.0.0.0/0", "::/0"}, true))
	for text, want := range map[string]bool{"127.0.0.1": true, "::1": true, "192.168.0.1": true, "169.254.169.254": false, "64:ff9b::a9fe:a9fe": false,
		"fe80::1": false, "ff02::1": false, "0.0.0.0": false, "fd00:ec2::254": false, "::7f00:1": false} {
		if all.Allows(netip.MustParseAddr(text)) != want {
			t.Errorf("everything allowed, %s: %v", text, !want)
		}
	}
	for _, bad := range []string{"", "10.0.0.1", "10.0.0.0/33", "emr.example", "::ffff:10.0.0.0/104"} {
		if _, err := httpclient.NewGuard([]string{bad}, false); err == nil {
			t.Errorf("%q is a network", bad)
		}
	}
}

// rebinding answers each question for an address by the next of a list, as one who controls
// a name does who wants the check to see one address and the connection another.
type rebinding struct {
	answers []netip.Addr
	asked   atomic.Int64
}

func (r *rebinding) serve(t *testing.T) *net.Resolver {
	conn := must(net.ListenPacket("udp", "127.0.0.1:0"))
	t.Cleanup(func() { _ = conn.Close() })
	go func() {
		b := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFrom(b)
			if err != nil {
				return
			}
			if reply, err := r.answer(b[:n]); err == nil {
				_, _ = conn.WriteTo(reply, from)
			}
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
}

func (r *rebinding) answer(question []byte) ([]byte, error) {
	var m dnsmessage.Message
	if err := m.Unpack(question); err != nil {
		return nil, err
	}
	m.Response, m.Additionals = true, nil
	if q := m.Questions[0]; q.Type == dnsmessage.TypeA {
		ip := r.answers[min(int(r.asked.Add(1)), len(r.answers))-1]
		m.Answers = []dnsmessage.Resource{{Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class, TTL: 0}, Body: &dnsmessage.AResource{A: ip.As4()}}}
	}
	return m.Pack()
}

// A name that is resolved to a public address when somebody looks, and to loopback when it
// is dialled, reaches nothing: the address that is connected to is the one that is checked.
func TestRebinding(t *testing.T) {
	reached := false
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true }))
	defer s.Close()
	_, port, _ := net.SplitHostPort(s.Listener.Addr().String())
	dns := &rebinding{answers: []netip.Addr{netip.MustParseAddr("1.1.1.1"), netip.MustParseAddr("127.0.0.1")}}
	old := net.DefaultResolver
	net.DefaultResolver = dns.serve(t)
	defer func() { net.DefaultResolver = old }()

	seen := must(net.DefaultResolver.LookupNetIP(t.Context(), "ip4", "emr.example"))
	var g httpclient.Guard
	if len(seen) != 1 || !g.Allows(seen[0]) {
		t.Fatalf("the first answer is %v", seen)
	}
	c := httpclient.New(httpclient.Secure{Guard: &g}.Transport(), time.Minute)
	if _, err := c.Get("http://emr.example:" + port); !errors.Is(err, httpclient.ErrAddress) || reached {
		t.Errorf("%v, reached %v after %d answers", err, reached, dns.asked.Load())
	}
	// The guard is what stopped it: with loopback allowed, the same name arrives.
	c = httpclient.New(httpclient.Secure{Guard: &httpclient.Guard{Loopback: true}}.Transport(), time.Minute)
	if resp, err := c.Get("http://emr.example:" + port); err != nil || !reached {
		t.Errorf("%v, reached %v", err, reached)
	} else {
		_ = resp.Body.Close()
	}
}

// A guarded client uses no proxy of the environment, which would resolve the name; one that
// reaches others by its proxy only may, wherever the proxy is, and dials nothing else
// unguarded. The environment is read once in a process: the test runs itself anew.
func TestProxies(t *testing.T) {
	if os.Getenv("TEST_PROXIED") != "" {
		proxied(t)
		return
	}
	asked := make(chan string, 10)
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { asked <- r.Host }))
	defer s.Close()
	c := exec.Command(os.Args[0], "-test.run=^TestProxies$", "-test.v")
	c.Env = append(os.Environ(), "TEST_PROXIED=yes", "HTTP_PROXY="+s.URL, "NO_PROXY=192.168.0.1")
	if out, err := c.CombinedOutput(); err != nil || !bytes.Contains(out, []byte("--- PASS: TestProxies")) {
		t.Fatalf("%v\n%s", err, out)
	}
	if len(asked) != 1 || <-asked != "emr.example" {
		t.Errorf("the proxy was asked %d more times", len(asked))
	}
}

func proxied(t *testing.T) {
	for _, c := range []struct {
		name   string
		secure httpclient.Secure
		url    string
		fine   bool
	}{
		{"guarded, through the proxy", httpclient.Secure{Guard: &httpclient.Guard{}, Proxied: true}, "http://emr.example", true},
		{"guarded, beside the proxy", httpclient.Secure{Guard: &httpclient.Guard{}, Proxied: true}, "http://192.168.0.1", false},
		{"guarded", httpclient.Secure{Guard: &httpclient.Guard{}}, "http://10.0.0.1", false},
	} {
		resp, err := httpclient.New(c.secure.Transport(), time.Minute).Get(c.url)
		if err == nil {
			_ = resp.Body.Close()
		}
		if (err == nil) != c.fine || !c.fine && !errors.Is(err, httpclient.ErrAddress) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	if (httpclient.Secure{Direct: true}).Transport().(*http.Transport).Proxy != nil {
		t.Error("a direct client has a proxy")
	}
}
