package config

import (
	"crypto/rand"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"

	"medunion/api/certs/certtest"
	"medunion/api/doctorcert"
	"medunion/api/message"
	"medunion/api/settings"
	"medunion/api/token"
	doctoragent "medunion/doctor-portal/agent"
	portal "medunion/doctor-portal/server"
	"medunion/ecc"
	patientagent "medunion/patient-agent/server"
	privatecloud "medunion/privatecloud/server"
	publiccloud "medunion/publiccloud/server"
)

// shipped are all configuration files of the repository: a new one is tested by being there.
var shipped = []string{"*.yaml", "../compose/config/*.yaml"}

// configuration is a service's struct.
type configuration interface{ Problems() error }

// load reads a file as the service's program does.
func load(t *testing.T, name, path string, args ...string) (configuration, error) {
	t.Helper()
	var read error
	parse := func(c any) {
		k, err := kong.New(c, settings.Option())
		if err != nil {
			t.Fatal(err)
		}
		_, read = k.Parse(append([]string{"--config=" + path}, args...))
	}
	var (
		cloud    publiccloud.Config
		hospital privatecloud.Config
		relay    portal.Config
		doctor   doctoragent.Config
		patient  patientagent.Config
	)
	switch {
	case name == "publiccloud.yaml":
		parse(&cloud)
		return cloud, read
	case name == "privatecloud.yaml" || strings.HasPrefix(name, "st-"):
		parse(&hospital)
		return hospital, read
	case name == "doctor-portal.yaml":
		parse(&relay)
		return relay, read
	case name == "doctor-agent.yaml":
		parse(&doctor)
		return doctor, read
	case name == "patient-agent.yaml":
		parse(&patient)
		return patient, read
	}
	t.Fatalf("%s is of no service that this test knows", name)
	return nil, nil
}

