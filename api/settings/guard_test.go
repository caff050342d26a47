package settings

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const good = "x9Yk2-Wq7Lm4-Tz8"

func store(addr string, tls bool, password string) func(*Guard) {
	return func(g *Guard) {
		g.Mongo(Store{Addrs: []string{"127.0.0.1:1", addr}, TLS: tls, Authenticated: password != "", Password: password}, nil)
	}
}

func passphrase(t *testing.T, text string) string {
	path := filepath.Join(t.TempDir(), "passphrase")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// Each setting with what is said of it, in production and in development; "" is nothing.
func TestGuard(t *testing.T) {
	const away = "--dev: "
	for name, c := range map[string]struct {
		look            func(*Guard)
		production, dev string
	}{
		"loopback":            {func(g *Guard) { g.Listener("listen", "127.0.0.1:0", false) }, "", ""},
		"IPv6 loopback":       {func(g *Guard) { g.Listener("listen", "[::1]:80", false) }, "", ""},
		"all addresses":       {func(g *Guard) { g.Listener("listen", ":8080", false) }, "--listen: plain HTTP", away},
		"all addresses, TLS":  {func(g *Guard) { g.Listener("listen", "0.0.0.0:8080", true) }, "", away},
		"no address":          {func(g *Guard) { g.Listener("listen", "8080", true) }, "--listen: ", "--listen: "},
		"local API elsewhere": {func(g *Guard) { g.Local("listen", "0.0.0.0:1") }, "--listen: it must be", "--listen: it must be"},

		"peer by https":         {func(g *Guard) { g.Peer("cloud", "https://cloud.example") }, "", away},
		"peer by http":          {func(g *Guard) { g.Peer("cloud", "http://cloud.example") }, "--cloud: plain HTTP", away},
		"peer on loopback":      {func(g *Guard) { g.Peer("cloud", "http://localhost:8080/") }, "", ""},
		"peer with password":    {func(g *Guard) { g.Peer("cloud", "https://u:"+good+"@cloud.example") }, "--cloud: it holds", "--cloud: it holds"},
		"no peer":               {func(g *Guard) { g.Peer("cloud", "cloud.example") }, "--cloud: it is no", "--cloud: it is no"},
		"peer that looks local": {func(g *Guard) { g.Peer("cloud", "http://127.0.0.1.evil.example") }, "--cloud: plain HTTP", away},
		"origin by http":        {func(g *Guard) { g.Origin("origin", "http://portal.example") }, "--origin: it must be", "--origin: it must be"},
		"origin by https":       {func(g *Guard) { g.Origin("origin", "https://portal.example") }, "", ""},

		"development issuer":   {func(g *Guard) { g.Issuer("operators", "Development operators") }, "--operators: it names a development", ""},
		"issuer":               {func(g *Guard) { g.Issuer("operators", "st-anna IT") }, "", ""},
		"no issuer":            {func(g *Guard) { g.Issuer("operators", "") }, "--operators: it is empty", "--operators: it is empty"},
		"development":          {func(g *Guard) { g.Development(true) }, "--development: ", ""},
		"keys not sealed":      {func(g *Guard) { g.Keys("keys", "", false) }, "--keys: the file is not sealed", ""},
		"keys sealed":          {func(g *Guard) { g.Keys("keys", passphrase(t, good), false) }, "", ""},
		"keys with a provider": {func(g *Guard) { g.Keys("keys", "", true) }, "", ""},
		"keys sealed weakly":   {func(g *Guard) { g.Keys("keys", passphrase(t, "changeme"), false) }, "--passphrase-file: the passphrase can be", ""},
		"passphrase is absent": {func(g *Guard) { g.Keys("keys", "/nowhere", false) }, "--passphrase-file: ", "--passphrase-file: "},

		"store here":                  {store("localhost:27017", false, ""), "", ""},
		"store at a socket":           {store("/run/mongodb.sock", false, ""), "", ""},
		"store elsewhere":             {store("db.example:27017", true, good), "", away},
		"store elsewhere, no port":    {store("db.example", true, good), "", away},
		"store without TLS":           {store("db.example:27017", false, good), "spoken with in the clear", away},
		"store without a password":    {store("db.example:27017", true, ""), "lets everybody in", away},
		"store with a short one":      {store("db.example:27017", true, "k3/x"), "can be guessed", away},
		"store with the usual one":    {store("db.example:27017", true, "medunion-admin-123456"), "can be guessed", away},
		"store with one letter":       {store("db.example:27017", true, "aaaaaaaaaaaaaaaaaaaa"), "can be guessed", away},
		"store that nobody can read":  {func(g *Guard) { g.Mongo(Store{}, errors.New("bad")) }, "--mongo-uri: bad", "--mongo-uri: bad"},
		"Redis without TLS":           {func(g *Guard) { g.Redis([]string{"10.0.0.1:6379"}, RedisTLS{}, good) }, "--redis-addrs: ", away},
		"Redis with TLS":              {func(g *Guard) { g.Redis([]string{"10.0.0.1:6379"}, RedisTLS{TLS: true}, good) }, "", away},
		"authorities without TLS":     {func(g *Guard) { g.Redis(nil, RedisTLS{CA: "x"}, "") }, "--redis-ca: ", "--redis-ca: "},
		"authorities that are absent": {func(g *Guard) { g.Redis(nil, RedisTLS{TLS: true, CA: "/nowhere"}, "") }, "--redis-ca: ", "--redis-ca: "},
	} {
		for dev, want := range map[bool]string{false: c.production, true: c.dev} {
			g := Guard{Dev: dev}
			c.look(&g)
			err := g.Err()
			if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
				t.Errorf("%s, --dev=%v: %v", name, dev, err)
			}
			if err != nil && (strings.Contains(err.Error(), good) || strings.Contains(err.Error(), "k3/x")) {
				t.Errorf("%s: the error shows a password: %v", name, err)
			}
		}
	}
}

