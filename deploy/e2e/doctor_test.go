package e2e_test

import (
	"testing"

	"medunion/api/message"
	"medunion/api/secretfile"
	"medunion/deploy/e2e/browser"
	"medunion/deploy/local/suite"
)

// doctor is a doctor before her page.
type doctor struct {
	*browser.Tab
	device *browser.Authenticator
	w      *world
	t      *testing.T
	id     string
	link   string // her visit link
	look   bool   // each screen is audited and painted
}

// newDoctor gives a doctor a browser and a security device, and opens her page.
func (w *world) newDoctor(t *testing.T, id string) *doctor {
	t.Helper()
	d := &doctor{Tab: chromium.Person(t, "doctor"), w: w, t: t, id: id}
	d.device = d.Authenticator()
	d.Appearance(browser.Workstation.Width, browser.Workstation.Height, false)
	d.Open(w.Portal + "/")
	return d
}

// screen looks at a screen when the test is about looks.
func (d *doctor) screen(name string) {
	d.t.Helper()
	if d.look {
		d.audit(name)
	}
}

// audit looks at a screen that only this test comes to.
func (d *doctor) audit(name string) {
	d.t.Helper()
	inSpanish(d.Tab, name, browser.Tablet)
	d.Screen(name, browser.Tablet, browser.Workstation)
}

// firstUse makes keys, has them certified, registers, and ends in the waiting room.
func (d *doctor) firstUse() {
	d.t.Helper()
	d.Reads("Set up this browser")
	d.screen("welcome")
	d.Do("Make new keys")
	d.Fill("Your identifier", d.id)
	d.screen("make-keys")
	d.Do("Make the keys")
	d.certify()
	d.Do("Register now")
	d.Reads("Nobody is waiting")
	d.screen("waiting-room-empty")
	d.card()
}

// certify hands the request to the development authority as its desk would take it.
func (d *doctor) certify() {
	d.t.Helper()
	d.Fill("Your name", "Ada Obi")
	d.Fill("Licence number", "L-"+d.id)
	d.Set("checkbox", "Outpatient", true)
	d.Choose("Hospital to which you belong", "hospital-1")
	d.screen("request")
	d.Do("Make the request")
	request := d.Value("textbox", "Certificate request")
	d.screen("request-made")
	jwt, err := d.w.Certify(d.t.Context(), []byte(request))
	if err != nil {
		d.t.Fatal(err)
	}
	d.Do("I have the certificate")
	d.Fill("Certificate", jwt)
	d.screen("certificate")
	d.Do("Check and keep it")
	d.Reads("The certificate fits your keys")
	d.screen("register")
}

// card reads the visit link from her card.
func (d *doctor) card() {
	d.t.Helper()
	d.Do("My card")
	d.link = d.Value("textbox", "Visit link")
	d.screen("card")
	d.Do("/^Waiting room/")
}

// callIn opens the visit of whoever waits.
func (d *doctor) callIn() {
	d.t.Helper()
	d.Reads("1 patient waits")
	d.screen("waiting-room")
	d.Do("/^Open the visit/")
	d.Reads("What the patient allows")
	d.screen("visit-opened")
}

// fetch gets the records of all hospitals.
func (d *doctor) fetch() {
	d.t.Helper()
	d.Do("Get records")
	d.Reads("are here and verified")
	d.screen("visit-fetched")
}

// diagnose writes, signs and sends.
func (d *doctor) diagnose(words, note string) {
	d.t.Helper()
	d.Do("Write diagnosis")
	d.Fill("/^Diagnosis in words/", words)
	d.Fill("/^Note to the patient/", note)
	d.screen("diagnosis")
	d.Do("Preview and sign")
	d.Reads("This is what you sign")
	d.screen("preview")
	d.Do("Sign and send")
	d.Reads("Sent to the patient")
}

// registered is a doctor whose keys come from the sealed file that the suite makes.
func (w *world) registered(t *testing.T, id string) *doctor {
	t.Helper()
	e, err := w.ExportDoctor(t.Context(), suite.DoctorProfile{ID: message.ID(id), Name: "Ada Obi",
		Departments: []message.Code{"OUTPATIENT"}, Affiliation: w.Hospitals[0].ID})
	if err != nil {
		t.Fatal(err)
	}
	pass, err := secretfile.Passphrase(e.PassphraseFile)
	if err != nil {
		t.Fatal(err)
	}
	d := w.newDoctor(t, id)
	d.importKeys(e.File, string(pass))
	d.Reads("Nobody is waiting")
	d.card()
	return d
}

func (d *doctor) importKeys(file, passphrase string) {
	d.t.Helper()
	d.Do("I have my keys in a file")
	d.Upload("/^File with the keys/", file)
	d.Fill("Passphrase of the file", passphrase)
	d.screen("import")
	d.Do("Import the keys")
}
