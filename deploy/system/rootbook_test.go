package system_test

import (
	"os"
	"path/filepath"
	"testing"

	"medunion/deploy/internal/runbook"
)

// The commands of the page about the public cloud's root work as they stand there, beside
// a public cloud that serves.
func TestRootRunbook(t *testing.T) {
	t.Parallel()
	heavy(t)
	b := newBinaries(t)
	b.build("publiccloud")
	b.build("privatecloud")
	v, _ := b.start()
	t.Cleanup(v.kill9)
	data := filepath.Join(b.dir, "data")
	ok(t, os.Mkdir(data, 0o700))
	runbook.Test(t, "../doc/rotate-root.md", runbook.Options{Least: 8, Env: []string{"PATH=" + b.dir + ":" + os.Getenv("PATH"), "DATA=" + data, "CLOUD=" + b.at.Cloud,
		"PUBLICCLOUD_KEYS=" + b.path("cloud.keys"), "PUBLICCLOUD_PASSPHRASE_FILE=" + b.path("passphrase"), "PUBLICCLOUD_MONGO_URI=" + b.at.Mongo}})
}
