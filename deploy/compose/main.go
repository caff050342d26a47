// Command compose prepares the trial of compose.yaml: keys, certificates, passwords,
// tokens and pins, and each service's settings with its secrets, in a folder of its own.
//
//	go run ./deploy/compose --out DIR [--version OF-THE-IMAGES]
//
// The trial has a certificate authority, operators and a medical authority of its own,
// whose keys lie in DIR: whoever has the folder is all of them.
package main

import (
	"crypto/rand"
	"embed"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"medunion/api/httpserver"
	"medunion/api/token"
	"medunion/ecc"
)

// life of tokens and certificates: a trial is over then.
const life = 90 * 24 * time.Hour

// nobody is the user of the images, for files that root makes.
const nobody = 65532

// clouds have MongoDB and operators, hospitals a public cloud.
var (
	hospitals = []string{"st-anna", "st-bruno"}
	clouds    = append([]string{"publiccloud"}, hospitals...)
	all       = append(slices.Clone(clouds), "doctor-portal")
)

// settings are each service's without its secrets.
//
//go:embed config/*.yaml
var settings embed.FS

func main() {
	out := flag.String("out", "", "folder to make; it must not exist")
	version := flag.String("version", "trial", "version of the images")
	flag.Parse()
	if *out == "" || flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
	if err := prepare(*out, *version); err != nil {
		fmt.Fprintln(os.Stderr, "compose:", err)
		os.Exit(1)
	}
}

// trial is what the parts share.
type trial struct {
	dir       string
	ca        *ca
	operators *token.Issuer
	authority []byte // JWKS
}

func prepare(dir, version string) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err // never over another trial: its keys would be lost
	}
	t := &trial{dir: dir}
	steps := []func() error{t.authorities, t.services, t.peers, t.pins, func() error { return t.environment(version) }, t.handOver}
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// authorities makes those who sign: of certificates, of operators' tokens, of doctors.
func (t *trial) authorities() (err error) {
	if t.ca, err = newCA(); err != nil {
		return err
	}
	key, err := ecc.GenerateSigningKey(rand.Reader)
	if err != nil {
		return err
	}
	if t.operators, err = token.NewIssuer(token.Access, "operators.trial", key, rand.Reader); err != nil {
		return err
	}
	doctors, err := ecc.GenerateSigningKey(rand.Reader)
	if err != nil {
		return err
	}
	if t.authority, err = authorityJWKS(doctors); err != nil {
		return err
	}
	return errors.Join(t.write("ca.crt", t.ca.pem), t.write("ca.key", t.ca.key), t.write("operators.key", key.Seed()), t.write("medical-authority.key", doctors.Seed()))
}

