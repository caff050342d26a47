// Package server runs a hospital's private cloud: it wires the role to its stores and to
// HTTP, and imports folders from the command line.
package server

import (
	"errors"
	"io"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"medunion/api/doctorcert"
	"medunion/api/httpclient"
	"medunion/api/httpserver"
	"medunion/api/keyprovider"
	"medunion/api/keyring"
	"medunion/api/keyroll"
	"medunion/api/message"
	"medunion/api/replay"
	"medunion/api/roots"
	"medunion/api/settings"
	"medunion/api/token"
	"medunion/ecc"
)

// Config is a hospital's configuration, by flags, environment variables or a file: see package settings.
type Config struct {
	ConfigFile string `name:"config" help:"File of settings (YAML): each flag's name without its dashes, and its value. Variables and flags stand above it. If it holds a password, its mode is 0600." env:"PRIVATECLOUD_CONFIG"`
	Dev        bool   `help:"Allow what is fit for development only: development issuers, embedded stores, keys that are not sealed; nothing off loopback then." env:"PRIVATECLOUD_DEV"`

	ID      string `help:"ID_HPC, the hospital's name in the protocol." required:"" env:"PRIVATECLOUD_ID"`
	Address string `help:"Base URL at which patients' agents and portals reach the protocol; it stands in the credential for good. Default: that of the listener." env:"PRIVATECLOUD_ADDRESS"`
	Suite   uint8  `help:"HPKE suite of a new identity: 1 X25519, 2 X-Wing." default:"1" env:"PRIVATECLOUD_SUITE"`

	Listen      string `help:"Address of the protocol. Port 0 picks a free one, or after the registration the one in the credential." default:"127.0.0.1:8081" env:"PRIVATECLOUD_LISTEN"`
	AdminListen string `help:"Address of the administration: never to be reached from outside." default:"127.0.0.1:8084" env:"PRIVATECLOUD_ADMIN_LISTEN"`

	Keys           string `help:"Key file (mode 0600): the hospital's secrets and the key of its records." required:"" env:"PRIVATECLOUD_KEYS"`
	InitKeys       bool   `help:"Make the key file if it does not exist." env:"PRIVATECLOUD_INIT_KEYS"`
	PassphraseFile string `help:"File whose first line seals the key file; without it the file's mode protects it." env:"PRIVATECLOUD_PASSPHRASE_FILE"`

	KeyProvider keyprovider.Config `embed:"" envprefix:"PRIVATECLOUD_"`

	RenewBefore time.Duration `help:"Renew the credential with new keys when less than this is left of it, as the command keys renew does: 720h is 30 days. The key file must be one that all instances see and the service may write. 0 leaves it to the command." default:"0" env:"PRIVATECLOUD_RENEW_BEFORE"`

	Cloud         string `help:"Address of the public cloud." required:"" env:"PRIVATECLOUD_CLOUD"`
	PinsFile      string `name:"pins" help:"File with the public cloud's pinned keys (JSON: cloud, pk, puk_c)." required:"" env:"PRIVATECLOUD_PINS"`
	OperatorToken string `help:"File with the public cloud's operator token, for the registration at the first start, and for another one with keys reregister." env:"PRIVATECLOUD_OPERATOR_TOKEN"`
	Authority     string `help:"The medical authority's issuer name." required:"" env:"PRIVATECLOUD_AUTHORITY"`
	AuthorityFile string `name:"authority-jwks" help:"File with the medical authority's pinned JWKS." required:"" env:"PRIVATECLOUD_AUTHORITY_JWKS"`

	Operators     string `help:"Issuer name of operators' tokens." required:"" env:"PRIVATECLOUD_OPERATORS"`
	OperatorsFile string `name:"operators-jwks" help:"File with the JWKS that signs operators' tokens." required:"" env:"PRIVATECLOUD_OPERATORS_JWKS"`
	Audience      string `help:"Audience that an operator's token must name. Default: the hospital's ID." env:"PRIVATECLOUD_AUDIENCE"`

	MongoURI string `help:"MongoDB connection string (holds a password: prefer the variable)." default:"mongodb://127.0.0.1:27017/?directConnection=true" env:"PRIVATECLOUD_MONGO_URI" secret:"uri"`
	Database string `help:"MongoDB database." default:"privatecloud" env:"PRIVATECLOUD_DATABASE"`

	RedisAddrs    []string `help:"Redis server, Sentinels, or cluster nodes." default:"127.0.0.1:6379" env:"PRIVATECLOUD_REDIS_ADDRS" secret:"address"`
	RedisMaster   string   `help:"Name of the master at the Sentinels." env:"PRIVATECLOUD_REDIS_MASTER"`
	RedisCluster  bool     `help:"The addresses are of a cluster." env:"PRIVATECLOUD_REDIS_CLUSTER"`
	RedisUsername string   `help:"Redis user." env:"PRIVATECLOUD_REDIS_USERNAME"`
	RedisPassword string   `help:"Redis password." env:"PRIVATECLOUD_REDIS_PASSWORD" hidden:"" secret:"value"`
	Namespace     string   `help:"Name of the service's part of Redis; its instances share it, two services never. Default: from the ID." env:"PRIVATECLOUD_NAMESPACE"`

	RedisTLS settings.RedisTLS `embed:"" envprefix:"PRIVATECLOUD_"`

	WindowTimeout time.Duration `help:"How long one question to Redis may take before the request is refused." default:"50ms" env:"PRIVATECLOUD_WINDOW_TIMEOUT"`

	DepartmentRules string        `help:"File with the rules that place encounters in departments (JSON); default: built in." env:"PRIVATECLOUD_DEPARTMENT_RULES"`
	MRNSystem       string        `help:"Identifier system of medical record numbers; default: the identifier of type MR, else the Patient's id." env:"PRIVATECLOUD_MRN_SYSTEM"`
	DeskCodeLife    time.Duration `help:"Life of a desk code." default:"15m" env:"PRIVATECLOUD_DESK_CODE_LIFE"`
	RequirePasskey  bool          `help:"Refuse consents that were approved with a passphrase; a passkey with user verification is required." env:"PRIVATECLOUD_REQUIRE_PASSKEY"`
	Releases        int           `help:"How many releases may be in memory at once." default:"8" env:"PRIVATECLOUD_RELEASES"`
	MaxRelease      int           `help:"Largest release in bytes." default:"268435456" env:"PRIVATECLOUD_MAX_RELEASE"`

	Development bool `help:"Make messages for testers, faulty ones too; only where everything is on loopback." env:"PRIVATECLOUD_DEVELOPMENT"`

	TLS      httpserver.TLS     `embed:"" envprefix:"PRIVATECLOUD_"`
	Peering  httpserver.Peering `embed:"" envprefix:"PRIVATECLOUD_"`
	CloudKey httpclient.Pinned  `embed:"" envprefix:"PRIVATECLOUD_"`
	Peer     httpclient.Peer    `embed:"" envprefix:"PRIVATECLOUD_"`
	Edge     httpserver.Edge    `embed:"" envprefix:"PRIVATECLOUD_"`

	// Set by a program that starts the hospital itself; no flags.
	Pins      *message.Pins    `kong:"-" json:"-"` // instead of PinsFile
	Logger    *slog.Logger     `kong:"-" json:"-"` // default: JSON to stderr
	KeyPoll   time.Duration    `kong:"-"`          // how often to look for a new key ring, default keyring.PollEvery
	LeaseLife time.Duration    `kong:"-"`          // of a check-in, default and at most keyroll.LeaseLife
	Now       func() time.Time `kong:"-" json:"-"` // default: time.Now
	Rand      io.Reader        `kong:"-" json:"-"` // default: crypto/rand

	restoring bool // the database may be half of a restore
	command   bool // an operator's, not a service: the database is one that was served from
	past      bool // what is kept is read only: the credential may have ended
}

