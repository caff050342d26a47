package viewer

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/labstack/echo/v4"

	"medunion/api/httpserver"
)

const (
	pagePolicy  = "default-src 'none'; script-src 'self'; connect-src 'self'; frame-src 'self'; base-uri 'none'; form-action 'none'"
	framePolicy = "sandbox allow-scripts; default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self' blob:; style-src 'self'; " +
		"img-src blob: data:; font-src 'self' blob: data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)

// host frames the viewer, or another page of its folder, as the record does.
const host = `
window.show = (type, bytes) => new Promise((done) => {
  const frame = document.createElement('iframe')
  frame.setAttribute('sandbox', 'allow-scripts')
  frame.src = '/viewer/'
  addEventListener('message', (e) => {
    if (e.source !== frame.contentWindow) return
    if (e.data.kind !== 'ready') return done(e.data.kind)
    const texts = { page: '{page} of {pages}', next: 'n', previous: 'p', in: 'i', out: 'o', fit: 'f', turn: 't' }
    frame.contentWindow.postMessage({ kind: 'show', type, title: 'Letter', data: new Uint8Array(bytes).buffer, dark: false, language: 'en', texts }, '*')
  })
  document.body.append(frame)
})
window.load = async (type, address) => show(type, new Uint8Array(await (await fetch(address)).arrayBuffer()))
window.probe = () => new Promise((done) => {
  const frame = document.createElement('iframe')
  frame.setAttribute('sandbox', 'allow-scripts')
  frame.src = '/viewer/probe.html'
  addEventListener('message', (e) => e.source === frame.contentWindow && done(e.data))
  document.body.append(frame)
})
window.ready = true`

// probe tries, as what took over the frame would, to reach what it must not. %s is a
// server of another origin.
const probe = `
const reach = async (f) => { try { await f(); return true } catch { return false } }
const load = (tag) => new Promise((ok, no) => { const e = document.createElement(tag); e.onload = ok; e.onerror = no; e.src = '%[1]s/' + tag; document.head.append(e) })
;(async () => parent.postMessage({
  page: await reach(() => parent.document.title),
  top: await reach(() => { top.location = '%[1]s/top' }),
  storage: await reach(() => localStorage.length),
  cookies: await reach(() => document.cookie),
  fetch: await reach(() => fetch('%[1]s/fetch', { mode: 'no-cors' })),
  image: await reach(() => load('img')),
  script: await reach(() => load('script')),
  popup: await reach(() => { if (!open('%[1]s/popup')) throw 0 }),
  eval: await reach(() => (0, eval)('1')),
}, '*'))()`

// built is the folder of the site with the viewer in it, made once.
var built = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "medunion-viewer")
	if err != nil {
		return "", err
	}
	cmd := exec.Command("npx", "--no-install", "vite", "build", "--config", "viewer/vite.config.js", "--outDir", filepath.Join(dir, "viewer"), "--logLevel", "warn")
	cmd.Dir = ".."
	if out, err := cmd.CombinedOutput(); err != nil {
		return dir, fmt.Errorf("%w: %s", err, out)
	}
	return dir, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if dir, _ := built(); dir != "" {
		_ = os.RemoveAll(dir)
	}
	os.Exit(code)
}

// open shows the host page in a Chromium of its own. strange counts what reached the server
// of another origin.
func open(t *testing.T) (ctx context.Context, strange *[]string) {
	t.Helper()
	chromium, err := exec.LookPath("chromium")
	if err != nil || testing.Short() {
		t.Skip("no Chromium")
	}
	dir, err := built()
	if err != nil {
		t.Skipf("the viewer cannot be built here (npm ci in doctor-portal/web?): %v", err)
	}
	strange = new([]string)
	var mu sync.Mutex
	stranger := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		*strange = append(*strange, r.URL.Path)
	}))
	t.Cleanup(stranger.Close)
	files := map[string]string{"index.html": `<!doctype html><title>host</title><body><script src="/host.js"></script>`, "host.js": host,
		"viewer/probe.html": `<!doctype html><script src="/viewer/probe.js"></script>`, "viewer/probe.js": fmt.Sprintf(probe, stranger.URL)}
	for _, name := range []string{"hl7-bundle-101.pdf", "ct_small-512.jpg"} {
		b, err := os.ReadFile(filepath.Join("../testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		files[name] = string(b)
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	flags := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]), chromedp.ExecPath(chromium), chromedp.NoSandbox, chromedp.DisableGPU)
	ctx, end := context.WithTimeout(t.Context(), 3*time.Minute)
	t.Cleanup(end)
	ctx, stop := chromedp.NewExecAllocator(ctx, flags...)
	t.Cleanup(stop)
	ctx, cancel := chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	run(t, ctx, chromedp.Navigate(serve(t, dir)), chromedp.Poll("window.ready", nil, chromedp.WithPollingTimeout(time.Minute)))
	return ctx, strange
}

// serve gives the folder out as the portal does.
func serve(t *testing.T, dir string) string {
	t.Helper()
	site, err := httpserver.NewSite(httpserver.SiteOptions{Files: os.DirFS(dir), Unbuilt: []byte("unbuilt"), Policy: pagePolicy, Framed: "viewer", FramedPolicy: framePolicy})
	if err != nil {
		t.Fatal(err)
	}
	e := echo.New()
	site.Register(e)
	server := httptest.NewServer(e)
	t.Cleanup(server.Close)
	return server.URL
}

func run(t *testing.T, ctx context.Context, actions ...chromedp.Action) {
	t.Helper()
	if err := chromedp.Run(ctx, actions...); err != nil {
		t.Fatal(err)
	}
}

func awaited(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }

func TestShows(t *testing.T) {
	ctx, _ := open(t)
	for script, want := range map[string]string{
		"load('application/pdf', '/hl7-bundle-101.pdf')":    "shown",
		"load('image/jpeg', '/ct_small-512.jpg')":           "shown",
		"show('application/pdf', [37, 80, 68, 70, 45, 49])": "failed",
		"show('image/png', [1, 2, 3])":                      "failed",
		"load('application/pdf', '/ct_small-512.jpg')":      "failed",
	} {
		var got string
		run(t, ctx, chromedp.Evaluate(script, &got, awaited))
		if got != want {
			t.Errorf("%s: %s, want %s", script, got, want)
		}
	}
}

// TestReachesNobody: what took the frame over can read nothing of the page that framed it,
// and reach no other server.
func TestReachesNobody(t *testing.T) {
	ctx, strange := open(t)
	var got map[string]bool
	run(t, ctx, chromedp.Evaluate("probe()", &got, awaited))
	if len(got) != 9 {
		t.Errorf("probes: %v", got)
	}
	for what, reached := range got {
		if reached {
			t.Errorf("the frame reaches: %s", what)
		}
	}
	if len(*strange) > 0 {
		t.Errorf("another server was asked for %s", strings.Join(*strange, ", "))
	}
}
