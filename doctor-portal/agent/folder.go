package agent

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"medunion/api/secretfile"
)

// folder is the key store's files: "store" is the file that the configuration names,
// the others lie in the folder of that name with ".evidence" behind it.
type folder struct{ path string }

const (
	storeName      = "store"
	evidencePrefix = "evidence-"
	evidenceDir    = ".evidence"
)

// at is where a file of this name lies.
func (f folder) at(name string) string {
	if name == storeName {
		return f.path
	}
	return filepath.Join(f.path+evidenceDir, strings.TrimPrefix(name, evidencePrefix))
}

// Read implements keystore.Files.
func (f folder) Read(name string) ([]byte, error) { return secretfile.Read(f.at(name)) }

// Replace implements keystore.Files.
func (f folder) Replace(name string, content []byte) error {
	path := f.at(name)
	if name != storeName {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return err
		}
	}
	return secretfile.Replace(path, content)
}

// Remove implements keystore.Files.
func (f folder) Remove(name string) error {
	err := os.Remove(f.at(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// List implements keystore.Files.
func (f folder) List() ([]string, error) {
	var names []string
	if _, err := os.Stat(f.path); err == nil {
		names = append(names, storeName)
	}
	all, err := os.ReadDir(f.path + evidenceDir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for _, e := range all {
		names = append(names, evidencePrefix+e.Name())
	}
	return names, nil
}
