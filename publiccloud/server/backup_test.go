package server_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"filippo.io/age"

	"medunion/api/backup"
	"medunion/api/mongodb"
	"medunion/publiccloud/internal/mongostore"
	"medunion/publiccloud/internal/peers"
	"medunion/publiccloud/server"
)

// TestRestoreNeedsTheSealingKeys: a backup is restored only with a key file that opens the evidence in
// it: not with one from before the sealing key was rolled, nor with one on which it was
// rolled apart, under the same number. Both are of this public cloud and verify the backup's signature.
func TestRestoreNeedsTheSealingKeys(t *testing.T) {
	w := keysWorld(t)
	stale := copied(t, w.config.Keys, 0o600, nil)
	apart := copied(t, w.config.Keys, 0o600, nil)
	other := w.tools()
	other.Keys, other.Database = apart, w.config.Database+"_apart"
	if err := rotate(other, "sealing", 0); err == nil || !strings.Contains(err.Error(), mongodb.ErrEmpty.Error()) {
		t.Errorf("rolled beside a database that nobody has served from: %v", err)
	}
	w.lastBackup(other.Database) // from now on it is one that was served from
	w.ok(rotate(other, "sealing", 0))
	w.ok(rotate(w.tools(), "sealing", time.Minute))
	w.searches()
	w.ok(w.instance.Close())
	id := peers.Must(age.GenerateX25519Identity())
	dir := t.TempDir()
	in := backup.In{File: filepath.Join(dir, "backup"), Identity: filepath.Join(dir, "identity")}
	w.ok(os.WriteFile(in.Identity, []byte(id.String()+"\n"), 0o600))
	if at := w.lastBackup(w.config.Database); !at.IsZero() {
		t.Errorf("a backup of %v before the first", at)
	}
	begun := time.Now()
	_, err := server.Backup(t.Context(), w.config, backup.Out{Out: in.File, Recipient: []string{id.Recipient().String()}})
	w.ok(err)
	if at := w.lastBackup(w.config.Database); at.Before(begun.Add(-time.Second)) || at.After(time.Now()) {
		t.Errorf("the backup was at %v", at)
	}
	restore := func(name, keys string) error {
		c := w.config
		c.Database, c.Keys = w.config.Database+name, keys
		_, err := server.Restore(t.Context(), c, in)
		return err
	}
	if err := restore("_1", stale); !errors.Is(err, server.ErrSealing) {
		t.Error("a key file of before:", err)
	}
	if err := restore("_2", apart); !errors.Is(err, server.ErrSealing) {
		t.Error("another version of the same number:", err)
	}
	w.ok(restore("_3", w.config.Keys))
	if at := w.lastBackup(w.config.Database + "_3"); !at.IsZero() {
		t.Errorf("the restored database has a backup of %v", at)
	}
	c := w.config
	c.Database += "_3"
	c.Now = w.config.Now
	v, err := server.VerifyAudit(t.Context(), c, nil)
	w.ok(err)
	before, err := server.VerifyAudit(t.Context(), w.config, nil)
	w.ok(err)
	if v.Operations != before.Operations+1 || before.Operations == 0 || v.Registrations != before.Registrations {
		t.Errorf("the trails are %+v after the restore, and were %+v", v, before)
	}
}

// lastBackup is what the database says of its last backup.
func (w *world) lastBackup(database string) time.Time {
	w.Helper()
	s := peers.Must(mongostore.Open(w.Context(), mongoURI, database))
	defer s.Close(context.WithoutCancel(w.Context()))
	return peers.Must(s.Database().LastBackup(w.Context()))
}
