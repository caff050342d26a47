package e2e_test

import (
	"testing"

	"github.com/chromedp/chromedp/kb"
)

// The screens off the straight way through a visit, on both pages.
func TestInnerScreens(t *testing.T) {
	w := sharedWorld(t)
	d, p := w.registered(t, "dr-curious"), w.ready(t, "thorough")
	p.looksAround()
	p.changesChoices(d.link)
	d.Click("link", "/Kirsten Weber/")
	d.Reads("Kirsten Weber is waiting")
	d.audit("visit-waiting")
	d.Do("Open the visit")
	d.Reads("What the patient allows")
	p.looksAtConsent()
	d.fetch()
	d.looksDeeper()
	d.looksForCode()
	d.end()
	d.looksBack()
}

// looksAround looks at what stands behind the home screen's lists.
func (p *patient) looksAround() {
	p.t.Helper()
	p.Do("/^My hospitals/")
	p.Do("Hospital 1")
	p.Reads("What it holds")
	p.audit("hospital")
	p.home()
	p.Do("/^Settings/")
	p.Do("/^About me/")
	p.Reads("All of this is up to you.")
	p.audit("settings-me")
	p.home()
	p.Do("/^Settings/")
	p.Do("/^About this app/")
	p.Reads("Fingerprint or face (passkey)")
	p.audit("about")
	p.home()
}

// changesChoices looks at what she may choose, keeps it, and shares.
func (p *patient) changesChoices(link string) {
	p.t.Helper()
	p.paste(link)
	p.Do("Yes, go on")
	p.Do("Change what Hospital 1 shows")
	p.Reads("What may Hospital 1 show?")
	p.audit("pick")
	p.Do("Keep this choice")
	p.Do("Change these")
	p.Reads("For what, and how long?", "A second opinion", "To treat me", "Emergency")
	p.audit("terms")
	p.Do("Keep this")
	p.Do("This is right")
	p.Do("No, go on")
	p.approve()
	p.Eval(`location.hash = '#/'`, nil)
	p.Reads("Your visit with Ada Obi")
	p.audit("home-running")
}

func (p *patient) looksAtConsent() {
	p.t.Helper()
	p.Do("/^What I allow/")
	p.Do("/^More: /")
	p.Reads("Diagnosis may be kept at")
	p.audit("consent")
}

// looksDeeper opens an entry of the record, its raw resource, and searches.
func (d *doctor) looksDeeper() {
	d.t.Helper()
	d.Do("Read the record")
	d.Click("button", "Cardiac Arrest")
	d.Reads("All fields")
	d.audit("details")
	d.Click("tab", "Raw resource")
	d.Reads("resourceType")
	d.audit("details-raw")
	d.Press(kb.Escape)
	d.ReadsNoMore("resourceType")
	d.FillRole("searchbox", "Search in the record", "heart")
	d.Reads("entries found")
	d.audit("record-search")
}

func (d *doctor) looksForCode() {
	d.t.Helper()
	d.Do("Write diagnosis")
	d.FillRole("combobox", "Diagnosis from the code list", "hyper")
	d.Find("option", "/[Hh]ypertension/")
	d.audit("code-search")
	d.Press(kb.Escape)
}

// looksBack looks at a visit that has ended, and at one that is not here.
func (d *doctor) looksBack() {
	d.t.Helper()
	d.Do("/^Evidence/")
	d.Reads("The visit has ended", "verified")
	d.audit("visit-closed")
	d.Eval(`location.hash = '#/visits/0123456789abcdef'`, nil)
	d.Reads("This visit is not here any more")
	d.audit("visit-none")
}
