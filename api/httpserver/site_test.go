package httpserver_test

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/labstack/echo/v4"

	"medunion/api/httpserver"
)

const (
	pagePolicy   = "default-src 'none'; script-src 'self'"
	framedPolicy = "sandbox allow-scripts; default-src 'none'"
)

// built is what a build writes; the forms differ in content so that a test sees which
// one came.
func built() fstest.MapFS {
	files := fstest.MapFS{}
	for name, text := range map[string]string{
		"index.html": "<!doctype html>page", "index.html.br": "page, br", "icon.svg": "<svg>",
		"assets/app-1a2b.js": "plain script", "assets/app-1a2b.js.br": "br script", "assets/app-1a2b.js.gz": "gz script",
		"assets/role-3c4d.wasm": "\x00asm", "assets/role-3c4d.wasm.gz": "gz asm",
		"assets/style-5e6f.css": "a{}", "viewer/index.html": "framed", "viewer/assets/show-7a8b.mjs": "framed script",
	} {
		files[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return files
}

func siteOptions(files fstest.MapFS) httpserver.SiteOptions {
	return httpserver.SiteOptions{Files: files, Unbuilt: []byte("build it first"), Policy: pagePolicy,
		Features: []string{"camera"}, Framed: "viewer", FramedPolicy: framedPolicy}
}

func startSite(t *testing.T, o httpserver.SiteOptions) *site {
	t.Helper()
	page, err := httpserver.NewSite(o)
	if err != nil {
		t.Fatal(err)
	}
	return start(t, httpserver.Options{Unspecified: page.Routes()}, func(e *echo.Echo) { page.Register(e) })
}

func TestSiteServesWhatTheBuildWrote(t *testing.T) {
	s := startSite(t, siteOptions(built()))
	const js, html = "text/javascript; charset=utf-8", "text/html; charset=utf-8"
	const forever = "public, max-age=31536000, immutable"
	for _, c := range []struct{ path, accept, body, kind, life, coding, vary string }{
		{"/", "", "<!doctype html>page", html, "no-cache", "", "Accept-Encoding"},
		{"/", "gzip, br", "page, br", html, "no-cache", "br", "Accept-Encoding"},
		{"/icon.svg", "br", "<svg>", "image/svg+xml", "no-cache", "", ""},
		{"/assets/app-1a2b.js", "identity", "plain script", js, forever, "", "Accept-Encoding"},
		{"/assets/app-1a2b.js", "gzip", "gz script", js, forever, "gzip", "Accept-Encoding"},
		{"/assets/app-1a2b.js", "gzip;q=1.0, br;q=0.1", "br script", js, forever, "br", "Accept-Encoding"},
		{"/assets/app-1a2b.js", "br;q=0, *", "gz script", js, forever, "gzip", "Accept-Encoding"},
		{"/assets/app-1a2b.js", "*;q=0", "plain script", js, forever, "", "Accept-Encoding"},
		{"/assets/app-1a2b.js", "BR ; Q=0.5", "br script", js, forever, "br", "Accept-Encoding"},
		{"/assets/role-3c4d.wasm", "br", "\x00asm", "application/wasm", forever, "", "Accept-Encoding"},
		{"/assets/role-3c4d.wasm", "br, gzip", "gz asm", "application/wasm", forever, "gzip", "Accept-Encoding"},
		{"/assets/style-5e6f.css", "br", "a{}", "text/css; charset=utf-8", forever, "", ""},
		{"/viewer/", "", "framed", html, "no-cache", "", ""},
		{"/viewer/assets/show-7a8b.mjs", "", "framed script", js, forever, "", ""},
	} {
		for _, method := range []string{"GET", "HEAD"} {
			a := s.do(t, method, c.path, "", "Accept-Encoding", c.accept)
			body := map[string]string{"GET": c.body}[method]
			if a.status != 200 || a.body != body {
				t.Errorf("%s %s (%s): %d %q", method, c.path, c.accept, a.status, a.body)
			}
			got := []string{a.header.Get("Content-Type"), a.header.Get("Cache-Control"), a.header.Get("Content-Encoding"), a.header.Get("Vary")}
			if want := []string{c.kind, c.life, c.coding, c.vary}; !slices.Equal(got, want) {
				t.Errorf("%s %s (%s): %q, want %q", method, c.path, c.accept, got, want)
			}
		}
	}
	a := s.do(t, "GET", "/assets/role-3c4d.wasm", "", "Accept-Encoding", "gzip")
	if a.header.Get("Content-Length") != "6" || a.header.Get(httpserver.DecodedLength) != "4" {
		t.Errorf("lengths %q, %q", a.header.Get("Content-Length"), a.header.Get(httpserver.DecodedLength))
	}
}

// Each form has its own ETag: a cache must never join one's tag with another's bytes.
func TestSiteIsAskedByETag(t *testing.T) {
	s := startSite(t, siteOptions(built()))
	tags := map[string]bool{}
	for _, accept := range []string{"identity", "br", "gzip"} {
		tag := s.do(t, "GET", "/assets/app-1a2b.js", "", "Accept-Encoding", accept).header.Get("ETag")
		if tags[tag] || !regexp.MustCompile(`^"[A-Za-z0-9_-]{24}"$`).MatchString(tag) {
			t.Errorf("%s: ETag %s", accept, tag)
		}
		tags[tag] = true
		a := s.do(t, "GET", "/assets/app-1a2b.js", "", "Accept-Encoding", accept, "If-None-Match", tag)
		if a.status != 304 || a.body != "" || a.header.Get("ETag") != tag || a.header.Get("Vary") == "" {
			t.Errorf("%s: asked again: %d, %v", accept, a.status, a.header)
		}
	}
	if a := s.do(t, "GET", "/", "", "If-None-Match", `"another"`); a.status != 200 {
		t.Errorf("another tag: %d", a.status)
	}
}

func TestSiteHeaders(t *testing.T) {
	s := startSite(t, siteOptions(built()))
	common := map[string]string{"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
		"Cross-Origin-Opener-Policy": "same-origin", "Origin-Agent-Cluster": "?1", "Strict-Transport-Security": ""}
	page := map[string]string{"Content-Security-Policy": pagePolicy, "X-Frame-Options": "DENY",
		"Cross-Origin-Resource-Policy": "same-origin", "Access-Control-Allow-Origin": ""}
	framed := map[string]string{"Content-Security-Policy": framedPolicy, "X-Frame-Options": "SAMEORIGIN",
		"Cross-Origin-Resource-Policy": "cross-origin", "Access-Control-Allow-Origin": "*"}
	for path, own := range map[string]map[string]string{"/": page, "/icon.svg": page, "/assets/app-1a2b.js": page,
		"/assets/role-3c4d.wasm": page, "/viewer/": framed, "/viewer/assets/show-7a8b.mjs": framed} {
		h := s.do(t, "GET", path, "", "Accept-Encoding", "identity").header
		for _, want := range []map[string]string{common, own} {
			for name, value := range want {
				if h.Get(name) != value || len(h.Values(name)) > 1 {
					t.Errorf("%s: %s: %q", path, name, h.Values(name))
				}
			}
		}
		camera := "camera=(self), "
		if own["X-Frame-Options"] != "DENY" {
			camera = "camera=(), "
		}
		if p := h.Get("Permissions-Policy"); !strings.Contains(p, camera) || !strings.Contains(p, "geolocation=(), ") || !strings.Contains(p, "publickey-credentials-get=(), ") {
			t.Errorf("%s: Permissions-Policy: %s", path, p)
		}
	}
	o := siteOptions(built())
	o.HTTPS = true
	if h := startSite(t, o).do(t, "GET", "/", "").header; h.Get("Strict-Transport-Security") != "max-age=63072000" {
		t.Errorf("https: %v", h)
	}
}

// Only names of the build exist; what looks like another place does not.
func TestSiteHasNoOtherFiles(t *testing.T) {
	files := built()
	s := startSite(t, siteOptions(files))
	for _, path := range []string{"/index.html.br", "/assets/", "/assets", "/assets/app-1a2b.js.br", "/assets/../index.html", "/assets/%2e%2e/index.html",
		"/assets/..%2findex.html", "/assets/%2e%2e%2f%2e%2e%2fgo.mod", "/viewer/../icon.svg", "/viewer/..\\icon.svg", "/viewer//index.html", "//etc/passwd", "/assets/app-1a2b.js/", "/assets/app-1a2b.js%00"} {
		r, err := http.NewRequest("GET", s.url, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.URL.Opaque = path // as it is written here
		resp, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != 404 || resp.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: %d %s", path, resp.StatusCode, resp.Header.Get("Content-Type"))
		}
	}
	if a := s.do(t, "POST", "/", ""); a.status != 405 {
		t.Errorf("POST: %d", a.status)
	}
}

func TestSiteVersion(t *testing.T) {
	versions := map[string]string{}
	for name, edit := range map[string]func(fstest.MapFS){"built": func(fstest.MapFS) {}, "empty": func(f fstest.MapFS) { clear(f) },
		"changed": func(f fstest.MapFS) { f["icon.svg"].Data = []byte("<svg/>") }, "renamed": func(f fstest.MapFS) { f["logo.svg"] = f["icon.svg"]; delete(f, "icon.svg") }} {
		files := built()
		edit(files)
		for range 2 {
			page, err := httpserver.NewSite(siteOptions(files))
			if err != nil {
				t.Fatal(err)
			}
			if v := page.Version(); versions[v] == "" {
				versions[v] = name
			} else if versions[v] != name {
				t.Errorf("%s and %s are both %s", name, versions[v], v)
			}
		}
	}
	if len(versions) != 4 {
		t.Errorf("versions %v", versions)
	}
}

func TestSiteThatIsNotBuilt(t *testing.T) {
	for name, files := range map[string]fstest.MapFS{"nothing": {}, "half a build": {"assets/a.js": &fstest.MapFile{}}} {
		s := startSite(t, siteOptions(files))
		a := s.do(t, "GET", "/", "")
		if a.status != 503 || a.body != "build it first" || a.header.Get("Cache-Control") != "no-store" || a.header.Get("Content-Security-Policy") != pagePolicy {
			t.Errorf("%s: %d %q %v", name, a.status, a.body, a.header)
		}
	}
}

func TestSiteOptionsAreRequired(t *testing.T) {
	for name, spoil := range map[string]func(*httpserver.SiteOptions){
		"no files": func(o *httpserver.SiteOptions) { o.Files = nil }, "no page without them": func(o *httpserver.SiteOptions) { o.Unbuilt = nil },
		"no policy": func(o *httpserver.SiteOptions) { o.Policy = "" }, "a frame without its policy": func(o *httpserver.SiteOptions) { o.FramedPolicy = "" },
		"an unknown feature": func(o *httpserver.SiteOptions) { o.Features = []string{"telepathy"} },
	} {
		o := siteOptions(built())
		spoil(&o)
		if _, err := httpserver.NewSite(o); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}
