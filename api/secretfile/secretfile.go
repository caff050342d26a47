// Package secretfile keeps secrets in files that only their owner may use: keys,
// passphrases, tokens and sealed stores.
//
// A file is written whole or not at all: under another name first, synced, then given
// its name, and the folder synced. What returns without an error is durable, and a
// crash leaves the old content or the new one.
package secretfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

var (
	// ErrMode says that others on the machine may read or write the file.
	ErrMode = errors.New("others can read or write it; its mode must be 0600")
	// ErrInUse says that another process holds the lock.
	ErrInUse = errors.New("another process uses it")
)

// Read reads a file that nobody but its owner may read or write, or that root has handed
// to this process, see handed; otherwise ErrMode. It is fs.ErrNotExist if there is none.
func Read(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.Mode().Perm()&0o077 != 0 && !handed(info) {
		return nil, fmt.Errorf("%s: %w", path, ErrMode)
	}
	return io.ReadAll(f)
}

// Create writes a file, mode 0600, and never over another: fs.ErrExist.
func Create(path string, b []byte) error { return write(path, b, os.Link) }

// Replace writes a file, mode 0600, in the place of the one that is there, if any. Written by
// root it stays the old one's owner's.
func Replace(path string, b []byte) error { return write(path, b, os.Rename) }

// ReadOrCreate reads a file, or makes it with what generate returns. Of several
// processes that make it at once, all get what the first one wrote.
func ReadOrCreate(path string, generate func() ([]byte, error)) ([]byte, error) {
	b, err := Read(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return b, err
	}
	if b, err = generate(); err != nil {
		return nil, err
	}
	if err = Create(path, b); errors.Is(err, fs.ErrExist) {
		return Read(path)
	}
	return b, err
}

// write writes a temporary file completely before publish gives it its name.
func write(path string, b []byte, publish func(from, to string) error) error {
	folder := filepath.Dir(path)
	f, err := os.CreateTemp(folder, temporary(path)+"*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	err = bequeath(f, path)
	if err == nil {
		_, err = f.Write(b)
	}
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := publish(f.Name(), path); err != nil {
		return err
	}
	d, err := os.Open(folder)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// temporary is how the names begin of what is written for path.
func temporary(path string) string { return "." + filepath.Base(path) + ".new-" }

// lockSuffix is what the name of a file's lock has behind the file's.
const lockSuffix = ".lock"

// Lock makes this process the only user of the file at path until the lock is closed,
// and of all processes that ask for it: ErrInUse for the others. It removes what an
// earlier holder was writing when it crashed, so that no copy of a secret stays
// that its owner has erased since.
func Lock(path string) (io.Closer, error) {
	l, err := acquire(path + lockSuffix)
	if err != nil {
		return nil, err
	}
	if err := sweep(path); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

func sweep(path string) error {
	folder := filepath.Dir(path)
	entries, err := os.ReadDir(folder)
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), temporary(path)) {
			err = errors.Join(err, os.Remove(filepath.Join(folder, e.Name())))
		}
	}
	return err
}
