// Package keyprovider is the port to what protects a service's key file: it wraps the
// random key under which the file is sealed. The keys themselves never leave the service;
// a provider sees 32 random bytes that are new with each writing.
//
// There are three: none, where the file's mode alone protects it; a passphrase from a
// file of its own; and the transit engine of HashiCorp Vault or OpenBao.
package keyprovider

import (
	"context"
	"errors"
	"fmt"
	"io"

	"medunion/api/secretfile"
	"medunion/ecc/vault"
)

// Errors of every provider.
var (
	// ErrLocked says that the provider does not open anything now: away, sealed, or it
	// does not let us in. Later it may.
	ErrLocked = errors.New("the keys are locked")
	// ErrRefused says that what was to be unwrapped is not the provider's, was altered, or
	// lies under a version that it has given up.
	ErrRefused = errors.New("the key provider does not unwrap this key file")
)

// Provider wraps and unwraps keys. Its methods may be called from many goroutines.
type Provider interface {
	// Name says in the key file which provider wrapped it: "passphrase", "transit".
	Name() string
	// Wrap seals a key of 32 bytes for what bind names. ErrLocked.
	Wrap(ctx context.Context, bind, key []byte) ([]byte, error)
	// Unwrap opens it, for the same bind. ErrLocked, ErrRefused.
	Unwrap(ctx context.Context, bind, wrapped []byte) ([]byte, error)
	// Version is the provider's own version that wrapped the key, and the newest that it
	// has; 0 and 0 where it knows none. ErrLocked.
	Version(ctx context.Context, wrapped []byte) (of, newest int, err error)
	// Probe says whether Unwrap would succeed now, at little cost. ErrLocked, ErrRefused.
	Probe(ctx context.Context, bind, wrapped []byte) error
}

// Config says which provider protects the key file. It is embedded in each service's
// configuration.
type Config struct {
	Provider string `name:"key-provider" help:"What protects the key file: file (its mode, or a passphrase) or vault (the transit engine of HashiCorp Vault or OpenBao)." enum:"file,vault" default:"file" env:"KEY_PROVIDER"`
	Transit  `embed:""`
}

// Transit is where and as whom the transit engine is asked.
type Transit struct {
	Address    string `name:"vault-address" help:"Vault's address; plain HTTP only on loopback." env:"VAULT_ADDRESS"`
	CAFile     string `name:"vault-ca" help:"File with the CA certificates of Vault (PEM); without it those of the system." env:"VAULT_CA"`
	Namespace  string `name:"vault-namespace" help:"Vault's namespace." env:"VAULT_NAMESPACE"`
	Mount      string `name:"vault-mount" help:"Where the transit engine is mounted." default:"transit" env:"VAULT_MOUNT"`
	Key        string `name:"vault-key" help:"Name of the transit key, of an AEAD type." env:"VAULT_KEY"`
	Auth       string `name:"vault-auth" help:"How to log in at Vault: token, approle or kubernetes." enum:"token,approle,kubernetes" default:"token" env:"VAULT_AUTH"`
	AuthMount  string `name:"vault-auth-mount" help:"Where the method of logging in is mounted; without it its own name." env:"VAULT_AUTH_MOUNT"`
	TokenFile  string `name:"vault-token-file" help:"File (mode 0600) with Vault's token, for token." env:"VAULT_TOKEN_FILE"`
	Role       string `name:"vault-role" help:"The role id for approle, the role's name for kubernetes." env:"VAULT_ROLE"`
	SecretFile string `name:"vault-secret-file" help:"File (mode 0600) with the secret id, for approle." env:"VAULT_SECRET_FILE"`
	JWTFile    string `name:"vault-jwt-file" help:"File with the service account's token, for kubernetes." default:"/var/run/secrets/kubernetes.io/serviceaccount/token" env:"VAULT_JWT_FILE"`
}

// Remote says whether another machine protects the key file.
func (c Config) Remote() bool { return c.Provider == "vault" }

// Open makes the configured provider; nil, without an error, where nothing but the
// file's mode protects it. passphraseFile is that of provider file. It speaks with nobody yet.
func (c Config) Open(passphraseFile string, rand io.Reader) (Provider, error) {
	switch c.Provider {
	case "", "file":
		if c.Transit.Address != "" || c.Transit.Key != "" {
			return nil, errors.New("key provider: settings of Vault, but the provider is file")
		}
		return openPassphrase(passphraseFile, rand)
	case "vault":
		if passphraseFile != "" {
			return nil, errors.New("key provider: a passphrase file, but the provider is vault")
		}
		return newTransit(c.Transit)
	}
	return nil, fmt.Errorf("key provider: %q is none", c.Provider)
}

// passphrase wraps under a passphrase, by Argon2id (ecc/vault).
type passphrase struct {
	file string
	rand io.Reader
}

func openPassphrase(file string, rand io.Reader) (Provider, error) {
	if file == "" {
		return nil, nil
	}
	if _, err := secretfile.Passphrase(file); err != nil {
		return nil, err
	}
	return passphrase{file, rand}, nil
}

func (passphrase) Name() string { return "passphrase" }

// Wrap implements Provider. The passphrase is read each time: it does not stay in memory.
func (p passphrase) Wrap(_ context.Context, bind, key []byte) ([]byte, error) {
	words, err := secretfile.Passphrase(p.file)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrLocked, err)
	}
	defer clear(words)
	return vault.Seal(p.rand, words, append(append([]byte{}, bind...), key...), vault.DefaultParams)
}

// Unwrap implements Provider.
func (p passphrase) Unwrap(_ context.Context, bind, wrapped []byte) ([]byte, error) {
	words, err := secretfile.Passphrase(p.file)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrLocked, err)
	}
	defer clear(words)
	b, err := vault.Open(words, wrapped)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRefused, err)
	}
	if len(b) <= len(bind) || string(b[:len(bind)]) != string(bind) {
		return nil, fmt.Errorf("%w: it is of another service", ErrRefused)
	}
	return b[len(bind):], nil
}

// Version implements Provider: passphrases have no numbers.
func (passphrase) Version(context.Context, []byte) (int, int, error) { return 0, 0, nil }

// Probe implements Provider. It does not try the passphrase, which would cost 64 MiB each time.
func (p passphrase) Probe(context.Context, []byte, []byte) error {
	words, err := secretfile.Passphrase(p.file)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrLocked, err)
	}
	clear(words)
	return nil
}

// OpenLegacy opens a file that is sealed as a whole under the passphrase, the form before
// there were envelopes.
func OpenLegacy(p Provider, b []byte) ([]byte, error) {
	w, ok := p.(passphrase)
	if !ok {
		return nil, fmt.Errorf("%w: it is sealed under a passphrase", ErrRefused)
	}
	return w.Unwrap(context.Background(), nil, b)
}
