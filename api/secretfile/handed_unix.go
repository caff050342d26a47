//go:build unix

package secretfile

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// handed says that root owns the file and lets this process, which is not root, read it
// by its group, as Kubernetes does with the files of a Secret (fsGroup) and systemd with
// credentials (by an access list, whose mask stands in the place of the group's mode).
// Nobody but root may write it, and others may not read it.
func handed(info fs.FileInfo) bool {
	s, ok := info.Sys().(*syscall.Stat_t)
	return ok && s.Uid == 0 && os.Geteuid() != 0 && info.Mode().Perm()&^0o440 == 0
}

// bequeath gives a file that this process has just made to whom the file at path belongs, if
// that is there. Only root can: who administers a service as root would else leave it with
// files that are root's, and that it cannot read.
func bequeath(f *os.File, path string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	s, ok := info.Sys().(*syscall.Stat_t)
	if !ok || s.Uid == 0 {
		return nil
	}
	return f.Chown(int(s.Uid), int(s.Gid))
}
