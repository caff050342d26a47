package netns

import (
	"bytes"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"medunion/api/certs/certtest"
	"medunion/api/httpserver"
	"medunion/api/message"
	"medunion/api/token"
	"medunion/deploy/internal/runbook"
	"medunion/deploy/local/authority"
	"medunion/ecc"
)

const (
	hospitalID    = message.ID("st-anna")
	authorityName = "medical authority of the test"
	admin         = "https://127.0.0.1:8084" // inside the hospital's namespace
)

// Where the services are. The public cloud and the portal are neighbours.
var (
	cloudURL    = "https://" + address[cloud] + ":8443"
	portalURL   = "https://" + address[cloud] + ":8444"
	hospitalURL = "https://" + address[hospital] + ":8443"
)

// world is both clouds, running.
type world struct {
	t   *testing.T
	net *network
	dir string

	ca             *certtest.Pair            // whom everybody's system trusts
	pairs          map[string]*certtest.Pair // of the listeners, and as *-peer what they show to others
	issuer         *token.Issuer
	authority      *httptest.Server
	jwks           []byte
	pins           message.Pins
	services       map[string]*process
	atCloud, atHPC *store
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, net: inside(t), dir: t.TempDir(), pairs: map[string]*certtest.Pair{}, services: map[string]*process{}}
	w.certify()
	w.tokens()
	t.Setenv("PATH", strings.TrimPrefix(runbook.Programs(t, "publiccloud", "privatecloud", "doctor-portal"), "PATH="))
	for _, name := range []string{cloud, hospital} {
		run(t, w.net.in(name, "redis-server", "--bind", "127.0.0.1", "--save", "", "--dir", t.TempDir()))
	}
	w.atCloud = startStore(t, w.net.in(cloud, os.Args[0]), "publiccloud")
	w.atHPC = startStore(t, w.net.in(hospital, os.Args[0]), "privatecloud")
	w.startCloud()
	w.startHospital()
	w.startPortal()
	return w
}

// certify makes the certificates. The people's devices and the portal know listeners by the
// system's authorities, of which there is one; what services show to each other is signed by
// nobody and known by its key.
func (w *world) certify() {
	w.t.Helper()
	w.ca = certtest.New(w.t, w.dir, "ca")
	for name, ip := range map[string]string{cloud: address[cloud], "portal": address[cloud], hospital: address[hospital]} {
		p := certtest.New(w.t, w.dir, name)
		p.Issuer = w.ca
		p.Renew(time.Now().Add(-time.Hour), time.Now().Add(time.Hour), ip)
		w.pairs[name] = p
	}
	for _, name := range []string{"portal-peer", "hospital-peer"} {
		w.pairs[name] = certtest.New(w.t, w.dir, name)
	}
	w.t.Setenv("SSL_CERT_FILE", w.ca.Cert)
	w.t.Setenv("SSL_CERT_DIR", w.t.TempDir())
	w.list(w.pairs["portal-peer"].Pin())
}

// list writes both lists of peers, the portal with some keys, and lets the services that run
// read them.
func (w *world) list(portal ...string) {
	w.t.Helper()
	w.peers("cloud-peers.json",
		httpserver.Peer{Name: "portal", Pins: portal, Operations: []string{"search", "writeDiagnosisEntry", "putPrekey"}},
		httpserver.Peer{Name: string(hospitalID), Pins: []string{w.pairs["hospital-peer"].Pin()}, Operations: []string{"register", "writeIndexEntry", "putPrekey"}})
	w.peers("hospital-peers.json",
		httpserver.Peer{Name: "portal", Pins: portal, Operations: []string{"openSession", "release", "storeDiagnosis"}})
	for _, name := range []string{"publiccloud", "privatecloud"} {
		if p := w.services[name]; p != nil {
			p.hangup()
		}
	}
}

func (w *world) peers(name string, list ...httpserver.Peer) {
	w.file(name, must(json.Marshal(map[string]any{"peers": list})))
}

func (w *world) path(name string) string { return filepath.Join(w.dir, name) }

func (w *world) file(name string, content []byte) {
	w.t.Helper()
	ok(w.t, certtest.Replace(w.path(name), content))
}

// tokens makes the issuers of operators' tokens and of doctors' certificates.
func (w *world) tokens() {
	w.t.Helper()
	w.issuer = must(token.NewIssuer(token.Access, "operators", must(ecc.GenerateSigningKey(rand.Reader)), rand.Reader))
	a := must(authority.New(authority.Config{Name: authorityName, Logger: slog.New(slog.DiscardHandler), Departments: message.DefaultDepartments}))
	w.authority, w.jwks = httptest.NewServer(a.Handler()), a.JWKS()
	w.t.Cleanup(w.authority.Close)
	w.file("operators.jwks", must(w.issuer.JWKS()))
	w.file("authority.jwks", w.jwks)
	w.file("passphrase", []byte(rand.Text()))
	w.file("operator.token", []byte(w.token("publiccloud", token.ScopeOperator)))
}

func (w *world) token(audience string, scopes ...token.Scope) string {
	return string(must(w.issuer.Issue(token.Grant{Subject: "test", Audience: audience, Scopes: scopes, Life: time.Hour}, time.Now())))
}

func (w *world) tls(name string) []string {
	return []string{"--tls-cert=" + w.pairs[name].Cert, "--tls-key=" + w.pairs[name].Key, "--rate-scale=100"}
}

