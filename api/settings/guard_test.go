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

	"medunion/api/httpserver"
)

const good = "x9Yk2-Wq7Lm4-Tz8"

func store(addr string, tls bool, password string) func(*Guard) {
	return func(g *Guard) {
		g.Mongo(Store{Addrs: []string{"127.0.0.1:1", addr}, TLS: tls, Authenticated: password != "", Password: password}, nil)
	}
}

// discovered is a database on this machine that names further members.
func discovered(tls bool, password string) func(*Guard) {
	return func(g *Guard) {
		g.Mongo(Store{Addrs: []string{"127.0.0.1:1"}, TLS: tls, Authenticated: password != "", Password: password, Discovers: true}, nil)
	}
}

func front(public string, protected bool, listeners ...string) func(*Guard) {
	return func(g *Guard) { g.Front("address", public, protected, listeners...) }
}

func peers(p httpserver.Peering, behind bool, proxies ...string) func(*Guard) {
	return func(g *Guard) { g.Peers(p, httpserver.TLS{Behind: behind}, httpserver.Edge{Proxies: proxies}) }
}

// through is a balancer that says whose each connection is, before a service with TLS or without.
func through(p httpserver.Peering, cert string) func(*Guard) {
	return func(g *Guard) {
		g.Peers(p, httpserver.TLS{Cert: cert}, httpserver.Edge{ProxyProtocolFrom: []string{"127.0.0.1"}})
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
	here, tls := []string{"127.0.0.1:1"}, RedisTLS{TLS: true}
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
		"members, found in the clear": {discovered(false, good), "in the clear; add tls=true, or directConnection=true", ""},
		"members that let all in":     {discovered(true, ""), "lets everybody in", ""},
		"members, weak password":      {discovered(true, "k3/x"), "can be guessed", ""},
		"members, found safely":       {discovered(true, good), "", ""},

		"Redis here":                  {func(g *Guard) { g.Redis(Redis{Addrs: here}) }, "", ""},
		"Redis without TLS":           {func(g *Guard) { g.Redis(Redis{Addrs: []string{"10.0.0.1:6379"}, Password: good}) }, "--redis-addrs: ", away},
		"Redis with TLS":              {func(g *Guard) { g.Redis(Redis{Addrs: []string{"10.0.0.1:6379"}, TLS: tls, Password: good}) }, "", away},
		"Redis by a URI":              {func(g *Guard) { g.Redis(Redis{Addrs: []string{"redis://u:CANARY@10.0.0.1:6379"}}) }, "--redis-addrs: it is no host:port", "--redis-addrs: it is no host:port"},
		"Redis with a password in it": {func(g *Guard) { g.Redis(Redis{Addrs: []string{"u:CANARY@10.0.0.1:6379"}}) }, "--redis-addrs: it is no host:port", "--redis-addrs: it is no host:port"},
		"Sentinel here":               {func(g *Guard) { g.Redis(Redis{Addrs: here, Master: "m"}) }, "in the clear; give --redis-tls, or one server", ""},
		"Sentinel here, TLS":          {func(g *Guard) { g.Redis(Redis{Addrs: here, Master: "m", TLS: tls}) }, "lets everybody in", ""},
		"Sentinel here, safe":         {func(g *Guard) { g.Redis(Redis{Addrs: here, Master: "m", TLS: tls, Password: good}) }, "", ""},
		"cluster here":                {func(g *Guard) { g.Redis(Redis{Addrs: here, Cluster: true, Password: good}) }, "in the clear", ""},
		"cluster by its seeds":        {func(g *Guard) { g.Redis(Redis{Addrs: []string{"127.0.0.1:1", "127.0.0.1:2"}, Password: good}) }, "in the clear", ""},
		"authorities without TLS":     {func(g *Guard) { g.Redis(Redis{TLS: RedisTLS{CA: "x"}}) }, "--redis-ca: ", "--redis-ca: "},
		"authorities that are absent": {func(g *Guard) { g.Redis(Redis{TLS: RedisTLS{TLS: true, CA: "/nowhere"}}) }, "--redis-ca: ", "--redis-ca: "},

		"known here":                     {front("http://localhost:1", false, "127.0.0.1:1"), "", ""},
		"known by no name":               {front("", false, "127.0.0.1:1"), "", ""},
		"a proxy that is not named":      {front("https://emr.example", false, "127.0.0.1:1", "[::1]:2"), "--address: it is emr.example, and the service listens on loopback alone", ""},
		"a proxy that is named":          {front("https://emr.example", true, "127.0.0.1:1"), "", ""},
		"known as it listens":            {front("https://emr.example", false, "127.0.0.1:1", "0.0.0.0:2"), "", ""},
		"peers without a proxy":          {peers(httpserver.Peering{}, false), "", ""},
		"peers nobody looks at":          {peers(httpserver.Peering{}, false, "10.0.0.1"), "--peers: a proxy stands in front", ""},
		"peers nobody looks at, TLS":     {peers(httpserver.Peering{}, true), "--peers: a proxy stands in front", ""},
		"peers known by the proxy":       {peers(httpserver.Peering{AtProxy: true}, true), "", ""},
		"peers known here":               {peers(httpserver.Peering{File: "x"}, true, "10.0.0.1"), "", ""},
		"peers known here and there":     {peers(httpserver.Peering{File: "x", AtProxy: true}, true), "--peers-at-proxy: the list", "--peers-at-proxy: the list"},
		"peers nobody asks for, through": {through(httpserver.Peering{}, "x.crt"), "--peers: a balancer stands in front", ""},
		"peers known here, through":      {through(httpserver.Peering{File: "x"}, "x.crt"), "", ""},
		"peers known by what sees none":  {through(httpserver.Peering{AtProxy: true}, "x.crt"), "--peers-at-proxy: there is no", "--peers-at-proxy: there is no"},
		"peers, and TLS ends in front":   {through(httpserver.Peering{}, ""), "--peers: a proxy stands in front", ""},
		"peers known by a proxy, absent": {peers(httpserver.Peering{AtProxy: true}, false), "--peers-at-proxy: there is no", "--peers-at-proxy: there is no"},
	} {
		for dev, want := range map[bool]string{false: c.production, true: c.dev} {
			g := Guard{Dev: dev}
			c.look(&g)
			err := g.Err()
			if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
				t.Errorf("%s, --dev=%v: %v", name, dev, err)
			}
			if err != nil && (strings.Contains(err.Error(), good) || strings.Contains(err.Error(), "k3/x") || strings.Contains(err.Error(), "CANARY")) {
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
