package keystore

import (
	"errors"
	"io/fs"
	"os"

	"medunion/api/secretfile"
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
	}
	b, err := secretfile.Read(path)
	if errors.Is(err, secretfile.ErrMode) {
		return nil, ErrMode
	}
	return b, err
}