func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// site is a folder with all that the files name.
func site(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	key := func() ecc.SigningKey { return must(ecc.GenerateSigningKey(rand.Reader))(t) }
	put := func(name string, b []byte) {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put("passphrase", []byte(rand.Text()))
	put("operator.token", []byte(rand.Text()))
	put("peers.json", []byte(`{"peers":[]}`))
	put("authority.jwks", must(must(doctorcert.NewIssuer("Medical Board", key(), time.Hour, rand.Reader))(t).JWKS())(t))
	put("operators.jwks", must(must(token.NewIssuer(token.Access, "operators", key(), rand.Reader))(t).JWKS())(t))
	pins := message.Pins{CloudID: "cloud", First: message.Root{PK: must(ecc.GenerateScalar(rand.Reader))(t).Public(), PUKC: key().Public()}}
	put("pins.json", must(json.Marshal(pins))(t))
	pair := certtest.New(t, dir, "tls")
	put("ca.crt", must(os.ReadFile(pair.Cert))(t))
	return dir
}

// variables are what a site gives beside the file: secrets, and that keys are made.
func variables(t *testing.T) {
	for _, prefix := range []string{"PUBLICCLOUD", "PRIVATECLOUD", "PORTAL"} {
		t.Setenv(prefix+"_MONGO_URI", "mongodb://medunion:"+rand.Text()+"@mongo.example:27017/?replicaSet=rs0&tls=true")
		t.Setenv(prefix+"_REDIS_PASSWORD", rand.Text())
		t.Setenv(prefix+"_INIT_KEYS", "true")
	}
}

var folders = regexp.MustCompile(`/etc/medunion/|/run/secrets/|/var/lib/medunion/`)

// problems are those of a shipped file whose files are in a site, with flags beside it.
func problems(t *testing.T, path, site string, args ...string) error {
	t.Helper()
	b := folders.ReplaceAll(must(os.ReadFile(path))(t), []byte(site+"/"))
	copied := filepath.Join(t.TempDir(), "settings.yaml")
	if err := os.WriteFile(copied, b, 0o644); err != nil {
		t.Fatal(err)
	}
	c, err := load(t, filepath.Base(path), copied, args...)
	if err == nil {
		err = c.Problems()
	}
	return err
}

// A file of peers without anything in it, as one that was cut while it was written, is a
// problem that is said before a start.
func TestEmptyPeersAreAProblem(t *testing.T) {
	dir := site(t)
	variables(t)
	if err := os.Truncate(filepath.Join(dir, "peers.json"), 0); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"publiccloud.yaml", "privatecloud.yaml"} {
		if err := problems(t, name, dir); err == nil || !strings.Contains(err.Error(), "peers: the file is empty") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Every configuration that is shipped is read by its service, and has no problem where the
// files that it names are there: nothing that the guard refuses, and no unknown setting.
func TestShippedConfigurations(t *testing.T) {
	dir := site(t)
	variables(t)
	tested := 0
	for _, pattern := range shipped {
		for _, path := range must(filepath.Glob(pattern))(t) {
			if err := problems(t, path, dir); err != nil {
				t.Errorf("%s: %v", path, err)
			}
			tested++
		}
	}
	if tested < 9 {
		t.Errorf("only %d files are found", tested)
	}
}

// The test above would notice: without its files, a shipped configuration has problems.
func TestShippedConfigurationsNeedTheirFiles(t *testing.T) {
	variables(t)
	for _, path := range must(filepath.Glob("*.yaml"))(t) {
		c, err := load(t, filepath.Base(path), path)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Problems(); err == nil || !strings.Contains(err.Error(), "--authority-jwks") || !strings.Contains(err.Error(), "--pins") && path != "publiccloud.yaml" {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// A check finds, before anything starts, what would keep the service from its work or open
// it to others; each wrong flag beside a shipped file that is good is one problem.
func TestProblemsAreFound(t *testing.T) {
	dir := site(t)
	variables(t)
	ended := certtest.New(t, dir, "ended")
	ended.Renew(time.Now().Add(-2*time.Hour), time.Now().Add(-time.Hour))
	unknown := filepath.Join(dir, "unknown.json")
	if err := os.WriteFile(unknown, []byte(`{"peers":[{"name":"a","pins":["`+ended.Pin()+`"],"operations":["noSuchOperation"]}]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	services, clouds := []string{"publiccloud", "privatecloud", "doctor-portal"}, []string{"publiccloud", "privatecloud"}
	for _, c := range []struct {
		programs []string
		args     string
		want     string // "" is no problem
	}{
		{append([]string{"doctor-agent", "patient-agent"}, services...), "--otlp-endpoint=http://collector.example", "--otlp-endpoint: the endpoint must be https"},
		{services, "--otlp-ratio=7", "--otlp-endpoint: the ratio is from 0 to 1"},
		{services, "--otlp-ratio=0", ""},
		{services, "--docs=off --proxies=proxy.example", "--proxies: "},
		{services, "--docs=off --proxies=0.0.0.0/0", "--proxies: proxies: a network of all addresses"},
		{services, "--docs=off --proxies=::/0", "--proxies: proxies: a network of all addresses"},
		{services, "--docs=off --proxies=0.0.0.0/1,128.0.0.0/1", "--proxies: proxies: a network of all addresses"},
		{services, "--docs=off --proxies=2000::/3", "--proxies: proxies: a network of all addresses"},
		{services, "--docs=off --proxies=10.0.0.0/8,fc00::/7", ""},
		{services, "--proxy-protocol-from=balancer.example", "--proxy-protocol-from: "},
		{services, "--proxy-protocol-from=0.0.0.0/0", "--proxy-protocol-from: proxy-protocol-from: a network of all addresses"},
		{services, "--proxy-protocol-from=10.0.0.7,fd00::/64", ""},
		{[]string{"publiccloud"}, "--listen=127.0.0.1:1 --peers= --proxy-protocol-from=127.0.0.1", "--peers: a balancer stands in front"},
		{[]string{"publiccloud"}, "--listen=127.0.0.1:1 --tls-cert= --tls-key= --peers= --proxy-protocol-from=127.0.0.1", "--peers: a proxy stands in front"},
		{[]string{"doctor-portal"}, "--relay-networks=not-a-cidr", "--relay-networks: "},
		{[]string{"patient-agent"}, "--networks=not-a-cidr", "--networks: "},
		{[]string{"patient-agent"}, "--cloud-spki=none", "--cloud-spki: "},
		{clouds, "--peers=" + unknown, `--peers: peers: a: there is no operation "noSuchOperation" for peers`},
		{[]string{"privatecloud", "doctor-portal"}, "--peer-cert=" + ended.Cert + " --peer-key=" + ended.Key, "--peer-cert: the certificate has expired"},
		{clouds, "--listen=127.0.0.1:1 --tls-cert= --tls-key= --behind-tls --peers=", "--peers: a proxy stands in front"},
		{[]string{"publiccloud"}, "--listen=127.0.0.1:1 --tls-cert= --tls-key= --proxies=127.0.0.1 --peers=", "--peers: a proxy stands in front"},
		{clouds, "--tls-cert= --tls-key= --behind-tls --peers= --peers-at-proxy", ""},
		{clouds, "--tls-cert= --tls-key= --behind-tls --proxies=127.0.0.1", ""},
		{[]string{"doctor-portal"}, "--listen=127.0.0.1:1 --tls-cert= --tls-key=", "--origin: it is portal.example, and the service listens on loopback alone"},
		{[]string{"privatecloud"}, "--listen=127.0.0.1:1 --admin-listen=127.0.0.1:2 --tls-cert= --tls-key= --peers= --proxy-protocol-from=", "--address: it is st-anna.example, and the service listens on loopback alone"},
		{clouds, "--mongo-uri=mongodb://medunion:x9Yk2-Wq7Lm4-Tz8@127.0.0.1/?replicaSet=rs0", "--mongo-uri: each member that it names may be beyond this machine and spoken with in the clear"},
		{clouds, "--mongo-uri=mongodb://127.0.0.1/?directConnection=true", ""},
		{services, "--redis-addrs=127.0.0.1:1 --redis-master=m --redis-tls=false --redis-ca=", "--redis-addrs: each member"},
	} {
		for _, program := range c.programs {
			err := problems(t, program+".yaml", dir, strings.Fields(c.args)...)
			if (err == nil) != (c.want == "") || err != nil && (!strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "2 problems")) {
				t.Errorf("%s %s: %v", program, c.args, err)
			}
		}
	}
}
