package server_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"

	"medunion/api/doctorcert"
	"medunion/api/message"
	documents "medunion/api/openapi"
	openapi "medunion/api/openapi/publiccloud"
	"medunion/api/problem"
	"medunion/api/replay/redistest"
	"medunion/api/token"
	"medunion/deploy/local/embedmongo"
	"medunion/ecc"
	"medunion/publiccloud/internal/peers"
	"medunion/publiccloud/server"
)

var mongoURI string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	if mongoURI = os.Getenv("MONGODB_URI"); mongoURI == "" {
		s := peers.Must(embedmongo.Start(embedmongo.Options{}))
		defer s.Close()
		mongoURI = s.URI()
	}
	return m.Run()
}

// lockedBuffer collects the service's log.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// world is the service on a real listener, a real Redis and a MongoDB.
type world struct {
	testing.TB
	config    server.Config
	instance  *server.Instance
	redis     *redistest.Server
	log       *lockedBuffer
	authority *doctorcert.Issuer
	operators *token.Issuer
	spec      *openapi3.T
	router    routers.Router
}

const authorityName, operatorsName = "medical authority", "operators"

func newWorld(t testing.TB) *world {
	t.Helper()
	return newWorldOver(t, redistest.Shared(t))
}

func newWorldOver(t testing.TB, redis *redistest.Server) *world {
	t.Helper()
	w := &world{TB: t, redis: redis, log: &lockedBuffer{}}
	w.authority = peers.Must(doctorcert.NewIssuer(authorityName, signingKey(), 24*time.Hour, rand.Reader))
	w.operators = peers.Must(token.NewIssuer(token.Access, operatorsName, signingKey(), rand.Reader))
	dir := t.TempDir()
	var name [8]byte
	rand.Read(name[:])
	w.config = server.Config{
		Dev: true, Listen: "127.0.0.1:0", Keys: filepath.Join(dir, "keys"), InitKeys: true,
		MongoURI: mongoURI, Database: "server_" + hex.EncodeToString(name[:]), RedisAddrs: []string{w.redis.Addr()}, WindowTimeout: 2 * time.Second, // the machine of a test may be busy

		Authority: authorityName, AuthorityFile: w.file(dir, "authority.json", peers.Must(w.authority.JWKS())),
		Operators: operatorsName, OperatorsFile: w.file(dir, "operators.json", peers.Must(w.operators.JWKS())),
		Logger: slog.New(slog.NewJSONHandler(w.log, nil)),
	}
	w.spec = peers.Must(documents.Load(documents.PublicCloud))
	w.spec.Servers = nil
	w.router = peers.Must(legacy.NewRouter(w.spec))
	w.start()
	w.untilReady()
	return w
}

// untilReady waits for the floor of an empty Redis to pass.
func (w *world) untilReady() {
	w.Helper()
	redistest.Eventually(w, 15*time.Second, "a ready service", func() bool { return w.ready() == http.StatusOK })
}

func (w *world) ready() int {
	w.Helper()
	res := peers.Must(http.Get(w.instance.URL() + "/readyz"))
	defer res.Body.Close()
	return res.StatusCode
}

func signingKey() ecc.SigningKey { return peers.Must(ecc.GenerateSigningKey(rand.Reader)) }

func (w *world) file(dir, name string, b []byte) string {
	path := filepath.Join(dir, name)
	w.ok(os.WriteFile(path, b, 0o600))
	return path
}

// start runs an instance until the test ends. An earlier one goes on.
func (w *world) start() {
	w.Helper()
	i, err := server.Start(context.Background(), w.config)
	w.ok(err)
	w.instance = i
	w.Cleanup(func() { _ = i.Close() })
}

func (w *world) ok(err error) {
	w.Helper()
	if err != nil {
		w.Fatalf("%v (%s)", err, problem.Reason(err))
	}
}

func (w *world) operator(scopes ...token.Scope) string {
	w.Helper()
	t, err := w.operators.Issue(token.Grant{Subject: "desk", Audience: "publiccloud", Scopes: scopes, Life: time.Hour}, time.Now())
	w.ok(err)
	return string(t)
}

// call sends a request and holds the answer against the OpenAPI document.
func (w *world) call(method, path, bearer string, body any) (int, []byte) {
	w.Helper()
	var b []byte
	switch v := body.(type) {
	case nil:
	case []byte:
		b = v
	default:
		b = peers.Must(json.Marshal(v))
	}
	req := peers.Must(http.NewRequest(method, w.instance.URL()+path, bytes.NewReader(b)))
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if bearer != "" {
		req.Header.Set("Authorization", "Bearer "+bearer)
	}
	res, err := http.DefaultClient.Do(req)
	w.ok(err)
	defer res.Body.Close()
	out := peers.Must(io.ReadAll(res.Body))
	w.conforms(req, res, out)
	return res.StatusCode, out
}