// services makes each service's folder.
func (t *trial) services() error {
	for _, name := range all {
		for _, sub := range []string{"", "state", "mongo", "mongo-init"} {
			if err := os.MkdirAll(filepath.Join(t.dir, name, sub), 0o700); err != nil {
				return err
			}
		}
		if err := t.service(name); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func (t *trial) service(name string) error {
	mongo, redis := rand.Text(), rand.Text()
	config, err := settings.ReadFile("config/" + name + ".yaml")
	if err != nil {
		return err
	}
	config = fmt.Appendf(config, "redis-password: %s\n", redis)
	errs := []error{
		t.write(name+"/passphrase", []byte(rand.Text()+"\n")),
		t.write(name+"/authority.jwks", t.authority),
		t.write(name+"/redis.acl", fmt.Appendf(nil, "user default off\nuser medunion on >%s ~* &* +@all -@admin -@dangerous +info +wait +keys\n", redis)),
		t.pair(name, "tls", name, "localhost"), t.pair(name, "redis", "redis-"+name),
	}
	if slices.Contains(clouds, name) {
		config = fmt.Appendf(config, "mongo-uri: mongodb://medunion:%s@mongo-%s:27017/?replicaSet=rs0&authSource=%s&tls=true&tlsCAFile=/run/secrets/ca.crt\n",
			mongo, name, database(name))
		errs = append(errs, t.mongo(name, mongo), t.cloud(name))
	}
	return errors.Join(append(errs, t.write(name+"/config.yaml", config))...)
}

func database(name string) string {
	if name == "publiccloud" {
		return name
	}
	return "privatecloud"
}

// mongo makes the files of a service's MongoDB: a user who has one database.
func (t *trial) mongo(name, password string) error {
	crt, key, err := t.ca.pair("mongo-"+name, "localhost")
	script := fmt.Sprintf("db.getSiblingDB(%q).createUser({user: 'medunion', pwd: %q, roles: [{role: 'dbOwner', db: %[1]q}]})\n", database(name), password)
	return errors.Join(err, t.write(name+"/mongo.pem", append(crt, key...)), t.write(name+"/mongo.key", []byte(rand.Text()+rand.Text())),
		t.write(name+"/mongo.password", []byte(rand.Text())), t.write(name+"/mongo-init/user.js", []byte(script)))
}

// cloud makes what the public cloud and the hospitals have beside the portal's.
func (t *trial) cloud(name string) error {
	jwks, err := t.operators.JWKS()
	if err != nil {
		return err
	}
	errs := []error{t.write(name+"/operators.jwks", jwks)}
	if name != "publiccloud" {
		errs = append(errs, t.token(name+"/operator.token", "publiccloud", token.ScopeOperator), t.token(name+"/admin.token", name, token.ScopeFHIRImport, token.ScopeAdmin))
	} else {
		errs = append(errs, t.token(name+"/operator.token", name, token.ScopeOperator))
	}
	return errors.Join(errs...)
}

func (t *trial) token(path, audience string, scopes ...token.Scope) error {
	b, err := t.operators.Issue(token.Grant{Subject: "trial", Audience: audience, Scopes: scopes, Life: 24 * time.Hour}, time.Now())
	return errors.Join(err, t.write(path, []byte(b)))
}

func (t *trial) pair(name, file string, hosts ...string) error {
	crt, key, err := t.ca.pair(hosts...)
	return errors.Join(err, t.write(name+"/"+file+".crt", crt), t.write(name+"/"+file+".key", key))
}

func (t *trial) write(path string, b []byte) error {
	return os.WriteFile(filepath.Join(t.dir, filepath.FromSlash(path)), b, 0o600)
}

// What a hospital and the portal may call at the public cloud, and the portal at a hospital.
var (
	hospitalAtCloud  = []string{"register", "putPrekey", "writeIndexEntry"}
	portalAtCloud    = []string{"putPrekey", "search", "writeDiagnosisEntry"}
	portalAtHospital = []string{"openSession", "release", "storeDiagnosis"}
)

// peers tells each cloud whose keys may call what.
func (t *trial) peers() error {
	atCloud := []httpserver.Peer{t.peer("doctor-portal", portalAtCloud)}
	for _, name := range hospitals {
		atCloud = append(atCloud, t.peer(name, hospitalAtCloud))
		if err := t.list(name, t.peer("doctor-portal", portalAtHospital)); err != nil {
			return err
		}
	}
	return t.list("publiccloud", atCloud...)
}

func (t *trial) peer(name string, operations []string) httpserver.Peer {
	return httpserver.Peer{Name: name, Pins: []string{t.ca.made[name].String()}, Operations: operations}
}

func (t *trial) list(name string, peers ...httpserver.Peer) error {
	b, err := json.Marshal(map[string]any{"peers": peers})
	return errors.Join(err, t.write(name+"/peers.json", b))
}

// pins makes the public cloud's keys, so that all others can be told its public ones.
func (t *trial) pins() error {
	pins, err := cloudKeys(t.dir)
	if err != nil {
		return err
	}
	b, err := json.Marshal(pins)
	if err != nil {
		return err
	}
	for _, name := range all[1:] {
		if err := t.write(name+"/pins.json", b); err != nil {
			return err
		}
	}
	return nil
}

// environment is what compose.yaml asks for.
func (t *trial) environment(version string) error {
	uid, gid := os.Getuid(), os.Getgid()
	if uid == 0 {
		uid, gid = nobody, nobody
	}
	return t.write(".env", fmt.Appendf(nil, "MEDUNION_TRIAL=%s\nMEDUNION_USER=%d:%d\nMEDUNION_VERSION=%s\n", t.dir, uid, gid, version))
}

// handOver gives what root has made to the user of the images.
func (t *trial) handOver() error {
	if os.Getuid() != 0 {
		return nil
	}
	return filepath.Walk(t.dir, func(path string, _ os.FileInfo, err error) error {
		if err != nil {
			return err
		}
		return os.Chown(path, nobody, nobody)
	})
}
