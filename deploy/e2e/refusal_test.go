package e2e_test

import (
	"log/slog"
	"testing"
	"time"

	patientagent "medunion/patient-agent/agent"
)

// What goes wrong is said in words on the page of whom it concerns, and nothing of the
// record is shown.
func TestRefusals(t *testing.T) {
	w := sharedWorld(t)
	d, p := w.registered(t, "dr-refusals"), w.ready(t, "refusing")
	declined(d, p)
	wrongPasskey(t, d, p)
	revoked(t, d, p)
	wrongOpener(d)
}

// A decline opens nothing. The patient's device is not told; she stops waiting.
func declined(d *doctor, p *patient) {
	p.consult(d)
	d.Reads("1 patient waits")
	d.Do("/^Decline/")
	d.Reads("The visit ends without anything of the record having been opened.")
	d.audit("decline")
	d.Do("Decline the patient")
	d.Reads("Nobody is waiting", "Ended in this session")
	p.stopWaiting()
}

// stopWaiting ends the patient's side of a visit.
func (p *patient) stopWaiting() {
	p.t.Helper()
	p.Do("Do not wait any longer")
	p.Do("End it")
	p.Reads("You no longer wait for the diagnosis")
	p.home()
}

// A device that is not the one she registered with signs nothing, and nothing is shared.
func wrongPasskey(t *testing.T, d *doctor, p *patient) {
	p.paste(d.link)
	p.choose()
	p.Do("No, go on")
	p.Reads("Do you allow this?")
	own := p.device.Take()
	p.Do("Share with Ada Obi")
	p.Reads("Not confirmed", "Nothing was shared or changed.")
	p.audit("not-confirmed")
	p.device.Give(own)
	if d.Has("button", "/^Open the visit/") {
		t.Error("a patient who was not recognized waits")
	}
	p.Do("Share with Ada Obi")
	p.Reads("Your visit")
	d.callIn()
}

// The visit of the wrong passkey goes on, and the consent is stopped in its middle.
func revoked(t *testing.T, d *doctor, p *patient) {
	p.Do("See or stop what you allowed")
	p.Do("Stop")
	p.Reads("Stop Ada Obi from looking?")
	p.audit("stop")
	p.Do("Stop now")
	p.Reads("Stopped everywhere")
	p.audit("stopped")
	d.Do("Get records")
	d.Reads("The search failed")
	d.audit("search-failed")
	if d.Has("tab", "Summary") && len(d.Names("row")) > 200 {
		t.Error("records are shown")
	}
	d.ReadsNoMore("are here and verified")
	d.end()
}

// end ends the visit that is open.
func (d *doctor) end() {
	d.t.Helper()
	d.Do("End visit")
	d.Do("End the visit")
	d.Reads("Nobody is waiting")
}

// Only the device that was chosen, and its owner, open the doctor's keys.
func wrongOpener(d *doctor) {
	d.Do("Lock")
	d.Reads("Unlock your keys")
	d.device.Verifies(false)
	d.Do("Unlock with your passkey")
	d.Reads("The passkey was not used")
	d.audit("unlock-wrong")
	d.ReadsNoMore("Keys unlocked since")
}

// A consent that has expired opens nothing more, however long the visit stays open.
func TestExpiredConsent(t *testing.T) {
	w := sharedWorld(t)
	d := w.registered(t, "dr-expiry")
	a, pass, err := w.StartPatient(t.Context(), "hurried")
	if err != nil {
		t.Fatal(err)
	}
	const life = 20 * time.Second
	began := time.Now()
	_, err = a.StartVisit(t.Context(), patientagent.Request{Link: d.link, Passphrase: pass, Department: "OUTPATIENT", Expires: began.Add(life)})
	if err != nil {
		t.Fatal(err)
	}
	d.callIn()
	d.Reads("confirmed with a passphrase")
	d.Reads("The consent has expired")
	d.audit("consent-expired")
	if time.Since(began) < life {
		t.Error("the consent expires too early")
	}
	if d.Has("button", "Get records") {
		d.Do("Get records")
		d.ReadsOne("The patient’s consent is not in force", "The search failed")
	}
	d.end()
}

// With both hospitals down nothing is shown but that; each is asked again by itself, in the
// table and above the record, and no second use of the consent is counted.
func TestHospitalDown(t *testing.T) {
	w := newWorld(t, slog.DiscardHandler)
	d, p := w.registered(t, "dr-partial"), w.ready(t, "partly")
	p.consult(d)
	d.callIn()
	w.stop(t, 0, 1)
	d.Do("Get records")
	d.Reads("Not all hospitals could send", "Missing: hospital-1, hospital-2", "Try again what failed")
	d.audit("hospitals-down")
	w.start(t, 0)
	d.Do("Try again: hospital-1")
	d.Reads("signed by hospital-1", "Missing: hospital-2")
	d.audit("hospital-down")
	d.Do("Read the record")
	d.Reads("hospital-2 · ")
	d.audit("record-partial")
	w.start(t, 1)
	d.Do("Try again: hospital-2")
	d.ReadsNoMore("Try again")
	d.Click("tab", "Visit")
	d.Reads("signed by hospital-2", "1 of 3 used")
	d.ReadsNoMore("Not all hospitals could send")
}

func (w *world) stop(t *testing.T, hospitals ...int) {
	t.Helper()
	for _, i := range hospitals {
		if err := w.Hospitals[i].Stop(); err != nil {
			t.Fatal(err)
		}
	}
}

func (w *world) start(t *testing.T, hospital int) {
	t.Helper()
	if err := w.Hospitals[hospital].Start(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// A portal that restarts loses nobody: the page says that it is gone, and goes on by
// itself.
func TestPortalRestarts(t *testing.T) {
	w := newWorld(t, slog.DiscardHandler)
	d, p := w.registered(t, "dr-patience"), w.ready(t, "patient")
	if err := w.StopPortal(); err != nil {
		t.Fatal(err)
	}
	d.Reads("The portal cannot be reached")
	d.audit("portal-away")
	if err := w.StartPortal(t.Context()); err != nil {
		t.Fatal(err)
	}
	d.ReadsNoMore("The portal cannot be reached")
	p.consult(d)
	d.callIn()
	d.fetch()
}