func (w *world) shows(name string) []string {
	return []string{"--peer-cert=" + w.pairs[name].Cert, "--peer-key=" + w.pairs[name].Key, "--cloud=" + cloudURL, "--cloud-spki=" + w.pairs[cloud].Pin(),
		"--pins=" + w.path("pins")}
}

func (w *world) keeps(s *store) []string {
	return []string{"--mongo-uri=" + s.uri, "--database=" + s.name, "--window-timeout=2s", "--init-keys", "--operators=operators", "--operators-jwks=" + w.path("operators.jwks")}
}

func (w *world) trusts() []string {
	return []string{"--passphrase-file=" + w.path("passphrase"), "--authority=" + authorityName, "--authority-jwks=" + w.path("authority.jwks"), "--redis-addrs=127.0.0.1:6379"}
}

func (w *world) serve(namespace, program string, args ...[]string) *process {
	w.t.Helper()
	p := run(w.t, w.net.in(namespace, program, append([]string{"serve"}, slices.Concat(args...)...)...))
	w.services[program] = p
	return p
}

func (w *world) startCloud() {
	p := w.serve(cloud, "publiccloud", []string{"--listen=" + cloudURL[len("https://"):], "--keys=" + w.path("cloud.keys"), "--peers=" + w.path("cloud-peers.json")},
		w.tls(cloud), w.keeps(w.atCloud), w.trusts())
	w.reach(p, cloudURL+"/v1/parameters")
	w.pin(p)
}

// startHospital starts it anew until it is registered, as its supervisor would: the public
// cloud's replay window refuses everybody for two seconds after it has met its Redis.
func (w *world) startHospital() {
	args := slices.Concat([]string{"--id=" + string(hospitalID), "--address=" + hospitalURL, "--listen=" + hospitalURL[len("https://"):], "--admin-listen=127.0.0.1:8084",
		"--keys=" + w.path("hospital.keys"), "--operator-token=" + w.path("operator.token"), "--peers=" + w.path("hospital-peers.json")},
		w.tls(hospital), w.shows("hospital-peer"), w.keeps(w.atHPC), w.trusts())
	for tries := 0; ; tries++ {
		p := w.serve(hospital, "privatecloud", args)
		if err := p.lives(func() bool { return w.answers(hospitalURL + "/v1/questions") }); err == nil {
			return
		} else if tries == 20 {
			w.t.Fatal(err)
		}
		time.Sleep(500 * time.Millisecond)
	}
}

func (w *world) startPortal() {
	p := w.serve(cloud, "doctor-portal", []string{"--listen=" + portalURL[len("https://"):], "--session-key=" + w.path("session.keys"), "--relay-networks=" + allNetworks},
		w.tls("portal"), w.shows("portal-peer"), w.trusts())
	w.reach(p, portalURL+"/config.json")
}

// client is one of the people's: it shows no certificate and knows the authority.
func (w *world) client() *http.Client {
	roots := x509.NewCertPool()
	roots.AddCert(w.ca.Leaf())
	return &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: roots}}}
}

func (w *world) reach(p *process, url string) {
	w.t.Helper()
	ok(w.t, p.lives(func() bool { return w.answers(url) }))
}

// answers says whether a service serves: another method's refusal is an answer too.
func (w *world) answers(url string) bool {
	resp, err := w.client().Get(url)
	return err == nil && resp.Body.Close() == nil && resp.StatusCode < http.StatusInternalServerError
}

// pin takes the public cloud's pins from the line that it logs for that.
func (w *world) pin(p *process) {
	w.t.Helper()
	for line := range bytes.Lines(p.said()) {
		var l struct {
			PK   string
			PUKC string `json:"PUK_C"`
		}
		if json.Unmarshal(line, &l) != nil || l.PK == "" {
			continue
		}
		pins := fmt.Appendf(nil, `{"cloud":"cloud","pk":%q,"puk_c":%q}`, base64.StdEncoding.EncodeToString(must(hex.DecodeString(l.PK))),
			base64.StdEncoding.EncodeToString(must(hex.DecodeString(l.PUKC))))
		ok(w.t, json.Unmarshal(pins, &w.pins))
		w.file("pins", pins)
		return
	}
	w.t.Fatal("the public cloud does not log its pins")
}

// post sends a request of the people's, and returns status and body.
func (w *world) post(url, bearer, kind string, body []byte) (int, []byte) {
	w.t.Helper()
	r := must(http.NewRequestWithContext(w.t.Context(), http.MethodPost, url, bytes.NewReader(body)))
	if r.Header.Set("Content-Type", kind); bearer != "" {
		r.Header.Set("Authorization", "Bearer "+bearer)
	}
	resp, err := w.client().Do(r)
	ok(w.t, err)
	defer resp.Body.Close()
	return resp.StatusCode, must(io.ReadAll(resp.Body))
}

// desk asks the hospital's administration, which nobody outside its namespace reaches.
func (w *world) desk(path, kind string, body []byte) []byte {
	w.t.Helper()
	w.file("header", []byte("Authorization: Bearer "+w.token(string(hospitalID), token.ScopeAdmin, token.ScopeFHIRImport)))
	c := w.net.in(hospital, "curl", "--silent", "--show-error", "--fail-with-body", "--cacert", w.ca.Cert, "-H", "@"+w.path("header"), "-H", "Content-Type: "+kind, "--data-binary", "@-", admin+path)
	c.Stdin = bytes.NewReader(body)
	out, err := c.Output()
	if err != nil {
		w.t.Fatalf("%s: %v %s", path, err, out)
	}
	return out
}
