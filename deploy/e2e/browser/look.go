package browser

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/chromedp/cdproto/page"
)

// violation is one rule of axe-core that a page breaks.
type violation struct {
	ID, Help string
	Nodes    []struct {
		Target         []any
		FailureSummary string
	}
}

func (v violation) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s", v.ID, v.Help)
	for _, n := range v.Nodes {
		fmt.Fprintf(&b, "\n    %v: %s", n.Target, squeeze(n.FailureSummary))
	}
	return b.String()
}

// Audit runs axe-core on the page as it is, with all its rules for WCAG 2.2 AA and its
// best practices, and fails the test for each that the page breaks.
func (t *Tab) Audit(screen string) {
	t.tb.Helper()
	const run = `axe.run(document, { resultTypes: ['violations'] }).then((r) => r.violations.map((v) => (
    { ID: v.id, Help: v.help, Nodes: v.nodes.map((n) => ({ Target: n.target, FailureSummary: n.failureSummary })) })))`
	var there bool
	t.Eval("typeof axe === 'object'", &there)
	if !there {
		t.Eval(t.browser.opt.Axe+"\n;undefined", nil)
	}
	var found []violation
	t.Eval(run, &found)
	for _, v := range found {
		t.tb.Errorf("%s, %s: %v", t.name, screen, v)
	}
}

// Size is a viewport in CSS pixels.
type Size struct{ Width, Height int64 }

// Sizes at which people use the pages.
var (
	Phone       = Size{360, 740}
	Tablet      = Size{820, 1180}
	Workstation = Size{1366, 768}
)

// Screen looks at a screen as it is reached: in the given sizes, and in the last one also
// dark, it is audited, and painted into the folder for screenshots. The last size stays.
func (t *Tab) Screen(name string, sizes ...Size) {
	t.tb.Helper()
	for i, s := range sizes {
		for _, dark := range []bool{true, false} {
			if dark && i < len(sizes)-1 {
				continue
			}
			t.Look(name, s, dark)
		}
	}
}

// Look audits and paints a screen in one size, which stays.
func (t *Tab) Look(name string, s Size, dark bool) {
	t.tb.Helper()
	t.Appearance(s.Width, s.Height, dark)
	t.settle()
	look := map[bool]string{true: "dark", false: "light"}[dark]
	t.Audit(fmt.Sprintf("%s at %d, %s", name, s.Width, look))
	t.fits(name, s)
	t.shot(fmt.Sprintf("%s-%s-%d-%s", t.name, name, s.Width, look))
}

// settle waits until a change of the appearance is painted and nothing moves any more.
func (t *Tab) settle() {
	t.tb.Helper()
	const still = `(async () => {
  const frame = () => new Promise((done) => requestAnimationFrame(done));
  const moving = () => document.getAnimations().filter((a) => a.playState === 'running' && a.effect?.getComputedTiming().endTime !== Infinity);
  for (let quiet = 0; quiet < 3; quiet++) {
    await frame();
    const all = moving();
    if (all.length > 0) quiet = 0;
    await Promise.all(all.map((a) => a.finished.catch(() => undefined)));
  }
})()`
	t.Eval(still, nil)
}

// fits says when a page must be scrolled sideways.
func (t *Tab) fits(name string, s Size) {
	t.tb.Helper()
	var width int64
	t.Eval("document.documentElement.scrollWidth", &width)
	if width > s.Width {
		t.tb.Errorf("%s, %s: the page is %d px wide in a window of %d", t.name, name, width, s.Width)
	}
}

var unsafeInNames = regexp.MustCompile(`[^A-Za-z0-9-]+`)

// tallest is the height in CSS pixels up to which a page is painted whole; of a longer
// one, such as a list that is made as one scrolls, only what is in the window. So it is
// with a page under a dialog, which stands in the middle of the window.
const tallest = 2400

// Shot paints the page as it is into the folder for screenshots.
func (t *Tab) Shot(name string) { t.tb.Helper(); t.settle(); t.shot(name) }

// shot paints the page into a file.
func (t *Tab) shot(name string) {
	if t.browser.opt.Shots == "" {
		return
	}
	err := t.run(func(ctx context.Context) error {
		_, _, _, _, _, all, err := page.GetLayoutMetrics().Do(ctx)
		if err != nil {
			return err
		}
		picture := page.CaptureScreenshot().WithFormat(page.CaptureScreenshotFormatPng)
		var dialog bool
		if err := t.eval(`document.querySelector('dialog:modal') !== null`, &dialog); err != nil {
			return err
		}
		if all.Height <= tallest && !dialog {
			// What sticks to the window would else be painted where the window stands.
			if err := t.eval(`document.scrollingElement.scrollTop = 0; new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))`, nil); err != nil {
				return err
			}
			picture = picture.WithClip(&page.Viewport{Width: all.Width, Height: all.Height, Scale: 1}).WithCaptureBeyondViewport(true)
		}
		b, err := picture.Do(ctx)
		if err != nil {
			return err
		}
		if err := os.MkdirAll(t.browser.opt.Shots, 0o755); err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(t.browser.opt.Shots, unsafeInNames.ReplaceAllString(name, "-")+".png"), b, 0o644)
	})
	if err != nil {
		t.tb.Logf("%s: no screenshot of %s: %v", t.name, name, err)
	}
}
