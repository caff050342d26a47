package server_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"filippo.io/age"

	"medunion/api/backup"
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
	w.ok(rotate(other, "sealing", 0))
	w.ok(rotate(w.tools(), "sealing", time.Minute))
	w.searches()
	w.ok(w.instance.Close())
	id := peers.Must(age.GenerateX25519Identity())
	dir := t.TempDir()
	in := backup.In{File: filepath.Join(dir, "backup"), Identity: filepath.Join(dir, "identity")}
	w.ok(os.WriteFile(in.Identity, []byte(id.String()+"\n"), 0o600))
	_, err := server.Backup(t.Context(), w.config, backup.Out{Out: in.File, Recipient: []string{id.Recipient().String()}})
	w.ok(err)
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
}
