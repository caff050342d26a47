// Package server wires the doctor portal: its configuration, Run for the command,
// and Start for whoever boots it in a process of its own.
package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"time"

	"github.com/redis/go-redis/v9"

	"medunion/api/certs"
	"medunion/api/doctorcert"
	"medunion/api/httpclient"
	"medunion/api/httpserver"
	"medunion/api/keyprovider"
	"medunion/api/message"
	"medunion/api/roots"
	"medunion/api/settings"
	"medunion/doctor-portal/internal/relay"
)

// Config is everything that a portal is told. Flags and environment variables
// carry the same names; so do the keys of a file, see package settings.
type Config struct {
	ConfigFile string `name:"config" help:"File of settings (YAML): each flag's name without its dashes, and its value. Variables and flags stand above it. If it holds a password, its mode is 0600." env:"PORTAL_CONFIG"`
	Dev        bool   `help:"Allow what is fit for development only: development issuers, embedded stores, keys that are not sealed; nothing off loopback then." env:"PORTAL_DEV"`

	Listen string `help:"Address to listen on; port 0 picks a free one." default:"127.0.0.1:8082" env:"PORTAL_LISTEN"`
	Origin string `help:"The portal's address as doctors and patients know it: scheme, name, port. Default: that of the listener." env:"PORTAL_ORIGIN"`

	Cloud         string   `help:"Address of the public cloud." required:"" env:"PORTAL_CLOUD"`
	RelayNetworks []string `help:"Networks (CIDR) that are not public and in which hospitals of the directory may be called all the same." env:"PORTAL_RELAY_NETWORKS"`
	PinsFile      string   `name:"pins" help:"File with the public cloud's pinned keys (JSON: cloud, pk, puk_c)." required:"" env:"PORTAL_PINS"`

	// The doctor's page pins the authority; the portal itself verifies no certificate.
	Authority     string `help:"The medical authority's issuer name." required:"" env:"PORTAL_AUTHORITY"`
	AuthorityFile string `name:"authority-jwks" help:"File with the medical authority's pinned JWKS." required:"" env:"PORTAL_AUTHORITY_JWKS"`
	IdleMinutes   int    `help:"After so many minutes without use the doctor's page locks her keys." default:"15" env:"PORTAL_IDLE_MINUTES"`

	// SessionKeyFile is a key ring. All instances of one portal share it; it is made if it
	// is absent.
	SessionKeyFile string `name:"session-key" help:"Key file (mode 0600) of the doctors' sessions, shared by all instances." required:"" env:"PORTAL_SESSION_KEY"`
	PassphraseFile string `help:"File whose first line seals the key file; without it the file's mode protects it." env:"PORTAL_PASSPHRASE_FILE"`

	KeyProvider keyprovider.Config `embed:"" envprefix:"PORTAL_"`

	RedisAddrs    []string `help:"Redis server, Sentinels, or cluster nodes." default:"127.0.0.1:6379" env:"PORTAL_REDIS_ADDRS" secret:"address"`
	RedisMaster   string   `help:"Name of the master at the Sentinels." env:"PORTAL_REDIS_MASTER"`
	RedisCluster  bool     `help:"The addresses are of a cluster." env:"PORTAL_REDIS_CLUSTER"`
	RedisUsername string   `help:"Redis user." env:"PORTAL_REDIS_USERNAME"`
	RedisPassword string   `help:"Redis password." env:"PORTAL_REDIS_PASSWORD" hidden:"" secret:"value"`
	Namespace     string   `help:"Name of the service's part of Redis; its instances share it, two services never." default:"portal" env:"PORTAL_NAMESPACE"`

	RedisTLS settings.RedisTLS `embed:"" envprefix:"PORTAL_"`

	TLS      httpserver.TLS    `embed:"" envprefix:"PORTAL_"`
	CloudKey httpclient.Pinned `embed:"" envprefix:"PORTAL_"`
	Peer     httpclient.Peer   `embed:"" envprefix:"PORTAL_"`
	Edge     httpserver.Edge   `embed:"" envprefix:"PORTAL_"`

	// Set by a program that starts the portal itself; no flags.
	Pins          *message.Pins    `kong:"-"` // instead of PinsFile
	AuthorityJWKS []byte           `kong:"-"` // instead of AuthorityFile
	Logger        *slog.Logger     `kong:"-"` // default: JSON to standard error
	Now           func() time.Time `kong:"-"` // default: time.Now
}

