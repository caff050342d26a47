// Package attack_test joins the four roles, the public cloud, hospitals, doctors and
// patients, in one process: encoded messages pass between them, and a dishonest network
// or a dishonest party acts on the way. The clouds' stores are the real ones, over the
// embedded MongoDB and a Redis.
//
// A test's name begins with the number of its attack in api/doc/threats.md. Each
// expects the refusal and that no byte of any database changed but the audit trail, and
// has a control: the same thing unaltered is accepted.
package attack_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/alicebob/miniredis/v2/server"

	"medunion/api/doctorcert"
	"medunion/api/message"
	"medunion/api/problem"
	"medunion/api/replay/redistest"
	"medunion/api/token"
	"medunion/deploy/local/embedmongo"
	"medunion/ecc"
	hospitalserver "medunion/privatecloud/server"
	"medunion/publiccloud/cloud"
	cloudserver "medunion/publiccloud/server"
)

var mongoURI string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	if mongoURI = os.Getenv("MONGODB_URI"); mongoURI == "" {
		s := must(embedmongo.Start(embedmongo.Options{}))
		defer s.Close()
		mongoURI = s.URI()
	}
	return m.Run()
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(fmt.Sprintf("%v (%s)", err, problem.Reason(err)))
	}
	return v
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%v (%s)", err, problem.Reason(err))
	}
}

// clock goes on by a little each time that somebody looks, and otherwise only when it is
// moved: how long a test takes on a busy machine changes nothing.
type clock struct {
	real  bool
	ticks atomic.Int64 // in units of 100 µs
	start time.Time
}

func (c *clock) Now() time.Time {
	if c.real {
		return time.Now()
	}
	return c.start.Add(time.Duration(c.ticks.Add(1)) * 100 * time.Microsecond)
}

func (c *clock) move(d time.Duration) { c.ticks.Add(int64(d / (100 * time.Microsecond))) }

func (c *clock) millis() message.Millis { return message.MillisOf(c.Now()) }

// redisAt is an embedded Redis that lives by the clock, for tests that move it.
func redisAt(t testing.TB, c *clock) string {
	t.Helper()
	m := miniredis.NewMiniRedis()
	ok(t, m.Start())
	t.Cleanup(m.Close)
	id := fmt.Sprintf("%040x", rand.Text())[:40]
	m.Server().SetPreHook(func(p *server.Peer, cmd string, _ ...string) bool {
		switch cmd {
		case "INFO":
			p.WriteBulk("# Server\r\nrun_id:" + id + "\r\n")
		case "TIME":
			now := c.Now()
			p.WriteLen(2)
			p.WriteBulk(fmt.Sprint(now.Unix()))
			p.WriteBulk(fmt.Sprint(now.Nanosecond() / 1000))
		default:
			return false
		}
		return true
	})
	return m.Addr()
}

const authorityName, operatorsName = "medical board", "operators"

// union is one public cloud with its hospitals.
type union struct {
	testing.TB
	suite     ecc.Suite
	clock     *clock
	redis     string
	dir       string
	authority *doctorcert.Issuer
	verify    message.CertificateVerifier
	operators *token.Issuer

	config     cloudserver.Config
	cloud      *cloud.Cloud
	pins       message.Pins
	url        string // of the public cloud as hospitals see it, through the tap
	anna, bern *house

	serial int
	mu     sync.Mutex
	tape   []sent // what was delivered, when it is on
	on     bool
}

// newUnion starts a public cloud and two hospitals under a clock that tests move.
func newUnion(t testing.TB, s ecc.Suite) *union {
	t.Helper()
	c := &clock{start: time.Now()}
	return startUnion(t, s, c, redisAt(t, c))
}

func startUnion(t testing.TB, s ecc.Suite, c *clock, redis string) *union {
	t.Helper()
	u := &union{TB: t, suite: s, clock: c, redis: redis, dir: t.TempDir()}
	u.authority = must(doctorcert.NewIssuer(authorityName, must(ecc.GenerateSigningKey(rand.Reader)), 90*24*time.Hour, rand.Reader))
	u.operators = must(token.NewIssuer(token.Access, operatorsName, must(ecc.GenerateSigningKey(rand.Reader)), rand.Reader))
	jwks := must(u.authority.JWKS())
	u.verify = must(doctorcert.NewAuthority(authorityName, jwks)).Verify
	u.file("authority", jwks)
	u.file("operators", must(u.operators.JWKS()))
	u.config = cloudserver.Config{Dev: true, ID: "cloud", Listen: "127.0.0.1:0", Keys: u.path("cloud"), InitKeys: true, MongoURI: mongoURI,
		Database: "pc_" + rand.Text()[:10], RedisAddrs: []string{redis}, WindowTimeout: 5 * time.Second, Authority: authorityName,
		AuthorityFile: u.path("authority"), Operators: operatorsName, OperatorsFile: u.path("operators"), Logger: quiet, Now: c.Now, KeyPoll: 50 * time.Millisecond}
	i := u.startCloud(u.config)
	u.cloud, u.pins = i.Role(), i.Pins()
	u.ready(i.URL())
	u.url = u.tap(i.URL())
	u.anna, u.bern = u.house("st-anna"), u.house("bernhard")
	return u
}

