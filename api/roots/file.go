//go:build !js

package roots

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"medunion/api/message"
	"medunion/api/secretfile"
)

// File is a Store at a path.
type File string

// Read implements Store.
func (f File) Read() ([]byte, error) { return os.ReadFile(string(f)) }

// Replace implements Store.
func (f File) Replace(content []byte) error { return secretfile.Replace(string(f), content) }

// ReadPins reads the pins of a configuration from a file (JSON).
func ReadPins(path string) (p message.Pins, err error) {
	b, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(b, &p)
	}
	if err != nil {
		return message.Pins{}, fmt.Errorf("pins: %w", err)
	}
	return p, nil
}

// Service is the Store of a service: the file at path, or, where its folder cannot be written
// because the keys beside it are mounted so, memory, which begins with what the file holds
// and from which a restart learns anew. durable says which.
func Service(path string) (s Store, durable bool) {
	probe, err := os.CreateTemp(filepath.Dir(path), ".successions-*")
	if err != nil {
		m := &memory{}
		m.content, m.fails = os.ReadFile(path)
		return m, false
	}
	defer os.Remove(probe.Name())
	return File(path), probe.Close() == nil
}

// memory is a Store for as long as the process lives. Its Keeper calls it one at a time.
type memory struct {
	content []byte
	fails   error // why there is none: fs.ErrNotExist, or the file is there and was not read
}

func (m *memory) Read() ([]byte, error) { return m.content, m.fails }

func (m *memory) Replace(content []byte) error {
	m.content, m.fails = content, nil
	return nil
}
