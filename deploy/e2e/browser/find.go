package browser

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/dom"
	"github.com/chromedp/cdproto/runtime"
)

// Place is a part of a page: what has a role and an accessible name, and all within it.
type Place struct {
	tab  *Tab
	path []locator
}

// locator is a role, such as "button" or "textbox", and an accessible name as a screen
// reader says it: the whole of it, or a regular expression between slashes.
type locator struct{ role, name string }

func (l locator) String() string { return fmt.Sprintf("%s %q", l.role, l.name) }

func (l locator) matches(name string) bool {
	if len(l.name) > 1 && l.name[0] == '/' && l.name[len(l.name)-1] == '/' {
		return regexp.MustCompile(l.name[1 : len(l.name)-1]).MatchString(name)
	}
	return l.name == "" || squeeze(name) == squeeze(l.name)
}

// squeeze makes all white space, also what does not break, one blank each.
func squeeze(s string) string { return strings.Join(strings.Fields(s), " ") }

// Within is a part of this place, such as the region or dialog of a name.
func (p Place) Within(role, name string) Place {
	return Place{tab: p.tab, path: append(slices.Clone(p.path), locator{role, name})}
}

// node is an element as assistive technology sees it.
type node struct {
	id         cdp.BackendNodeID
	name       string
	value      string
	properties map[string]string
}

// errNone says that nothing on the page is meant; its text says what is there instead.
var errNone = errors.New("nothing of that name")

// nodes returns all of a role in this place, in the order of the document.
func (p Place) nodes(ctx context.Context, role string) ([]node, error) {
	root, err := p.root(ctx)
	if err != nil {
		return nil, err
	}
	list, err := accessibility.QueryAXTree().WithObjectID(root).WithRole(role).Do(ctx)
	if err != nil {
		return nil, err
	}
	var out []node
	for _, n := range list {
		if n.Ignored || n.BackendDOMNodeID == 0 {
			continue
		}
		out = append(out, newNode(n))
	}
	return out, nil
}

func newNode(n *accessibility.Node) node {
	out := node{id: n.BackendDOMNodeID, name: text(n.Name), value: text(n.Value), properties: map[string]string{}}
	for _, p := range n.Properties {
		out.properties[string(p.Name)] = text(p.Value)
	}
	return out
}

func text(v *accessibility.Value) string {
	if v == nil {
		return ""
	}
	var s string
	if json.Unmarshal(v.Value, &s) == nil {
		return s
	}
	return string(v.Value)
}

// root is the element that holds everything of this place.
func (p Place) root(ctx context.Context) (runtime.RemoteObjectID, error) {
	if len(p.path) == 0 {
		v, thrown, err := runtime.Evaluate("document").Do(ctx)
		if err == nil && thrown != nil {
			err = thrown
		}
		if err != nil {
			return "", err
		}
		return v.ObjectID, nil
	}
	last := len(p.path) - 1
	n, err := Place{tab: p.tab, path: p.path[:last]}.one(ctx, p.path[last])
	if err != nil {
		return "", err
	}
	return resolve(ctx, n)
}

func resolve(ctx context.Context, n node) (runtime.RemoteObjectID, error) {
	o, err := dom.ResolveNode().WithBackendNodeID(n.id).Do(ctx)
	if err != nil {
		return "", err
	}
	return o.ObjectID, nil
}

// one returns the first element that l means.
func (p Place) one(ctx context.Context, l locator) (node, error) {
	list, err := p.nodes(ctx, l.role)
	if err != nil {
		return node{}, err
	}
	names := make([]string, 0, len(list))
	for _, n := range list {
		if l.matches(n.name) {
			return n, nil
		}
		names = append(names, n.name)
	}
	return node{}, fmt.Errorf("%w: %v; of this role there are %q", errNone, l, names)
}

// Find waits for what has the role and name, and returns its value as assistive
// technology reads it.
func (p Place) Find(role, name string) string {
	p.tab.tb.Helper()
	var value string
	p.tab.act(locator{role, name}, "find", func() error {
		return p.tab.run(func(ctx context.Context) error {
			n, err := p.one(ctx, locator{role, name})
			value = n.value
			return err
		})
	})
	return value
}

// Names returns the names of everything of a role that is here now.
func (p Place) Names(role string) []string {
	p.tab.tb.Helper()
	var names []string
	_ = p.tab.run(func(ctx context.Context) error {
		list, err := p.nodes(ctx, role)
		for _, n := range list {
			names = append(names, squeeze(n.name))
		}
		return err
	})
	return names
}

// Has says whether something of the role and name is here now.
func (p Place) Has(role, name string) bool {
	return slices.ContainsFunc(p.Names(role), locator{role, name}.matches)
}

// Text is what can be read in this place now, with single blanks.
func (p Place) Text() string {
	var s string
	err := p.tab.run(func(ctx context.Context) error {
		root, err := p.root(ctx)
		if err != nil {
			return err
		}
		return call(ctx, root, `function() { return (this.body ?? this).innerText }`, &s)
	})
	if err != nil {
		return ""
	}
	return squeeze(s)
}

// call runs a function of JavaScript on an element.
func call(ctx context.Context, on runtime.RemoteObjectID, function string, out any) error {
	v, thrown, err := runtime.CallFunctionOn(function).WithObjectID(on).WithReturnByValue(true).WithAwaitPromise(true).Do(ctx)
	return decode(v, thrown, err, out)
}

// Reads waits until all the texts can be read in this place.
func (p Place) Reads(texts ...string) {
	p.tab.tb.Helper()
	for _, want := range texts {
		if _, ok := p.tab.wait(func() (bool, error) { return strings.Contains(p.Text(), squeeze(want)), nil }); !ok {
			p.tab.fail("%v: %q cannot be read", p.path, want)
		}
	}
}

// ReadsOne waits until one of the texts can be read, and returns it.
func (p Place) ReadsOne(texts ...string) string {
	p.tab.tb.Helper()
	var found string
	_, ok := p.tab.wait(func() (bool, error) {
		now := p.Text()
		for _, s := range texts {
			if strings.Contains(now, squeeze(s)) {
				found = s
				return true, nil
			}
		}
		return false, nil
	})
	if !ok {
		p.tab.fail("%v: none of %q can be read", p.path, texts)
	}
	return found
}

// ReadsNoMore waits until a text cannot be read in this place.
func (p Place) ReadsNoMore(gone string) {
	p.tab.tb.Helper()
	if _, ok := p.tab.wait(func() (bool, error) { return !strings.Contains(p.Text(), squeeze(gone)), nil }); !ok {
		p.tab.fail("%v: %q can still be read", p.path, gone)
	}
}

// Until waits until something holds that is said in words.
func (t *Tab) Until(what string, holds func() bool) {
	t.tb.Helper()
	if _, ok := t.wait(func() (bool, error) { return holds(), nil }); !ok {
		t.fail("it never comes to %s", what)
	}
}
