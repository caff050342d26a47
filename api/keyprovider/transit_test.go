package keyprovider_test

import (
	"bytes"
	"crypto/rand"
	"crypto/tls"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"medunion/api/keyprovider"
	"medunion/api/keyprovider/transittest"
)

var bind, key = []byte("of a service"), bytes.Repeat([]byte("K"), 32)

func secretFile(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func open(t *testing.T, c keyprovider.Transit) keyprovider.Provider {
	t.Helper()
	p, err := keyprovider.Config{Provider: "vault", Transit: c}.Open("", rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func wrap(t *testing.T, p keyprovider.Provider) []byte {
	t.Helper()
	w, err := p.Wrap(t.Context(), bind, key)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func opens(t *testing.T, p keyprovider.Provider, wrapped []byte) {
	t.Helper()
	if got, err := p.Unwrap(t.Context(), bind, wrapped); err != nil || !bytes.Equal(got, key) {
		t.Errorf("%v, the key itself: %v", err, bytes.Equal(got, key))
	}
	if err := p.Probe(t.Context(), bind, wrapped); err != nil {
		t.Error(err)
	}
}

// TestTransit: what the engine wraps opens for the same purpose only; after a rotation of
// its key the old wrapping still opens, until min_decryption_version is raised.
func TestTransit(t *testing.T) {
	s := transittest.Start(t)
	p := open(t, keyprovider.Transit{Address: s.Address, Key: s.Key, TokenFile: secretFile(t, s.Token("1h")+"\n")})
	w := wrap(t, p)
	opens(t, p, w)
	altered := bytes.Clone(w)
	altered[len(altered)-3] ^= 2
	for name, x := range map[string][2][]byte{"another purpose": {[]byte("of another"), w}, "altered": {bind, altered}, "nothing": {bind, nil}, "no ciphertext": {bind, []byte("vault:v1:")}} {
		if _, err := p.Unwrap(t.Context(), x[0], x[1]); !errors.Is(err, keyprovider.ErrRefused) {
			t.Errorf("%s: %v", name, err)
		}
	}
	s.Call(http.MethodPost, "transit/keys/"+s.Key+"/rotate", nil, nil)
	if of, newest, err := p.Version(t.Context(), w); err != nil || of != 1 || newest != 2 {
		t.Errorf("version %d of %d, %v", of, newest, err)
	}
	opens(t, p, w)
	again := wrap(t, p)
	if of, _, err := p.Version(t.Context(), again); err != nil || of != 2 {
		t.Errorf("version %d, %v", of, err)
	}
	s.Call(http.MethodPost, "transit/keys/"+s.Key+"/config", map[string]any{"min_decryption_version": 2}, nil)
	if err := p.Probe(t.Context(), bind, w); !errors.Is(err, keyprovider.ErrRefused) {
		t.Errorf("below min_decryption_version: %v", err)
	}
	opens(t, p, again)
}

// TestTransitLocked: a sealed engine, one that is gone, a key that does not exist and a token that does
// not hold leave the keys locked, each with a reason that an operator can act upon.
func TestTransitLocked(t *testing.T) {
	s := transittest.Start(t)
	c := keyprovider.Transit{Address: s.Address, Key: s.Key, TokenFile: secretFile(t, s.Token("1h"))}
	p := open(t, c)
	w := wrap(t, p)
	locked := func(name string, p keyprovider.Provider, word string) {
		t.Helper()
		if _, err := p.Unwrap(t.Context(), bind, w); !errors.Is(err, keyprovider.ErrLocked) || !strings.Contains(err.Error(), word) {
			t.Errorf("%s: %v", name, err)
		}
	}
	wrong := c
	wrong.TokenFile = secretFile(t, "hvs.nobody")
	locked("a token of nobody", open(t, wrong), "does not let")
	wrong = c
	wrong.TokenFile = filepath.Join(t.TempDir(), "absent")
	locked("no token", open(t, wrong), "token")
	if !s.Own {
		return
	}
	s.Call(http.MethodPost, "sys/seal", nil, nil)
	locked("sealed", p, "sealed")
	s.Call(http.MethodPost, "sys/unseal", nil, nil)
	opens(t, p, w)
	s.Stop()
	locked("gone", p, "does not answer")
}

// TestTransitTokens: a token that ends is renewed before its time; one that was revoked is
// read anew from its file, where an agent has written another.
func TestTransitTokens(t *testing.T) {
	s := transittest.Start(t)
	file := secretFile(t, s.Token("3s"))
	p := open(t, keyprovider.Transit{Address: s.Address, Key: s.Key, TokenFile: file})
	w := wrap(t, p)
	for end := time.Now().Add(7 * time.Second); time.Now().Before(end); time.Sleep(500 * time.Millisecond) {
		opens(t, p, w)
	}
	first, _ := os.ReadFile(file)
	s.Call(http.MethodPost, "auth/token/revoke", map[string]any{"token": string(first)}, nil)
	if _, err := p.Unwrap(t.Context(), bind, w); !errors.Is(err, keyprovider.ErrLocked) {
		t.Errorf("with a revoked token: %v", err)
	}
	if err := os.WriteFile(file, []byte(s.Token("1h")), 0o600); err != nil {
		t.Fatal(err)
	}
	opens(t, p, w)
}

// TestTransitAppRole: the service logs in with a role and a secret of its own, again when
// its token has ended, and is refused with another secret.
func TestTransitAppRole(t *testing.T) {
	s := transittest.Start(t)
	if !s.Own {
		t.Skip("VAULT_ADDR names a server whose AppRole this test does not set up")
	}
	var role, secret struct{ Data map[string]any }
	s.Call(http.MethodPost, "auth/approle/role/publiccloud", map[string]any{"token_ttl": "2s", "token_policies": "medunion"}, nil)
	s.Call(http.MethodGet, "auth/approle/role/publiccloud/role-id", nil, &role)
	s.Call(http.MethodPost, "auth/approle/role/publiccloud/secret-id", map[string]any{}, &secret)
	c := keyprovider.Transit{Address: s.Address, Key: s.Key, Auth: "approle", Role: fmt.Sprint(role.Data["role_id"]), SecretFile: secretFile(t, fmt.Sprint(secret.Data["secret_id"]))}
	p := open(t, c)
	w := wrap(t, p)
	time.Sleep(2500 * time.Millisecond) // the token has ended without a call that could renew it
	opens(t, p, w)
	c.SecretFile = secretFile(t, "another")
	if _, err := open(t, c).Unwrap(t.Context(), bind, w); !errors.Is(err, keyprovider.ErrLocked) {
		t.Error(err)
	}
}

// TestTransitWire: the namespace, the CA and the service account's login are on the wire as
// Vault documents them; a server with another certificate and a redirect are not followed.
func TestTransitWire(t *testing.T) {
	var seen []string
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in map[string]string
		_ = json.NewDecoder(r.Body).Decode(&in)
		seen = append(seen, fmt.Sprintf("%s %s ns=%s token=%s role=%s jwt=%s", r.Method, r.URL.Path, r.Header.Get("X-Vault-Namespace"), r.Header.Get("X-Vault-Token"), in["role"], in["jwt"]))
		switch r.URL.Path {
		case "/v1/auth/k8s/login":
			fmt.Fprint(w, `{"auth":{"client_token":"t1","lease_duration":3600,"renewable":true}}`)
		case "/v1/secrets/transit/encrypt/k":
			fmt.Fprint(w, `{"data":{"ciphertext":"vault:v7:AAAA"}}`)
		default:
			http.Redirect(w, r, "https://127.0.0.1:1/", http.StatusTemporaryRedirect)
		}
	}))
	s.TLS = &tls.Config{MinVersion: tls.VersionTLS13}
	s.StartTLS()
	defer s.Close()
	ca := secretFile(t, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})))
	c := keyprovider.Transit{Address: s.URL, CAFile: ca, Namespace: "hospital", Mount: "secrets/transit", Key: "k", Auth: "kubernetes", AuthMount: "k8s", Role: "medunion", JWTFile: secretFile(t, "a.b.c\n")}
	p := open(t, c)
	if w := wrap(t, p); string(w) != "vault:v7:AAAA" {
		t.Errorf("%s", w)
	}
	want := "POST /v1/auth/k8s/login ns=hospital token= role=medunion jwt=a.b.c|POST /v1/secrets/transit/encrypt/k ns=hospital token=t1 role= jwt="
	if got := strings.Join(seen, "|"); got != want {
		t.Error(got)
	}
	if _, err := p.Unwrap(t.Context(), bind, []byte("vault:v7:AAAA")); !errors.Is(err, keyprovider.ErrLocked) {
		t.Errorf("a redirect: %v", err)
	}
	c.CAFile = ""
	if _, err := open(t, c).Wrap(t.Context(), bind, key); !errors.Is(err, keyprovider.ErrLocked) || len(seen) != 3 {
		t.Errorf("a certificate of nobody known: %v, %d requests", err, len(seen))
	}
	if text := fmt.Sprintf("%v %+v %#v %s", p, p, p, p); strings.Contains(text, "t1") {
		t.Error("the provider prints its token")
	}
}

