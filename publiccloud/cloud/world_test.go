package cloud_test

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"medunion/api/doctorcert"
	"medunion/api/message"
	"medunion/api/problem"
	"medunion/deploy/local/embedmongo"
	"medunion/ecc"
	"medunion/publiccloud/cloud"
	"medunion/publiccloud/internal/mongostore"
	"medunion/publiccloud/internal/peers"
)

var mongoURI string

// TestMain gives the tests a MongoDB: MONGODB_URI, else the embedded server.
func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	if mongoURI = os.Getenv("MONGODB_URI"); mongoURI == "" {
		dir := peers.Must(os.MkdirTemp("", "mongo-*"))
		defer os.RemoveAll(dir)
		s := peers.Must(embedmongo.Start(embedmongo.Options{Dir: dir}))
		defer s.Close()
		mongoURI = s.URI()
	}
	return m.Run()
}

func openStore(t testing.TB) (s *mongostore.Store, database string) {
	t.Helper()
	var name [8]byte
	rand.Read(name[:])
	database = "cloud_" + hex.EncodeToString(name[:])
	s, err := mongostore.Open(t.Context(), mongoURI, database)
	if err != nil {
		t.Fatal(err, problem.Reason(err))
	}
	t.Cleanup(func() { _ = s.Close(context.Background()) })
	return s, database
}

// clock is the time of a test.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// window is the rule of the replay window in memory, on the test's clock. The
// HTTP tests use the real one.
type window struct {
	mu       sync.Mutex
	now      func() time.Time
	seen     map[[16]byte]bool
	accepted int
}

const past, future = 30 * time.Second, 2 * time.Second

func (w *window) Fresh(t time.Time) error {
	if age := w.now().Sub(t); age > past || -age > future {
		return problem.Stale(w.now())
	}
	return nil
}

func (w *window) Accept(_ context.Context, id [16]byte, t time.Time) error {
	if err := w.Fresh(t); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.seen[id] {
		return problem.Refused(errors.New("replayed"))
	}
	w.seen[id] = true
	w.accepted++
	return nil
}

// world is a public cloud on a real store, with a medical authority beside it.
type world struct {
	testing.TB
	*cloud.Cloud
	clock     *clock
	window    *window
	store     *mongostore.Store
	database  string
	config    cloud.Config
	authority *doctorcert.Issuer
}

const authorityName = "medical authority"

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{TB: t, clock: &clock{t: time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)}}
	w.store, w.database = openStore(t)
	w.window = &window{now: w.clock.now, seen: map[[16]byte]bool{}}
	w.authority = peers.Must(doctorcert.NewIssuer(authorityName, peers.Must(ecc.GenerateSigningKey(rand.Reader)), 365*24*time.Hour, rand.Reader))
	pinned := peers.Must(doctorcert.NewAuthority(authorityName, peers.Must(w.authority.JWKS())))
	w.config = cloud.Config{
		ID: "cloud", Roots: cloud.OneRoot("cloud", newRoot()),
		HandleKey: secret(), AtRest: cloud.FixedKeys{ChallengeKey: secret(), SealingKey: secret()},
		Suites: []ecc.Suite{ecc.SuiteX25519, ecc.SuiteXWing}, Past: past, Future: future,
		CredentialLife: 2 * 365 * 24 * time.Hour, CodeLife: 14 * 24 * time.Hour,
		VerifyCertificate: pinned.Verify, Now: w.clock.now, Rand: rand.Reader, Window: w.window,
		Registry: w.store, Revocations: w.store, Prekeys: w.store, OwnPrekeys: w.store, Sealed: w.store, Index: w.store, Consents: w.store, Log: w.store, Operations: w.store,
	}
	w.Cloud = peers.Must(cloud.New(w.config))
	return w
}

func newRoot() cloud.OwnRoot {
	return cloud.OwnRoot{SigningKey: peers.Must(ecc.GenerateSigningKey(rand.Reader)),
		Issuer: peers.Must(ecc.NewIssuer(peers.Must(ecc.GenerateScalar(rand.Reader)), secret()))}
}

func secret() []byte {
	b := make([]byte, 32)
	rand.Read(b)
	return b
}

func (w *world) now() time.Time { return w.clock.now() }

// knows is the public cloud as a peer of the suite knows it.
func (w *world) knows(s ecc.Suite) peers.Cloud {
	w.Helper()
	signed, err := w.OwnPrekey(w.Context(), s)
	if err != nil {
		w.Fatal(err, problem.Reason(err))
	}
	return peers.Must(peers.KnowCloud(w.Pins(), s, signed, w.now()))
}

func (w *world) code() []byte {
	w.Helper()
	code, _, err := w.NewPatientCode(w.Context())
	if err != nil {
		w.Fatal(err, problem.Reason(err))
	}
	return []byte(code)
}

