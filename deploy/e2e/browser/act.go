package browser

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/dom"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp/kb"
)

// act does something with what l names as soon as that is possible.
func (t *Tab) act(l locator, verb string, f func() error) {
	t.tb.Helper()
	last, ok := t.wait(func() (bool, error) {
		err := f()
		return err == nil, err
	})
	if !ok {
		t.fail("cannot %s %v: %v", verb, l, last)
	}
}

// on runs f with the element of l.
func (p Place) on(l locator, f func(context.Context, node, runtime.RemoteObjectID) error) error {
	return p.tab.run(func(ctx context.Context) error {
		n, err := p.one(ctx, l)
		if err != nil {
			return err
		}
		o, err := resolve(ctx, n)
		if err != nil {
			return err
		}
		return f(ctx, n, o)
	})
}

// spot is where an element can be hit, in CSS pixels of the viewport.
type spot struct {
	X, Y     float64
	Disabled bool
	Covered  string // by what else, at that point
}

// findSpot scrolls the element into the middle, lets it be painted, and looks what is at
// its own middle: an element that another covers cannot be clicked by a person either. A
// control that its own label paints is hit there.
const findSpot = `async function() {
  this.scrollIntoView({ block: 'center', inline: 'center', behavior: 'instant' });
  await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  const off = this.matches(':disabled') || this.getAttribute('aria-disabled') === 'true';
  let covered = 'nothing is painted';
  for (const e of [this, ...(this.labels ?? [])]) {
    for (const r of e.getClientRects()) {
      const x = r.x + r.width / 2, y = r.y + r.height / 2;
      const top = document.elementFromPoint(x, y);
      const own = top && (this.contains(top) || [...(this.labels ?? [])].some((l) => l.contains(top)));
      if (r.width > 1 && r.height > 1 && own) return { X: x, Y: y, Disabled: off, Covered: '' };
      if (top) covered = top.outerHTML.slice(0, 120);
    }
  }
  return { X: 0, Y: 0, Disabled: off, Covered: covered };
}`

// Click clicks a button, link, tab or whatever has the role and name.
func (p Place) Click(role, name string) {
	p.tab.tb.Helper()
	l := locator{role, name}
	if p.tab.Keyboard {
		p.reach(l)
		p.tab.key(activator(role))
		return
	}
	p.tab.act(l, "click", func() error { return p.on(l, click) })
}

// Do uses the control of a name, whichever it is: a person does not tell a button from a
// link that looks like one.
func (p Place) Do(name string) {
	p.tab.tb.Helper()
	var role string
	_, ok := p.tab.wait(func() (bool, error) {
		for _, role = range []string{"button", "link", "tab", "DisclosureTriangle"} {
			if p.Has(role, name) {
				return true, nil
			}
		}
		return false, nil
	})
	if !ok {
		p.tab.fail("nothing to use is named %q; the buttons are %q, the links %q", name, p.Names("button"), p.Names("link"))
	}
	p.Click(role, name)
}

// activator is the key that uses a control: Enter follows links, Space works the rest.
func activator(role string) string {
	if role == "link" {
		return kb.Enter
	}
	return " "
}

func click(ctx context.Context, _ node, o runtime.RemoteObjectID) error {
	var at spot
	if err := call(ctx, o, findSpot, &at); err != nil {
		return err
	}
	switch {
	case at.Disabled:
		return errors.New("it is disabled")
	case at.Covered != "":
		return fmt.Errorf("it is covered by %s", at.Covered)
	}
	if err := call(ctx, o, expectClick, nil); err != nil {
		return err
	}
	if err := hit(ctx, at); err != nil {
		return err
	}
	v, thrown, err := runtime.Evaluate(`window[Symbol.for('clicked')] ?? true`).WithReturnByValue(true).Do(ctx)
	var arrived bool
	if err := decode(v, thrown, err, &arrived); err != nil {
		return nil // the click has led to another document
	}
	if !arrived {
		return errors.New("the click does not arrive")
	}
	return nil
}

// expectClick notes whether the next click is one on the element: a page that moves just
// then is missed, by people too.
const expectClick = `function() {
  const clicked = Symbol.for('clicked');
  window[clicked] = false;
  const own = (e) => e === this || [...(this.labels ?? [])].includes(e);
  window.addEventListener('click', (e) => { window[clicked] ||= e.composedPath().some(own) }, { capture: true, once: true });
}`

func hit(ctx context.Context, at spot) error {
	for _, kind := range []input.MouseType{input.MouseMoved, input.MousePressed, input.MouseReleased} {
		e := input.DispatchMouseEvent(kind, at.X, at.Y)
		if kind != input.MouseMoved {
			e = e.WithButton(input.Left).WithClickCount(1)
		}
		if err := e.Do(ctx); err != nil {
			return err
		}
	}
	return nil
}

