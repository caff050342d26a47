package server

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"medunion/api/doctorcert"
	"medunion/api/message"
	documents "medunion/api/openapi"
	"medunion/ecc"
	"medunion/ecc/vault"
	"medunion/patient-agent/internal/peers"
)

// TestDocument: the OpenAPI document itself is valid.
func TestDocument(t *testing.T) {
	spec, err := documents.Load(documents.PatientAgent)
	if err != nil {
		t.Fatal(err)
	}
	if err := spec.Validate(context.Background()); err != nil {
		t.Fatal(err)
	}
}

// config is for an agent whose public cloud registers and does nothing else.
func config(t *testing.T) Config {
	t.Helper()
	w := peers.NewWorld(t, ecc.SuiteX25519)
	m := http.NewServeMux()
	m.HandleFunc("GET /v1/parameters", func(rw http.ResponseWriter, _ *http.Request) {
		answer(rw, 200, map[string]string{"signed": b64(w.Cloud.Parameters().Encode())})
	})
	m.HandleFunc("GET /v1/successions", func(rw http.ResponseWriter, _ *http.Request) {
		answer(rw, 200, map[string][]string{"successions": {}})
	})
	m.HandleFunc("POST /v1/registrations/challenges", func(rw http.ResponseWriter, _ *http.Request) {
		answer(rw, 200, map[string]string{"challenge": b64(make([]byte, message.ChallengeSize))})
	})
	m.HandleFunc("POST /v1/registrations", func(rw http.ResponseWriter, r *http.Request) {
		var in struct{ Message string }
		_ = json.NewDecoder(r.Body).Decode(&in)
		q := peers.Must(message.DecodeRegistrationRequest(peers.Must(unb64(in.Message))))
		answer(rw, 201, map[string]string{"message": b64(w.Reply(q).Encode())})
	})
	cloud := httptest.NewServer(m)
	t.Cleanup(cloud.Close)
	key := peers.Must(ecc.GenerateSigningKey(rand.Reader))
	issuer := peers.Must(doctorcert.NewIssuer("Medical Authority", key, doctorcert.MaxLife, rand.Reader))
	return Config{Dev: true, Listen: "127.0.0.1:0", Store: filepath.Join(t.TempDir(), "patient"), Cloud: cloud.URL, Pins: &w.Pins,
		Authority: "Medical Authority", AuthorityJWKS: peers.Must(issuer.JWKS()),
		Cost: vault.Params{MemoryKiB: vault.MinMemoryKiB, Time: 1, Lanes: 1}, Logger: slog.New(slog.DiscardHandler)}
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

func start(t *testing.T, cfg Config) *Instance {
	t.Helper()
	i, err := Start(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = i.Close() })
	return i
}

// call makes a request with the token; edit changes it before it is sent.
func call(t *testing.T, i *Instance, method, path, body string, edit func(*http.Request)) (int, string) {
	t.Helper()
	r := peers.Must(http.NewRequest(method, i.URL()+path, strings.NewReader(body)))
	r.Header.Set("Authorization", "Bearer "+i.Token())
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if edit != nil {
		edit(r)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	return resp.StatusCode, string(peers.Must(io.ReadAll(resp.Body)))
}

const registration = `{"code":"CODE","passphrase":"long enough"}`

func TestLifeOfAStore(t *testing.T) {
	cfg := config(t)
	i := start(t, cfg)
	steps := []struct {
		method, path, body string
		status             int
		holds              string
	}{
		{"GET", "/v1/status", "", 200, `"store":"absent"`},
		{"GET", "/v1/identity", "", 409, "register first"},
		{"POST", "/v1/registration", registration, 201, `"verification":"passphrase"`},
		{"GET", "/v1/identity", "", 200, `"suite":1`},
		{"GET", "/v1/visits", "", 200, `"visits":[]`},
		{"GET", "/v1/consents", "", 200, `"consents":[]`},
		{"GET", "/v1/releases", "", 200, `"hospitals":[]`},
		{"GET", "/v1/diagnoses", "", 200, `"unanswered":[]`},
		{"GET", "/v1/visits/00000000000000000000000000000000", "", 404, "no such visit"},
		{"POST", "/v1/lock", "", 204, ""},
		{"GET", "/v1/status", "", 200, `"store":"locked"`},
		{"GET", "/v1/identity", "", 409, "locked"},
		{"POST", "/v1/unlock", `{"passphrase":"wrong"}`, 400, "passphrase is wrong"},
		{"POST", "/v1/unlock", `{"passphrase":"long enough"}`, 204, ""},
		{"GET", "/v1/status", "", 200, `"registered":true`},
	}
	for _, s := range steps {
		status, body := call(t, i, s.method, s.path, s.body, nil)
		if status != s.status || !strings.Contains(body, s.holds) {
			t.Errorf("%s %s: %d %s", s.method, s.path, status, body)
		}
	}
	if err := i.Close(); err != nil {
		t.Error(err)
	}
	cfg.Passphrase = []byte("long enough")
	if _, body := call(t, start(t, cfg), "GET", "/v1/status", "", nil); !strings.Contains(body, `"store":"open"`) {
		t.Errorf("started with the passphrase: %s", body)
	}
}

func TestBadRequests(t *testing.T) {
	i := start(t, config(t))
	hash := strings.Repeat("a", 64)
	for _, c := range []struct {
		what, method, path, body string
		status                   int
	}{
		{"unknown member", "POST", "/v1/unlock", `{"passphrase":"x","y":1}`, 400},
		{"member twice", "POST", "/v1/unlock", `{"passphrase":"x","passphrase":"y"}`, 400},
		{"no passphrase", "POST", "/v1/unlock", `{}`, 400},
		{"truncated", "POST", "/v1/unlock", `{"passphrase":"x"`, 400},
		{"trailing", "POST", "/v1/unlock", `{"passphrase":"x"} {}`, 400},
		{"no body", "POST", "/v1/registration", "", 400},
		{"bad hash", "GET", "/v1/consents/xyz/uses", "", 400},
		{"bad hospital", "GET", "/v1/record/St%20Anna", "", 400},
		{"bad visit", "GET", "/v1/visits/1", "", 400},
		{"wrong method", "DELETE", "/v1/visits", "", 405},
		{"unknown path", "GET", "/v1/nothing", "", 404},
		{"grants of a wrong type", "POST", "/v1/visits", `{"link":"x","passphrase":"x","grants":"all"}`, 400},
		{"bad code", "POST", "/v1/visits", `{"link":"x","passphrase":"x","withhold":{"classes":["lab"]}}`, 400},
		{"locked", "GET", "/v1/consents/" + hash + "/uses", "", 409},
		{"too large", "POST", "/v1/unlock", `{"passphrase":"` + strings.Repeat("x", 200_000) + `"}`, 413},
	} {
		if status, body := call(t, i, c.method, c.path, c.body, nil); status != c.status || !strings.Contains(body, "urn:medunion:problem:") {
			t.Errorf("%s: %d %s", c.what, status, body)
		}
	}
}

func TestWhoMayAsk(t *testing.T) {
	i := start(t, config(t))
	for what, c := range map[string]struct {
		edit   func(*http.Request)
		status int
	}{
		"no token":       {func(r *http.Request) { r.Header.Del("Authorization") }, 401},
		"another token":  {func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+strings.Repeat("0", 64)) }, 401},
		"foreign host":   {func(r *http.Request) { r.Host = "evil.example" }, 403},
		"foreign origin": {func(r *http.Request) { r.Header.Set("Origin", "https://evil.example"); r.Method = "POST" }, 403},
		"all is well":    {nil, 200},
	} {
		if status, body := call(t, i, "GET", "/v1/status", "", c.edit); status != c.status {
			t.Errorf("%s: %d %s", what, status, body)
		}
	}
}

