package browser

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/audits"
	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// patience is how long a person waits for what must come; machines are busy.
const patience = time.Minute

// lookEvery is how often a person looks whether it is there.
const lookEvery = 50 * time.Millisecond

// Tab is a page before a person. Its methods end the test when what they do cannot be
// done; they name the tab, and what is on the page.
type Tab struct {
	Place // the whole page

	// Keyboard makes every action use the keyboard alone: reached by Tab and the arrow
	// keys, done with Enter, Space and letters.
	Keyboard bool

	browser *Browser
	person  cdp.BrowserContextID
	ctx     context.Context
	stop    func()
	tb      testing.TB
	name    string
	limit   time.Duration

	mu     sync.Mutex
	origin string
	faults []string
}

// run runs a command of the protocol in this tab.
func (t *Tab) run(f func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(t.ctx, patience)
	defer cancel()
	return chromedp.Run(ctx, chromedp.ActionFunc(f))
}

func (t *Tab) prepare() error {
	if err := chromedp.Run(t.ctx); err != nil {
		return err
	}
	return t.run(func(ctx context.Context) error {
		for _, a := range []chromedp.Action{accessibility.Enable(), audits.Enable(), emulation.SetFocusEmulationEnabled(true)} {
			if err := a.Do(ctx); err != nil {
				return err
			}
		}
		return nil
	})
}

// Patience changes how long this person waits for what must come.
func (t *Tab) Patience(d time.Duration) { t.limit = d }

// Open goes to an address; from now on, a request to any other origin is a fault.
func (t *Tab) Open(url string) {
	t.tb.Helper()
	t.mu.Lock()
	t.origin = originOf(url)
	t.mu.Unlock()
	err := t.run(func(ctx context.Context) error {
		_, _, failed, _, err := page.Navigate(url).Do(ctx)
		if err == nil && failed != "" {
			return fmt.Errorf("%s", failed)
		}
		return err
	})
	if err != nil {
		t.tb.Fatalf("%s: opening %s: %v", t.name, withoutFragment(url), err)
	}
	t.loaded()
}

// loaded waits until the document and what it asks for at once are there.
func (t *Tab) loaded() {
	t.tb.Helper()
	if err, ok := t.wait(func() (is bool, err error) {
		err = t.eval(`document.readyState === 'complete' && document.body !== null`, &is)
		return is, err
	}); !ok {
		t.fail("the page does not load: %v", err)
	}
}

// Close closes the tab, as its person does before the test ends.
func (t *Tab) Close() { t.stop() }

// Reload loads the page anew, as a person does after a loss.
func (t *Tab) Reload() {
	t.tb.Helper()
	if err := t.run(func(ctx context.Context) error { return page.Reload().Do(ctx) }); err != nil {
		t.tb.Fatalf("%s: reload: %v", t.name, err)
	}
	t.loaded()
}

// Appearance sets the size in CSS pixels and whether the person prefers dark.
func (t *Tab) Appearance(width, height int64, dark bool) {
	t.tb.Helper()
	scheme := "light"
	if dark {
		scheme = "dark"
	}
	err := t.run(func(ctx context.Context) error {
		err := emulation.SetDeviceMetricsOverride(width, height, 1, width < 600).Do(ctx)
		if err != nil {
			return err
		}
		return emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{
			{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}}).Do(ctx)
	})
	if err != nil {
		t.tb.Fatalf("%s: appearance: %v", t.name, err)
	}
}

// Allow grants a permission to the origin of the page, such as "camera".
func (t *Tab) Allow(permission string) {
	t.tb.Helper()
	err := t.run(func(context.Context) error {
		return browser.SetPermission(&browser.PermissionDescriptor{Name: permission}, browser.PermissionSettingGranted).WithOrigin(t.origin).
			WithBrowserContextID(t.person).Do(t.browser.executor())
	})
	if err != nil {
		t.tb.Fatalf("%s: permission: %v", t.name, err)
	}
}

// Downloads lets the page save files into a folder.
func (t *Tab) Downloads(folder string) {
	t.tb.Helper()
	err := t.run(func(context.Context) error {
		return browser.SetDownloadBehavior(browser.SetDownloadBehaviorBehaviorAllow).WithDownloadPath(folder).
			WithBrowserContextID(t.person).Do(t.browser.executor())
	})
	if err != nil {
		t.tb.Fatalf("%s: downloads: %v", t.name, err)
	}
}

// Eval evaluates an expression in the page, awaits it, and decodes its JSON into out,
// which may be nil. It is for what no person sees, such as timings and stored bytes.
func (t *Tab) Eval(expression string, out any) {
	t.tb.Helper()
	if err := t.eval(expression, out); err != nil {
		t.tb.Fatalf("%s: %v", t.name, err)
	}
}

func (t *Tab) eval(expression string, out any) error {
	return t.run(func(ctx context.Context) error {
		v, thrown, err := runtime.Evaluate(expression).WithReturnByValue(true).WithAwaitPromise(true).Do(ctx)
		return decode(v, thrown, err, out)
	})
}

func decode(v *runtime.RemoteObject, thrown *runtime.ExceptionDetails, err error, out any) error {
	if err == nil && thrown != nil {
		err = thrown
	}
	if err != nil || out == nil {
		return err
	}
	return json.Unmarshal(v.Value, out)
}

// wait looks until ok says yes; an error of ok means not yet, because a page in the
// middle of a change has elements that are gone in the next moment.
func (t *Tab) wait(ok func() (bool, error)) (last error, done bool) {
	for end := time.Now().Add(t.limit); ; {
		done, err := ok()
		if done && err == nil {
			return nil, true
		}
		if time.Now().After(end) || t.ctx.Err() != nil {
			return err, false
		}
		time.Sleep(lookEvery)
	}
}

// fail ends the test and says what is on the page.
func (t *Tab) fail(format string, args ...any) {
	t.tb.Helper()
	t.shot("failed-" + t.tb.Name() + "-" + t.name)
	var at, text string
	_ = t.eval("location.href", &at)
	_ = t.eval("document.body.innerText", &text)
	faults := strings.Join(t.Faults(), "\n")
	t.tb.Fatalf("%s: %s\nat %s is read:\n%s\n%s", t.name, fmt.Sprintf(format, args...), withoutFragment(at), text, faults)
}

// withoutFragment keeps tokens out of the reports.
func withoutFragment(url string) string {
	before, _, _ := strings.Cut(url, "#")
	return before
}
