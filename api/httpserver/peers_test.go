package httpserver_test

import (
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"

	"medunion/api/certs"
	"medunion/api/certs/certtest"
	"medunion/api/httpserver"
)

const peered = `
openapi: 3.1.0
info: {title: Test, version: "1"}
paths:
  /v1/open:
    post: {operationId: open, responses: &answers {"204": {description: done}}}
  /v1/none:
    post: {operationId: none, x-peer: none, responses: *answers}
  /v1/write:
    post: {operationId: write, x-peer: required, responses: *answers}
  /v1/other:
    post: {operationId: other, x-peer: required, responses: *answers}
  /v1/registrations:
    post: {operationId: register, x-peer: token, responses: *answers}
`

// union is a server with a list of peers, and certificates to call it with.
type union struct {
	t     *testing.T
	dir   string
	peers *httpserver.Peers
	own   *certtest.Pair
	site  *site

	registry *prometheus.Registry
}

// list writes the file of peers.
func (u *union) list(peers ...httpserver.Peer) {
	u.t.Helper()
	b, err := json.Marshal(map[string]any{"peers": append([]httpserver.Peer{}, peers...)})
	if err == nil {
		err = certtest.Replace(u.file(), b)
	}
	if err != nil {
		u.t.Fatal(err)
	}
}

func (u *union) file() string { return filepath.Join(u.dir, "peers.json") }

func (u *union) reload() (bool, error) { return u.peers.Reload() }

func entry(name string, p *certtest.Pair, operations ...string) httpserver.Peer {
	return httpserver.Peer{Name: name, Pins: []string{p.Pin()}, Operations: operations}
}

// newUnion serves with the peers given, over TLS or, for a proxy, without.
func newUnion(t *testing.T, edge httpserver.Edge, overTLS bool, peers ...httpserver.Peer) *union {
	t.Helper()
	operations := httpserver.NewOperations()
	u := &union{t: t, dir: t.TempDir(), registry: operations.Registry}
	u.own = certtest.New(t, u.dir, "own")
	u.list(peers...)
	spec := httpserver.TLS{Behind: true}
	if overTLS {
		spec = httpserver.TLS{Cert: u.own.Cert, Key: u.own.Key}
	}
	var log logbook
	var err error
	if u.peers, err = (httpserver.Peering{File: u.file()}).Load(log.logger(), spec, edge, "0.0.0.0:0"); err != nil {
		t.Fatal(err)
	}
	c := must(spec.Load("0.0.0.0:0"))
	u.site = startWith(t, httpserver.Options{Spec: traitsSpec(t, peered), Edge: edge, Peers: u.peers, Operations: operations}, httpserver.ServeOptions{TLS: u.peers.Ask(c.Config())}, func(e *echo.Echo) {
		for _, path := range []string{"open", "none", "write", "other", "registrations"} {
			e.POST("/v1/"+path, func(c echo.Context) error { return c.NoContent(http.StatusNoContent) })
		}
	})
	if overTLS {
		u.site.url = "https://" + u.site.addr
	}
	return u
}

// client shows a certificate, or none, on each connection.
func (u *union) client(p *certtest.Pair) *http.Client {
	c := &tls.Config{RootCAs: u.own.Roots()}
	if p != nil {
		pair := must(certs.LoadPair(p.Cert, p.Key))
		c.GetClientCertificate = pair.Shown
	}
	return &http.Client{Transport: &http.Transport{TLSClientConfig: c}}
}

