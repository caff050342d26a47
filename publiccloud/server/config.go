package server

import (
	"crypto/rand"
	"io"
	"log/slog"
	"os"
	"time"

	"medunion/api/doctorcert"
	"medunion/api/httpserver"
	"medunion/api/keyprovider"
	"medunion/api/keyring"
	"medunion/api/replay"
	"medunion/api/settings"
	"medunion/api/token"
	"medunion/ecc"
)

// Config is the public cloud's configuration, by flags, environment variables or a file: see package settings.
// A field that is left zero takes the default of its tag.
type Config struct {
	ConfigFile string `name:"config" help:"File of settings (YAML): each flag's name without its dashes, and its value. Variables and flags stand above it. If it holds a password, its mode is 0600." env:"PUBLICCLOUD_CONFIG"`
	Dev        bool   `help:"Allow what is fit for development only: development issuers, embedded stores, keys that are not sealed; nothing off loopback then." env:"PUBLICCLOUD_DEV"`

	ID     string `help:"ID_PC, the public cloud's name in the protocol." default:"cloud" env:"PUBLICCLOUD_ID"`
	Listen string `help:"Address to listen on; port 0 picks a free one." default:"127.0.0.1:8080" env:"PUBLICCLOUD_LISTEN"`

	Keys           string `help:"Key file (mode 0600): master secret, signing key and the keys for data at rest." required:"" env:"PUBLICCLOUD_KEYS"`
	InitKeys       bool   `help:"Make the key file if it does not exist." env:"PUBLICCLOUD_INIT_KEYS"`
	PassphraseFile string `help:"File whose first line seals the key file; without it the file's mode protects it." env:"PUBLICCLOUD_PASSPHRASE_FILE"`

	KeyProvider keyprovider.Config `embed:"" envprefix:"PUBLICCLOUD_"`

	MongoURI string `help:"MongoDB connection string (holds a password: prefer the variable)." default:"mongodb://127.0.0.1:27017/?directConnection=true" env:"PUBLICCLOUD_MONGO_URI" secret:"uri"`
	Database string `help:"MongoDB database." default:"publiccloud" env:"PUBLICCLOUD_DATABASE"`

	RedisAddrs    []string `help:"Redis server, Sentinels, or cluster nodes." default:"127.0.0.1:6379" env:"PUBLICCLOUD_REDIS_ADDRS" secret:"address"`
	RedisMaster   string   `help:"Name of the master at the Sentinels." env:"PUBLICCLOUD_REDIS_MASTER"`
	RedisCluster  bool     `help:"The addresses are of a cluster." env:"PUBLICCLOUD_REDIS_CLUSTER"`
	RedisUsername string   `help:"Redis user." env:"PUBLICCLOUD_REDIS_USERNAME"`
	RedisPassword string   `help:"Redis password." env:"PUBLICCLOUD_REDIS_PASSWORD" hidden:"" secret:"value"`
	Namespace     string   `help:"Name of the service's part of Redis; its instances share it, two services never." default:"publiccloud" env:"PUBLICCLOUD_NAMESPACE"`

	RedisTLS settings.RedisTLS `embed:"" envprefix:"PUBLICCLOUD_"`

	WindowTimeout time.Duration `help:"How long one question to Redis may take before the request is refused." default:"50ms" env:"PUBLICCLOUD_WINDOW_TIMEOUT"`

	Authority     string `help:"The medical authority's issuer name." required:"" env:"PUBLICCLOUD_AUTHORITY"`
	AuthorityFile string `name:"authority-jwks" help:"File with the medical authority's pinned JWKS." required:"" env:"PUBLICCLOUD_AUTHORITY_JWKS"`
	Operators     string `help:"Issuer name of operators' tokens." required:"" env:"PUBLICCLOUD_OPERATORS"`
	OperatorsFile string `name:"operators-jwks" help:"File with the JWKS that signs operators' tokens." required:"" env:"PUBLICCLOUD_OPERATORS_JWKS"`
	Audience      string `help:"Audience that an operator's token must name." default:"publiccloud" env:"PUBLICCLOUD_AUDIENCE"`

	Suites         []uint8       `help:"HPKE suites offered: 1 X25519, 2 X-Wing." default:"1,2" env:"PUBLICCLOUD_SUITES"`
	Past           time.Duration `help:"How old a message may be (ΔT)." default:"30s" env:"PUBLICCLOUD_PAST"`
	Future         time.Duration `help:"How far ahead of our clock a message may be (δ)." default:"2s" env:"PUBLICCLOUD_FUTURE"`
	CredentialLife time.Duration `help:"Life of a credential." default:"17520h" env:"PUBLICCLOUD_CREDENTIAL_LIFE"`
	CodeLife       time.Duration `help:"Life of a patient's registration code." default:"336h" env:"PUBLICCLOUD_CODE_LIFE"`

	TLS     httpserver.TLS     `embed:"" envprefix:"PUBLICCLOUD_"`
	Peering httpserver.Peering `embed:"" envprefix:"PUBLICCLOUD_"`
	Edge    httpserver.Edge    `embed:"" envprefix:"PUBLICCLOUD_"`

	Logger *slog.Logger     `kong:"-"` // default: JSON to stderr
	Now    func() time.Time `kong:"-"` // default: time.Now
	Rand   io.Reader        `kong:"-"` // default: crypto/rand

	KeyPoll time.Duration `kong:"-"` // how often to look for a new key ring, default keyring.PollEvery
}

// withDefaults completes a configuration that was not read by kong.
func (c Config) withDefaults() Config {
	setDefault(&c.ID, "cloud")
	setDefault(&c.Listen, "127.0.0.1:8080")
	setDefault(&c.MongoURI, "mongodb://127.0.0.1:27017/?directConnection=true")
	setDefault(&c.Database, "publiccloud")
	setDefault(&c.Namespace, "publiccloud")
	setDefault(&c.Audience, "publiccloud")
	setDefault(&c.WindowTimeout, replay.DefaultTimeout)
	setDefault(&c.KeyPoll, keyring.PollEvery)
	setDefault(&c.Past, replay.DefaultPast)
	setDefault(&c.Future, replay.DefaultFuture)
	setDefault(&c.CredentialLife, 2*365*24*time.Hour)
	setDefault(&c.CodeLife, 14*24*time.Hour)
	if len(c.RedisAddrs) == 0 {
		c.RedisAddrs = []string{"127.0.0.1:6379"}
	}
	if len(c.Suites) == 0 {
		c.Suites = []uint8{uint8(ecc.SuiteX25519), uint8(ecc.SuiteXWing)}
	}
	if c.Logger == nil {
		c.Logger = c.Edge.NewLogger(os.Stderr)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Rand == nil {
		c.Rand = rand.Reader
	}
	return c
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

func (c Config) suites() []ecc.Suite {
	out := make([]ecc.Suite, len(c.Suites))
	for i, s := range c.Suites {
		out[i] = ecc.Suite(s)
	}
	return out
}

func (c Config) window() (replay.Config, error) {
	t, err := c.RedisTLS.Config()
	return replay.Config{Addrs: c.RedisAddrs, MasterName: c.RedisMaster, Cluster: c.RedisCluster, Username: c.RedisUsername,
		Password: c.RedisPassword, Namespace: c.Namespace, Past: c.Past, Future: c.Future, Timeout: c.WindowTimeout, TLS: t}, err
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
