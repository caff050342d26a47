package server_test

import (
	"encoding/json"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"medunion/api/backup"
	"medunion/api/message"
	"medunion/ecc"
	"medunion/privatecloud/internal/peers"
	"medunion/privatecloud/server"
)

// move has the hospital know another public cloud.
func (s *site) move(w *peers.World) {
	s.t.Helper()
	cloud := httptest.NewServer(w.Handler())
	s.t.Cleanup(cloud.Close)
	pins := w.Pins
	s.w, s.config.Cloud, s.config.Pins = w, cloud.URL, &pins
	s.file(filepath.Dir(s.config.Keys), filepath.Base(s.pins()), peers.Must(json.Marshal(pins)))
}

// When the public cloud's root is replaced without a succession, the hospital does not start under the new pins, and says what to do. Registered anew, at a
// public cloud that knows nobody and whose numbers begin at 1 again, it has its records, trail and receipts; enrolments under the old root are inert, and nothing of them is
// published, until the desk enrols the patient again, with the same record. The next renewal comes to its end.
func TestRegisteredAnewUnderAnotherRoot(t *testing.T) {
	t.Parallel()
	s := newSite(t, ecc.SuiteX25519)
	s.config.KeyPoll = 50 * time.Millisecond
	s.start()
	for _, m := range []string{"m1", "m2", "m3"} {
		s.importBundle(bundle(m, "n", "t", 3), "")
	}
	p, d := s.enrol("m1"), s.w.Doctor("dr-okafor", "OUTPATIENT")
	s.enrol("m3")
	s.await("the entries are published", func() bool { return len(s.w.Written()) > 1 })
	if _, err := s.renew(time.Minute); err != nil { // number 2, and keys that are retiring
		t.Fatal(err)
	}
	s.await("it has it", func() bool { return s.h.Credential().Info.Epoch == 2 })
	receipts := t.TempDir()
	s.erase("m2", receipts)
	file, recipient := s.keyPair()
	out := filepath.Join(t.TempDir(), "backup")
	peers.Must(server.Backup(t.Context(), s.config, backup.Out{Out: out, Recipient: []string{recipient}}))
	released := s.released(s.h, s.session(s.h, d, p))
	s.h.Close()

	oldCloud, old := s.config.Cloud, s.w
	s.move(old.Anew())
	if why := s.startFails(); !strings.Contains(why, "keys reregister") {
		t.Error(why)
	}
	s.cli(1, "audit", "verify")
	newCloud := s.config.Cloud
	s.config.Cloud = oldCloud
	s.reregister(1, "--yes") // the pins are not those of this public cloud
	s.config.Cloud = newCloud
	contains(t, s.reregister(0, "--dry-run"), "credential 2, no pinned root has issued it")
	contains(t, s.reregister(0, "--yes"), "index entries of 0 patients", "2 patients were registered under another root")
	if _, text := s.credentials(); text != "1 current, 2 destroyed, 1 destroyed" {
		t.Error(text)
	}

	s.start()
	d = s.w.Doctor("dr-okafor", "OUTPATIENT")
	s.strangerNow(p, d)
	s.importBundle(bundle("m3", "n", "changed", 4), "") // what changes in the record of one who is not enrolled again
	p = s.enrol("m1")
	if n := s.released(s.h, s.session(s.h, d, p)); n != released {
		t.Errorf("%d pages are released, %d before", n, released)
	}
	s.entriesUnder(0, s.h.Credential())
	s.onlyOf(p)
	contains(t, s.cli(0, "audit", "verify"), "the trail holds")
	if n, err := server.CountReceipts(s.config, receipts); n != 1 || err != nil {
		t.Errorf("%d receipts hold: %v", n, err)
	}
	again := t.TempDir()
	s.erase("m3", again) // writes the receipt from before too
	if n, err := server.CountReceipts(s.config, again); n != 2 || err != nil {
		t.Errorf("%d receipts of the store hold: %v", n, err)
	}
	if said, err := s.renew(time.Minute); err != nil || said.alarm() {
		t.Errorf("the next renewal: %v", err)
	}
	if all, text := s.credentials(); text != "2 current, 1 retiring, 2 destroyed, 1 destroyed" || all[1].Remains.Enrolments != 0 {
		t.Errorf("%s: %+v", text, all)
	}
	s.inertAfterARestore(out, file, receipts)
}

// onlyOf expects that nothing stands in the index but what is the patient's.
func (s *site) onlyOf(p *peers.Patient) {
	s.t.Helper()
	hers := map[message.Hash]bool{}
	for _, l := range p.Locators(s.h.Credential()) {
		hers[message.Locator(l.VK)] = true
	}
	for _, w := range s.w.Written() {
		if !hers[w.Entry.Locator] {
			s.t.Error("an entry of somebody else")
		}
	}
}

// strangerNow expects that a patient of the old root is nobody: her credential is, under whatever root her doctor comes.
func (s *site) strangerNow(p *peers.Patient, d peers.Party) {
	s.t.Helper()
	s.await("there is a prekey", func() bool { _, ok := s.w.FindPrekey(s.h.Credential()); return ok })
	c := p.Consent(peers.Terms{Doctor: d, WriteTo: "st-anna",
		Grants: []message.Grant{{Hospital: "st-anna", Departments: message.SortCodes(peers.Departments), Classes: peers.AllClasses()}}})
	x := s.w.Visit(d, s.h.Credential(), s.w.OpenPrekey(s.t, s.h.Credential()), p.Cred, c, s.w.Ticket(d, c.Consent, message.ModeRead))
	if err := x.ReceiveM7(s.send("/v1/sessions", x.M6)); err != nil {
		s.t.Fatal(err)
	}
	s.refusesRelease(x)
	if n := len(s.w.Written()); n != 0 {
		s.t.Errorf("%d entries of patients of the old root are published", n)
	}
}

// inertAfterARestore restores a backup from before the old root was stolen: it is this hospital's, and all of it is proven.
func (s *site) inertAfterARestore(out, file, receipts string) {
	s.t.Helper()
	if err := s.h.Close(); err != nil {
		s.t.Fatal(err)
	}
	s.config.Database += "_restored"
	r, err := server.Restore(s.t.Context(), s.config, backup.In{File: out, Identity: file}, receipts)
	if err != nil || r.Records == 0 {
		s.t.Fatalf("%+v %v", r, err)
	}
}