// TestConfigRefuses: what is insecure or makes no sense is refused before anything is asked.
func TestConfigRefuses(t *testing.T) {
	good := keyprovider.Transit{Address: "https://vault.example.org:8200", Key: "k", TokenFile: "token"}
	for name, alter := range map[string]func(*keyprovider.Config, *string){
		"plain HTTP":         func(c *keyprovider.Config, _ *string) { c.Address = "http://vault.example.org" },
		"no address":         func(c *keyprovider.Config, _ *string) { c.Address = "" },
		"password in it":     func(c *keyprovider.Config, _ *string) { c.Address = "https://u:p@vault.example.org" },
		"no key":             func(c *keyprovider.Config, _ *string) { c.Transit.Key = "" },
		"key leads away":     func(c *keyprovider.Config, _ *string) { c.Transit.Key = "../../sys/seal" },
		"mount with a query": func(c *keyprovider.Config, _ *string) { c.Mount = "transit?x" },
		"no token file":      func(c *keyprovider.Config, _ *string) { c.TokenFile = "" },
		"no secret":          func(c *keyprovider.Config, _ *string) { c.Auth, c.Role = "approle", "r" },
		"no role":            func(c *keyprovider.Config, _ *string) { c.Auth, c.JWTFile = "kubernetes", "f" },
		"unknown login":      func(c *keyprovider.Config, _ *string) { c.Auth = "ldap" },
		"unknown provider":   func(c *keyprovider.Config, _ *string) { c.Provider = "hsm" },
		"passphrase too":     func(_ *keyprovider.Config, f *string) { *f = "words" },
		"file and Vault":     func(c *keyprovider.Config, _ *string) { c.Provider = "file" },
		"CA that is none":    func(c *keyprovider.Config, _ *string) { c.CAFile = secretFile(t, "no PEM") },
	} {
		c, file := keyprovider.Config{Provider: "vault", Transit: good}, ""
		alter(&c, &file)
		if _, err := c.Open(file, rand.Reader); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	if _, err := (keyprovider.Config{Provider: "vault", Transit: good}).Open("", rand.Reader); err != nil {
		t.Error(err)
	}
}
