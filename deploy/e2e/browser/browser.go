// Package browser lets a test act in a real Chromium as a person does: it finds what it
// uses by role and accessible name in the browser's own accessibility tree, clicks where
// it is painted or reaches it by the keyboard, and watches what no page may do.
package browser

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
)

// ErrAbsent says that no Chromium is installed.
var ErrAbsent = errors.New("no Chromium here: the tests in a browser need one (apt-get install chromium)")

// Options of the browser.
type Options struct {
	Shots  string // folder for screenshots; "" takes none
	Camera string // Y4M file that the camera shows; read when a page opens the camera
	Axe    string // the source of axe-core
}

// Browser is one Chromium, closed with Close.
type Browser struct {
	opt  Options
	ctx  context.Context
	stop func()
}

// find returns the path of a Chromium.
func find() (string, error) {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", ErrAbsent
}

// startTime is generous: a busy machine takes seconds to load a browser.
const startTime = 2 * time.Minute

// Start starts Chromium without a window and without a network beyond this machine.
func Start(ctx context.Context, o Options) (*Browser, error) {
	path, err := find()
	if err != nil {
		return nil, err
	}
	flags := append([]chromedp.ExecAllocatorOption{}, chromedp.DefaultExecAllocatorOptions[:]...)
	flags = append(flags, chromedp.ExecPath(path), chromedp.WSURLReadTimeout(startTime),
		chromedp.Flag("no-sandbox", os.Getuid() == 0), chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true), chromedp.Flag("lang", "en-GB"), chromedp.Flag("force-color-profile", "srgb"),
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1"))
	if o.Camera != "" {
		flags = append(flags, chromedp.Flag("use-fake-device-for-media-stream", true), chromedp.Flag("use-file-for-fake-video-capture", o.Camera))
	}
	ctx, stopAllocator := chromedp.NewExecAllocator(ctx, flags...)
	// The protocol's newest events are unknown to the driver and of no use here.
	ctx, stopBrowser := chromedp.NewContext(ctx, chromedp.WithErrorf(func(string, ...any) {}))
	b := &Browser{opt: o, ctx: ctx, stop: sync.OnceFunc(func() { stopBrowser(); stopAllocator() })}
	if err := chromedp.Run(ctx); err != nil {
		b.stop()
		return nil, err
	}
	return b, nil
}

// Close ends the browser.
func (b *Browser) Close() { b.stop() }

// Person opens a tab in a browser context of its own: nothing is shared with the tabs of
// other people. It ends with the test, which fails if one of its tabs saw a fault.
func (b *Browser) Person(t testing.TB, name string) *Tab {
	t.Helper()
	person, err := target.CreateBrowserContext().WithDisposeOnDetach(true).Do(b.executor())
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return b.newTab(t, person, name)
}

// Another opens a second tab of the same person.
func (t *Tab) Another(tb testing.TB, name string) *Tab {
	tb.Helper()
	return t.browser.newTab(tb, t.person, name)
}

// executor runs commands of the whole browser.
func (b *Browser) executor() context.Context {
	return cdp.WithExecutor(b.ctx, chromedp.FromContext(b.ctx).Browser)
}

func (b *Browser) newTab(tb testing.TB, person cdp.BrowserContextID, name string) *Tab {
	tb.Helper()
	id, err := target.CreateTarget("about:blank").WithBrowserContextID(person).WithNewWindow(true).Do(b.executor())
	if err != nil {
		tb.Fatalf("%s: opening a tab: %v", name, err)
	}
	ctx, stop := chromedp.NewContext(b.ctx, chromedp.WithTargetID(id))
	t := &Tab{browser: b, person: person, ctx: ctx, tb: tb, name: name, limit: patience, stop: stop}
	t.Place = Place{tab: t}
	t.watch()
	if err := t.prepare(); err != nil {
		stop()
		tb.Fatalf("%s: opening a tab: %v", name, err)
	}
	tb.Cleanup(func() {
		for _, f := range t.Faults() {
			tb.Errorf("%s: %s", name, f)
		}
		stop()
	})
	return t
}
