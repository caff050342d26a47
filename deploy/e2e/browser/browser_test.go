package browser

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// chromium is one for all tests of this package.
func chromium(t *testing.T) *Browser {
	t.Helper()
	b, err := Start(t.Context(), Options{})
	if errors.Is(err, ErrAbsent) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b
}

// site serves the test's page under a strict policy, at a name, as WebAuthn wants it.
func site(t *testing.T) string {
	t.Helper()
	files := http.FileServer(http.Dir("testdata"))
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; connect-src *; worker-src 'self'")
		if r.URL.Path == "/worker.js" {
			w.Header().Set("Content-Type", "text/javascript")
			fmt.Fprint(w, `console.error('from the worker')`)
			return
		}
		files.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	return strings.Replace(s.URL, "127.0.0.1", "localhost", 1)
}

// report records what a tab reports, in the place of the test.
type report struct {
	testing.TB
	errors []string
	over   []func()
}

func (r *report) Errorf(format string, args ...any) {
	r.errors = append(r.errors, fmt.Sprintf(format, args...))
}
func (r *report) Cleanup(f func()) { r.over = append(r.over, f) }

// Everything that a person uses, by mouse and by keyboard alone.
func TestActsLikeAPerson(t *testing.T) {
	b, url := chromium(t), site(t)
	file := filepath.Join(t.TempDir(), "ecg.csv")
	if err := os.WriteFile(file, []byte("1,2,3"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, keyboard := range []bool{false, true} {
		t.Run(fmt.Sprintf("keyboard %v", keyboard), func(t *testing.T) {
			p := b.Person(t, "ada")
			p.Keyboard = keyboard
			p.Open(url + "/page.html")
			p.Within("region", "Second").Click("button", "Save")
			p.Reads("saved in Second")
			p.Fill("Your name", "Ada")
			p.Fill("Passphrase", "correct horse")
			if got := p.Value("textbox", "Your name"); got != "Ada" || p.Find("textbox", "Your name") != "Ada" {
				t.Errorf("the name is %q", got)
			}
			p.Choose("Why", "Research")
			p.Set("radio", "Tomorrow", true)
			p.Set("checkbox", "Share everything", true)
			p.Set("checkbox", "Share everything", true)
			var form []string
			p.Eval(`[document.getElementById('why').value, String(document.getElementsByName('until')[1].checked), String(document.getElementById('all').checked), document.getElementById('word').value]`, &form)
			if !slices.Equal(form, []string{"Research", "true", "true", "correct horse"}) {
				t.Errorf("the form holds %q", form)
			}
			p.Upload("Recording", file)
			p.Reads("read 1,2,3")
			p.Click("button", "/^Not/")
			p.Reads("now")
			if got := p.Names("button"); !slices.Contains(got, "Save") || p.Has("button", "Delete") {
				t.Errorf("the buttons are %q", got)
			}
		})
	}
}

func TestPasskey(t *testing.T) {
	p := chromium(t).Person(t, "ada")
	a := p.Authenticator()
	p.Open(site(t) + "/page.html")
	p.Click("button", "Make a passkey")
	p.Reads("PRF of 32 bytes")
	if n := len(a.Credentials()); n != 1 {
		t.Errorf("%d credentials", n)
	}
	own := a.Take()
	if a.Give(own); len(a.Credentials()) != 1 {
		t.Error("a credential is not given back")
	}
	a.Verifies(false)
	p.Click("button", "Make a passkey")
	p.Reads("NotAllowedError")
}

// Two people share nothing; two tabs of one person do.
func TestPeopleAreApart(t *testing.T) {
	b, url := chromium(t), site(t)
	ada, bob := b.Person(t, "ada"), b.Person(t, "bob")
	ada.Open(url + "/page.html")
	bob.Open(url + "/page.html")
	ada.Eval(`localStorage.setItem('x', '1')`, nil)
	second := ada.Another(t, "ada again")
	second.Open(url + "/page.html")
	for tab, want := range map[*Tab]string{bob: "", second: "1"} {
		var got string
		if tab.Eval(`localStorage.getItem('x') ?? ''`, &got); got != want {
			t.Errorf("%s reads %q", tab.name, got)
		}
	}
}

// What a page may not do is seen, also in its workers.
func TestFaultsAreSeen(t *testing.T) {
	b, url := chromium(t), site(t)
	for name, c := range map[string]struct{ does, says string }{
		"console":   {`console.error('lost', 1)`, "console: "},
		"exception": {`setTimeout(() => { throw new Error('boom') }), 1`, "boom"},
		"policy":    {`document.body.setAttribute('style', 'color: red'), 1`, "style-src"},
		"origin":    {`fetch('http://127.0.0.1:1/x').catch(() => 1)`, "a request to http://127.0.0.1:1"},
		"worker":    {`new Worker('worker.js'), 1`, "from the worker"},
	} {
		t.Run(name, func(t *testing.T) {
			r := &report{TB: t}
			p := b.Person(r, "ada")
			p.Open(url + "/page.html")
			p.Eval(c.does, nil)
			if _, ok := p.wait(func() (bool, error) { return strings.Contains(strings.Join(p.Faults(), "\n"), c.says), nil }); !ok {
				t.Errorf("not seen; faults are %q", p.Faults())
			}
			for _, f := range r.over {
				f()
			}
			if len(r.errors) == 0 {
				t.Error("the test would pass")
			}
		})
	}
}

// A page that breaks a rule fails the test; the test's own page breaks none.
func TestAudit(t *testing.T) {
	axe, err := os.ReadFile("../../../api/ui/node_modules/axe-core/axe.min.js")
	if err != nil {
		t.Skip("axe-core is not installed: deploy/pages install")
	}
	b := chromium(t)
	b.opt.Axe, b.opt.Shots = string(axe), t.TempDir()
	r := &report{TB: t}
	p := b.Person(r, "ada")
	p.Open(site(t) + "/page.html")
	p.Screen("controls", Phone, Workstation)
	if len(r.errors) > 0 {
		t.Errorf("the page breaks %q", r.errors)
	}
	if shots, err := os.ReadDir(b.opt.Shots); err != nil || len(shots) != 3 {
		t.Errorf("%d screenshots: %v", len(shots), err)
	}
	p.Eval(`document.querySelector('[for=name]').remove()`, nil)
	p.Audit("without a label")
	if !strings.Contains(strings.Join(r.errors, "\n"), "label") {
		t.Errorf("a field without a label breaks nothing: %q", r.errors)
	}
	for _, f := range r.over {
		f()
	}
}

// The impossible fails after the person's patience, with what is on the page.
func TestImpossible(t *testing.T) {
	b := chromium(t)
	p := b.Person(t, "ada")
	p.Open(site(t) + "/page.html")
	p.Patience(300 * time.Millisecond)
	p.Eval(`document.body.insertAdjacentHTML('beforeend', '<dialog id=d><p>Wait</p></dialog>'), document.getElementById('d').showModal()`, nil)
	err := p.on(locator{"button", "Save"}, click)
	if err == nil {
		t.Error("what a dialog covers is clicked")
	}
	err = p.on(locator{"button", "Delete"}, click)
	if !errors.Is(err, errNone) {
		t.Errorf("what is absent: %v", err)
	}
}
