package scale_test

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"medunion/api/message"
	"medunion/api/token"
	"medunion/deploy/internal/freeport"
	"medunion/deploy/local/authority"
	"medunion/deploy/local/embedmongo"
	"medunion/ecc"
)

// The services of a world, as the balancer's file names them. The administration listens
// in the hospital's process.
const (
	cloudService  = "publiccloud"
	hospitalName  = "privatecloud"
	adminService  = "administration"
	portalService = "portal"

	hospitalID = "st-anna"
)

// world is two instances of the public cloud, of one hospital and of the portal, behind
// one HAProxy.
type world struct {
	t      testing.TB
	dir    string
	redis  []string // flags that say where Redis is
	mongo  string
	server *embedmongo.Server // nil with MONGODB_URI
	names  map[string]string  // databases of another name than the first one
	issuer *token.Issuer
	jwks   []byte // of the medical authority
	doctor *authority.Authority
	pins   message.Pins
	origin string // of the portal, as its users know it

	front      map[string]string      // service: host:port at the balancer
	instance   map[string][2]string   // service: host:port of each instance
	operations map[string][2]string   // service: host:port of each instance's /readyz and /metrics
	process    map[string][2]*process // service: its programs
	http       *http.Client
}

// newWorld starts everything; redis are the flags that name it.
func newWorld(t testing.TB, redis ...string) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir(), redis: redis, front: map[string]string{}, instance: map[string][2]string{}, operations: map[string][2]string{}, process: map[string][2]*process{},
		http: &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}}
	w.startMongo()
	for _, s := range []string{cloudService, hospitalName, adminService, portalService} {
		w.front[s], w.instance[s], w.operations[s] = freeport.For(t), [2]string{freeport.For(t), freeport.For(t)}, [2]string{freeport.For(t), freeport.For(t)}
	}
	w.operations[adminService] = w.operations[hospitalName]
	w.authorities()
	w.origin = newTap(t, "https://localhost:"+port(w.front[portalService])).origin()
	w.startBalancer()
	w.startServices()
	return w
}

func (w *world) startServices() {
	w.t.Helper()
	w.startBoth(cloudService, w.cloudArgs)
	w.startBoth(hospitalName, w.hospitalArgs)
	w.startBoth(portalService, w.portalArgs)
}

// killServices ends all instances as a power cut would.
func (w *world) killServices() {
	for _, two := range w.process {
		for _, p := range two {
			p.kill9()
		}
	}
}

func (w *world) startMongo() {
	w.t.Helper()
	if w.mongo = os.Getenv("MONGODB_URI"); w.mongo != "" {
		return
	}
	m, err := embedmongo.Start(embedmongo.Options{Dir: filepath.Join(w.dir, "mongo")})
	ok(w.t, err)
	w.t.Cleanup(func() { _ = w.server.Close() })
	w.mongo, w.server = m.URI(), m
}

func port(address string) string {
	_, p, _ := net.SplitHostPort(address)
	return p
}

func (w *world) path(name string) string { return filepath.Join(w.dir, name) }

func (w *world) file(name string, content []byte) string {
	w.t.Helper()
	ok(w.t, os.WriteFile(w.path(name), content, 0o600))
	return w.path(name)
}

// authorities makes who issues tokens and who certifies doctors.
func (w *world) authorities() {
	w.t.Helper()
	w.issuer = must(token.NewIssuer(token.Access, "operators", must(ecc.GenerateSigningKey(rand.Reader)), rand.Reader))
	w.file("operators.jwks", must(w.issuer.JWKS()))
	w.doctor = must(authority.New(authority.Config{Logger: discard, Departments: message.DefaultDepartments}))
	w.jwks = w.doctor.JWKS()
	w.file("authority.jwks", w.jwks)
	w.file("operator.token", []byte(w.token(cloudService, token.ScopeOperator)))
	w.file("passphrase", []byte(rand.Text()))
}

func (w *world) token(audience string, scopes ...token.Scope) string {
	return string(must(w.issuer.Issue(token.Grant{Subject: "test", Audience: audience, Scopes: scopes, Life: time.Hour}, time.Now())))
}

// url is a service's address at the balancer.
func (w *world) url(service string) string { return "https://" + w.front[service] }

// startBalancer runs the file that operators are given.
func (w *world) startBalancer() {
	w.t.Helper()
	if _, err := exec.LookPath("haproxy"); err != nil {
		w.t.Skip("haproxy is not installed: this test needs a real balancer")
	}
	cmd := exec.Command("haproxy", "-db", "-f", "../config/haproxy.cfg")
	cmd.Env = append(os.Environ(), "CA="+filepath.Join(shared, "ca.pem"), "NAME=localhost")
	for s, address := range w.front {
		name := strings.ToUpper(s)
		cmd.Env = append(cmd.Env, name+"="+address, name+"_A="+w.instance[s][0], name+"_B="+w.instance[s][1],
			name+"_A_OPERATIONS="+port(w.operations[s][0]), name+"_B_OPERATIONS="+port(w.operations[s][1]))
	}
	p := run(w.t, cmd)
	p.await("the balancer listens", func() bool {
		c, err := net.Dial("tcp", w.front[portalService])
		return err == nil && c.Close() == nil
	})
}