// register runs M0 to its end, or returns the registrar's refusal.
func (w *world) register(p *peers.Party, admission []byte, operator bool) error {
	w.Helper()
	q := p.Request(peers.Must(w.Challenge()), admission, nil)
	reply, err := w.Register(w.Context(), q.Encode(), operator)
	if err != nil {
		return err
	}
	if err := p.Complete(w.Pins(), reply, w.now()); err != nil {
		w.Fatal(err)
	}
	return nil
}

func (w *world) patient(s ecc.Suite) *peers.Party {
	w.Helper()
	p := peers.New(s, message.Patient, "")
	w.ok(w.register(p, w.code(), false))
	return p
}

// certify gives a doctor Cert_D.
func (w *world) certify(p *peers.Party, licence string, departments ...string) {
	w.Helper()
	q := message.CertificateRequest{Authority: authorityName, Licence: licence, Name: "Dr. " + licence, Departments: departments, Keys: p.Keys()}
	p.Certificate = peers.Must(w.authority.Issue(q, w.now()))
	h := ecc.Sum(p.Certificate)
	p.Attribute = h[:]
}

var serial int
var serialMu sync.Mutex

func next() int {
	serialMu.Lock()
	defer serialMu.Unlock()
	serial++
	return serial
}

func (w *world) doctor(s ecc.Suite, departments ...string) *peers.Party {
	w.Helper()
	n := next()
	p := peers.New(s, message.Doctor, message.ID(fmt.Sprintf("dr-%d", n)))
	w.certify(p, fmt.Sprintf("L-%d", n), departments...)
	w.ok(w.register(p, p.Certificate, false))
	return p
}

func (w *world) hospital(s ecc.Suite) *peers.Party {
	w.Helper()
	n := next()
	p := peers.New(s, message.Hospital, message.ID(fmt.Sprintf("hospital-%d", n)))
	p.Attribute = []byte(fmt.Sprintf("https://h%d.example.org", n))
	w.ok(w.register(p, nil, true))
	return p
}

func (w *world) ok(err error) {
	w.Helper()
	if err != nil {
		w.Fatalf("%v (%s)", err, problem.Reason(err))
	}
}

// wants fails unless err is of the kind.
func (w *world) wants(k problem.Kind, err error) {
	w.Helper()
	if err == nil || problem.KindOf(err) != k {
		w.Fatalf("got %v (%s), want %v", err, problem.Reason(err), k)
	}
}

// put publishes an entry of a hospital under a locator key.
func (w *world) put(h *peers.Party, sk ecc.SigningKey) message.Entry {
	w.Helper()
	e := peers.Entry(h, sk, w.now())
	c := w.knows(h.Suite)
	sent := c.WriteEntry(h, e, sk.Public(), w.now())
	reply, err := w.WriteEntry(w.Context(), sent.Raw)
	w.ok(err)
	w.ok(c.OpenIndexed(sent, reply, h.ID, e))
	return e
}

// search runs M4 and M5.
func (w *world) search(d *peers.Party, g peers.Granted, alter func(*message.M4)) (message.M5, message.Ticket, error) {
	w.Helper()
	c := w.knows(d.Suite)
	sent := c.Search(d, g, w.now(), alter)
	reply, err := w.Search(w.Context(), sent.Raw)
	if err != nil {
		return message.M5{}, message.Ticket{}, err
	}
	m, ticket, err := c.OpenM5(d, g, sent, reply)
	w.ok(err)
	return m, ticket, nil
}

// ask asks a question under a locator key.
func (w *world) ask(s ecc.Suite, sk ecc.SigningKey, q message.Question) (message.Answer, error) {
	w.Helper()
	c := w.knows(s)
	sent := c.Ask(sk, q, w.now())
	reply, err := w.Ask(w.Context(), sent.Raw)
	if err != nil {
		return message.Answer{}, err
	}
	a, err := c.OpenAnswer(sent, sk, q, reply)
	w.ok(err)
	return a, nil
}

func (w *world) uses(s ecc.Suite, sk ecc.SigningKey, consent message.Hash) []message.Use {
	w.Helper()
	a, err := w.ask(s, sk, message.Question{Kind: message.AskUses, Consent: consent})
	w.ok(err)
	return peers.Must(message.DecodeUses(a.Content))
}

// each runs a test in both suites.
func each(t *testing.T, f func(t *testing.T, w *world, s ecc.Suite)) {
	for _, s := range []ecc.Suite{ecc.SuiteX25519, ecc.SuiteXWing} {
		t.Run(s.String(), func(t *testing.T) { f(t, newWorld(t), s) })
	}
}