// local says whether the hospital and its public cloud are on this machine.
func (c Config) local() bool {
	u, err := url.Parse(c.Cloud)
	return err == nil && httpserver.LoopbackHost(u.Hostname()) && httpserver.OnLoopback(c.Listen) && httpserver.OnLoopback(c.AdminListen)
}

// edge is that of both listeners: what is served on loopback only, such as the documents'
// page and the metrics, is served if both are there.
func (c Config) edge() httpserver.Edge { return c.Edge.At(c.TLS.Behind, c.Listen, c.AdminListen) }

func (c Config) checkAddress() error {
	if c.Address == "" {
		return nil
	}
	u, err := url.Parse(c.Address)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.Trim(u.Path, "/") != "" {
		return errors.New("the address is no base URL")
	}
	if u.Scheme != "https" && !(u.Scheme == "http" && httpserver.LoopbackHost(u.Hostname())) {
		return errors.New("the address must be https, or http on loopback")
	}
	return nil
}

func (c Config) withDefaults() Config {
	if c.Audience == "" {
		c.Audience = c.ID
	}
	if c.Namespace == "" {
		c.Namespace = strings.NewReplacer(".", "-", "_", "-").Replace(c.ID)
	}
	if c.WindowTimeout == 0 {
		c.WindowTimeout = replay.DefaultTimeout
	}
	if c.Releases == 0 {
		c.Releases = 8
	}
	if c.Suite == 0 {
		c.Suite = uint8(ecc.SuiteX25519)
	}
	if c.KeyPoll == 0 {
		c.KeyPoll = keyring.PollEvery
	}
	if c.LeaseLife == 0 {
		c.LeaseLife = keyroll.LeaseLife
	}
	c.setTools()
	return c
}