// Pins are what doctors and patients trust at the moment: message.Pinned.
func (u *union) Pins() message.Pins { return u.pins }

var quiet = slog.New(slog.NewTextHandler(io.Discard, nil))

func (u *union) path(name string) string { return filepath.Join(u.dir, name) }

func (u *union) file(name string, b []byte) string {
	u.Helper()
	ok(u, os.WriteFile(u.path(name), b, 0o600))
	return u.path(name)
}

func (u *union) startCloud(c cloudserver.Config) *cloudserver.Instance {
	u.Helper()
	i, err := cloudserver.Start(u.Context(), c)
	ok(u, err)
	u.Cleanup(func() { _ = i.Close() })
	return i
}

func (u *union) operator(audience string, scopes ...token.Scope) []byte {
	return must(u.operators.Issue(token.Grant{Subject: "test", Audience: audience, Scopes: scopes, Life: time.Hour}, u.clock.Now()))
}

// tap stands between hospitals and the public cloud and notes their index writes, the
// only protocol messages that they send by themselves.
func (u *union) tap(target string) string {
	proxy := httputil.NewSingleHostReverseProxy(must(url.Parse(target)))
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v1/index-entries" {
			u.noteBody(r)
		}
		proxy.ServeHTTP(w, r)
	}))
	u.Cleanup(s.Close)
	return s.URL
}

// house is one hospital.
type house struct {
	id       message.ID
	config   hospitalserver.Config
	instance *hospitalserver.Instance
	node     *hospitalNode
	cred     message.Credential
}

func (u *union) house(id message.ID) *house {
	u.Helper()
	h := &house{id: id, config: hospitalserver.Config{Dev: true, ID: string(id), Suite: uint8(u.suite), Listen: "127.0.0.1:0", AdminListen: "127.0.0.1:0",
		Keys: u.path(string(id)), InitKeys: true, Cloud: u.url, Pins: &u.pins, Authority: authorityName, AuthorityFile: u.path("authority"),
		OperatorToken: u.file("operator", u.operator("publiccloud", token.ScopeOperator)), Operators: operatorsName,
		OperatorsFile: u.path("operators"), MongoURI: mongoURI, Database: "hpc_" + rand.Text()[:10], RedisAddrs: []string{u.redis},
		WindowTimeout: 5 * time.Second, Releases: 2, Logger: quiet, Now: u.clock.Now}}
	h.instance = u.startHouse(h.config)
	u.ready(h.instance.URL())
	h.node, h.cred = &hospitalNode{h.instance.Role()}, h.instance.Credential()
	return h
}

func (u *union) startHouse(c hospitalserver.Config) *hospitalserver.Instance {
	u.Helper()
	i, err := hospitalserver.Start(u.Context(), c)
	ok(u, err)
	u.Cleanup(func() { _ = i.Close() })
	return i
}

// ready waits until an instance takes messages: by a real Redis, two seconds. MongoDB's clock is the machine's, which the
// moved one need not agree with.
func (u *union) ready(base string) {
	u.Helper()
	u.clock.move(3 * time.Second)
	redistest.Eventually(u, 10*time.Second, "an instance to be ready", func() bool {
		r, err := http.Get(base + "/readyz")
		if err != nil {
			return false
		}
		b, err := io.ReadAll(r.Body)
		return errors.Join(err, r.Body.Close()) == nil && (r.StatusCode == http.StatusOK || bytes.Contains(b, []byte(`"Not ready: clock."`)))
	})
}

// replica is another instance of a hospital, on the same stores.
func (u *union) replica(h *house) *hospitalNode {
	u.Helper()
	c := h.config
	c.Address = h.instance.Address()
	return &hospitalNode{u.startHouse(c).Role()}
}

// later moves the clock past the life of lists that are fetched now and then.
func (u *union) later(d time.Duration) {
	u.Helper()
	u.clock.move(d)
	ok(u, u.cloud.Rotate(u.Context()))
	for _, h := range []*house{u.anna, u.bern} {
		u.refresh(h)
		ok(u, h.node.RotatePrekeys(u.Context()))
	}
}

// refresh lets a hospital fetch the revocation list now.
func (u *union) refresh(h *house) {
	u.Helper()
	u.clock.move(6 * time.Second) // the public cloud serves a list again for 5 s
	ok(u, h.node.Revocations.(refresher).Refresh(u.Context()))
}