func (c Config) logger() *slog.Logger {
	if c.Logger != nil {
		return c.Logger
	}
	return c.Edge.NewLogger(os.Stderr)
}

func (c Config) clock() func() time.Time {
	if c.Now != nil {
		return c.Now
	}
	return time.Now
}

// clients is how the relay calls the two kinds of clouds. To hospitals, whose addresses come
// from the directory, it connects only where the guard lets it.
func (c Config) clients() (clients relay.Clients, err error) {
	if clients.Cloud.Pins, err = certs.ParsePins(c.CloudKey.CloudSPKI); err != nil {
		return clients, err
	}
	if clients.Cloud.Certificate, err = c.Peer.Load(c.TLS.Cert, c.TLS.Key); err != nil {
		return clients, err
	}
	clients.Hospitals.Certificate = clients.Cloud.Certificate
	clients.Hospitals.Guard, err = httpclient.NewGuard(c.RelayNetworks, c.alone())
	return clients, err
}

// alone says whether nobody beyond this machine reaches the portal, so that a message may
// lead it to this machine. A listener on loopback does not say so: a proxy may stand in
// front. The origin does.
func (c Config) alone() bool {
	u, err := url.Parse(c.Origin)
	local := err == nil && (c.Origin == "" || httpserver.LoopbackHost(u.Hostname()))
	return httpserver.OnLoopback(c.Listen) && !c.TLS.Proxied(c.Edge) && (c.Dev || local)
}

func (c Config) pins() (message.Pins, error) {
	if c.Pins != nil {
		return *c.Pins, nil
	}
	return roots.ReadPins(c.PinsFile)
}

// keeper holds the pins and what is learned of them, beside the session key.
func (c Config) keeper() (*roots.Keeper, error) {
	pins, err := c.pins()
	if err != nil {
		return nil, err
	}
	store, durable := roots.Service(c.SessionKeyFile + ".successions")
	if !durable {
		c.logger().Warn("successions of the public cloud's root are kept in memory only: the folder of the session key cannot be written")
	}
	return roots.Open(pins, store)
}

// page is the answer of /config.json. A key set that the page could not pin is refused
// here, where an operator sees it.
func (c Config) page(pins message.Pins, version string) ([]byte, error) {
	jwks, err := c.AuthorityJWKS, error(nil)
	if jwks == nil {
		jwks, err = os.ReadFile(c.AuthorityFile)
	}
	if err == nil {
		_, err = doctorcert.NewAuthority(c.Authority, jwks)
	}
	if err != nil {
		return nil, fmt.Errorf("portal: medical authority: %w", err)
	}
	if c.IdleMinutes == 0 {
		c.IdleMinutes = defaultIdle
	}
	if c.IdleMinutes < 1 || c.IdleMinutes > longestIdle {
		return nil, fmt.Errorf("portal: idle minutes must be 1 to %d", longestIdle)
	}
	return json.Marshal(pageConfig{Origin: c.Origin, Pins: pins, Authority: pageAuthority{c.Authority, jwks}, IdleMinutes: c.IdleMinutes, Version: version})
}

const (
	defaultIdle = 15
	longestIdle = 8 * 60 // a shift
)

// pageConfig is PageConfig of the interface, with the texts of the pins and the key set
// as they were given.
type pageConfig struct {
	Origin      string        `json:"origin"`
	Pins        message.Pins  `json:"pins"`
	Authority   pageAuthority `json:"authority"`
	IdleMinutes int           `json:"idleMinutes"`
	Version     string        `json:"version"`
}

type pageAuthority struct {
	Name string          `json:"name"`
	JWKS json.RawMessage `json:"jwks"`
}

// redis connects as the configuration says: Cluster, Sentinel or a single server.
// The pool is wide, because each waiting reader holds a connection.
func (c Config) redis() (redis.UniversalClient, error) {
	if c.RedisCluster && c.RedisMaster != "" {
		return nil, errors.New("portal: Redis is either a cluster or behind Sentinels")
	}
	t, err := c.RedisTLS.Config()
	if err != nil {
		return nil, fmt.Errorf("portal: %w", err)
	}
	redis.SetLogger(silent{}) // its lines hold addresses and errors that are answered anyway
	return redis.NewUniversalClient(&redis.UniversalOptions{Addrs: c.RedisAddrs, MasterName: c.RedisMaster, IsClusterMode: c.RedisCluster,
		Username: c.RedisUsername, Password: c.RedisPassword, TLSConfig: t, PoolSize: 512, ContextTimeoutEnabled: true}), nil
}
