package settings

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
)

// Pair looks at a TLS certificate chain and its key (PEM files), if they are named: both
// are there, belong together, and the certificate is valid now.
func (g *Guard) Pair(cert, key string, now time.Time) {
	switch {
	case cert == "" && key == "":
		return
	case cert == "" || key == "":
		g.Fault("tls-cert", errors.New("a TLS certificate and its key come together; give --tls-cert and --tls-key"))
		return
	}
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		g.Fault("tls-cert", fmt.Errorf("with its key: %w", err))
		return
	}
	switch leaf := pair.Leaf; {
	case now.After(leaf.NotAfter):
		g.Fault("tls-cert", fmt.Errorf("it ended at %s; renew it", leaf.NotAfter.UTC().Format(time.RFC3339)))
	case now.Before(leaf.NotBefore):
		g.Fault("tls-cert", fmt.Errorf("it begins at %s; look at the clock", leaf.NotBefore.UTC().Format(time.RFC3339)))
	}
}

// RedisTLS is how a service protects its connections to Redis. It is embedded in the
// service's own configuration.
type RedisTLS struct {
	TLS bool   `name:"redis-tls" help:"Speak TLS 1.3 with Redis." env:"REDIS_TLS"`
	CA  string `name:"redis-ca" help:"File with the authorities (PEM) that sign Redis' certificate; default: those of the system." env:"REDIS_CA"`
}

// Config is what a client is given: nil without TLS.
func (r RedisTLS) Config() (*tls.Config, error) {
	switch {
	case !r.TLS && r.CA != "":
		return nil, errors.New("authorities for Redis without TLS: give --redis-tls")
	case !r.TLS:
		return nil, nil
	}
	c := &tls.Config{MinVersion: tls.VersionTLS13}
	if r.CA == "" {
		return c, nil
	}
	b, err := os.ReadFile(r.CA)
	if err != nil {
		return nil, fmt.Errorf("authorities of Redis: %w", err)
	}
	c.RootCAs = x509.NewCertPool()
	if !c.RootCAs.AppendCertsFromPEM(b) {
		return nil, errors.New("authorities of Redis: no certificate is in the file")
	}
	return c, nil
}

// Redis is one as a configuration describes it.
type Redis struct {
	Addrs    []string // of a server, of Sentinels or of a cluster's nodes
	Master   string   // its name at the Sentinels, "" without
	Cluster  bool
	TLS      RedisTLS
	Password string
}

// errAddress quotes nothing of what stands there, in which a password may be.
var errAddress = errors.New("it is no host:port; what is no address, such as a user and a password, has settings of its own (--redis-username and the variable of --redis-password)")

// Redis looks at a Redis and its options. Sentinels, and the nodes of a cluster, name the
// servers that are spoken with.
func (g *Guard) Redis(r Redis) {
	_, err := r.TLS.Config()
	g.Fault("redis-ca", err)
	if slices.ContainsFunc(r.Addrs, func(a string) bool { return strings.Contains(a, "@") || strings.Contains(a, "://") }) {
		g.Fault("redis-addrs", errAddress)
		return
	}
	g.Store("redis-addrs", Store{Addrs: r.Addrs, TLS: r.TLS.TLS, Authenticated: r.Password != "", Password: r.Password,
		Discovers: r.Master != "" || r.Cluster || len(r.Addrs) > 1},
		"give --redis-tls", "give a user and a password (--redis-username and the variable of --redis-password)", "one server on this machine")
}