// post returns the status of a request, 0 where the connection was refused.
func (u *union) post(c *http.Client, path string, header ...string) int {
	u.t.Helper()
	r := must(http.NewRequestWithContext(u.t.Context(), http.MethodPost, u.site.url+"/v1/"+path, nil))
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	resp, err := c.Do(r)
	if err != nil {
		return 0
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode
}

// A listed peer calls what stands beside its name and nothing else; who has no certificate,
// or one that is not listed, calls what is open.
func TestPeers(t *testing.T) {
	dir := t.TempDir()
	anna, other, stranger := certtest.New(t, dir, "anna"), certtest.New(t, dir, "other"), certtest.New(t, dir, "stranger")
	u := newUnion(t, httpserver.Edge{}, true, entry("st-anna", anna, "write", "register"), entry("other", other, "other"))
	token := []string{"Authorization", "Bearer x"}
	for _, c := range []struct {
		name string
		as   *certtest.Pair
		path string
		head []string
		want int
	}{
		{"a listed peer", anna, "write", nil, 204},
		{"a listed peer, elsewhere", anna, "other", nil, 403},
		{"another listed peer", other, "other", nil, 204},
		{"another listed peer, elsewhere", other, "write", nil, 403},
		{"no certificate", nil, "write", nil, 403},
		{"an unlisted certificate", stranger, "write", nil, 403},
		{"no certificate where all may", nil, "open", nil, 204},
		{"an unlisted certificate where all may", stranger, "none", nil, 204},
		{"no token and no certificate", nil, "registrations", nil, 204},
		{"a token without a certificate", nil, "registrations", token, 403},
		{"a token of an unlisted peer", stranger, "registrations", token, 403},
		{"a token of a peer for something else", other, "registrations", token, 403},
		{"a token of a listed peer", anna, "registrations", token, 204},
		{"a certificate in a header", nil, "write", []string{"Client-Cert", header(anna)}, 403},
	} {
		if got := u.post(u.client(c.as), c.path, c.head...); got != c.want {
			t.Errorf("%s: %d, not %d", c.name, got, c.want)
		}
	}
	// The operator reads who it was; the caller reads nothing of it.
	u.site.log.wait(t, `peer \"st-anna\": the peer may not call this operation`)
	u.site.log.wait(t, "the certificate is of no listed peer")
	counted := map[string]float64{}
	for _, family := range must(u.registry.Gather()) {
		for _, m := range family.GetMetric() {
			for _, l := range m.GetLabel() {
				if l.GetName() == "reason" {
					counted[l.GetValue()] = m.GetCounter().GetValue()
				}
			}
		}
	}
	if counted["none"] != 3 || counted["operation"] != 3 || counted["unlisted"] != 2 || counted["expired"] != 0 {
		t.Errorf("counted: %v", counted)
	}
}

// A peer whose certificate ends is out, at the handshake and on a connection that is open;
// one that has renewed it over the same key is in again.
func TestPeerExpires(t *testing.T) {
	anna := certtest.New(t, t.TempDir(), "anna")
	u := newUnion(t, httpserver.Edge{}, true, entry("st-anna", anna, "write"))
	anna.Renew(time.Now().Add(-time.Hour), time.Now().Add(5*time.Second))
	kept := u.client(anna)
	if got := u.post(kept, "write"); got != 204 {
		t.Fatalf("a peer: %d", got)
	}
	for end := time.Now().Add(20 * time.Second); u.post(kept, "write") != 403; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("an open connection outlives its certificate")
		}
	}
	if got := u.post(u.client(anna), "write"); got != 0 {
		t.Errorf("a new connection with an expired certificate: %d", got)
	}
	anna.Renew(time.Now().Add(time.Hour), time.Now().Add(2*time.Hour))
	if got := u.post(u.client(anna), "open"); got != 0 {
		t.Errorf("a certificate of tomorrow: %d", got)
	}
	anna.Renew(time.Now().Add(-time.Hour), time.Now().Add(time.Hour))
	if got := u.post(u.client(anna), "write"); got != 204 {
		t.Errorf("a renewed certificate: %d", got)
	}
}

