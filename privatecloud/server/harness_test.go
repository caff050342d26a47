package server_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"medunion/api/message"
	"medunion/api/replay/redistest"
	"medunion/api/token"
	"medunion/deploy/local/embedmongo"
	"medunion/ecc"
	"medunion/privatecloud/internal/peers"
	"medunion/privatecloud/server"
)

const childVariable = "PRIVATECLOUD_TEST_CHILD"

// TestMain runs a hospital instead of tests where a test asks for a process to kill.
func TestMain(m *testing.M) {
	if path := os.Getenv(childVariable); path != "" {
		child(path)
	}
	os.Exit(m.Run())
}

// logbook is a log that tests read.
type logbook struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logbook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logbook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// site is everything around one hospital: real Redis, MongoDB, a public cloud over HTTP.
type site struct {
	t      testing.TB
	w      *peers.World
	cloud  *httptest.Server
	mongo  string // folder of the embedded server, "" with MONGODB_URI
	redis  *redistest.Server
	config server.Config
	issuer *token.Issuer
	log    *logbook
	h      *server.Instance
}

func newSite(t testing.TB, suite ecc.Suite) *site {
	t.Helper()
	return newSiteOver(t, suite, redistest.Shared(t))
}

func newSiteOver(t testing.TB, suite ecc.Suite, redis *redistest.Server) *site {
	t.Helper()
	s := &site{t: t, w: peers.NewWorld(suite), redis: redis, log: &logbook{}}
	s.cloud = httptest.NewServer(s.w.Handler())
	t.Cleanup(s.cloud.Close)
	uri := os.Getenv("MONGODB_URI")
	if uri == "" {
		s.mongo = t.TempDir()
		m, err := embedmongo.Start(embedmongo.Options{Dir: s.mongo})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { m.Close() })
		uri = m.URI()
	}
	s.configure(uri)
	return s
}

func (s *site) configure(uri string) {
	s.t.Helper()
	dir := s.t.TempDir()
	s.issuer = peers.Must(token.NewIssuer(token.Access, "operators", peers.Must(ecc.GenerateSigningKey(rand.Reader)), rand.Reader))
	pins := s.w.Pins
	s.config = server.Config{Dev: true, ID: "st-anna", WindowTimeout: 2 * time.Second, // the machine of a test may be busy
		Suite: uint8(s.w.Suite), Listen: "127.0.0.1:0", AdminListen: "127.0.0.1:0",
		Keys: filepath.Join(dir, "keys"), InitKeys: true, Cloud: s.cloud.URL, Pins: &pins,
		OperatorToken: s.file(dir, "operator", []byte(peers.OperatorToken+"\n")), Authority: peers.AuthorityName,
		AuthorityFile: s.file(dir, "authority", s.w.MedicalJWKS), Operators: "operators",
		OperatorsFile: s.file(dir, "operators", peers.Must(s.issuer.JWKS())), MongoURI: uri, Database: "hospital_" + rand.Text()[:8],
		RedisAddrs: []string{s.redis.Addr()}, Logger: slog.New(slog.NewJSONHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug}))}
}

func (s *site) file(dir, name string, b []byte) string {
	s.t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, b, 0o600); err != nil {
		s.t.Fatal(err)
	}
	return path
}

func (s *site) start() {
	s.t.Helper()
	h, err := server.Start(context.Background(), s.config)
	if err != nil {
		s.t.Fatal(err)
	}
	s.h = h
	s.t.Cleanup(func() { h.Close() })
	s.awaitReady()
}

// awaitReady waits until the replay window takes messages.
func (s *site) awaitReady() {
	s.t.Helper()
	for range 300 {
		if r, err := http.Get(s.h.URL() + "/readyz"); err == nil {
			r.Body.Close()
			if r.StatusCode == http.StatusOK {
				return
			}
		}
		time.Sleep(50 * time.Millisecond)
	}
	s.t.Fatal("the hospital does not become ready")
}

func (s *site) token(scopes ...token.Scope) string {
	s.t.Helper()
	return string(peers.Must(s.issuer.Issue(token.Grant{Subject: "test", Audience: "st-anna", Scopes: scopes, Life: time.Hour}, time.Now())))
}

