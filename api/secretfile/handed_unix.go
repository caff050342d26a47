//go:build unix

package secretfile

import (
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
