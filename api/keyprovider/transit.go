package keyprovider

import (
	"context"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"medunion/api/httpclient"
)

// transit speaks with the transit engine. It is a client of its own, of six calls: the
// official one follows redirects with the token, takes its address, token and whether to
// verify TLS from a dozen variables of the environment behind the configuration's
// back, and brings thirty modules into each service.
type transit struct {
	Transit
	client *http.Client

	mu    sync.Mutex // one login at a time
	token string
	renew time.Time // when the token is to be renewed or had anew; zero: never
}

// transitTimeout bounds one call. A service that starts makes two or three.
const transitTimeout = 10 * time.Second

func newTransit(c Transit) (Provider, error) {
	if c.Mount == "" {
		c.Mount = "transit"
	}
	if c.Auth == "" {
		c.Auth = "token"
	}
	if c.AuthMount == "" {
		c.AuthMount = c.Auth
	}
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("key provider: vault: %w", err)
	}
	t := httpclient.Transport()
	if c.CAFile != "" {
		pem, err := os.ReadFile(c.CAFile)
		if err != nil {
			return nil, fmt.Errorf("key provider: vault: %w", err)
		}
		t.TLSClientConfig.RootCAs = x509.NewCertPool()
		if !t.TLSClientConfig.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("key provider: vault: no certificate in %s", c.CAFile)
		}
	}
	return &transit{Transit: c, client: httpclient.New(t, transitTimeout)}, nil
}

func (c Transit) check() error {
	u, err := url.Parse(c.Address)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Path != "" && u.Path != "/" {
		return errors.New("the address is none")
	}
	if u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())) {
		return errors.New("the address must be https, or http on loopback")
	}
	for _, path := range []string{c.Mount, c.AuthMount, c.Key} {
		if !plainPath(path) {
			return errors.New("the key, or where something is mounted, is empty or no plain name")
		}
	}
	switch {
	case c.Auth == "token" && c.TokenFile == "":
		return errors.New("no token file")
	case c.Auth == "approle" && (c.Role == "" || c.SecretFile == ""):
		return errors.New("no role id or secret file")
	case c.Auth == "kubernetes" && (c.Role == "" || c.JWTFile == ""):
		return errors.New("no role or token of the service account")
	case c.Auth != "token" && c.Auth != "approle" && c.Auth != "kubernetes":
		return fmt.Errorf("no way of logging in: %q", c.Auth)
	}
	return nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// plainPath keeps what is written into a URL's path from leading elsewhere.
func plainPath(s string) bool {
	return s != "" && !strings.HasPrefix(s, "/") && !strings.Contains(s, "..") &&
		strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./") == ""
}

func (*transit) Name() string { return "transit" }

type sealing struct {
	Plaintext  string `json:"plaintext,omitempty"`
	Ciphertext string `json:"ciphertext,omitempty"`
	Associated string `json:"associated_data"`
}

// Wrap implements Provider: transit/encrypt.
func (t *transit) Wrap(ctx context.Context, bind, key []byte) ([]byte, error) {
	var out struct {
		Data sealing `json:"data"`
	}
	in := sealing{Plaintext: base64.StdEncoding.EncodeToString(key), Associated: base64.StdEncoding.EncodeToString(bind)}
	if err := t.call(ctx, http.MethodPost, t.Mount+"/encrypt/"+t.Key, in, &out); err != nil {
		return nil, err
	}
	if wrappedVersion(out.Data.Ciphertext) == 0 {
		return nil, fmt.Errorf("%w: Vault's answer has no ciphertext", ErrLocked)
	}
	return []byte(out.Data.Ciphertext), nil
}

// Unwrap implements Provider: transit/decrypt.
func (t *transit) Unwrap(ctx context.Context, bind, wrapped []byte) ([]byte, error) {
	if wrappedVersion(string(wrapped)) == 0 {
		return nil, fmt.Errorf("%w: it is no ciphertext of Vault", ErrRefused)
	}
	var out struct {
		Data sealing `json:"data"`
	}
	in := sealing{Ciphertext: string(wrapped), Associated: base64.StdEncoding.EncodeToString(bind)}
	if err := t.call(ctx, http.MethodPost, t.Mount+"/decrypt/"+t.Key, in, &out); err != nil {
		return nil, err
	}
	key, err := base64.StdEncoding.DecodeString(out.Data.Plaintext)
	if err != nil || len(key) == 0 {
		return nil, fmt.Errorf("%w: Vault's answer has no plaintext", ErrRefused)
	}
	return key, nil
}

// Version implements Provider: what "vault:v3:..." says, and the key's latest_version.
func (t *transit) Version(ctx context.Context, wrapped []byte) (of, newest int, err error) {
	var out struct {
		Data struct {
			Latest int `json:"latest_version"`
		} `json:"data"`
	}
	err = t.call(ctx, http.MethodGet, t.Mount+"/keys/"+t.Key, nil, &out)
	return wrappedVersion(string(wrapped)), out.Data.Latest, err
}

// Probe implements Provider by unwrapping: it needs the policy, the key and the version
// that the next start needs.
func (t *transit) Probe(ctx context.Context, bind, wrapped []byte) error {
	key, err := t.Unwrap(ctx, bind, wrapped)
	clear(key)
	return err
}

// wrappedVersion is n of "vault:vn:base64", else 0.
func wrappedVersion(s string) int {
	parts := strings.Split(s, ":")
	if len(parts) != 3 || parts[0] != "vault" || !strings.HasPrefix(parts[1], "v") || parts[2] == "" {
		return 0
	}
	n, err := strconv.Atoi(parts[1][1:])
	if err != nil || n < 1 {
		return 0
	}
	return n
}
