package bridge_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"

	"medunion/doctor-portal/web"
)

// patience is for machines that compile beside a browser.
const patience = 2 * time.Minute

// workerFile is the name of the built Worker, or "" if the page is not built.
func workerFile(t *testing.T) string {
	t.Helper()
	names, err := fs.Glob(web.Built(), "assets/*.js")
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range names {
		if b, err := fs.ReadFile(web.Built(), n); err == nil && bytes.Contains(b, []byte("medunion-doctor-store")) {
			return "/" + n
		}
	}
	return ""
}

// openBrowser starts Chromium without a network beyond this machine.
func openBrowser(t *testing.T) context.Context {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("no Chromium here: this test runs the role in one (apt-get install chromium)")
	}
	flags := append([]chromedp.ExecAllocatorOption{}, chromedp.DefaultExecAllocatorOptions[:]...)
	flags = append(flags, chromedp.ExecPath(path), chromedp.WSURLReadTimeout(patience), chromedp.Flag("no-sandbox", os.Getuid() == 0),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true),
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1"))
	ctx, stopAllocator := chromedp.NewExecAllocator(t.Context(), flags...)
	t.Cleanup(stopAllocator)
	ctx, stop := chromedp.NewContext(ctx, chromedp.WithErrorf(func(string, ...any) {}))
	t.Cleanup(stop)
	if err := chromedp.Run(ctx); err != nil {
		t.Fatal(err)
	}
	return ctx
}

// station is one workstation: a browser profile with a document of the portal's origin
// in which Workers are spawned.
type station struct {
	t       *testing.T
	browser context.Context
	profile cdp.BrowserContextID
	ctx     context.Context
	worker  string
}

// newStation opens the Worker's own script as a document: it has the origin and the
// policy of the page, and runs nothing.
func newStation(browser context.Context, t *testing.T, origin, worker string) *station {
	t.Helper()
	executor := cdp.WithExecutor(browser, chromedp.FromContext(browser).Browser)
	profile, err := target.CreateBrowserContext().WithDisposeOnDetach(true).Do(executor)
	if err != nil {
		t.Fatal(err)
	}
	return newTab(browser, t, profile, origin, worker)
}

func newTab(browser context.Context, t *testing.T, profile cdp.BrowserContextID, origin, worker string) *station {
	t.Helper()
	executor := cdp.WithExecutor(browser, chromedp.FromContext(browser).Browser)
	id, err := target.CreateTarget("about:blank").WithBrowserContextID(profile).WithNewWindow(true).Do(executor)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := chromedp.NewContext(browser, chromedp.WithTargetID(id))
	t.Cleanup(stop)
	s := &station{t: t, browser: browser, profile: profile, ctx: ctx, worker: worker}
	chromedp.ListenTarget(ctx, func(ev any) {
		if e, ok := ev.(*runtime.EventExceptionThrown); ok {
			t.Errorf("exception: %s", e.ExceptionDetails.Error())
		}
	})
	if err := chromedp.Run(ctx, chromedp.Navigate(origin+worker), chromedp.Evaluate(client, nil)); err != nil {
		t.Fatal(err)
	}
	return s
}

// tab opens another tab of the same profile.
func (s *station) tab(origin string) *station {
	s.t.Helper()
	return newTab(s.browser, s.t, s.profile, origin, s.worker)
}

// client speaks the Worker's messages; bytes stand as {"base64": ..} in what a test sees.
const client = `globalThis.openWorker = (url) => new Promise((ready, failed) => {
	const worker = new Worker(url, { type: 'module' }), waiting = new Map(), events = [], loading = []
	let last = 0
	const pack = (_, v) => v instanceof Uint8Array ? { base64: btoa(Array.from(v, (b) => String.fromCharCode(b)).join('')) } : v
	const unpack = (_, v) => v?.base64 === undefined ? v : Uint8Array.from(atob(v.base64), (c) => c.charCodeAt(0))
	worker.onerror = (e) => failed({ kind: 'internal', detail: 'script: ' + e.message })
	worker.onmessage = ({ data: r }) => {
		if (r.type === 'loading') loading.push(r.loading)
		if (r.type === 'event') events.push(r.event)
		if (r.type === 'failed') { worker.terminate(); failed(r.problem); for (const w of waiting.values()) w({ problem: r.problem }) }
		if (r.type === 'done') waiting.get(r.id)({ value: r.value, problem: r.problem })
		if (r.type === 'ready') ready(globalThis.role = { config: r.config, events, loading,
			end: () => worker.terminate(),
			call: (method, args) => new Promise((done) => {
				waiting.set(++last, (r) => done(JSON.stringify(r, pack)))
				worker.postMessage({ id: last, method, args: JSON.parse(args, unpack) })
			}) })
	}
}); 0`

