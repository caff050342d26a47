//go:build js && wasm

package main

import (
	"fmt"
	"io/fs"
	"syscall/js"
)

// files is keystore.Files by the Worker's IndexedDB. Its promises settle: there is no
// end to wait for but theirs.
type files struct{ js.Value }

// storageError is a failure of the browser's storage, by the name of its exception.
type storageError struct{ name string }

func (s *storageError) Error() string { return "storage: " + s.name }

func (f files) wait(operation string, args ...any) (js.Value, error) {
	v, err := await(background, f.Call(operation, args...))
	if err != nil {
		return js.Value{}, &storageError{err.(*thrown).name}
	}
	return v, nil
}

// Read implements keystore.Files.
func (f files) Read(name string) ([]byte, error) {
	v, err := f.wait("read", name)
	if err != nil {
		return nil, err
	}
	if v.IsNull() {
		return nil, fmt.Errorf("storage: %s: %w", name, fs.ErrNotExist)
	}
	return goBytes(v), nil
}

// Replace implements keystore.Files.
func (f files) Replace(name string, content []byte) error {
	_, err := f.wait("replace", name, bytes(content))
	return err
}

// Remove implements keystore.Files.
func (f files) Remove(name string) error {
	_, err := f.wait("remove", name)
	return err
}

// List implements keystore.Files.
func (f files) List() ([]string, error) {
	v, err := f.wait("list")
	if err != nil {
		return nil, err
	}
	names := make([]string, v.Length())
	for i := range names {
		names[i] = v.Index(i).String()
	}
	return names, nil
}