// startBoth starts the two instances of a service one after the other: the first makes the
// keys that both share.
func (w *world) startBoth(service string, args func(i int) []string) {
	w.t.Helper()
	w.process[service] = [2]*process{}
	for i := range 2 {
		w.start(service, i, args(i))
	}
	w.process[service][1].await("the balancer takes "+service+" up", func() bool { return w.answers(w.front[service], "/livez") })
}

var programs = map[string]string{cloudService: "publiccloud", hospitalName: "privatecloud", portalService: "doctor-portal"}

func (w *world) start(service string, i int, args []string) {
	w.t.Helper()
	p := run(w.t, exec.Command(program(w.t, programs[service]), append(args, w.redis...)...))
	two := w.process[service]
	two[i] = p
	w.process[service] = two
	p.await(service+" is ready", func() bool { return w.ready(service, i) })
	if service == cloudService {
		w.pin(p)
	}
}

func (w *world) ready(service string, i int) bool {
	return w.answers(w.operations[service][i], "/readyz")
}

func (w *world) answers(address, path string) bool {
	a, err := w.http.Get("https://" + address + path)
	if err != nil {
		return false
	}
	a.Body.Close()
	return a.StatusCode == http.StatusOK
}

// common are the flags of the public cloud and the hospital. The rates are not what is
// tested here, and all parties come from one address.
func (w *world) common(keys string) []string {
	return []string{"--keys=" + w.path(keys), "--init-keys", "--passphrase-file=" + w.path("passphrase"), "--mongo-uri=" + w.mongo,
		"--operators=operators", "--operators-jwks=" + w.path("operators.jwks"), "--window-timeout=2s", "--rate-scale=100"}
}

func (w *world) edge(service string, i int) []string {
	return []string{"--dev", "--listen=" + w.instance[service][i], "--proxy-protocol-from=127.0.0.1", "--operations-listen=" + w.operations[service][i], "--tls-cert=" + filepath.Join(shared, "leaf.pem"), "--tls-key=" + filepath.Join(shared, "leaf.key"),
		"--authority=" + authority.DefaultName, "--authority-jwks=" + w.path("authority.jwks")}
}

func (w *world) cloudArgs(i int) []string {
	return append(append(w.common("cloud.keys"), w.edge(cloudService, i)...), "--database="+w.database("cloud"))
}

func (w *world) hospitalArgs(i int) []string {
	args := append([]string{"serve"}, append(w.common("hospital.keys"), w.edge(hospitalName, i)...)...)
	return append(args, "--id="+hospitalID, "--address="+w.url(hospitalName), "--admin-listen="+w.instance[adminService][i],
		"--cloud="+w.url(cloudService), "--pins="+w.path("pins"), "--operator-token="+w.path("operator.token"), "--database="+w.database("hospital"))
}

func (w *world) portalArgs(i int) []string {
	return append(w.edge(portalService, i), "--origin="+w.origin, "--cloud="+w.url(cloudService), "--pins="+w.path("pins"),
		"--session-key="+w.path("portal.key"), "--rate-scale=100")
}

// database is the name of a database of this world alone.
func (w *world) database(of string) string {
	if name := w.names[of]; name != "" {
		return name
	}
	sum := ecc.Sum([]byte(w.dir))
	return of + "_" + hex.EncodeToString(sum[:6])
}

// pin takes the public cloud's pins from the line that it logs for that; both instances
// have the same.
func (w *world) pin(p *process) {
	w.t.Helper()
	for line := range bytes.Lines(p.log()) {
		var l struct {
			PK   string
			PUKC string `json:"PUK_C"`
		}
		if json.Unmarshal(line, &l) != nil || l.PK == "" {
			continue
		}
		pins := fmt.Appendf(nil, `{"cloud":"cloud","pk":%q,"puk_c":%q}`, base64.StdEncoding.EncodeToString(must(hex.DecodeString(l.PK))),
			base64.StdEncoding.EncodeToString(must(hex.DecodeString(l.PUKC))))
		var got message.Pins
		ok(w.t, json.Unmarshal(pins, &got))
		if w.pins.Valid() && !w.pins.Equal(got) {
			w.t.Fatal("the two instances have different keys")
		}
		w.pins = got
		w.file("pins", pins)
		return
	}
	w.t.Fatal("the public cloud does not log its pins")
}