type answer struct {
	status int
	header http.Header
	body   []byte
}

func (s *site) do(method, url, bearer, contentType string, body []byte) answer {
	s.t.Helper()
	r, err := http.NewRequest(method, url, bytes.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	if bearer != "" {
		r.Header.Set("Authorization", "Bearer "+bearer)
	}
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, b}
}

func wire(b []byte) []byte {
	return fmt.Appendf(nil, `{"message":%q}`, base64.RawURLEncoding.EncodeToString(b))
}

func unwire(t testing.TB, line []byte) message.Message {
	t.Helper()
	var body struct{ Message string }
	if err := json.Unmarshal(line, &body); err != nil {
		t.Fatalf("%v in %.200s", err, line)
	}
	return peers.Must(message.Decode(peers.Must(base64.RawURLEncoding.DecodeString(body.Message))))
}

// send posts a message and returns the one that answers it.
func (s *site) send(path string, m message.Message) message.Message {
	s.t.Helper()
	a := s.do("POST", s.h.URL()+path, "", "application/json", wire(m.Encode()))
	if a.status != 200 {
		s.t.Fatalf("%s: %d %s\n%s", path, a.status, a.body, s.log)
	}
	return unwire(s.t, a.body)
}

// report is the answer to an import.
type report struct {
	Refused, Patients int
	Total             map[string]int
	Resources         map[string]map[string]int
	Problems          []map[string]any
}

func (s *site) importBundle(b []byte, query string) report {
	s.t.Helper()
	a := s.do("POST", s.h.AdminURL()+"/fhir/bundles"+query, s.token(token.ScopeFHIRImport), "application/fhir+json", b)
	var r report
	if err := json.Unmarshal(a.body, &r); err != nil || a.status != 200 {
		s.t.Fatalf("import: %d %s\n%s", a.status, a.body, s.log)
	}
	return r
}

func (s *site) deskCode(mrn string) string {
	s.t.Helper()
	a := s.do("POST", s.h.AdminURL()+"/v1/desk-codes", s.token(token.ScopeAdmin), "application/json", fmt.Appendf(nil, `{"mrn":%q}`, mrn))
	var body struct{ Code string }
	if err := json.Unmarshal(a.body, &body); err != nil || a.status != 201 {
		s.t.Fatalf("desk code: %d %s", a.status, a.body)
	}
	return body.Code
}

func (s *site) enrol(mrn string) *peers.Patient {
	s.t.Helper()
	p := s.w.NewPatient()
	x := p.Enrol(s.t, s.h.Credential(), s.w.OpenPrekey(s.t, s.h.Credential()), s.deskCode(mrn))
	x.Enrolled(s.t, s.send("/v1/enrolments", x.M))
	return p
}

// fetch runs a whole visit and returns the pages' contents.
func (s *site) fetch(d peers.Party, p *peers.Patient, departments []message.Code) (*peers.Session, [][]byte) {
	s.t.Helper()
	c := p.Consent(peers.Terms{Doctor: d, WriteTo: "st-anna",
		Grants: []message.Grant{{Hospital: "st-anna", Departments: message.SortCodes(departments), Classes: peers.AllClasses()}}})
	x := s.w.Visit(d, s.h.Credential(), s.w.OpenPrekey(s.t, s.h.Credential()), p.Cred, c, s.w.Ticket(d, c.Consent, message.ModeRead))
	if err := x.ReceiveM7(s.send("/v1/sessions", x.M6)); err != nil {
		s.t.Fatal(err)
	}
	a := s.do("POST", s.h.URL()+"/v1/releases", "", "application/json", wire(x.M8(message.Filter{}).Encode()))
	if a.status != 200 || !strings.HasPrefix(a.header.Get("Content-Type"), "application/x-ndjson") {
		s.t.Fatalf("release: %d %s\n%s", a.status, a.body, s.log)
	}
	var pages []message.Message
	lines := bufio.NewScanner(bytes.NewReader(a.body))
	lines.Buffer(nil, 8<<20)
	for lines.Scan() {
		pages = append(pages, unwire(s.t, lines.Bytes()))
	}
	contents, _, _ := x.Pages(s.t, pages)
	return x, contents
}