// The list is exchanged under open connections: who leaves it is out at the next request,
// a second pin carries a peer over to its next key, and a file that is no list changes nothing.
func TestPeersReload(t *testing.T) {
	anna := certtest.New(t, t.TempDir(), "anna")
	next := certtest.New(t, t.TempDir(), "anna")
	u := newUnion(t, httpserver.Edge{}, true, entry("st-anna", anna, "write"))
	kept, rotated := u.client(anna), u.client(next)
	expect := func(what string, c *http.Client, want int) {
		t.Helper()
		if got := u.post(c, "write"); got != want {
			t.Errorf("%s: %d, not %d", what, got, want)
		}
	}
	expect("the first key", kept, 204)
	expect("the next key, too early", rotated, 403)
	both := entry("st-anna", anna, "write")
	both.Pins = append(both.Pins, next.Pin())
	u.list(both)
	if changed, err := u.reload(); !changed || err != nil {
		t.Fatal(changed, err)
	}
	expect("the first key during the rotation", kept, 204)
	expect("the next key", rotated, 204)
	for name, text := range badLists(anna) {
		if err := os.WriteFile(u.file(), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		before := u.peers.Failures()
		if changed, err := u.reload(); changed || err == nil || u.peers.Failures() != before+1 {
			t.Errorf("%s: changed %v, %v", name, changed, err)
		}
	}
	expect("under a bad list", rotated, 204)
	u.list(entry("st-anna", next, "write"))
	if changed, err := u.reload(); !changed || err != nil {
		t.Fatal(changed, err)
	}
	expect("the first key after the rotation", kept, 403)
	expect("the next key after the rotation", rotated, 204)
	u.list()
	if changed, err := u.reload(); !changed || err != nil {
		t.Fatal(changed, err)
	}
	expect("an empty list", rotated, 403)
}

// The gauge is 1 for as long as a file holds what could not be taken, be it of the
// certificate or of the peers, and 0 as soon as none does.
func TestReloadFailed(t *testing.T) {
	anna := certtest.New(t, t.TempDir(), "anna")
	u := newUnion(t, httpserver.Edge{}, true, entry("st-anna", anna, "write"))
	shown := must(certs.LoadPair(anna.Cert, anna.Key))
	registry := prometheus.NewRegistry()
	registry.MustRegister(must(httpserver.TLS{Cert: u.own.Cert, Key: u.own.Key}.Load()).Reloads(u.peers, shown))
	expect := func(what string, want float64) {
		t.Helper()
		for range 2 { // it stays so
			_, _ = u.reload()
			_, _ = shown.Reload()
			if got := value(t, registry, "medunion_reload_failed"); got != want {
				t.Errorf("%s: %v", what, got)
			}
		}
	}
	expect("all is well", 0)
	good := must(os.ReadFile(u.file()))
	replace := func(path string, b []byte) {
		t.Helper()
		if err := certtest.Replace(path, b); err != nil {
			t.Fatal(err)
		}
	}
	replace(u.file(), nil)
	expect("no list", 1)
	replace(u.file(), good)
	expect("the list again", 0)
	good = must(os.ReadFile(anna.Cert))
	replace(anna.Cert, nil)
	expect("no certificate", 1)
	replace(anna.Cert, good)
	expect("the certificate again", 0)
}

// value is that of a metric without labels.
func value(t *testing.T, from prometheus.Gatherer, name string) float64 {
	t.Helper()
	for _, f := range must(from.Gather()) {
		if f.GetName() == name && len(f.GetMetric()) == 1 {
			return f.GetMetric()[0].GetGauge().GetValue()
		}
	}
	t.Fatalf("no %s", name)
	return 0
}

// badLists are files that mean nothing, or not what their writer meant.
func badLists(p *certtest.Pair) map[string]string {
	pin := p.Pin()
	one := func(name, pins, operations string) string {
		return `{"peers":[{"name":"` + name + `","pins":[` + pins + `],"operations":[` + operations + `]}]}`
	}
	pin = `"` + pin + `"`
	return map[string]string{
		"empty": "", "no JSON": "peers", "no list": `{}`, "an unknown member": `{"peers":[],"more":1}`, "null": `{"peers":null}`,
		"a second document": `{"peers":[]}{}`, "no name": one("", pin, `"write"`), "a name with a space": one("st anna", pin, `"write"`),
		"no pins": one("a", "", `"write"`), "no operations": one("a", pin, ""), "a bad pin": one("a", `"sha256/AAAA"`, `"write"`),
		"a pin twice":                  one("a", pin+","+pin, `"write"`),
		"an unknown operation":         one("a", pin, `"wirte"`),
		"an operation that is open":    one("a", pin, `"open"`),
		"an operation that needs none": one("a", pin, `"none"`),
		"a name twice":                 `{"peers":[{"name":"a","pins":[` + pin + `],"operations":["write"]},{"name":"a","pins":["sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="],"operations":["write"]}]}`,
	}
}

// Where a list is needed there is no start without one, and none with a bad one.
func TestPeersAreNeeded(t *testing.T) {
	dir := t.TempDir()
	own := certtest.New(t, dir, "own")
	file := filepath.Join(dir, "peers.json")
	speaks, behind := httpserver.TLS{Cert: own.Cert, Key: own.Key}, httpserver.TLS{Behind: true}
	proxied := httpserver.Edge{Proxies: []string{"127.0.0.1"}}
	if err := os.WriteFile(file, []byte(`{"peers":[]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	empty := filepath.Join(dir, "empty.json")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name    string
		file    string
		tls     httpserver.TLS
		edge    httpserver.Edge
		address string
		fine    bool
	}{
		{"TLS to others without a list", "", speaks, httpserver.Edge{}, "0.0.0.0:1", false},
		{"TLS to others with a list", file, speaks, httpserver.Edge{}, "0.0.0.0:1", true},
		{"TLS on loopback", "", speaks, httpserver.Edge{}, "127.0.0.1:1", true},
		{"plain on loopback", "", httpserver.TLS{}, httpserver.Edge{}, "127.0.0.1:1", true},
		{"behind a proxy that knows the peers", "", behind, httpserver.Edge{}, "0.0.0.0:1", true},
		{"TLS behind a proxy that knows the peers", "", speaks, proxied, "0.0.0.0:1", true},
		{"TLS to others, where no proxy knows the peers", "", speaks, httpserver.Edge{}, "0.0.0.0:1", false},
		{"behind a proxy that nobody names", file, behind, httpserver.Edge{}, "0.0.0.0:1", false},
		{"behind a named proxy", file, behind, proxied, "0.0.0.0:1", true},
		{"an absent list", file + "x", speaks, httpserver.Edge{}, "0.0.0.0:1", false},
		{"an empty file", empty, speaks, httpserver.Edge{}, "0.0.0.0:1", false},
	} {
		_, err := (httpserver.Peering{File: c.file, AtProxy: strings.Contains(c.name, "knows")}).Load(nil, c.tls, c.edge, c.address)
		if (err == nil) != c.fine {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	if _, err := (httpserver.Peering{File: empty}).Load(nil, speaks, httpserver.Edge{}); err == nil || !strings.Contains(err.Error(), "the file is empty") {
		t.Errorf("an empty file: %v", err)
	}
	var log logbook
	if err := os.WriteFile(file, []byte(badLists(own)["an unknown operation"]), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := (httpserver.Peering{File: file}).Check(traitsSpec(t, peered), log.logger(), speaks, httpserver.Edge{}); err == nil || !strings.Contains(err.Error(), "there is no operation") {
		t.Errorf("a check of a list of operations that the server has not: %v", err)
	}
	peers := must(httpserver.Peering{File: file}.Load(log.logger(), speaks, httpserver.Edge{}))
	if _, err := httpserver.New(httpserver.Options{Service: "test", Logger: log.logger(), Spec: traitsSpec(t, peered), Peers: peers}); err == nil {
		t.Error("a server starts with a list of operations that it has not")
	}
}

func header(p *certtest.Pair) string {
	return ":" + base64.StdEncoding.EncodeToString(p.Leaf().Raw) + ":"
}

// A named proxy says by RFC 9440 who calls; others may say what they like.
func TestPeersBehindAProxy(t *testing.T) {
	anna := certtest.New(t, t.TempDir(), "anna")
	for proxy, want := range map[string]int{"127.0.0.0/8": 204, "192.0.2.1": 403} {
		u := newUnion(t, httpserver.Edge{Proxies: []string{proxy}}, false, entry("st-anna", anna, "write"))
		c := u.client(nil)
		if got := u.post(c, "write", "Client-Cert", header(anna)); got != want {
			t.Errorf("proxy %s: %d, not %d", proxy, got, want)
		}
		for name, head := range map[string][]string{"no header": nil, "two": {"Client-Cert", header(anna), "Client-Cert", header(anna)}, "empty": {"Client-Cert", ""},
			"no byte sequence": {"Client-Cert", strings.Trim(header(anna), ":")}, "no base64": {"Client-Cert", ":!:"}, "no certificate": {"Client-Cert", ":AAAA:"}} {
			if got := u.post(c, "write", head...); got != 403 {
				t.Errorf("%s: %d", name, got)
			}
		}
		if got := u.post(c, "open"); got != 204 {
			t.Errorf("where all may: %d", got)
		}
	}
}