// TestDevelopmentIsOff: its addresses answer like any that do not exist.
func TestDevelopmentIsOff(t *testing.T) {
	cfg := config(t)
	i := start(t, cfg)
	told := func(i *Instance, method, path string) (int, string) {
		status, body := call(t, i, method, path, `{"step":"M0","code":"C","challenge":"`+b64(make([]byte, message.ChallengeSize))+`"}`, nil)
		body, _, _ = strings.Cut(body, `,"instance"`)
		return status, body
	}
	for _, method := range []string{"GET", "POST", "PUT", "DELETE"} {
		_, unknown := told(i, method, "/v1/nothing")
		for _, path := range []string{"/v1/development/messages", "/v1/development/replies"} {
			if status, got := told(i, method, path); status != 404 || got != unknown {
				t.Errorf("%s %s: %d %s, not %s", method, path, status, got, unknown)
			}
		}
	}
	_ = i.Close()
	cfg.Development = true
	if status, got := told(start(t, cfg), "POST", "/v1/development/messages"); status != 200 || !strings.Contains(got, `"message":"`) {
		t.Errorf("switched on: %d %s", status, got)
	}
}

func TestTokenFile(t *testing.T) {
	cfg := config(t)
	i := start(t, cfg)
	info, err := os.Stat(cfg.Store + ".token")
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("%v %v", info, err)
	}
	again := i.Token()
	_ = i.Close()
	if start(t, cfg).Token() != again {
		t.Error("the token changes with each start")
	}
	for what, spoil := range map[string]func(path string) error{
		"readable by others": func(p string) error { return os.Chmod(p, 0o644) },
		"too short":          func(p string) error { return os.WriteFile(p, []byte("short"), 0o600) },
	} {
		c := config(t)
		c.TokenFile = filepath.Join(t.TempDir(), "token")
		if err := os.WriteFile(c.TokenFile, bytes.Repeat([]byte("a"), 64), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := spoil(c.TokenFile); err != nil {
			t.Fatal(err)
		}
		if x, err := Start(context.Background(), c); err == nil {
			_ = x.Close()
			t.Errorf("%s: started", what)
		}
	}
}

func TestStartRefuses(t *testing.T) {
	for what, edit := range map[string]func(*Config){
		"an address that others reach": func(c *Config) { c.Listen = "0.0.0.0:0" },
		"an address of all":            func(c *Config) { c.Listen = ":0" },
		"a name":                       func(c *Config) { c.Listen = "example.org:0" },
		"development with a public cloud elsewhere": func(c *Config) { c.Cloud, c.Development = "https://cloud.example", true },
		"development with a page elsewhere":         func(c *Config) { c.Origin, c.Development = "https://patient.example", true },
		"no pins":                                   func(c *Config) { c.Pins, c.PinsFile = nil, "/nonexistent" },
		"no authority":                              func(c *Config) { c.AuthorityJWKS = []byte("{}") },
		"a passphrase for all to read": func(c *Config) {
			c.PassphraseFile = filepath.Join(t.TempDir(), "p")
			_ = os.WriteFile(c.PassphraseFile, []byte("long enough"), 0o644)
		},
	} {
		c := config(t)
		edit(&c)
		if i, err := Start(context.Background(), c); err == nil {
			_ = i.Close()
			t.Errorf("%s: started", what)
		}
	}
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func unb64(s string) ([]byte, error) { return base64.RawURLEncoding.DecodeString(s) }
