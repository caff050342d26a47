package server_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"filippo.io/age"
	"go.mongodb.org/mongo-driver/event"
	"go.mongodb.org/mongo-driver/mongo/options"

	"medunion/api/backup"
	"medunion/api/token"
	"medunion/ecc"
	"medunion/privatecloud/hospital"
	"medunion/privatecloud/internal/peers"
	"medunion/privatecloud/server"
)

// many is a Bundle of one patient with n observations.
func many(patient string, n int) []byte {
	list := []string{fmt.Sprintf(`{"resourceType":"Patient","id":%[1]q,"identifier":[{"type":{"coding":[{"code":"MR"}]},"value":%[1]q}]}`, patient)}
	for i := range n {
		list = append(list, fmt.Sprintf(`{"resourceType":"Observation","id":"%[1]s-%[2]d","status":"final","code":{"text":"n"},"subject":{"reference":"Patient/%[1]s"},"valueString":%[3]q}`,
			patient, i, strings.Repeat("x", 500)))
	}
	return []byte(`{"resourceType":"Bundle","type":"collection","entry":[{"resource":` + strings.Join(list, `},{"resource":`) + `}]}`)
}

// keyPair is a file of a private key, and the public one.
func (s *site) keyPair() (file, recipient string) {
	s.t.Helper()
	id := peers.Must(age.GenerateX25519Identity())
	return s.file(s.t.TempDir(), "identity", []byte(id.String()+"\n")), id.Recipient().String()
}

// What a restored hospital is made of: records and trail as they were, all index entries due,
// and a database that is marked while it is half.
func TestRestoredHospital(t *testing.T) {
	s := newSite(t, ecc.SuiteX25519)
	s.start()
	for i := range 3 {
		if a := s.do("POST", s.h.AdminURL()+"/fhir/bundles", s.token(token.ScopeFHIRImport), "application/fhir+json", many(fmt.Sprint("p", i), 5)); a.status != 200 {
			t.Fatalf("%d %s", a.status, a.body)
		}
	}
	file, recipient := s.keyPair()
	out := filepath.Join(t.TempDir(), "backup")
	if _, err := server.Backup(t.Context(), s.config, backup.Out{Out: out, Recipient: []string{recipient}}); err != nil {
		t.Fatal(err)
	}
	if _, err := server.Restore(t.Context(), s.config, backup.In{File: out, Identity: file}, ""); err == nil || !strings.Contains(err.Error(), "not empty") {
		t.Errorf("over the living database: %v", err)
	}
	s.config.Database += "_restored"
	r, err := server.Restore(t.Context(), s.config, backup.In{File: out, Identity: file}, "")
	if err != nil || r.Records != 3 || r.Trail == 0 {
		t.Fatalf("%+v %v", r, err)
	}
	if last, err := server.VerifyAudit(t.Context(), s.config, nil); err != nil || last != r.Trail+1 {
		t.Errorf("the trail ends at %d, not behind %d: %v", last, r.Trail, err)
	}
	other := s.config
	other.Keys = filepath.Join(t.TempDir(), "others")
	if _, err := server.VerifyBackup(other, backup.In{File: out, Identity: file}); err == nil {
		t.Error("a backup is verified without the hospital's keys")
	}
}

// A record that was erased after the backup is never there in what a restore ends with, and the others are: the
// receipts name it. Receipts that do not hold, or no word of receipts, restore nothing.
func TestRestoreErasesAgain(t *testing.T) {
	s := newSite(t, ecc.SuiteX25519)
	s.start()
	for _, mrn := range []string{"p0", "p1"} {
		s.importBundle(many(mrn, 2), "")
		s.enrol(mrn)
	}
	receipts, out := t.TempDir(), filepath.Join(t.TempDir(), "backup")
	file, recipient := s.keyPair()
	if _, err := server.Backup(t.Context(), s.config, backup.Out{Out: out, Recipient: []string{recipient}}); err != nil {
		t.Fatal(err)
	}
	s.cli(0, "erase", "--mrn-file", s.mrn("p0"), "--yes", "--receipts", receipts)
	s.h.Close()
	s.config.Database += "_restored"
	forged := t.TempDir()
	s.file(forged, "erasure-x.json", []byte("{}"))
	restore := []string{"backup", "restore", out, "--identity", file, "--yes"}
	s.cli(2, restore...)
	s.cli(1, append(restore, "--receipts", forged)...)
	s.cli(2, append(restore, "--receipts", receipts, "--no-receipts")...)
	contains(t, s.cli(0, append(restore, "--receipts", receipts)...), "What 1 receipts name", "2 records", "1 erased again", "entries of 1 patients")
	s.cli(1, "erase", "--mrn-file", s.mrn("p0"), "--dry-run")
	contains(t, s.cli(0, "erase", "--mrn-file", s.mrn("p1"), "--dry-run"), "enrolled: true")
	s.config.Database += "_without"
	contains(t, s.cli(0, append(restore, "--no-receipts")...), "comes back", "0 erased again")
	s.cli(0, "erase", "--mrn-file", s.mrn("p0"), "--dry-run")
}

