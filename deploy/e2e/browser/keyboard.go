package browser

import (
	"context"
	"errors"
	"fmt"

	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp/kb"
)

// reachable is how many presses of a key a person may need to get somewhere.
const reachable = 400

// key presses a key.
func (t *Tab) key(key string) {
	t.tb.Helper()
	if err := t.press(key); err != nil {
		t.tb.Fatalf("%s: pressing a key: %v", t.name, err)
	}
}

func (t *Tab) press(key string) error {
	return t.run(func(ctx context.Context) error {
		for _, r := range key {
			for _, e := range kb.Encode(r) {
				if err := e.Do(ctx); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// Press presses one key, such as kb.Escape.
func (t *Tab) Press(key string) { t.tb.Helper(); t.key(key) }

// focus says of an element whether it has the focus, whether the focus is to be seen,
// and whether the arrow keys lead to it from where the focus is.
type focus struct {
	Here, Shown, Arrows bool
}

const lookAtFocus = `function() {
  const at = document.activeElement;
  const group = (e) => e.closest('[role=tablist], [role=radiogroup], [role=listbox], [role=menu]');
  const arrows = at !== this && ((at?.type === 'radio' && this.type === 'radio' && at.name === this.name) ||
    (group(this) !== null && at !== null && group(at) === group(this)));
  return { Here: at === this, Shown: at === this && this.matches(':focus-visible'), Arrows: arrows };
}`

// reach moves the focus to what l names with Tab and, inside a group, the arrow keys. A
// focus that cannot be seen is a fault.
func (p Place) reach(l locator) {
	p.tab.tb.Helper()
	p.tab.act(l, "reach by keyboard", func() error {
		for range reachable {
			f, err := p.focus(l)
			if err != nil {
				return err
			}
			switch {
			case f.Here && f.Shown:
				return nil
			case f.Here:
				return errors.New("the focus is there and not to be seen")
			case f.Arrows:
				err = p.tab.press(kb.ArrowDown)
			default:
				err = p.tab.press("\t")
			}
			if err != nil {
				return err
			}
		}
		return fmt.Errorf("%d presses of Tab do not lead there", reachable)
	})
}

func (p Place) focus(l locator) (f focus, err error) {
	err = p.on(l, func(ctx context.Context, n node, o runtime.RemoteObjectID) error {
		if n.properties["disabled"] == "true" {
			return errors.New("it is disabled")
		}
		return call(ctx, o, lookAtFocus, &f)
	})
	return f, err
}
