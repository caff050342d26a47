package e2e_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"

	"medunion/api/doctorcert"
	"medunion/deploy/local/authority"
	"medunion/doctor-portal/practice"
)

// The workplace around the visits: help, ways to open the keys, a second tab.
func TestWorkplaceScreens(t *testing.T) {
	w := sharedWorld(t)
	d := w.registered(t, "dr-tidy")
	d.Do("Help")
	d.Reads("A visit in five steps", "Keyboard", "What the words mean")
	d.audit("help")
	d.Eval(`location.hash = '#/nowhere'`, nil)
	d.Reads("There is no such page")
	d.audit("unknown-page")
	d.Do("Earlier visits")
	d.Reads("No evidence of an earlier visit is in this browser")
	d.audit("earlier-none")
	d.openers()
	d.secondTab()
	d.signsOut()
}

const secondPassphrase = "four words more than enough"

// openers adds a passphrase and a second passkey, and removes the first passkey.
func (d *doctor) openers() {
	d.t.Helper()
	d.Do("My keys")
	d.Reads("The only way to unlock cannot be removed.")
	d.Do("Add a passphrase")
	form := d.Within("dialog", "Add a passphrase")
	form.Fill("Passphrase", "short")
	form.Fill("Repeat the passphrase", "shirt")
	form.Click("button", "Add a passphrase")
	d.audit("add-passphrase-wrong")
	form.Fill("Passphrase", secondPassphrase)
	form.Fill("Repeat the passphrase", secondPassphrase)
	d.audit("add-passphrase")
	form.Click("button", "Add a passphrase")
	d.ReadsNoMore("The only way to unlock cannot be removed.")

	d.Do("Add a passkey")
	d.Reads("This device has such a passkey already")
	d.audit("add-passkey-there")
	old := d.device.Take() // another device is at hand
	d.Do("Add a passkey")
	d.ReadsNoMore("This device has such a passkey already")
	d.awaitOpeners(3)
	d.audit("openers")
	if len(d.device.Credentials()) != 1 || len(old) != 1 {
		d.t.Errorf("the devices hold %d and %d passkeys", len(old), len(d.device.Credentials()))
	}
	d.Click("button", "/^Remove: Passkey/")
	d.Reads("Remove this way to unlock?")
	d.audit("remove-opener")
	d.Within("dialog", "Remove this way to unlock?").Click("button", "Remove")
	d.awaitOpeners(2)
}

// awaitOpeners waits until the keys open in so many ways.
func (d *doctor) awaitOpeners(n int) {
	d.t.Helper()
	d.Until(fmt.Sprintf("%d ways to unlock", n), func() bool {
		removable := slices.DeleteFunc(d.Names("button"), func(name string) bool { return !strings.HasPrefix(name, "Remove: ") })
		return len(removable) == n
	})
}

// secondTab opens the workplace twice: the second tab is told, and takes over once the
// first one has locked.
func (d *doctor) secondTab() {
	d.t.Helper()
	second := &doctor{Tab: d.Another(d.t, "doctor"), w: d.w, t: d.t, id: d.id}
	second.Open(d.w.Portal + "/")
	second.Reads("Your workplace is open in another tab or window")
	second.audit("second-tab")
	second.Close()
	d.Reads("My keys")
}

// signsOut keeps the sealed keys first, opens them with the passphrase, and then removes
// them from the browser.
func (d *doctor) signsOut() {
	d.t.Helper()
	d.Do("Sign out")
	d.Reads("What should happen to the sealed keys in this browser?")
	d.audit("sign-out")
	d.Within("dialog", "Sign out").Click("button", "Sign out")
	d.Reads("Signed out. The keys are sealed in this browser.")
	d.audit("signed-out")

	d.Fill("Passphrase", "not the passphrase of it")
	d.Click("button", "Unlock")
	d.Reads("This passphrase does not open the keys")
	d.audit("unlock-wrong-passphrase")
	d.Fill("Passphrase", secondPassphrase)
	d.Click("button", "Unlock")
	d.Reads("Nobody is waiting")

	d.Do("Sign out")
	d.Set("radio", "Remove them from this browser", true)
	d.Do("Sign out and remove the keys")
	d.Reads("Say that you have an export or want to lose the keys.")
	d.audit("sign-out-erase")
	d.Set("checkbox", "I have an export, or I want to lose these keys", true)
	d.Do("Sign out and remove the keys")
	d.Reads("The keys were removed from this browser.", "Set up this browser")
	d.audit("erased")
}

// Nobody at the page: it says so a minute before it locks, stays if somebody answers, and
// else locks, with the open visit ended.
func TestIdle(t *testing.T) {
	w := sharedWorld(t)
	d, p := w.registered(t, "dr-away"), w.ready(t, "left-alone")
	p.consult(d)
	d.callIn()
	d.later(14*60 + 30)
	d.Reads("Are you still there?", "It locks itself in 30 seconds.", "The open visit ends with the lock.")
	d.audit("idle-warning")
	d.Do("Stay here")
	d.ReadsNoMore("Are you still there?")
	d.Reads("What the patient allows")

	d.Do("Lock")
	d.Reads("Lock the keys?")
	d.audit("lock-asked")
	d.Press(kb.Escape)
	d.ReadsNoMore("Lock the keys?")

	d.later(14*60 + 30)
	d.Reads("Are you still there?")
	d.later(31)
	d.Reads("Locked, because nobody used the page", "Nothing of a visit is left in memory.")
	d.audit("locked-idle")
	d.Do("Unlock with your passkey")
	d.Reads("Nobody is waiting")
	d.earlierVisit(p)
}

// earlierVisit finds the evidence of the visit that the lock has ended: every signature
// holds, on the page and in the file that it saves.
func (d *doctor) earlierVisit(p *patient) {
	d.t.Helper()
	folder := d.t.TempDir()
	d.Downloads(folder)
	id, err := p.agent.Identity()
	if err != nil {
		d.t.Fatal(err)
	}
	d.Do("Earlier visits")
	d.Reads(string(id.ID))
	d.audit("earlier")
	d.Do("/^Download the evidence of /")
	d.verifies(download(d.t, folder, "*.json"))
	d.Do("/^[0-9]+ [A-Z][a-z]+ [0-9]{4}, /")
	d.Reads("Evidence of this visit", "verified", "All earlier visits")
	d.ReadsNoMore("not verified")
	d.audit("earlier-evidence")
}

// verifies verifies an evidence file under the pins alone, as anybody can.
func (d *doctor) verifies(path string) {
	d.t.Helper()
	file, err := os.ReadFile(path)
	if err != nil {
		d.t.Fatal(err)
	}
	_, keys := d.w.Files()
	jwks, err := os.ReadFile(keys)
	if err != nil {
		d.t.Fatal(err)
	}
	a, err := doctorcert.NewAuthority(authority.DefaultName, jwks)
	if err != nil {
		d.t.Fatal(err)
	}
	e, err := practice.VerifyEvidenceFile(file, d.w.Pins(), a)
	if err != nil || len(e.Statements) == 0 || slices.ContainsFunc(e.Statements, func(s practice.Statement) bool { return !s.Verified }) {
		d.t.Errorf("the file does not verify: %v %+v", err, e)
	}
}

// later stops the page's clock so many seconds from where it stands.
func (d *doctor) later(seconds int) {
	d.t.Helper()
	d.Eval(fmt.Sprintf(`{ const then = Date.now() + %d * 1000; Date.now = () => then }`, seconds), nil)
}
