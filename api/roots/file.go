//go:build !js

package roots

import (
	"os"

	"medunion/api/secretfile"
)

// File is a Store at a path.
type File string

// Read implements Store.
func (f File) Read() ([]byte, error) { return os.ReadFile(string(f)) }

// Replace implements Store.
func (f File) Replace(content []byte) error { return secretfile.Replace(string(f), content) }
