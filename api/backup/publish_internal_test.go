package backup

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// A whole backup gets its name also where the disk knows no links, as a share of Windows or a
// FAT disk, which cannot be mounted in a test; and with or without links one that is there
// keeps its name and its content.
func TestPublish(t *testing.T) {
	none := func(string, string) error { return &os.LinkError{Op: "link", Err: syscall.EPERM} }
	for name, link := range map[string]func(from, to string) error{"links": os.Link, "no links": none} {
		dir := t.TempDir()
		from, to := filepath.Join(dir, "from"), filepath.Join(dir, "to")
		for i, content := range []string{"first", "second"} {
			if err := errors.Join(removed(from), os.WriteFile(from, []byte(content), 0o600)); err != nil {
				t.Fatal(err)
			}
			if err := publish(from, to, link); errors.Is(err, os.ErrExist) != (i == 1) || i == 0 && err != nil {
				t.Errorf("%s, %s: %v", name, content, err)
			}
			if b, err := os.ReadFile(to); err != nil || string(b) != "first" {
				t.Errorf("%s, %s: the backup holds %q, %v", name, content, b, err)
			}
		}
		if err := publish(filepath.Join(dir, "absent"), filepath.Join(dir, "new"), link); err == nil {
			t.Errorf("%s: nothing has got a name", name)
		}
		if _, err := os.Lstat(filepath.Join(dir, "new")); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: an empty file stays: %v", name, err)
		}
	}
}