func TestAllProblemsAtOnce(t *testing.T) {
	g := Guard{}
	g.Issuer("authority", "")
	g.Listener("listen", ":1", false)
	g.Development(true)
	var p Problems
	if err := g.Err(); !errors.As(err, &p) || len(p) != 3 || p.ExitCode() != 2 || !strings.HasPrefix(err.Error(), "configuration: 3 problems:\n  --authority: ") {
		t.Errorf("%v", err)
	}
}

// pair writes a certificate for the given time, and its key.
func pair(t *testing.T, from, to time.Time) (cert, key string) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: from, NotAfter: to}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &k.PublicKey, k)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert"), filepath.Join(dir, "key")
	for path, b := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(b), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

func TestPair(t *testing.T) {
	now := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	cert, key := pair(t, now.Add(-time.Hour), now.Add(time.Hour))
	old, oldKey := pair(t, now.Add(-2*time.Hour), now.Add(-time.Hour))
	future, futureKey := pair(t, now.Add(time.Hour), now.Add(2*time.Hour))
	for _, c := range []struct{ cert, key, want string }{
		{"", "", ""}, {cert, key, ""}, {cert, "", "come together"}, {"", key, "come together"}, {cert, oldKey, "with its key"}, {"/nowhere", key, "with its key"},
		{old, oldKey, "it ended at 2026-03-02T08:00:00Z"}, {future, futureKey, "it begins at"},
	} {
		g := Guard{}
		g.Pair(c.cert, c.key, now)
		if err := g.Err(); (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v", c.want, err)
		}
	}
}

// A password is judged by what is left when the usual words are taken out of it.
func TestWeak(t *testing.T) {
	for p, want := range map[string]bool{"": true, "short": true, "passwordpassword": true, "Password12345678": true, "Medunion2026!": true, "111111111111111": true,
		"correct horse": false, good: false, "GJtU3xLw0b0b7m1J": false, "redis-redis-redis": true} {
		if weak(p) != want {
			t.Errorf("%q: %v", p, !want)
		}
	}
}
