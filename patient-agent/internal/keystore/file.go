package keystore

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// maxFile bounds what is read, in bytes: a store with some hundred diagnoses of the
// largest size.
const maxFile = 1 << 30

// Exists reports whether there is a store at path.
func Exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// readFile reads a regular file that only its owner can read.
func readFile(path string) ([]byte, error) {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, ErrAbsent
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular() || info.Size() > maxFile:
		return nil, ErrFormat
	case info.Mode().Perm()&0o077 != 0:
		return nil, ErrMode
	}
	return os.ReadFile(path)
}

// replaceFile puts b in the place of the file: after a crash there is the old
// content or the new one. It returns when the new one is durable.
func replaceFile(path string, b []byte) error {
	temp := path + ".new" // the lock makes this process the only writer
	if err := writeSynced(temp, b); err != nil {
		return errors.Join(err, os.Remove(temp))
	}
	if err := os.Rename(temp, path); err != nil {
		return errors.Join(err, os.Remove(temp))
	}
	return syncFolder(filepath.Dir(path))
}

func writeSynced(path string, b []byte) error {
	// What a crash has left is not written into: its mode may be another.
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	return errors.Join(err, f.Sync(), f.Close())
}

func syncFolder(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
