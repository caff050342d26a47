package e2e_test

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The same doctor at a second workstation, by the sealed export of her keys.
func TestSecondWorkstation(t *testing.T) {
	w := sharedWorld(t)
	first := w.registered(t, "dr-moving")
	folder := t.TempDir()
	first.Downloads(folder)
	first.Do("My keys")
	first.audit("keys")
	first.Fill("Passphrase for the file", "five words nobody else joins")
	first.Fill("Repeat the passphrase", "five words nobody else joins")
	first.Do("Export")
	first.Reads("The file was saved.")
	first.audit("keys-exported")
	file := download(t, folder, "*.keys")
	first.Do("Lock")
	first.Reads("Unlock your keys")
	first.audit("unlock")

	second := w.newDoctor(t, "dr-moving")
	second.importKeys(file, "not the passphrase of it")
	second.ReadsNoMore("Nobody is waiting")
	second.audit("import-wrong")
	second.Fill("Passphrase of the file", "five words nobody else joins")
	second.Do("Import the keys")
	second.Reads("Nobody is waiting")
	second.card()
	if second.link != first.link {
		t.Error("the card of the second workstation is another one")
	}
	p := w.ready(t, "visiting")
	p.consult(second)
	second.callIn()
	second.fetch()
}

// A doctor renews her registration with a new certificate for the same keys: her card is a new one and leads
// to her; the one of before says that it may be old.
func TestNewCertificate(t *testing.T) {
	w := sharedWorld(t)
	d := w.registered(t, "dr-renewing")
	before := d.link
	d.Do("My keys")
	d.Do("Make the request")
	jwt, err := w.Certify(t.Context(), []byte(d.Value("textbox", "Certificate request")))
	if err != nil {
		t.Fatal(err)
	}
	d.Fill("Certificate", jwt)
	d.audit("keys-renew")
	d.Do("Check it and renew")
	d.Reads("Your registration is renewed.")
	d.card()
	if d.link == before {
		t.Fatal("the card is the one of before")
	}
	_, credential, _ := strings.Cut(d.link, "#")
	d.Until("the new card leads to her", func() bool {
		res, err := http.Get(w.Cloud + "/v1/doctors/" + credential)
		if err == nil {
			res.Body.Close()
		}
		return err == nil && res.StatusCode == http.StatusOK
	})
	p := w.ready(t, "seeing-the-renewed")
	p.Do("Visit a doctor")
	p.Do("Paste the doctor’s link")
	p.Fill("Link", before)
	p.Do("Look at the doctor")
	p.Reads("This code leads to no doctor who can be reached now.")
	p.Do("No, scan another code")
	p.Do("Paste the doctor’s link")
	p.Fill("Link", d.link)
	p.Do("Look at the doctor")
	p.choose()
	p.Do("No, go on")
	p.approve()
	d.callIn()
	d.fetch()
}

// download waits for the one file that the page saves.
func download(t *testing.T, folder, pattern string) string {
	t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		found, err := filepath.Glob(filepath.Join(folder, pattern))
		if err != nil {
			t.Fatal(err)
		}
		if len(found) == 1 {
			if info, err := os.Stat(found[0]); err == nil && info.Size() > 0 {
				return found[0]
			}
		}
	}
	t.Fatal("nothing was saved")
	return ""
}

// A thief with a copy of the browser's files holds nothing: without the doctor's device
// they do not open, and what they hold cannot be read.
func TestStolenStore(t *testing.T) {
	w := sharedWorld(t)
	d := w.registered(t, "dr-robbed")
	var files map[string]string
	d.Eval(`(async () => {
  const open = indexedDB.open('medunion-doctor');
  const db = await new Promise((ok, no) => { open.onsuccess = () => ok(open.result); open.onerror = () => no(open.error) });
  const store = db.transaction('files').objectStore('files');
  const ask = (r) => new Promise((ok, no) => { r.onsuccess = () => ok(r.result); r.onerror = () => no(r.error) });
  const [keys, values] = await Promise.all([ask(store.getAllKeys()), ask(store.getAll())]);
  db.close();
  const hex = (v) => [...new Uint8Array(v.buffer ?? v)].map((b) => b.toString(16).padStart(2, '0')).join('');
  return Object.fromEntries(keys.map((k, i) => [k, hex(values[i])]));
})()`, &files)
	if len(files["store"]) < 200 {
		t.Fatalf("the stolen store has %d digits", len(files["store"]))
	}
	thief := w.newDoctor(t, "thief")
	thief.Reads("Set up this browser")
	thief.plant(files)
	thief.Reload()
	thief.Reads("Unlock your keys")
	thief.Do("Unlock with your passkey")
	thief.Reads("The passkey was not used")
	thief.ReadsNoMore("Waiting room")
}

// plant writes files into the browser as they were stolen.
func (d *doctor) plant(files map[string]string) {
	d.t.Helper()
	d.Eval(plantFiles(files), nil)
}

// plantFiles is a program that writes the files beside the page.
func plantFiles(files map[string]string) string {
	text, err := json.Marshal(files)
	if err != nil {
		panic(err) // strings
	}
	return `(async (files) => {
  const open = indexedDB.open('medunion-doctor');
  const db = await new Promise((ok, no) => { open.onsuccess = () => ok(open.result); open.onerror = () => no(open.error) });
  const t = db.transaction('files', 'readwrite');
  for (const [name, hex] of Object.entries(files)) t.objectStore('files').put(Uint8Array.from(hex.match(/../g), (b) => parseInt(b, 16)), name);
  await new Promise((ok, no) => { t.oncomplete = ok; t.onerror = () => no(t.error) });
  db.close();
})(` + string(text) + `)`
}
