package e2e_test

import (
	"testing"
	"time"
)

const sentence = "Seven grey herons wait"

// A patient without a fingerprint sensor: her secret sentence registers her, approves, and
// opens what was locked. The doctor reads that it is the weaker way.
func TestSecretSentence(t *testing.T) {
	w := sharedWorld(t)
	d, p := w.registered(t, "dr-sentence"), w.newPatient(t, "reciting")
	p.firstUseBySentence()
	p.link()
	p.Do("/^Settings/")
	p.Do("/^About this app/")
	p.Reads("Secret sentence (passphrase)", "Weaker than a fingerprint or face")
	p.audit("about-sentence")
	p.home()

	p.paste(d.link)
	p.choose()
	p.Do("No, go on")
	p.Reads("Do you allow this?", "Your secret sentence")
	p.audit("approve-sentence")
	p.Fill("Your secret sentence", "Seven grey herons fly")
	p.Do("Share with Ada Obi")
	p.Reads("Not the right sentence")
	p.audit("approve-sentence-wrong")
	p.Fill("Your secret sentence", sentence)
	p.Do("Share with Ada Obi")
	p.Reads("Your visit")
	d.callIn()
	d.Reads("confirmed with a passphrase")
	d.fetch()
	p.lockInVisit()
	p.unlockBySentence()
}

// firstUseBySentence registers with a code that is not hers, and then with her own.
func (p *patient) firstUseBySentence() {
	p.t.Helper()
	p.Do("Start")
	p.Do("Next")
	p.Reads("Type the code from the registration desk")
	p.audit("code-missing")
	p.Fill("Registration code", "never-given-to-anybody")
	p.Do("Next")
	p.Set("radio", "With a secret sentence", true)
	p.Do("Next")
	p.Fill("Secret sentence", "short")
	p.Fill("The same once more", "shirt")
	p.Do("Save and register me")
	p.Reads("Use at least 12 letters", "The two sentences are not the same")
	p.audit("sentence-wrong")
	p.Fill("Secret sentence", sentence)
	p.Fill("The same once more", sentence)
	p.Do("Save and register me")
	p.Reads("The registration code was not accepted.")
	p.audit("registration-refused")
	p.Do("Back")
	p.Do("Back")
	p.Fill("Registration code", code(p.t, p.w.PatientCode))
	p.Do("Next")
	p.Set("radio", "With a secret sentence", true)
	p.Do("Next")
	p.Fill("Secret sentence", sentence)
	p.Fill("The same once more", sentence)
	p.audit("sentence")
	p.Do("Save and register me")
	p.tell()
}

// lockInVisit locks while the doctor reads: the settings ask before the visit ends.
func (p *patient) lockInVisit() {
	p.t.Helper()
	p.Do("Lock")
	p.Do("Lock now")
	p.Reads("A visit is going on. Lock anyway?")
	p.audit("lock-asked")
	p.Do("Lock and end the visit")
	p.Reads("Your page is locked")
	p.audit("locked-sentence")
}

func (p *patient) unlockBySentence() {
	p.t.Helper()
	p.Fill("Your secret sentence", "Seven grey herons fly")
	p.Do("Unlock")
	p.Reads("Not the right sentence")
	p.audit("unlock-sentence-wrong")
	p.Fill("Your secret sentence", sentence)
	p.Do("Unlock")
	p.home()
}

// A phone in a lift, an agent that is gone, and its restart: the page says each, keeps
// what it shows, and goes on by itself.
func TestAgentAway(t *testing.T) {
	w := sharedWorld(t)
	p := w.ready(t, "in-the-lift")
	p.Online(false)
	p.Reads("No internet.", "What is on this device still shows.")
	p.audit("offline")
	p.Online(true)
	p.ReadsNoMore("No internet.")

	if err := w.StopPatient("in-the-lift"); err != nil {
		t.Fatal(err)
	}
	p.Reads("The app on this device is not answering.", "Hello, Kirsten Weber")
	p.audit("agent-away")
	p.Do("/^My hospitals/")
	p.audit("agent-away-hospitals")
	p.home()
	if _, err := w.StartNewPatient(t.Context(), "in-the-lift"); err != nil {
		t.Fatal(err)
	}
	p.Patience(2 * time.Minute)
	p.Reads("Your page is locked", "Connected again.")
	p.audit("locked-passkey")
	own := p.device.Take()
	p.Do("Unlock with fingerprint or face")
	p.Reads("Not confirmed")
	p.audit("unlock-not-confirmed")
	p.device.Give(own)

	p.Eval(`localStorage.clear()`, nil)
	p.Reload()
	p.Reads("This page is closed")
	p.audit("closed")
}
