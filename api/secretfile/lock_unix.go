//go:build unix

package secretfile

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"
)

// acquire takes the lock. The system releases it when the process ends, however it ends.
func acquire(path string) (io.Closer, error) {
	f, err := lockFile(path)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		if errors.Is(err, syscall.EWOULDBLOCK) {
			err = ErrInUse
		}
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// lockFile opens the file, or makes it for whom the locked file belongs to.
func lockFile(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return os.OpenFile(path, os.O_RDWR|syscall.O_NOFOLLOW, 0)
	}
	if err != nil {
		return nil, err
	}
	if err := bequeath(f, strings.TrimSuffix(path, lockSuffix)); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}
