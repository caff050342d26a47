package config

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"medunion/api/certs/certtest"
	"medunion/api/httpclient"
	"medunion/api/httpserver"
	"medunion/deploy/local/embedmongo"
	"medunion/deploy/local/embedredis"
	publiccloud "medunion/publiccloud/server"
)

// balanced is a public cloud behind the shipped haproxy.cfg, with one listed peer.
type balanced struct {
	balancer, own string // host:port
	roots         *x509.CertPool
	peer          tls.Certificate
	operations    string // URL
}

// startBalanced lets everybody have a few challenges a minute.
func startBalanced(t *testing.T) *balanced {
	t.Helper()
	dir := site(t)
	at := func(name string) string { return filepath.Join(dir, name) }
	server, peer := certtest.New(t, dir, "server"), certtest.New(t, dir, "peer")
	list := `{"peers":[{"name":"st-anna","pins":["` + peer.Pin() + `"],"operations":["search"]}]}`
	if err := os.WriteFile(at("peers.json"), []byte(list), 0o600); err != nil {
		t.Fatal(err)
	}
	mongo := must(embedmongo.Start(embedmongo.Options{Dir: at("mongo")}))(t)
	t.Cleanup(func() { _ = mongo.Close() })
	redis := must(embedredis.Start(embedredis.Options{}))(t)
	t.Cleanup(func() { _ = redis.Close() })
	i := must(publiccloud.Start(context.WithoutCancel(t.Context()), publiccloud.Config{Dev: true, Listen: "127.0.0.1:0", Keys: at("keys"), InitKeys: true, PassphraseFile: at("passphrase"),
		MongoURI: mongo.URI(), RedisAddrs: []string{redis.Addr()}, Authority: "Medical Board", AuthorityFile: at("authority.jwks"), Operators: "operators", OperatorsFile: at("operators.jwks"),
		TLS: httpserver.TLS{Cert: server.Cert, Key: server.Key}, Peering: httpserver.Peering{File: at("peers.json")},
		Edge:   httpserver.Edge{RateScale: 4. / 240, ProxyProtocolFrom: []string{"127.0.0.1"}, OperationsListen: "127.0.0.1:0"},
		Logger: slog.New(slog.DiscardHandler)}))(t)
	t.Cleanup(func() { _ = i.Close() })
	own := strings.TrimPrefix(i.URL(), "https://")
	return &balanced{balancer: balancer(t, own)["PUBLICCLOUD"], own: own, roots: server.Roots(), peer: must(tls.LoadX509KeyPair(peer.Cert, peer.Key))(t), operations: i.OperationsURL()}
}

// client calls from an address of this machine; what it says first stands before TLS.
func (b *balanced) client(t *testing.T, from, first string, certificates ...tls.Certificate) *http.Client {
	transport := httpclient.Transport()
	transport.TLSClientConfig.RootCAs, transport.TLSClientConfig.Certificates = b.roots, certificates
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}, Timeout: 20 * time.Second}
	transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := d.DialContext(ctx, network, address)
		if err == nil {
			_, err = io.WriteString(conn, first)
		}
		return conn, err
	}
	t.Cleanup(transport.CloseIdleConnections)
	return httpclient.New(transport, 20*time.Second)
}

// post returns the status, 0 if there is none.
func post(t *testing.T, c *http.Client, url, body string) int {
	t.Helper()
	resp, err := c.Post(url, "application/json", strings.NewReader(body))
	if err != nil {
		return 0
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode
}

// Behind the shipped balancer each client has a rate of its own: who has used his up gets
// 429, and others are served meanwhile. A peer still proves itself by its certificate.
func TestRatesBehindTheBalancer(t *testing.T) {
	b := startBalanced(t)
	challenges := "https://" + b.balancer + "/v1/registrations/challenges"
	first, second := b.client(t, "127.0.0.2", ""), b.client(t, "127.0.0.3", "")
	for end := time.Now().Add(30 * time.Second); post(t, first, challenges, "") == 0; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the balancer serves nobody")
		}
	}
	served := 0
	for post(t, first, challenges, "") == http.StatusOK {
		if served++; served > 100 {
			t.Fatal("a client behind the balancer has no rate")
		}
	}
	if got := post(t, first, challenges, ""); got != http.StatusTooManyRequests {
		t.Errorf("a client beyond its rate: %d", got)
	}
	if got := post(t, second, challenges, ""); got != http.StatusOK {
		t.Errorf("another client: %d", got)
	}
	search := "https://" + b.balancer + "/v1/searches"
	if got := post(t, b.client(t, "127.0.0.4", "", b.peer), search, `{}`); got != http.StatusBadRequest {
		t.Errorf("a listed peer: %d", got)
	}
	if got := post(t, b.client(t, "127.0.0.4", ""), search, `{}`); got != http.StatusForbidden {
		t.Errorf("no peer: %d", got)
	}
}

// Past the balancer, straight to the service: a stranger's header is refused, also one that
// says the truth; a stranger without one is served as himself; and the balancer's own
// address is served nothing without one.
func TestHeadersOfStrangers(t *testing.T) {
	b := startBalanced(t)
	challenges := "https://" + b.own + "/v1/registrations/challenges"
	const ofFirst = "\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c\x7f\x00\x00\x02\x7f\x00\x00\x01\xd4\x31\x01\xbb"
	const ofHimself = "\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c\x7f\x00\x00\x05\x7f\x00\x00\x01\xd4\x31\x01\xbb"
	for _, c := range []struct {
		name, from, header string
		want               int
	}{{"a stranger", "127.0.0.5", "", 200}, {"another's address", "127.0.0.5", ofFirst, 0}, {"his own", "127.0.0.5", ofHimself, 0},
		{"of version 1", "127.0.0.5", "PROXY TCP4 127.0.0.2 127.0.0.1 5 443\r\n", 0}, {"the balancer", "127.0.0.1", ofFirst, 200}, {"the balancer, without", "127.0.0.1", "", 0}} {
		if got := post(t, b.client(t, c.from, c.header), challenges, ""); got != c.want {
			t.Errorf("%s: %d, not %d", c.name, got, c.want)
		}
	}
	resp := must(b.client(t, "127.0.0.1", "").Get(b.operations + "/metrics"))(t)
	defer resp.Body.Close()
	text := string(must(io.ReadAll(resp.Body))(t))
	if want := `medunion_proxy_header_refusals_total{reason="absent"} 1`; !strings.Contains(text, want) {
		t.Errorf("no metric %s", want)
	}
}