// meanwhile calls f when a backup begins to read a collection, and waits for it.
func meanwhile(f func(collection string)) func(*options.ClientOptions) {
	return func(o *options.ClientOptions) {
		o.SetMonitor(&event.CommandMonitor{Started: func(_ context.Context, e *event.CommandStartedEvent) {
			if e.CommandName == "find" {
				f(e.Command.Lookup("find").StringValue())
			}
		}})
	}
}

// Records that are erased while a backup is taken, after their enrolment was read, or their head,
// or all of them, neither spoil the backup nor come back with it; the others do.
func TestEraseDuringABackup(t *testing.T) {
	s := newSite(t, ecc.SuiteX25519)
	s.start()
	for _, mrn := range []string{"p0", "p1", "p2", "p3"} {
		s.importBundle(many(mrn, 2), "")
		s.enrol(mrn)
	}
	receipts := t.TempDir()
	erased := map[string]string{"patients": "p0", "versions": "p1", "erasures": "p2"}
	out := filepath.Join(t.TempDir(), "backup")
	file, recipient := s.keyPair()
	_, err := server.BackupWatched(s.config, t.Context(), backup.Out{Out: out, Recipient: []string{recipient}}, meanwhile(func(collection string) {
		if mrn := erased[collection]; mrn != "" {
			delete(erased, collection)
			if _, err := server.EraseRecord(t.Context(), s.config, mrn, hospital.Order{Ground: "asked", Operator: "kim"}, receipts); err != nil {
				t.Error(err)
			}
		}
	}))
	if err != nil || len(erased) > 0 {
		t.Fatal(erased, err)
	}
	if _, err := server.VerifyBackup(s.config, backup.In{File: out, Identity: file}); err != nil {
		t.Fatal(err)
	}
	s.config.Database += "_restored"
	r, err := server.Restore(t.Context(), s.config, backup.In{File: out, Identity: file}, "")
	if err != nil || r.Records != 1 || r.Enrolled != 1 {
		t.Fatalf("%d records, %d enrolled: %v", r.Records, r.Enrolled, err)
	}
	for mrn, there := range map[string]bool{"p0": false, "p1": false, "p2": false, "p3": true} {
		if _, err := server.PreviewErasure(t.Context(), s.config, mrn); (err == nil) != there {
			t.Errorf("%s: %v", mrn, err)
		}
	}
}

// A restore that takes longer than a check-in of its lease holds is completed: the lease is kept
// while it runs. The backup comes through a pipe that has nothing to say until the first check-in is over.
func TestRestoreOutlivesALease(t *testing.T) {
	s := newSite(t, ecc.SuiteX25519)
	s.start()
	s.importBundle(many("p", 1), "")
	file, recipient := s.keyPair()
	dir := t.TempDir()
	whole, slow := filepath.Join(dir, "whole"), filepath.Join(dir, "slow")
	if _, err := server.Backup(t.Context(), s.config, backup.Out{Out: whole, Recipient: []string{recipient}}); err != nil {
		t.Fatal(err)
	}
	content := peers.Must(os.ReadFile(whole))
	if err := syscall.Mkfifo(slow, 0o600); err != nil {
		t.Fatal(err)
	}
	s.config.Database += "_restored"
	s.config.LeaseLife = 3 * time.Second
	var feeding sync.WaitGroup
	feeding.Go(func() {
		w, err := os.OpenFile(slow, os.O_WRONLY, 0) // waits for the reader, who has checked in
		if err != nil {
			t.Error(err)
			return
		}
		defer w.Close()
		if err := os.Rename(whole, slow); err != nil { // the second time it is read as a file
			t.Error(err)
		}
		time.Sleep(s.config.LeaseLife + time.Second)
		if _, err := w.Write(content); err != nil {
			t.Error(err)
		}
	})
	_, err := server.Restore(t.Context(), s.config, backup.In{File: slow, Identity: file}, "")
	if err != nil {
		t.Fatal(err)
	}
	feeding.Wait()
}

// BenchmarkRestore compares the restore of 10000 documents with the backup of the same.
func BenchmarkRestore(b *testing.B) {
	s := newSite(b, ecc.SuiteX25519)
	s.start()
	for i := range 10 {
		if a := s.do("POST", s.h.AdminURL()+"/fhir/bundles", s.token(token.ScopeFHIRImport), "application/fhir+json", many(fmt.Sprint("p", i), 1000)); a.status != 200 {
			b.Fatalf("%d %s", a.status, a.body)
		}
	}
	file, recipient := s.keyPair()
	name := s.config.Database
	for i := 0; b.Loop(); i++ {
		out := filepath.Join(b.TempDir(), "backup")
		s.config.Database = name
		began := time.Now()
		m, err := server.Backup(b.Context(), s.config, backup.Out{Out: out, Recipient: []string{recipient}})
		if err != nil {
			b.Fatal(err)
		}
		made := time.Since(began)
		s.config.Database = fmt.Sprint(name, "_", i)
		r, err := server.Restore(b.Context(), s.config, backup.In{File: out, Identity: file}, "")
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(r.Collected)/float64(made), "insert/backup")
		b.ReportMetric(float64(r.Proven)/float64(made), "prove/backup")
		b.ReportMetric(made.Seconds()*1e4/float64(m.Documents()), "s-backup/10k-docs")
		b.ReportMetric((r.Collected+r.Proven).Seconds()*1e4/float64(m.Documents()), "s-restore/10k-docs")
	}
}