// problem is an error of the bridge.
type problem struct {
	Kind, Code, Detail string
}

func (p *problem) Error() string { return fmt.Sprintf("%s %s: %s", p.Kind, p.Code, p.Detail) }

// blob is bytes on their way into the page or out of it.
type blob struct {
	Base64 []byte `json:"base64"`
}

// eval runs an expression, waits for its promise, and decodes its value.
func (s *station) eval(expression string, into any) error {
	ctx, cancel := context.WithTimeout(s.ctx, patience)
	defer cancel()
	return chromedp.Run(ctx, chromedp.Evaluate(expression, into, func(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }))
}

// open spawns the Worker and waits for it.
func (s *station) open() error {
	s.t.Helper()
	var text string
	if err := s.eval(fmt.Sprintf(`openWorker(%q).then(() => '', (p) => JSON.stringify(p))`, s.worker), &text); err != nil {
		s.t.Fatal(err)
	}
	if text == "" {
		return nil
	}
	p := &problem{}
	if err := json.Unmarshal([]byte(text), p); err != nil {
		s.t.Fatal(err, text)
	}
	return p
}

// end terminates the Worker.
func (s *station) end() {
	s.t.Helper()
	if err := s.eval(`role.end(), 0`, nil); err != nil {
		s.t.Fatal(err)
	}
}

// call makes one call and decodes its value.
func (s *station) call(into any, method string, args ...any) error {
	s.t.Helper()
	if args == nil {
		args = []any{}
	}
	list, err := json.Marshal(args)
	if err != nil {
		s.t.Fatal(err)
	}
	var text string
	if err := s.eval(fmt.Sprintf(`role.call(%q, %q)`, method, list), &text); err != nil {
		s.t.Fatalf("%s: %v", method, err)
	}
	var answer struct {
		Value   json.RawMessage
		Problem *problem
	}
	if err := json.Unmarshal([]byte(text), &answer); err != nil {
		s.t.Fatal(err)
	}
	if answer.Problem != nil {
		return answer.Problem
	}
	if into != nil {
		if err := json.Unmarshal(answer.Value, into); err != nil {
			s.t.Fatalf("%s: %v: %s", method, err, answer.Value)
		}
	}
	return nil
}

// must is call without a problem.
func (s *station) must(into any, method string, args ...any) {
	s.t.Helper()
	if err := s.call(into, method, args...); err != nil {
		s.t.Fatalf("%s: %v", method, err)
	}
}

// refuses wants a problem with a code.
func (s *station) refuses(code, method string, args ...any) {
	s.t.Helper()
	var p *problem
	if err := s.call(nil, method, args...); !errors.As(err, &p) || p.Code != code {
		s.t.Errorf("%s: %v, want the code %s", method, err, code)
	}
}

// stored is all that the browser keeps, as bytes.
func (s *station) stored() []byte {
	s.t.Helper()
	var text string
	err := s.eval(`new Promise((done, failed) => {
		const open = indexedDB.open('medunion-doctor', 1)
		open.onerror = failed
		open.onsuccess = () => {
			const all = open.result.transaction('files').objectStore('files').getAll()
			all.onsuccess = () => { open.result.close(); done(all.result.map((f) => Array.from(f, (b) => String.fromCharCode(b)).join('')).map(btoa).join(' ')) }
		}
	})`, &text)
	if err != nil {
		s.t.Fatal(err)
	}
	var all []byte
	for _, f := range strings.Fields(text) {
		var b blob
		if err := json.Unmarshal([]byte(`{"base64":"`+f+`"}`), &b); err != nil {
			s.t.Fatal(err)
		}
		all = append(all, b.Base64...)
	}
	return all
}
