package agent

import (
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"strings"
	"time"

	"medunion/api/httpserver"
	"medunion/api/message"
	"medunion/api/roots"
	"medunion/api/secretfile"
	"medunion/doctor-portal/practice"
	"medunion/ecc"
)

// Config is the agent's configuration. Secrets stand in files, or in an
// environment variable that is named here, never in the configuration itself.
type Config struct {
	ConfigFile string `name:"config" help:"File of settings (YAML): each flag's name without its dashes, and its value. Variables and flags stand above it. If it holds a password, its mode is 0600." env:"DOCTOR_AGENT_CONFIG"`
	Dev        bool   `help:"Allow what is fit for development only: development issuers, embedded stores, keys that are not sealed; nothing off loopback then." env:"DOCTOR_AGENT_DEV"`

	Listen         string `help:"Loopback address of the local API." default:"127.0.0.1:8083" env:"DOCTOR_AGENT_LISTEN"`
	Store          string `help:"File of the sealed key store; made on first start." required:"" env:"DOCTOR_AGENT_STORE"`
	PassphraseFile string `help:"File whose first line is the store's passphrase." xor:"passphrase" env:"DOCTOR_AGENT_PASSPHRASE_FILE"`
	PassphraseEnv  string `help:"Name of the environment variable with the store's passphrase." xor:"passphrase"`
	TokenFile      string `help:"File of the local API's bearer token; made if absent." required:"" env:"DOCTOR_AGENT_TOKEN_FILE"`
	Portal         string `help:"The portal's origin, as https://portal.example." required:"" env:"DOCTOR_AGENT_PORTAL"`
	PinsFile       string `name:"pins" help:"File with the public cloud's pinned keys (JSON: cloud, pk, puk_c)." required:"" env:"DOCTOR_AGENT_PINS"`
	Authority      string `help:"The medical authority's issuer name." required:"" env:"DOCTOR_AGENT_AUTHORITY"`
	AuthorityFile  string `name:"authority-jwks" help:"File with the medical authority's pinned JWKS." required:"" env:"DOCTOR_AGENT_AUTHORITY_JWKS"`
	ID             string `help:"The doctor's identifier ID_D, for a new store." env:"DOCTOR_AGENT_ID"`
	Suite          int    `help:"HPKE suite of a new identity: 1 X25519, 2 X-Wing." default:"1" enum:"1,2" env:"DOCTOR_AGENT_SUITE"`
	Development    bool   `help:"Make messages for testers, faulty ones too; only where everything is on loopback." env:"DOCTOR_AGENT_DEVELOPMENT"`

	Edge httpserver.Edge `embed:"" envprefix:"DOCTOR_AGENT_"`

	// Trace, if set, is called for each message of the protocol that the agent
	// sends or receives. It must return at once.
	Trace func(message.Sent) `kong:"-"`
	// Set by a program that starts the agent itself, instead of the files.
	Pins          *message.Pins `kong:"-"`
	AuthorityJWKS []byte        `kong:"-"`
	Passphrase    []byte        `kong:"-"`
	// Logger defaults to JSON on standard error, Now to time.Now.
	Logger *slog.Logger     `kong:"-"`
	Now    func() time.Time `kong:"-"`
}

func (c *Config) defaults() {
	if c.Logger == nil {
		c.Logger = c.Edge.NewLogger(os.Stderr)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Trace == nil {
		c.Trace = func(message.Sent) {}
	}
	if c.Suite == 0 {
		c.Suite = int(ecc.SuiteX25519)
	}
}

// origin returns the portal's origin: scheme, host and port, nothing else. Plain
// HTTP is for a portal on the same machine only.
func (c Config) origin() (string, error) {
	u, err := url.Parse(c.Portal)
	if err != nil || u.Host == "" || u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		return "", fmt.Errorf("the portal must be an origin, such as https://portal.example")
	}
	if u.Scheme != "https" && (u.Scheme != "http" || !httpserver.LoopbackHost(u.Hostname())) {
		return "", fmt.Errorf("the portal must be reached by https unless it is on loopback")
	}
	return u.Scheme + "://" + u.Host, nil
}

func localOrigin(origin string) bool {
	u, err := url.Parse(origin)
	return err == nil && httpserver.LoopbackHost(u.Hostname())
}

func (c Config) passphrase() ([]byte, error) {
	if len(c.Passphrase) > 0 {
		return c.Passphrase, nil
	}
	if c.PassphraseFile == "" && c.PassphraseEnv == "" {
		return nil, fmt.Errorf("a passphrase file or the name of an environment variable is needed")
	}
	if c.PassphraseFile == "" {
		if p := os.Getenv(c.PassphraseEnv); p != "" {
			return []byte(p), nil
		}
		return nil, fmt.Errorf("the environment variable for the passphrase is empty")
	}
	return secretfile.Passphrase(c.PassphraseFile)
}

func (c Config) pins() (message.Pins, error) {
	if c.Pins != nil {
		return *c.Pins, nil
	}
	return roots.ReadPins(c.PinsFile)
}

func (c Config) jwks() ([]byte, error) {
	if c.AuthorityJWKS != nil {
		return c.AuthorityJWKS, nil
	}
	b, err := os.ReadFile(c.AuthorityFile)
	if err != nil {
		return nil, fmt.Errorf("medical authority: %w", err)
	}
	return b, nil
}

// practice is the part of the practice's configuration that stands here.
func (c Config) practice() (practice.Config, error) {
	origin, err := c.origin()
	if err != nil {
		return practice.Config{}, err
	}
	pins, err := c.pins()
	if err != nil {
		return practice.Config{}, err
	}
	jwks, err := c.jwks()
	if err != nil {
		return practice.Config{}, err
	}
	if c.Development && !localOrigin(origin) {
		return practice.Config{}, errDevelopment
	}
	return practice.Config{Portal: newTransport(origin), Now: c.Now, Origin: origin, Pins: pins, Authority: c.Authority, JWKS: jwks,
		Trace: c.Trace}, nil
}
