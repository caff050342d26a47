package e2e_test

import (
	"log/slog"
	"testing"
)

// The whole visit with both pages at once, from the first use of both to the diagnosis in
// the record, with passkeys and a scanned card. Every screen is audited, light and dark,
// at each size at which it is used.
func TestWholeVisit(t *testing.T) {
	w := newWorld(t, slog.DiscardHandler) // her record is released to nobody else
	d, p := w.newDoctor(t, "dr-obi"), w.newPatient(t, "kirsten")
	d.look, p.look = true, true
	d.firstUse()
	p.firstUse()
	p.link()

	p.scan(d.link)
	p.choose()
	p.screen("measure")
	p.attach("../local/testdata/signals/mitdb-100-60s-360hz.csv", "A heart trace (ECG)", "360")
	p.Do("Go on")
	p.approve()

	d.callIn()
	d.Reads("Kirsten Weber", "self-stated", "confirmed with a passkey", "Measured by the patient")
	p.Reads("Ada Obi has what you allowed")
	p.screen("live-shared")
	d.fetch()
	p.Reads("Ada Obi is reading your records", "Hospital 1 showed", "Hospital 2 showed")
	p.screen("live-reading")
	d.readRecord()
	d.diagnose("Hypertension, newly found", "Measure at home for two weeks.")
	d.Reads("The diagnosis has arrived everywhere.", "Stored at")
	d.screen("diagnosis-sent")
	d.evidence()

	p.Reads("The diagnosis is here")
	p.screen("live-diagnosed")
	p.Do("Read the diagnosis")
	p.Reads("Hypertension, newly found", "Measure at home for two weeks.", "Checked")
	p.screen("diagnosis")
	p.looksBack()
	d.Do("End visit")
	d.Reads("End the visit?")
	d.screen("end-visit")
	d.Do("End the visit")
	d.Reads("Ended in this session")
	d.screen("waiting-room-ended")
}

// readRecord walks through the parts of the record.
func (d *doctor) readRecord() {
	d.t.Helper()
	for _, tab := range d.Names("tab") {
		if tab == "Visit" || tab == "Evidence" {
			continue
		}
		d.Click("tab", tab)
		d.screen("record-" + tab)
	}
}

// evidence sees that every signature of the visit holds.
func (d *doctor) evidence() {
	d.t.Helper()
	d.Click("tab", "Evidence")
	d.Reads("Evidence of this visit", "verified", "Download the evidence")
	d.ReadsNoMore("not verified")
	d.screen("evidence")
}

// looksBack looks at everything that the patient can look up after a visit.
func (p *patient) looksBack() {
	p.t.Helper()
	p.home()
	p.screen("home")
	p.Do("/^Who saw my record/")
	p.Reads("Ada Obi", "Saw at Hospital 1", "All hospitals answered, and nothing is missing.")
	p.screen("seen")
	p.home()
	p.Do("/^What I allow/")
	p.Reads("Ada Obi may look", "Allowed now")
	p.screen("consents")
	p.home()
	p.Do("/^My diagnoses/")
	p.Reads("Hypertension, newly found")
	p.screen("diagnoses")
	p.home()
	p.Do("/^Settings/")
	p.screen("settings")
	p.home()
}
