package e2e_test

import "testing"

// A whole visit by the keyboard alone, by both: every control is reached by Tab and the
// arrow keys, with the focus to be seen, and works by Enter and Space.
func TestKeyboardOnly(t *testing.T) {
	w := sharedWorld(t)
	d := w.newDoctor(t, "dr-keys")
	d.Keyboard = true
	d.firstUse()
	p := w.newPatient(t, "typing")
	p.Keyboard = true
	p.firstUse()
	p.link()
	p.consult(d)
	d.callIn()
	d.fetch()
	d.diagnose("Migraine without aura", "Rest in the dark.")
	p.Reads("The diagnosis is here")
	p.Do("Read the diagnosis")
	p.Reads("Migraine without aura")
	d.end()
}
