package server

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"medunion/api/openapi/portal"
	"medunion/doctor-portal/internal/peers"
	"medunion/ecc"
)

// alone configures a portal whose Redis and cloud are not there: pages need neither.
func alone(t *testing.T) Config {
	w := peers.NewWorld(t, ecc.SuiteX25519)
	return Config{Dev: true, Listen: "127.0.0.1:0", Cloud: "http://127.0.0.1:1", Pins: &w.Pins, Authority: peers.AuthorityName,
		AuthorityJWKS: peers.Must(w.Authority.JWKS()), RedisAddrs: []string{"127.0.0.1:1"},
		SessionKeyFile: filepath.Join(t.TempDir(), "key"), Logger: slog.New(slog.DiscardHandler)}
}

func startAlone(t *testing.T, edit func(*Config)) *Instance {
	t.Helper()
	c := alone(t)
	if edit != nil {
		edit(&c)
	}
	i, err := Start(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = i.Close() })
	return i
}

func get(t *testing.T, url string) (*http.Response, string) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(b)
}

// directives splits a Content-Security-Policy.
func directives(policy string) map[string]string {
	out := map[string]string{}
	for part := range strings.SplitSeq(policy, ";") {
		name, sources, _ := strings.Cut(strings.TrimSpace(part), " ")
		out[name] = sources
	}
	return out
}

func TestPolicies(t *testing.T) {
	for name, policy := range map[string]string{"page": pagePolicy, "viewer": viewerPolicy, "visit": visitPolicy} {
		for _, risk := range []string{"unsafe-inline", "'unsafe-eval'", "http:", "https:", "*"} {
			if strings.Contains(policy, risk) {
				t.Errorf("%s: it allows %s", name, risk)
			}
		}
		d := directives(policy)
		for _, closed := range []string{"default-src", "base-uri", "form-action"} {
			if d[closed] != "'none'" {
				t.Errorf("%s: %s is %q", name, closed, d[closed])
			}
		}
	}
	if d := directives(pagePolicy); d["script-src"] != "'self' 'wasm-unsafe-eval'" || d["connect-src"] != "'self'" || d["frame-ancestors"] != "'none'" {
		t.Errorf("page: %v", d)
	}
	if d := directives(viewerPolicy); d["sandbox"] != "allow-scripts" || d["frame-ancestors"] != "'self'" {
		t.Errorf("viewer: %v", d)
	}
}

// A patient without an agent sees what to do, in both languages, and nothing but the
// page's own style is loaded.
func TestVisitPage(t *testing.T) {
	i := startAlone(t, nil)
	resp, body := get(t, i.URL()+"/visit")
	if resp.StatusCode != 200 || !strings.Contains(body, "What to do now") || !strings.Contains(body, "Qué hacer ahora") {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
	for name, want := range map[string]string{"Content-Security-Policy": visitPolicy, "Content-Type": "text/html; charset=utf-8", "Referrer-Policy": "no-referrer",
		"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Cross-Origin-Opener-Policy": "same-origin", "Cache-Control": "no-cache"} {
		if got := resp.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if resp, _ := get(t, i.URL()+"/visit.css"); resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "text/css; charset=utf-8" {
		t.Errorf("style: %d %v", resp.StatusCode, resp.Header)
	}
	if strings.Count(body, "href=") != 1 || strings.Contains(body, "src=") || strings.Contains(body, "<script") || strings.Contains(body, "style=") {
		t.Errorf("it loads more than its style: %s", body)
	}
}

// The doctor's page, or what stands in for it until it is built, is served under the
// page's policy.
func TestDoctorsPage(t *testing.T) {
	for origin, hsts := range map[string]string{"": "", "https://portal.example": "max-age=63072000"} {
		i := startAlone(t, func(c *Config) { c.Origin = origin })
		resp, body := get(t, i.URL()+"/")
		if resp.Header.Get("Content-Security-Policy") != pagePolicy || resp.Header.Get("Strict-Transport-Security") != hsts || !strings.Contains(body, "<title>") {
			t.Errorf("%q: %d %v %s", origin, resp.StatusCode, resp.Header, body)
		}
		if p := resp.Header.Get("Permissions-Policy"); !strings.Contains(p, "publickey-credentials-get=(self)") || !strings.Contains(p, "camera=()") {
			t.Errorf("Permissions-Policy: %s", p)
		}
	}
}

// What the page pins is what the operator configured, to the byte.
func TestConfigOfThePage(t *testing.T) {
	w := peers.NewWorld(t, ecc.SuiteX25519) // the same as startAlone's
	i := startAlone(t, func(c *Config) { c.Origin, c.IdleMinutes = "https://portal.example", 7 })
	resp, body := get(t, i.URL()+"/config.json")
	var c portal.PageConfig
	if err := json.Unmarshal([]byte(body), &c); err != nil || resp.Header.Get("Cache-Control") != "no-store" {
		t.Fatal(err, resp.Header)
	}
	if c.Origin != "https://portal.example" || c.IdleMinutes != 7 || c.Version == "" || c.Authority.Name != peers.AuthorityName {
		t.Errorf("%s", body)
	}
	if c.Pins.Cloud != string(peers.CloudID) || !bytes.Equal(c.Pins.Pk, w.Pins.First.PK.Bytes()) || !bytes.Equal(c.Pins.PukC, w.Pins.First.PUKC.Bytes()) {
		t.Errorf("pins %+v", c.Pins)
	}
	if keys := string(peers.Must(w.Authority.JWKS())); !strings.Contains(body, `"jwks":`+keys) {
		t.Errorf("%s holds no %s", body, keys)
	}
}

func TestPortalRefusesAConfigurationThatNoPageCouldUse(t *testing.T) {
	for name, edit := range map[string]func(*Config){
		"no authority": func(c *Config) { c.Authority = "" }, "no keys": func(c *Config) { c.AuthorityJWKS = []byte(`{}`) },
		"no file": func(c *Config) { c.AuthorityJWKS, c.AuthorityFile = nil, "/nowhere" }, "a negative time": func(c *Config) { c.IdleMinutes = -1 },
		"a day": func(c *Config) { c.IdleMinutes = 24 * 60 },
	} {
		c := alone(t)
		edit(&c)
		if i, err := Start(t.Context(), c); err == nil {
			t.Errorf("%s: it starts", name)
			_ = i.Close()
		}
	}
}
