package suite

import (
	"bytes"
	"os"
	"testing"

	"medunion/ecc"
)

// A reader at any moment, as one after a kill, finds a file whole.
func TestFilesAreReplacedAtOnce(t *testing.T) {
	st, err := openState(t.TempDir(), ecc.SuiteX25519, 1)
	if err != nil {
		t.Fatal(err)
	}
	content := bytes.Repeat([]byte("k"), 1<<16)
	write := func() {
		if err := st.write("keys/x", content); err != nil {
			t.Error(err)
		}
	}
	write()
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 100 {
			write()
		}
	}()
	for reading := true; reading; {
		select {
		case <-done:
			reading = false
		default:
		}
		if b, err := os.ReadFile(st.path("keys/x")); err != nil || !bytes.Equal(b, content) {
			t.Fatalf("a reader finds %d of %d bytes: %v", len(b), len(content), err)
		}
	}
	files, err := os.ReadDir(st.path("keys"))
	if err != nil || len(files) != 1 {
		t.Errorf("%d files are left behind, %v", len(files), err)
	}
	if info, err := files[0].Info(); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}
