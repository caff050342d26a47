package server_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"medunion/api/auditexport"
	"medunion/api/backup"
	"medunion/api/keyring"
	"medunion/api/keyroll"
	"medunion/api/message"
	"medunion/api/replay/redistest"
	"medunion/ecc"
	"medunion/privatecloud/hospital"
	"medunion/privatecloud/internal/peers"
	"medunion/privatecloud/server"
)

// reregister runs the command of the program.
func (s *site) reregister(code int, more ...string) string {
	s.t.Helper()
	return s.cli(code, append([]string{"keys", "reregister", "--operator-token", s.config.OperatorToken}, more...)...)
}

var errCut = errors.New("cut off")

// cutAfter registers anew in this process, and dies after what is said begins with these words.
func (s *site) cutAfter(words string) {
	s.t.Helper()
	err := func() (err error) {
		defer func() {
			if recover() != nil {
				err = errCut
			}
		}()
		return server.Reregister(s.t.Context(), s.config, func(format string, _ ...any) {
			if strings.HasPrefix(format, words) {
				panic(errCut)
			}
		})
	}()
	if !errors.Is(err, errCut) {
		s.t.Fatalf("it was not cut off after %q: %v", words, err)
	}
}

// startFails expects that no instance starts, and returns why.
func (s *site) startFails() string {
	s.t.Helper()
	h, err := server.Start(context.Background(), s.config)
	if err == nil {
		h.Close()
		s.t.Fatal("the hospital starts")
	}
	return err.Error()
}

// refusesRelease expects that the hospital refuses a message of a session, as it refuses every stranger.
func (s *site) refusesRelease(x *peers.Session) {
	s.t.Helper()
	a := s.do("POST", s.h.URL()+"/v1/releases", "", "application/json", wire(x.M8(message.Filter{}).Encode()))
	if a.status != 403 {
		s.t.Errorf("a session from before: %d %s", a.status, a.body)
	}
}

// entriesUnder awaits entries of the index behind the first n, all of which must stand under the credential.
func (s *site) entriesUnder(n int, c message.Credential) {
	s.t.Helper()
	s.await("the entries are published", func() bool { return len(s.w.Written()) > n })
	for _, w := range s.w.Written()[n:] {
		if w.Entry.Hospital.Hash() != c.Hash() {
			s.t.Error("an entry under another credential than the current one")
		}
	}
}