// Fill types a text into the field of a name, in the place of what stands there.
func (p Place) Fill(name, value string) { p.tab.tb.Helper(); p.FillRole("textbox", name, value) }

// FillRole is Fill for fields of other roles, such as "searchbox" or "combobox".
func (p Place) FillRole(role, name, value string) {
	p.tab.tb.Helper()
	l := locator{role, name}
	if p.tab.Keyboard {
		p.reach(l)
	} else {
		p.tab.act(l, "fill", func() error { return p.on(l, click) })
	}
	p.tab.act(l, "fill", func() error {
		return p.on(l, func(ctx context.Context, _ node, o runtime.RemoteObjectID) error {
			if err := call(ctx, o, `function() { this.select?.() }`, nil); err != nil {
				return err
			}
			return input.InsertText(value).Do(ctx)
		})
	})
}

// Value is what stands in the field of a name.
func (p Place) Value(role, name string) string {
	p.tab.tb.Helper()
	var now string
	l := locator{role, name}
	p.tab.act(l, "read", func() error {
		return p.on(l, func(ctx context.Context, _ node, o runtime.RemoteObjectID) error {
			return call(ctx, o, `function() { return this.value ?? this.innerText }`, &now)
		})
	})
	return now
}

// Choose picks the option that reads so from the list of a name.
func (p Place) Choose(name, option string) {
	p.tab.tb.Helper()
	l := locator{"combobox", name}
	if p.tab.Keyboard {
		p.reach(l)
	}
	p.tab.act(l, "choose "+option+" of", func() error {
		return p.on(l, func(ctx context.Context, _ node, o runtime.RemoteObjectID) error {
			return choose(ctx, o, option, p.tab)
		})
	})
}

// choose opens no list: a list of the system is not part of the page. It types the
// option's first letters as people do, and checks what is chosen.
func choose(ctx context.Context, o runtime.RemoteObjectID, option string, t *Tab) error {
	if err := call(ctx, o, `function() { this.focus() }`, nil); err != nil {
		return err
	}
	for _, r := range option {
		for _, e := range kb.Encode(r) {
			if err := e.Do(ctx); err != nil {
				return err
			}
		}
	}
	var now string
	if err := call(ctx, o, `function() { return this.selectedOptions[0]?.innerText ?? '' }`, &now); err != nil {
		return err
	}
	if squeeze(now) != squeeze(option) {
		return fmt.Errorf("%q is chosen", now)
	}
	return nil
}

// Set checks or clears a checkbox, switch or radio button, unless it is so already.
func (p Place) Set(role, name string, on bool) {
	p.tab.tb.Helper()
	want := map[bool]string{true: "true", false: "false"}[on]
	l := locator{role, name}
	state := func() (string, error) {
		var is string
		err := p.tab.run(func(ctx context.Context) error {
			n, err := p.one(ctx, l)
			is = n.properties["checked"]
			return err
		})
		return is, err
	}
	var is string
	p.tab.act(l, "set", func() (err error) { is, err = state(); return err })
	if is == want {
		return
	}
	p.Click(role, name)
	p.tab.act(l, "set", func() error {
		if is, err := state(); err != nil || is != want {
			return fmt.Errorf("checked is %q: %w", is, err)
		}
		return nil
	})
}

// Upload gives files to the file field of a name; a dialog of the system, which chooses
// them, is no part of the page.
func (p Place) Upload(name string, paths ...string) {
	p.tab.tb.Helper()
	for i, path := range paths {
		whole, err := filepath.Abs(path)
		if err == nil {
			_, err = os.Stat(whole)
		}
		if err != nil {
			p.tab.tb.Fatal(err)
		}
		paths[i] = whole
	}
	l := locator{"button", name}
	p.tab.act(l, "give files to", func() error {
		return p.on(l, func(ctx context.Context, n node, o runtime.RemoteObjectID) error {
			id, err := fileInput(ctx, n, o)
			if err != nil {
				return err
			}
			return dom.SetFileInputFiles(paths).WithBackendNodeID(id).Do(ctx)
		})
	})
}

// fileInput is the element itself, or the one that its button opens.
func fileInput(ctx context.Context, n node, o runtime.RemoteObjectID) (cdp.BackendNodeID, error) {
	var is bool
	if err := call(ctx, o, `function() { return this.type === 'file' }`, &is); err != nil || is {
		return n.id, err
	}
	v, thrown, err := runtime.CallFunctionOn(`function() { return this.closest('form, fieldset, div')?.querySelector('input[type=file]') }`).WithObjectID(o).Do(ctx)
	if err == nil && thrown != nil {
		err = thrown
	}
	if err != nil {
		return 0, err
	}
	if v.ObjectID == "" {
		return 0, errors.New("it opens no file field")
	}
	d, err := dom.DescribeNode().WithObjectID(v.ObjectID).Do(ctx)
	if err != nil {
		return 0, err
	}
	return d.BackendNodeID, nil
}