func (c Config) pins() (message.Pins, error) {
	if c.Pins != nil {
		return *c.Pins, nil
	}
	return roots.ReadPins(c.PinsFile)
}

// keeper holds the pins and what is learned of them, beside the key file.
func (c Config) keeper() (*roots.Keeper, error) {
	pins, err := c.pins()
	if err != nil {
		return nil, err
	}
	store, durable := roots.Service(c.Keys + ".successions")
	if !durable {
		c.Logger.Warn("successions of the public cloud's root are kept in memory only: the folder of the key file cannot be written")
	}
	return roots.Open(pins, store)
}

func (c Config) window(p message.Parameters) (replay.Config, error) {
	t, err := c.RedisTLS.Config()
	return replay.Config{Addrs: c.RedisAddrs, MasterName: c.RedisMaster, Cluster: c.RedisCluster, Username: c.RedisUsername,
		Password: c.RedisPassword, Namespace: c.Namespace, Past: p.Past, Future: p.Future, Timeout: c.WindowTimeout, TLS: t}, err
}

func (c Config) redis() (redis.UniversalClient, error) {
	t, err := c.RedisTLS.Config()
	if err != nil {
		return nil, err
	}
	return redis.NewUniversalClient(&redis.UniversalOptions{Addrs: c.RedisAddrs, MasterName: c.RedisMaster, IsClusterMode: c.RedisCluster,
		Username: c.RedisUsername, Password: c.RedisPassword, TLSConfig: t, MaxRetries: -1, ContextTimeoutEnabled: true,
		DialTimeout: time.Second, ReadTimeout: time.Second, WriteTimeout: time.Second}), nil
}

// authority is the medical authority, as its pinned keys name it.
func (c Config) authority() (*doctorcert.Authority, error) {
	return settings.Load("medical authority", c.AuthorityFile, func(jwks []byte) (*doctorcert.Authority, error) {
		return doctorcert.NewAuthority(c.Authority, jwks)
	})
}

// operators verify the tokens of operators.
func (c Config) operators() (*token.Verifier, error) {
	return settings.Load("operators", c.OperatorsFile, func(jwks []byte) (*token.Verifier, error) {
		return token.NewVerifier(token.Access, c.Operators, c.Audience, jwks)
	})
}
