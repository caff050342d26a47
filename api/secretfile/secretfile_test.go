package secretfile_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"medunion/api/secretfile"
	"medunion/ecc"
)

func put(t *testing.T, content string, mode fs.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
	return path
}

func names(t *testing.T, folder string) (out []string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

func TestRead(t *testing.T) {
	for mode, refused := range map[fs.FileMode]bool{0o600: false, 0o400: false, 0o640: true, 0o604: true, 0o620: true, 0o601: true} {
		path := put(t, "x", 0o600)
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := secretfile.Read(path); errors.Is(err, secretfile.ErrMode) != refused || !refused && err != nil {
			t.Errorf("mode %o: %v", mode, err)
		}
	}
	if _, err := secretfile.Read(filepath.Join(t.TempDir(), "absent")); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

// TestWrite: new or replaced, the file has its owner's mode, nothing stays beside it,
// and Create leaves what is there.
func TestWrite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	for i, write := range []func() error{
		func() error { return secretfile.Create(path, []byte("0")) },
		func() error { return secretfile.Replace(path, []byte("1")) },
	} {
		if err := write(); err != nil {
			t.Fatal(err)
		}
		if b, err := secretfile.Read(path); err != nil || string(b) != fmt.Sprint(i) {
			t.Errorf("%q, %v", b, err)
		}
	}
	if err := secretfile.Create(path, []byte("2")); !errors.Is(err, fs.ErrExist) {
		t.Errorf("written over another: %v", err)
	}
	if b, _ := os.ReadFile(path); string(b) != "1" {
		t.Errorf("it holds %q", b)
	}
	if got := names(t, filepath.Dir(path)); len(got) != 1 {
		t.Errorf("left behind: %v", got)
	}
}

func TestReplaceFails(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.MkdirAll(filepath.Join(path, "x"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := secretfile.Replace(path, []byte("1")); err == nil {
		t.Error("written over a folder")
	}
	if got := names(t, filepath.Dir(path)); len(got) != 1 {
		t.Errorf("left behind: %v", got)
	}
}

// TestReadOrCreateAtOnce: all get the one content that the file has.
func TestReadOrCreateAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	got := make([]string, 16)
	var all sync.WaitGroup
	for i := range got {
		all.Go(func() {
			b, err := secretfile.ReadOrCreate(path, func() ([]byte, error) { return []byte(rand.Text()), nil })
			if err != nil {
				t.Error(err)
			}
			got[i] = string(b)
		})
	}
	all.Wait()
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range got {
		if g != string(want) {
			t.Errorf("%q instead of %q", g, want)
		}
	}
}

func TestReadOrCreateFails(t *testing.T) {
	path, boom := filepath.Join(t.TempDir(), "file"), errors.New("boom")
	if _, err := secretfile.ReadOrCreate(path, func() ([]byte, error) { return nil, boom }); !errors.Is(err, boom) {
		t.Error(err)
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Error("a file was made")
	}
}

func TestLock(t *testing.T) {
	path := put(t, "x", 0o600)
	folder := filepath.Dir(path)
	orphan := filepath.Join(folder, ".file.new-123")
	for _, name := range []string{orphan, filepath.Join(folder, ".file2.new-1")} {
		if err := os.WriteFile(name, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	l, err := secretfile.Lock(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := secretfile.Lock(path); !errors.Is(err, secretfile.ErrInUse) {
		t.Errorf("locked twice: %v", err)
	}
	if got := strings.Join(names(t, folder), " "); got != ".file2.new-1 file file.lock" {
		t.Errorf("after a crash: %s", got)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if l, err = secretfile.Lock(path); err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
}

func TestKeys(t *testing.T) {
	content := []byte("CANARY: thirty-two bytes of keys")
	for _, passphraseFile := range []string{"", put(t, "correct horse\nsecond line\n", 0o600)} {
		path := filepath.Join(t.TempDir(), "keys")
		k, err := secretfile.OpenKeys(path, passphraseFile, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := k.Read(); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("no file: %v", err)
		}
		got, err := k.ReadOrCreate(func() ([]byte, error) { return content, nil })
		if err != nil || !bytes.Equal(got, content) {
			t.Errorf("made: %q, %v", got, err)
		}
		if err := k.Create(content); !errors.Is(err, fs.ErrExist) {
			t.Errorf("made over another: %v", err)
		}
		if err := k.Replace(append(content, '!')); err != nil {
			t.Fatal(err)
		}
		if got, err = k.Read(); err != nil || string(got) != string(content)+"!" {
			t.Errorf("read: %q, %v", got, err)
		}
		raw, _ := os.ReadFile(path)
		if sealed := !bytes.Contains(raw, content); sealed != (passphraseFile != "") {
			t.Errorf("sealed: %v", sealed)
		}
		if text := fmt.Sprintf("%v %+v %#v", k, k, k); strings.Contains(text, "correct") {
			t.Error("a key file prints its passphrase")
		}
	}
}

func TestKeysWrongPassphrase(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys")
	right, err := secretfile.OpenKeys(path, put(t, "right", 0o600), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if err := right.Create([]byte("keys")); err != nil {
		t.Fatal(err)
	}
	wrong, err := secretfile.OpenKeys(path, put(t, "wrong", 0o600), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, read := range []func() ([]byte, error){wrong.Read, func() ([]byte, error) { return wrong.ReadOrCreate(nil) }} {
		if b, err := read(); !errors.Is(err, ecc.ErrOpen) || b != nil {
			t.Errorf("%q, %v", b, err)
		}
	}
}

func TestPassphrase(t *testing.T) {
	for content, want := range map[string]string{"p": "p", "p\n": "p", "p\r\n": "p", "p q \n": "p q ", "p\nq\n": "p", "": "", "\n": "", "\r\np": ""} {
		got, err := secretfile.Passphrase(put(t, content, 0o600))
		if string(got) != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v", content, got, err)
		}
	}
	if _, err := secretfile.Passphrase(put(t, "p", 0o640)); !errors.Is(err, secretfile.ErrMode) {
		t.Error(err)
	}
	if _, err := secretfile.OpenKeys("keys", filepath.Join(t.TempDir(), "absent"), rand.Reader); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a passphrase file that is absent: %v", err)
	}
}
