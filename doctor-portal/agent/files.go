package agent

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

const secretMode = 0o600

// readSecret reads a file that nobody but its owner may read or write.
func readSecret(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%s can be used by others: its mode must be 0600", path)
	}
	return os.ReadFile(path)
}

// replaceFile writes a file whole or not at all: to a new name, synced, renamed,
// and the folder synced, so that a crash leaves the old content or the new one.
func replaceFile(path string, content []byte) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	if err := writeSynced(f, content); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(path))
}

func writeSynced(f *os.File, content []byte) error {
	_, err := f.Write(content)
	return errors.Join(err, f.Chmod(secretMode), f.Sync(), f.Close())
}

func syncFolder(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// bearerToken reads the API's token, or makes one of 32 random bytes.
func bearerToken(path string) (string, error) {
	b, err := readSecret(path)
	if errors.Is(err, fs.ErrNotExist) {
		raw := make([]byte, 32)
		if _, err := io.ReadFull(rand.Reader, raw); err != nil {
			return "", err
		}
		b = []byte(hex.EncodeToString(raw) + "\n")
		err = replaceFile(path, b)
		if err != nil {
			return "", err
		}
	} else if err != nil {
		return "", fmt.Errorf("API token: %w", err)
	}
	token := strings.TrimSpace(string(b))
	if len(token) < 32 {
		return "", fmt.Errorf("the API token is too short to be safe")
	}
	return token, nil
}
