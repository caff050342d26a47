//go:build !unix

package secretfile

import (
	"errors"
	"io"
	"io/fs"
	"os"
)

// acquire makes the lock file and holds it. Where the system has no locks, one that
// a crash has left must be removed by hand.
func acquire(path string) (io.Closer, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil, ErrInUse
	}
	if err != nil {
		return nil, err
	}
	return lockFile{f, path}, nil
}

type lockFile struct {
	*os.File
	path string
}

// Close releases the lock.
func (l lockFile) Close() error { return errors.Join(l.File.Close(), os.Remove(l.path)) }
