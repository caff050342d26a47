package system_test

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"medunion/api/message"
	"medunion/api/token"
	"medunion/deploy/internal/freeport"
	"medunion/deploy/local/authority"
	"medunion/deploy/local/embedmongo"
	"medunion/deploy/local/embedredis"
	"medunion/ecc"
)

// The services' own binaries, killed while their stores live on, as when a machine of
// the services is lost and those of the databases are not.
func TestKillTheBinaries(t *testing.T) {
	heavy(t)
	t.Parallel()
	b := newBinaries(t)
	b.build("publiccloud")
	b.build("privatecloud")
	killed(t, b.start)
}

// binaries is what the two services need, and where they listen.
type binaries struct {
	t      *testing.T
	dir    string
	issuer *token.Issuer
	at     site
}

func newBinaries(t *testing.T) *binaries {
	b := &binaries{t: t, dir: t.TempDir()}
	m, err := embedmongo.Start(embedmongo.Options{Dir: filepath.Join(b.dir, "mongo")})
	ok(t, err)
	t.Cleanup(func() { _ = m.Close() })
	r, err := embedredis.Start(embedredis.Options{})
	ok(t, err)
	t.Cleanup(func() { _ = r.Close() })
	b.issuer = must(token.NewIssuer(token.Access, "operators", must(ecc.GenerateSigningKey(rand.Reader)), rand.Reader))
	b.file("operators.jwks", must(b.issuer.JWKS()))
	a := must(authority.New(authority.Config{Logger: stderrLog(100), Departments: message.DefaultDepartments}))
	b.file("authority.jwks", a.JWKS())
	b.file("passphrase", []byte(rand.Text()))
	b.at = site{Authority: authority.DefaultName, JWKS: string(a.JWKS()), Mongo: m.URI(), Redis: r.Addr(),
		Cloud: "http://" + freeport.For(b.t), Operator: b.token("publiccloud", token.ScopeOperator),
		Hospitals: []place{{ID: "st-anna", URL: "http://" + freeport.For(b.t), Admin: "http://" + freeport.For(b.t),
			Token: b.token("st-anna", token.ScopeFHIRImport, token.ScopeAdmin)}}}
	b.file("operator.token", []byte(b.at.Operator))
	return b
}

func (b *binaries) path(name string) string { return filepath.Join(b.dir, name) }

func (b *binaries) file(name string, content []byte) {
	b.t.Helper()
	ok(b.t, os.WriteFile(b.path(name), content, 0o600))
}

func (b *binaries) token(audience string, scopes ...token.Scope) string {
	return string(must(b.issuer.Issue(token.Grant{Subject: "test", Audience: audience, Scopes: scopes, Life: time.Hour}, time.Now())))
}

func (b *binaries) build(service string) {
	b.t.Helper()
	if out, err := exec.Command("go", "build", "-o", b.path(service), "medunion/"+service).CombinedOutput(); err != nil {
		b.t.Fatalf("%v\n%s", err, out)
	}
}

// start starts both and returns when they are ready; the process kills both.
func (b *binaries) start() (victim, site) {
	common := []string{"--dev", "--init-keys", "--passphrase-file=" + b.path("passphrase"), "--mongo-uri=" + b.at.Mongo, "--redis-addrs=" + b.at.Redis,
		"--authority=" + b.at.Authority, "--authority-jwks=" + b.path("authority.jwks"), "--operators=operators", "--operators-jwks=" + b.path("operators.jwks")}
	cloud := run(b.t, exec.Command(b.path("publiccloud"), append([]string{"--listen=" + host(b.at.Cloud), "--keys=" + b.path("cloud.keys")}, common...)...))
	b.ready(cloud, b.at.Cloud)
	b.pin(cloud)
	h := b.at.Hospitals[0]
	hospital := run(b.t, exec.Command(b.path("privatecloud"), append([]string{"serve", "--id=" + string(h.ID), "--listen=" + host(h.URL), "--admin-listen=" + host(h.Admin),
		"--keys=" + b.path("hospital.keys"), "--cloud=" + b.at.Cloud, "--pins=" + b.path("pins"), "--operator-token=" + b.path("operator.token")}, common...)...))
	b.ready(hospital, h.URL)
	return both{cloud, hospital}, b.at
}

func host(url string) string { return url[len("http://"):] }

func (b *binaries) ready(p *process, url string) {
	b.t.Helper()
	p.await(30*time.Second, url+" ready", func() bool {
		a, err := call(b.t.Context(), http.MethodGet, url+"/readyz", "", "", nil)
		return err == nil && a.status == http.StatusOK
	})
}

// pin takes the public cloud's pins from the line that it logs for that. A restart
// must not change them.
func (b *binaries) pin(cloud *process) {
	b.t.Helper()
	for line := range bytes.Lines(cloud.read(cloud.stderr)) {
		var l struct {
			PK   string
			PUKC string `json:"PUK_C"`
		}
		if json.Unmarshal(line, &l) != nil || l.PK == "" {
			continue
		}
		pins := fmt.Appendf(nil, `{"cloud":"cloud","pk":%q,"puk_c":%q}`, base64.StdEncoding.EncodeToString(must(hex.DecodeString(l.PK))),
			base64.StdEncoding.EncodeToString(must(hex.DecodeString(l.PUKC))))
		var p message.Pins
		ok(b.t, json.Unmarshal(pins, &p))
		if b.at.Pins.First.PK.Valid() && !b.at.Pins.First.PK.Equal(p.First.PK) {
			b.t.Fatal("the public cloud has other keys after its restart")
		}
		b.at.Pins = p
		b.file("pins", pins)
		return
	}
	b.t.Fatal("the public cloud does not log its pins")
}

// victim is what a round kills.
type victim interface{ kill9() }

type both struct{ one, other *process }

// kill9 kills one shortly before the other: writes of one meet the other dead.
func (b both) kill9() {
	b.one.kill9()
	time.Sleep(20 * time.Millisecond)
	b.other.kill9()
}