// A hospital whose credential was revoked is registered anew under its ID, and not while it serves, nor while
// its credential is good. A program that is killed, a reply that is lost, and an end after any other step are gone on from; keys of a renewal that was under way, which a thief of the key
// file would have, are given up. Then the records are read, the enrolment holds, the index leads to the new credential, and what was signed before, a backup, receipts, the
// trail, still verifies; what was begun before is refused, and whoever has the old key file is turned away.
func TestRegisteredAnewAfterARevocation(t *testing.T) {
	t.Parallel()
	s := newSite(t, ecc.SuiteX25519)
	g := s.gated()
	s.start()
	for _, m := range []string{"m1", "m2"} {
		s.importBundle(bundle(m, "n", "t", 3), "")
	}
	p, d := s.enrol("m1"), s.w.Doctor("dr-okafor", "OUTPATIENT")
	s.await("the entries are published", func() bool { return len(s.w.Written()) > 0 })
	receipts := t.TempDir()
	s.erase("m2", receipts)
	file, recipient := s.keyPair()
	out := filepath.Join(t.TempDir(), "backup")
	peers.Must(server.Backup(t.Context(), s.config, backup.Out{Out: out, Recipient: []string{recipient}}))
	events := filepath.Join(t.TempDir(), "events")
	s.cli(0, "audit", "export", "--out", events)
	old, session := s.h.Credential(), s.session(s.h, d, p)
	released := s.released(s.h, s.session(s.h, d, p))

	s.reregister(2, "--yes") // it serves
	g.set(true, nil)
	s.cli(1, "keys", "renew", "--yes") // its keys are drawn, and the reply is lost
	g.set(false, nil)
	s.h.Close()
	s.reregister(2, "--yes") // the credential holds
	stolen := peers.Must(os.ReadFile(s.config.Keys))
	s.w.RevokeAll("st-anna")
	s.cli(2, "keys", "reregister", "--yes") // no token
	s.reregister(2)                         // nobody has confirmed
	contains(t, s.reregister(0, "--dry-run"), "would register st-anna anew", "credential 1, the public cloud says that it is revoked")
	if !bytes.Equal(stolen, peers.Must(os.ReadFile(s.config.Keys))) {
		t.Error("what was refused has changed the key file")
	}

	block := make(chan struct{})
	g.set(false, block)
	cmd := s.command(t.Context(), "keys", "reregister", "--operator-token", s.config.OperatorToken, "--yes")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	<-block
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	drawn := s.ring()
	g.set(true, nil)
	s.reregister(1, "--yes")
	g.set(false, nil)
	s.cli(2, "keys", "renew", "--yes")
	contains(t, s.cli(0, "keys", "status"), "being registered anew")
	s.cutAfter("credential %d is issued")
	s.cutAfter("the new credential is current")
	if why := s.startFails(); !strings.Contains(why, "keys reregister") {
		t.Error(why)
	}
	s.cli(1, "audit", "verify")
	contains(t, s.reregister(0, "--dry-run"), "would finish")
	contains(t, s.reregister(0, "--yes"), "index entries of 1 patients", "registered anew")
	s.reregister(2, "--yes") // it is done

	all, text := s.credentials()
	if text != "4 current, 1 destroyed" || all[0].Version != 3 {
		t.Errorf("%s, version %d", text, all[0].Version)
	}
	if a, b := peers.Must(drawn.Next("signing")), peers.Must(s.ring().Current("signing")); !bytes.Equal(a.SecretBytes(), b.SecretBytes()) {
		t.Error("the keys that were drawn first are not used")
	}
	for _, name := range []string{"lookup", "storage"} {
		if a, b := peers.Must(drawn.Current(name)), peers.Must(s.ring().Current(name)); !bytes.Equal(a.SecretBytes(), b.SecretBytes()) {
			t.Errorf("%s is another one", name)
		}
	}
	s.turnedAway(stolen)
	before := len(s.w.Written())
	s.start()
	s.entriesUnder(before, s.h.Credential())
	s.refusesRelease(session)
	if n := s.released(s.h, s.session(s.h, d, p)); n != released {
		t.Errorf("%d pages are released, %d before", n, released)
	}
	contains(t, s.cli(0, "audit", "verify", "--against", events), "the trail holds") // an export of before
	s.file(filepath.Dir(events), "altered", bytes.Replace(peers.Must(os.ReadFile(events)), []byte(`"enrolled"`), []byte(`"imported"`), 1))
	s.cli(1, "audit", "verify", "--against", filepath.Join(filepath.Dir(events), "altered"))
	contains(t, s.cli(0, "audit", "export", "--event", "registered anew"), "credential 1 (", ") is followed by 4 (")
	if n, err := server.CountReceipts(s.config, receipts); n != 1 || err != nil {
		t.Errorf("%d receipts hold: %v", n, err)
	}
	if _, err := s.renew(time.Minute); err != nil {
		t.Errorf("the next renewal: %v", err)
	}
	if all, text := s.credentials(); text != "5 current, 4 retiring, 1 destroyed" || all[1].Remains.Enrolments != 0 {
		t.Errorf("%s", text)
	}
	if err := old.Verify(s.w.Pins, message.Hospital, s.w.Now()); err != nil {
		t.Error(err)
	}
	s.restoredUnderTheNew(out, file, receipts)
}

// ring is the key file's.
func (s *site) ring() keyring.Ring {
	s.t.Helper()
	return peers.Must(keyring.NewFile(s.config.Keys, "privatecloud", nil, nil, nil).Load(s.t.Context()))
}

// turnedAway expects that nobody starts with the key file of before, nor changes it.
func (s *site) turnedAway(stolen []byte) {
	s.t.Helper()
	now := peers.Must(os.ReadFile(s.config.Keys))
	put := func(b []byte) { s.file(filepath.Dir(s.config.Keys), filepath.Base(s.config.Keys), b) }
	put(stolen)
	if why := s.startFails(); !strings.Contains(why, keyring.ErrGeneration.Error()) {
		s.t.Errorf("with the old key file: %s", why)
	}
	s.reregister(2, "--yes")
	put(now)
}

