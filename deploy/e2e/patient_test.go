package e2e_test

import (
	"context"
	"testing"

	"medunion/deploy/e2e/browser"
	"medunion/deploy/local/visit"
	patientagent "medunion/patient-agent/agent"
)

// patient is a patient before the page of her agent.
type patient struct {
	*browser.Tab
	device *browser.Authenticator
	agent  *patientagent.Agent
	w      *world
	t      *testing.T
	page   string // the link that opens her page
	look   bool
}

// newPatient starts an agent that knows nobody yet, and opens its page.
func (w *world) newPatient(t *testing.T, name string) *patient {
	t.Helper()
	a, err := w.StartNewPatient(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return w.patientOf(t, name, a)
}

func (w *world) patientOf(t *testing.T, name string, a *patientagent.Agent) *patient {
	t.Helper()
	p := &patient{Tab: chromium.Person(t, "patient"), agent: a, w: w, t: t}
	api, err := w.API(name)
	if err == nil {
		p.page, err = api.Page()
	}
	if err != nil {
		t.Fatal(err)
	}
	p.device = p.Authenticator()
	p.Appearance(browser.Phone.Width, browser.Phone.Height, false)
	p.Open(p.page)
	return p
}

func (p *patient) screen(name string) {
	p.t.Helper()
	if p.look {
		p.audit(name)
	}
}

// audit looks at a screen that only this test comes to.
func (p *patient) audit(name string) {
	p.t.Helper()
	inSpanish(p.Tab, name, browser.Phone)
	p.Screen(name, browser.Workstation, browser.Phone)
}

// firstUse registers with a passkey and says her name.
func (p *patient) firstUse() {
	p.t.Helper()
	p.Reads("Your health record, in your hands")
	p.screen("welcome")
	p.Do("Start")
	p.Fill("Registration code", code(p.t, p.w.PatientCode))
	p.screen("code")
	p.Do("Next")
	p.Set("radio", "With my fingerprint or face", true)
	p.screen("method")
	p.Do("Next")
	p.screen("passkey")
	p.Do("Use fingerprint or face")
	p.tell()
}

// tell says who she is.
func (p *patient) tell() {
	p.t.Helper()
	p.Fill("/^My name/", "Kirsten Weber")
	p.screen("about-me")
	p.Do("Save")
	p.Reads("Hello, Kirsten Weber")
	p.screen("home-new")
}

// hospitalNames are the suite's hospitals as people read them.
var hospitalNames = []string{"Hospital 1", "Hospital 2"}

// link links both hospitals with codes from their desks, and waits until what they hold
// is found.
func (p *patient) link() {
	p.t.Helper()
	for i, h := range p.w.Hospitals {
		p.Do("/^My hospitals/")
		p.Do("Link " + hospitalNames[i])
		c := code(p.t, func(ctx context.Context) (string, error) { return h.DeskCode(ctx, p.w.mrn) })
		p.Fill("Link code", c)
		p.screen("link")
		p.Do("Link " + hospitalNames[i])
		p.Reads(hospitalNames[i] + " is linked")
		p.screen("linked")
		p.Do("Home")
	}
	p.awaitIndex()
	p.Do("/^My hospitals/")
	p.screen("hospitals")
	p.home()
}

// awaitIndex waits for the hospitals' entries, which come some moments after the link.
func (p *patient) awaitIndex() {
	p.t.Helper()
	parties := visit.Parties{Suite: p.w.Suite, Patient: p.agent}
	if err := parties.AwaitIndex(p.t.Context(), p.w.plan); err != nil {
		p.t.Fatal(err)
	}
}

// home goes back to where every visit begins.
func (p *patient) home() {
	p.t.Helper()
	p.Eval(`location.hash = '#/'`, nil)
	p.Reads("Visit a doctor")
}

// scan lets the camera see the doctor's card.
func (p *patient) scan(link string) {
	p.t.Helper()
	if err := show(camera, link); err != nil {
		p.t.Fatal(err)
	}
	p.Allow("camera")
	p.Do("Visit a doctor")
	p.screen("scan")
	p.Do("Turn the camera on")
	p.Reads("Is this your doctor?")
	p.screen("doctor")
}

// paste enters the doctor's link.
func (p *patient) paste(link string) {
	p.t.Helper()
	p.Do("Visit a doctor")
	p.Do("Paste the doctor’s link")
	p.Fill("Link", link)
	p.screen("paste")
	p.Do("Look at the doctor")
	p.Reads("Is this your doctor?")
}

// choose goes on from the doctor's card to the last question.
func (p *patient) choose() {
	p.t.Helper()
	p.Reads("Ada Obi")
	p.Do("Yes, go on")
	p.Reads("What may Ada Obi see?")
	p.screen("share")
	p.Do("This is right")
}

// attach adds a recording, after a look at it.
func (p *patient) attach(file, kind, hz string) {
	p.t.Helper()
	p.Upload("/^Add a/", file)
	p.Set("radio", kind, true)
	p.Fill("Values per second", hz)
	p.screen("recording")
	p.Do("Show me how it looks")
	p.Reads("This is what the doctor will see")
	p.screen("recording-preview")
	p.Do("Add it")
	p.Reads("Did you measure something?")
}

// approve shares with the passkey.
func (p *patient) approve() {
	p.t.Helper()
	p.Reads("Do you allow this?")
	p.screen("approve")
	p.Do("Share with Ada Obi")
	p.Reads("Your visit")
}

// consult is the shortest way to the doctor's waiting room.
func (p *patient) consult(d *doctor) {
	p.t.Helper()
	p.paste(d.link)
	p.choose()
	p.Do("No, go on")
	p.approve()
}

// ready is a patient who is registered, linked, and at home.
func (w *world) ready(t *testing.T, name string) *patient {
	t.Helper()
	p := w.newPatient(t, name)
	p.firstUse()
	p.link()
	return p
}
