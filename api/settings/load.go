package settings

import (
	"fmt"
	"os"
)

// ReadFile reads a file that the configuration names. An error begins with what it is.
func ReadFile(what, path string) ([]byte, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	return b, nil
}

// Load reads such a file and parses it.
func Load[T any](what, path string, parse func([]byte) (T, error)) (v T, err error) {
	b, err := ReadFile(what, path)
	if err != nil {
		return v, err
	}
	if v, err = parse(b); err != nil {
		return v, fmt.Errorf("%s: %w", what, err)
	}
	return v, nil
}