// A running instance says when its credential is revoked, or has ended, and what to do. One whose credential has ended does not start, and says the same; it
// is registered anew, and goes on: the next number follows, and the index leads to it.
func TestRegisteredAnewAfterTheEnd(t *testing.T) {
	t.Parallel()
	s := newSiteOver(t, ecc.SuiteX25519, redistest.Start(t))
	s.start()
	s.importBundle(bundle("m1", "n", "t", 3), "")
	s.enrol("m1")
	s.await("the entries are published", func() bool { return len(s.w.Written()) > 0 })
	s.h.Close()
	s.w.RevokeAll("st-anna")
	s.start()
	s.await("it says that it is revoked", func() bool { return strings.Contains(s.log.String(), "nobody takes what this hospital signs") })
	contains(t, s.log.String(), "keys reregister")
	s.h.Close()

	s.w.Clock.Move(50 * time.Hour)
	s.config.Now = s.w.Clock.Now
	if why := s.startFails(); !strings.Contains(why, "keys reregister") {
		t.Error(why)
	}
	s.onlyEvidenceIsRead()
	words, err := server.NextOfReregistration(t.Context(), s.config)
	if err != nil || !strings.Contains(words, "it ended on") && !strings.Contains(words, "revoked") {
		t.Errorf("%s %v", words, err)
	}
	x := &sayings{t: t}
	if err := server.Reregister(t.Context(), s.config, x.say); err != nil {
		t.Fatal(err)
	}
	if _, text := s.credentials(); text != "2 current, 1 destroyed" {
		t.Error(text)
	}
	before := len(s.w.Written())
	h := s.beside(nil)
	s.entriesUnder(before, h.Credential())
}

// onlyEvidenceIsRead expects that the trail of a hospital whose credential has ended can be verified and exported, and
// that nothing is erased, which would be signed.
func (s *site) onlyEvidenceIsRead() {
	s.t.Helper()
	out := filepath.Join(s.t.TempDir(), "events")
	if _, err := server.ExportAudit(s.t.Context(), s.config, server.AuditExport{Job: auditexport.Job{Out: out}}); err != nil {
		s.t.Error(err)
	}
	export := peers.Must(auditexport.ReadExport(bytes.NewReader(peers.Must(os.ReadFile(out)))))
	if last, err := server.VerifyAudit(s.t.Context(), s.config, export); err != nil || last == 0 {
		s.t.Errorf("to entry %d: %v", last, err)
	}
	if _, err := server.EraseRecord(s.t.Context(), s.config, "m1", hospital.Order{Ground: "asked", Operator: "kim"}, s.t.TempDir()); err == nil || !strings.Contains(err.Error(), "does not hold") {
		s.t.Errorf("erased under a credential that has ended: %v", err)
	}
}

// A registration whose last step fails is finished by the next one, with nothing but the line in the trail done twice.
func TestRegisteredAnewFinishes(t *testing.T) {
	t.Parallel()
	s := newSite(t, ecc.SuiteXWing)
	s.start()
	s.importBundle(bundle("m1", "n", "t", 3), "")
	s.enrol("m1")
	s.h.Close()
	s.w.RevokeAll("st-anna")
	good := s.config.AuthorityFile
	s.config.AuthorityFile = filepath.Join(t.TempDir(), "nowhere")
	s.reregister(1, "--yes")
	s.config.AuthorityFile = good
	if _, text := s.credentials(); text != "2 current, 1 destroyed" {
		t.Error(text)
	}
	contains(t, s.startFails(), "keys reregister")
	s.reregister(0, "--yes")
	before := len(s.w.Written()) // the first instance may have published before it ended
	s.start()
	s.entriesUnder(before, s.h.Credential())
}

// A renewal that was accepted, and was not current yet when the old credential ended, is gone on with: the hospital is not registered anew.
func TestAcceptedRenewalIsNotLost(t *testing.T) {
	t.Parallel()
	s := newSiteOver(t, ecc.SuiteX25519, redistest.Start(t))
	s.start()
	s.h.Close()
	s.config.Now = s.w.Clock.Now
	s.w.Clock.Move(40 * time.Hour)
	slow := s.beside(func(c *server.Config) { c.KeyPoll = time.Hour })
	if _, err := s.renew(time.Second); !errors.Is(err, keyroll.ErrBehind) {
		t.Fatalf("with an instance that is behind: %v", err)
	}
	slow.Close()
	s.w.Clock.Move(10 * time.Hour)
	if _, err := server.NextOfReregistration(t.Context(), s.config); !errors.Is(err, server.ErrHolds) {
		t.Errorf("the accepted one holds: %v", err)
	}
	if _, err := s.renew(time.Minute); err != nil {
		t.Fatal(err)
	}
	if _, text := s.credentials(); text != "2 current, 1 retiring" {
		t.Error(text)
	}
	s.beside(nil)
}
