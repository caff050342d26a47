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
func load(t *testing.T, name, path string) (configuration, error) {
	t.Helper()
	var read error
	parse := func(c any) {
		k, err := kong.New(c, settings.Option())
		if err != nil {
			t.Fatal(err)
		}
		_, read = k.Parse([]string{"--config=" + path})
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

// A file of peers without anything in it, as one that was cut while it was written, is a
// problem that is said before a start.
func TestEmptyPeersAreAProblem(t *testing.T) {
	dir := site(t)
	variables(t)
	if err := os.Truncate(filepath.Join(dir, "peers.json"), 0); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"publiccloud.yaml", "privatecloud.yaml"} {
		b := folders.ReplaceAll(must(os.ReadFile(name))(t), []byte(dir+"/"))
		copied := filepath.Join(t.TempDir(), "settings.yaml")
		if err := os.WriteFile(copied, b, 0o644); err != nil {
			t.Fatal(err)
		}
		c, err := load(t, name, copied)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Problems(); err == nil || !strings.Contains(err.Error(), "peers: the file is empty") {
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
			b := folders.ReplaceAll(must(os.ReadFile(path))(t), []byte(dir+"/"))
			copied := filepath.Join(t.TempDir(), "settings.yaml")
			if err := os.WriteFile(copied, b, 0o644); err != nil {
				t.Fatal(err)
			}
			c, err := load(t, filepath.Base(path), copied)
			if err == nil {
				err = c.Problems()
			}
			if err != nil {
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
