package drill

import (
	"crypto/rand"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"medunion/api/certs/certtest"
	"medunion/api/doctorcert"
	"medunion/api/mongodb"
	"medunion/api/replay/redistest"
	"medunion/api/token"
	"medunion/deploy/internal/freeport"
	"medunion/deploy/internal/runbook"
	"medunion/deploy/local/embedmongo"
	"medunion/ecc"
)

func page(name string) string { return filepath.Join("..", "doc", name) }

func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// site is what the pages' reader has before she begins.
type site struct {
	t   testing.TB
	dir string
	env []string
}

func (s *site) file(variable, name string, b []byte) {
	s.t.Helper()
	path := filepath.Join(s.dir, name)
	if err := os.WriteFile(path, b, 0o600); err != nil {
		s.t.Fatal(err)
	}
	s.set(variable, path)
}

func (s *site) set(variable, value string) { s.env = append(s.env, variable+"="+value) }

// address is a port of this machine that is free.
func (s *site) address(variable string) string {
	address := freeport.For(s.t)
	s.set(variable, address)
	return address
}

// stores sets a real Redis, and MONGODB_URI or the embedded server. That, and one whose
// members are found without TLS, the services take for development only.
func (s *site) stores() {
	s.set("REDIS_ADDR", redistest.Start(s.t).Addr())
	uri := os.Getenv("MONGODB_URI")
	if uri == "" {
		m := must(embedmongo.Start(embedmongo.Options{Dir: s.t.TempDir()}))(s.t)
		s.t.Cleanup(func() { _ = m.Close() })
		uri = m.URI()
	}
	if d := must(mongodb.Describe(uri))(s.t); d.Discovers && !d.TLS {
		s.set("PUBLICCLOUD_DEV", "true")
		s.set("PRIVATECLOUD_DEV", "true")
	}
	s.set("MONGO_URI", uri)
	s.set("PUBLICCLOUD_DATABASE", "drill_cloud_"+rand.Text()[:8])
	s.set("PRIVATECLOUD_DATABASE", "drill_hospital_"+rand.Text()[:8])
}

// issuers makes the authority's and the operators' key sets, and a token of one operator.
func (s *site) issuers() {
	const authority, operators = "Medical Board", "operators.example"
	key := func() ecc.SigningKey { return must(ecc.GenerateSigningKey(rand.Reader))(s.t) }
	s.set("AUTHORITY", authority)
	s.file("AUTHORITY_KEYS", "authority.given", must(must(doctorcert.NewIssuer(authority, key(), time.Hour, rand.Reader))(s.t).JWKS())(s.t))
	i := must(token.NewIssuer(token.Access, operators, key(), rand.Reader))(s.t)
	s.set("OPERATORS", operators)
	s.file("OPERATORS_KEYS", "operators.given", must(i.JWKS())(s.t))
	grant := token.Grant{Subject: "drill", Audience: "publiccloud", Scopes: []token.Scope{token.ScopeOperator}, Life: time.Hour}
	s.file("OPERATOR_TOKEN", "operator.given", must(i.Issue(grant, time.Now()))(s.t))
}

// certificates makes one of each cloud, by an authority that this machine believes.
func (s *site) certificates() {
	authority := certtest.New(s.t, s.dir, "authority")
	s.set("SSL_CERT_FILE", authority.Cert)
	s.set("CURL_CA_BUNDLE", authority.Cert)
	for _, of := range []string{"CLOUD", "HOSPITAL"} {
		pair := certtest.New(s.t, s.dir, of)
		pair.Issuer = authority
		pair.Renew(time.Now().Add(-time.Hour), time.Now().Add(90*24*time.Hour))
		s.set(of+"_CERT", pair.Cert)
		s.set(of+"_KEY", pair.Key)
	}
}

// bundles is a folder with the record of one patient.
func (s *site) bundles() {
	dir := filepath.Join(s.dir, "bundles")
	if err := os.Mkdir(dir, 0o700); err != nil {
		s.t.Fatal(err)
	}
	patient := map[string]any{"resourceType": "Patient", "id": "p1", "identifier": []any{map[string]any{"system": "urn:mrn", "value": "m-1"}}}
	b := must(json.Marshal(map[string]any{"resourceType": "Bundle", "type": "collection", "entry": []any{map[string]any{"resource": patient}}}))(s.t)
	s.set("BUNDLES", dir)
	s.file("BUNDLE", "bundles/p1.json", b)
}

// A reader who does what the pages say has a public cloud, a hospital that has joined it,
// both checked and accepted; each command shows what the page shows.
func TestInstallAndAccept(t *testing.T) {
	s := &site{t: t, dir: t.TempDir()}
	s.stores()
	s.issuers()
	s.bundles()
	conf, data := filepath.Join(s.dir, "conf"), filepath.Join(s.dir, "data")
	s.set("CONF", conf)
	s.set("DATA", data)
	s.set("PINS", filepath.Join(conf, "pins.json"))
	s.set("CLOUD_PEERS", filepath.Join(conf, "peers.json"))
	s.set("CLOUD", "https://"+s.address("CLOUD_LISTEN"))
	s.set("HOSPITAL", "https://"+s.address("HOSPITAL_LISTEN"))
	s.address("ADMIN_LISTEN")
	s.address("CLOUD_OPERATIONS")
	s.address("HOSPITAL_OPERATIONS")
	s.certificates()
	s.env = append(s.env, runbook.Programs(t, "publiccloud", "privatecloud"))
	runbook.Test(t, page("install-public-cloud.md"), runbook.Options{Env: s.env, Least: 8, Limit: 5 * time.Minute,
		Then: []string{page("install-hospital.md"), page("daily-checks.md"), page("security-review.md")}})
}
