//go:build linux

package secretfile_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"medunion/api/secretfile"
)

const readVariable = "SECRETFILE_TEST_READ"

// TestReadAsAnother is what TestHanded runs under another user.
func TestReadAsAnother(t *testing.T) {
	path := os.Getenv(readVariable)
	if path == "" {
		return // nothing to read without it
	}
	if _, err := secretfile.Read(path); err != nil {
		t.Fatalf("refused: %v, a mode: %v", err, errors.Is(err, secretfile.ErrMode))
	}
}

// A file that root owns and lets a service read by its group is taken by that service;
// one that others may read, that anybody but root may write, that another user owns, or
// that root itself would read is not.
func TestHanded(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can make files of other users")
	}
	const service, stranger = 64001, 64002
	tests := []struct {
		name      string
		uid, gid  int
		mode      os.FileMode
		as        uint32
		mustServe bool
	}{
		{"handed by root", 0, service, 0o440, service, true},
		{"its own", service, service, 0o600, service, true},
		{"others may read", 0, service, 0o444, service, false},
		{"the group may write", 0, service, 0o460, service, false},
		{"root may write in place", 0, service, 0o640, service, false},
		{"handed by a stranger", stranger, service, 0o440, service, false},
		{"its own, for its group", service, service, 0o440, service, false},
		{"root reads", 0, service, 0o440, 0, false},
	}
	program := binary(t)
	for _, tt := range tests {
		dir := t.TempDir()
		path := filepath.Join(dir, "secret")
		must(t, os.WriteFile(path, []byte("secret"), 0o600), os.Chown(path, tt.uid, tt.gid), os.Chmod(path, tt.mode), reachable(dir))
		cmd := exec.Command(program, "-test.run=^TestReadAsAnother$", "-test.v")
		cmd.Dir, cmd.Env = "/", []string{readVariable + "=" + path}
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: tt.as, Gid: tt.as, NoSetGroups: false}}
		out, err := cmd.CombinedOutput()
		if (err == nil) != tt.mustServe || err != nil && !strings.Contains(string(out), "a mode: true") {
			t.Errorf("%s: %v\n%s", tt.name, err, out)
		}
	}
}

// binary is this test's program where every user can run it.
func binary(t *testing.T) string {
	self, err := os.Executable()
	must(t, err)
	b, err := os.ReadFile(self)
	dir := t.TempDir()
	path := filepath.Join(dir, "test")
	must(t, err, os.WriteFile(path, b, 0o755), reachable(dir))
	return path
}

// reachable opens the way to a test's folder, which the testing package closes to others.
func reachable(dir string) error {
	return errors.Join(os.Chmod(dir, 0o755), os.Chmod(filepath.Dir(dir), 0o755))
}

func must(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// What root writes in the place of a service's file stays the service's, and so does the lock
// that root was the first to take: an administrator's command leaves no key file that the
// service cannot read, and no lock that it cannot take. Root's own files stay root's, and a
// lock that is a link, which a service may have put there, is not followed.
func TestWrittenByRoot(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can make files of other users")
	}
	const service = 64001
	owner := func(path string) int {
		info, err := os.Lstat(path)
		must(t, err)
		return int(info.Sys().(*syscall.Stat_t).Uid)
	}
	for _, uid := range []int{service, 0} {
		path := filepath.Join(t.TempDir(), "keys")
		must(t, secretfile.Create(path, []byte("old")), os.Chown(path, uid, uid))
		lock, err := secretfile.Lock(path)
		must(t, err, secretfile.Replace(path, []byte("new")), lock.Close())
		if owner(path) != uid || owner(path+".lock") != uid {
			t.Errorf("of %d: the file is %d's, its lock %d's", uid, owner(path), owner(path+".lock"))
		}
	}
	path := filepath.Join(t.TempDir(), "keys")
	other := filepath.Join(t.TempDir(), "others")
	must(t, secretfile.Create(path, nil), os.Chown(path, service, service), secretfile.Create(other, nil), os.Symlink(other, path+".lock"))
	if lock, err := secretfile.Lock(path); err == nil {
		t.Error("a link is taken for a lock", lock.Close())
	}
	if owner(other) != 0 {
		t.Error("what the link leads to was given away")
	}
}