func (w *world) conforms(req *http.Request, res *http.Response, body []byte) {
	w.Helper()
	probe := peers.Must(http.NewRequest(req.Method, req.URL.RequestURI(), nil))
	route, params, err := w.router.FindRoute(probe)
	if err != nil {
		return // not in the document: nothing to hold it against
	}
	in := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: probe, PathParams: params, Route: route},
		Status:                 res.StatusCode, Header: res.Header,
		Options: &openapi3filter.Options{IncludeResponseStatus: true},
	}
	in.SetBodyBytes(body)
	if err := openapi3filter.ValidateResponse(context.Background(), in); err != nil {
		w.Errorf("%s %s: the answer is not what the document says: %v", req.Method, req.URL.Path, err)
	}
}

// get decodes a good JSON answer.
func get[T any](w *world, path string) T {
	w.Helper()
	status, b := w.call("GET", path, "", nil)
	var v T
	if status != http.StatusOK {
		w.Fatalf("GET %s: %d %s", path, status, b)
	}
	w.ok(json.Unmarshal(b, &v))
	return v
}

func (w *world) signed(path string) message.Signed {
	w.Helper()
	return peers.Must(message.DecodeSigned(unbase(get[openapi.Signed](w, path).Signed)))
}

func unbase(s string) []byte { return peers.Must(base64.RawURLEncoding.DecodeString(s)) }

func base(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// send posts a message and returns the answer's bytes, or the problem.
func (w *world) send(path, bearer string, raw []byte) ([]byte, *problem.Error) {
	w.Helper()
	status, b := w.call("POST", path, bearer, openapi.Message{Message: base(raw)})
	if status >= 400 {
		return nil, peers.Must(problem.Parse(b))
	}
	var m openapi.Message
	w.ok(json.Unmarshal(b, &m))
	return unbase(m.Message), nil
}

func (w *world) challenge() []byte {
	w.Helper()
	status, b := w.call("POST", "/v1/registrations/challenges", "", nil)
	var c openapi.Challenge
	if status != 200 || json.Unmarshal(b, &c) != nil {
		w.Fatalf("%d %s", status, b)
	}
	return unbase(c.Challenge)
}

func (w *world) code() []byte {
	w.Helper()
	status, b := w.call("POST", "/v1/operator/patient-codes", w.operator(token.ScopeOperator), nil)
	var c openapi.PatientCode
	if status != 201 || json.Unmarshal(b, &c) != nil {
		w.Fatalf("%d %s", status, b)
	}
	return []byte(c.Code)
}

func (w *world) register(p *peers.Party, admission []byte, bearer string) *problem.Error {
	w.Helper()
	reply, refusal := w.send("/v1/registrations", bearer, p.Request(w.challenge(), admission, nil).Encode())
	if refusal == nil {
		w.ok(p.Complete(w.instance.Pins(), reply, time.Now()))
	}
	return refusal
}

func (w *world) admitted(p *peers.Party, admission []byte, bearer string) *peers.Party {
	w.Helper()
	if refusal := w.register(p, admission, bearer); refusal != nil {
		w.Fatal(problem.Reason(refusal))
	}
	return p
}

var serial int

func (w *world) patient(s ecc.Suite) *peers.Party {
	w.Helper()
	return w.admitted(peers.New(s, message.Patient, ""), w.code(), "")
}

func (w *world) doctor(s ecc.Suite) *peers.Party {
	w.Helper()
	serial++
	p := peers.New(s, message.Doctor, message.ID(fmt.Sprintf("dr-%d", serial)))
	q := message.CertificateRequest{Authority: authorityName, Licence: fmt.Sprintf("L-%d", serial), Name: "Dr. N",
		Departments: []string{"SURGERY"}, Keys: p.Keys()}
	p.Certificate = peers.Must(w.authority.Issue(q, time.Now()))
	h := ecc.Sum(p.Certificate)
	p.Attribute = h[:]
	return w.admitted(p, p.Certificate, "")
}

func (w *world) hospital(s ecc.Suite) *peers.Party {
	w.Helper()
	serial++
	p := peers.New(s, message.Hospital, message.ID(fmt.Sprintf("hospital-%d", serial)))
	p.Attribute = []byte(fmt.Sprintf("http://127.0.0.1:%d", 1000+serial))
	return w.admitted(p, nil, w.operator(token.ScopeOperator))
}

func (w *world) knows(s ecc.Suite) peers.Cloud {
	w.Helper()
	signed := w.signed(fmt.Sprintf("/v1/prekeys/cloud?suite=%d", s)).Encode()
	return peers.Must(peers.KnowCloud(w.instance.Pins(), s, signed, time.Now()))
}

func hexOf(h message.Hash) string { return hex.EncodeToString(h[:]) }

// clean fails if the log holds any of the words.
func (w *world) clean(words ...string) {
	w.Helper()
	for _, x := range words {
		if strings.Contains(w.log.String(), x) {
			w.Errorf("the log holds %q", x)
		}
	}
}
