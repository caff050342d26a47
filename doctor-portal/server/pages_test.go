package server

import (
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"medunion/api/message"
)

// startAlone starts a portal whose Redis and cloud are not there: pages need neither.
func startAlone(t *testing.T, edit func(*Config)) *Instance {
	t.Helper()
	c := Config{Listen: "127.0.0.1:0", Cloud: "http://127.0.0.1:1", Pins: &message.Pins{}, RedisAddrs: []string{"127.0.0.1:1"},
		SessionKeyFile: filepath.Join(t.TempDir(), "key"), Logger: slog.New(slog.DiscardHandler)}
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
