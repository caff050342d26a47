// Package server runs the patient's agent behind its local REST API: its
// configuration, Run for the command, and Start for whoever boots it in a process of
// its own.
package server

import (
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"time"

	"medunion/api/certs"
	"medunion/api/doctorcert"
	"medunion/api/httpclient"
	"medunion/api/httpserver"
	"medunion/api/message"
	"medunion/api/roots"
	"medunion/api/secretfile"
	"medunion/ecc"
	"medunion/ecc/vault"
	"medunion/patient-agent/agent"
)

// Config is everything that an agent is told. Secrets stand in files, never in the
// configuration itself.
type Config struct {
	ConfigFile string `name:"config" help:"File of settings (YAML): each flag's name without its dashes, and its value. Variables and flags stand above it. If it holds a password, its mode is 0600." env:"PATIENT_AGENT_CONFIG"`
	Dev        bool   `help:"Allow what is fit for development only: development issuers, embedded stores, keys that are not sealed; nothing off loopback then." env:"PATIENT_AGENT_DEV"`

	Listen         string   `help:"Loopback address of the local API." default:"127.0.0.1:8091" env:"PATIENT_AGENT_LISTEN"`
	Store          string   `help:"File of the sealed store; made by registration." required:"" env:"PATIENT_AGENT_STORE"`
	PassphraseFile string   `help:"File whose first line is the store's passphrase. Default: it is asked for." env:"PATIENT_AGENT_PASSPHRASE_FILE"`
	TokenFile      string   `help:"File of the local API's bearer token; made if absent. Default: the store's name with .token." env:"PATIENT_AGENT_TOKEN_FILE"`
	Cloud          string   `help:"Address of the public cloud." required:"" env:"PATIENT_AGENT_CLOUD"`
	Networks       []string `help:"Networks (CIDR) that are not public and in which hospitals and portals may be called all the same." env:"PATIENT_AGENT_NETWORKS"`
	PinsFile       string   `name:"pins" help:"File with the public cloud's pinned keys (JSON: cloud, pk, puk_c)." required:"" env:"PATIENT_AGENT_PINS"`
	Authority      string   `help:"The medical authority's issuer name." required:"" env:"PATIENT_AGENT_AUTHORITY"`
	AuthorityFile  string   `name:"authority-jwks" help:"File with the medical authority's pinned JWKS." required:"" env:"PATIENT_AGENT_AUTHORITY_JWKS"`
	Origin         string   `name:"page-origin" help:"Origin at which the page is opened, if a proxy with TLS or a tunnel stands in front. Default: http://localhost:PORT." env:"PATIENT_AGENT_PAGE_ORIGIN"`
	Suite          int      `help:"HPKE suite of a new identity: 1 X25519, 2 X-Wing." default:"1" enum:"1,2" env:"PATIENT_AGENT_SUITE"`
	AllowHTTP      bool     `help:"Speak plain HTTP to others than loopback: for closed test networks only." env:"PATIENT_AGENT_ALLOW_HTTP"`
	Development    bool     `help:"Make messages for testers, faulty ones too; only where everything is on loopback." env:"PATIENT_AGENT_DEVELOPMENT"`

	CloudKey httpclient.Pinned `embed:"" envprefix:"PATIENT_AGENT_"`
	Edge     httpserver.Edge   `embed:"" envprefix:"PATIENT_AGENT_"`

	// Set by a program that starts the agent itself.
	Pins          *message.Pins      `kong:"-"` // instead of PinsFile
	AuthorityJWKS []byte             `kong:"-"` // instead of AuthorityFile
	Passphrase    []byte             `kong:"-"` // instead of PassphraseFile; opens an existing store at the start
	Cost          vault.Params       `kong:"-"` // of Argon2id for a new store; default vault.DefaultParams
	Trace         func(message.Sent) `kong:"-"` // called for each message sent or received; may be nil
	Logger        *slog.Logger       `kong:"-"` // default: JSON to standard error
	Now           func() time.Time   `kong:"-"` // default: time.Now
}

func (c Config) logger() *slog.Logger {
	if c.Logger != nil {
		return c.Logger
	}
	return c.Edge.NewLogger(os.Stderr)
}

// local says whether an address is on this machine.
func local(address string) bool {
	u, err := url.Parse(address)
	return err == nil && httpserver.LoopbackHost(u.Hostname())
}

func (c Config) tokenFile() string {
	if c.TokenFile != "" {
		return c.TokenFile
	}
	return c.Store + ".token"
}

// NewAgent makes the agent of this configuration; its store stays locked.
func (c Config) NewAgent() (*agent.Agent, error) {
	pins, err := c.pins()
	if err != nil {
		return nil, err
	}
	jwks, err := c.AuthorityJWKS, error(nil)
	if jwks == nil {
		jwks, err = os.ReadFile(c.AuthorityFile)
	}
	if err != nil {
		return nil, fmt.Errorf("medical authority: %w", err)
	}
	authority, err := doctorcert.NewAuthority(c.Authority, jwks)
	if err != nil {
		return nil, fmt.Errorf("medical authority: %w", err)
	}
	cloudPins, err := certs.ParsePins(c.CloudKey.CloudSPKI)
	if err != nil {
		return nil, err
	}
	return agent.New(agent.Config{CloudPins: cloudPins, Networks: c.Networks, Store: c.Store, Suite: ecc.Suite(c.Suite), Cost: c.Cost, Cloud: c.Cloud, Pins: pins,
		VerifyCertificate: authority.Verify, Authority: c.Authority, AllowHTTP: c.AllowHTTP, Origin: c.Origin, Now: c.Now, Logger: c.logger(), Trace: c.Trace})
}

func (c Config) pins() (message.Pins, error) {
	if c.Pins != nil {
		return *c.Pins, nil
	}
	return roots.ReadPins(c.PinsFile)
}

// ReadPassphrase returns the passphrase that the configuration points to, nil if it
// points to none.
func (c Config) ReadPassphrase() ([]byte, error) {
	if len(c.Passphrase) > 0 || c.PassphraseFile == "" {
		return c.Passphrase, nil
	}
	return secretfile.Passphrase(c.PassphraseFile)
}
