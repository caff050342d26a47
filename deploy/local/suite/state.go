package suite

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"medunion/deploy/internal/freeport"
	"medunion/ecc"
)

// state is the folder of a suite: keys, passphrases, the addresses that stand in
// credentials, and below it the stores.
type state struct {
	dir   string
	saved saved
}

// saved is what a restart must find again: hospitals are known by their addresses,
// which the public cloud has signed.
type saved struct {
	Suite     ecc.Suite         `json:"suite"`
	Hospitals int               `json:"hospitals"`
	Addresses map[string]string `json:"addresses"` // by service, host:port
}

// ErrOther says that the folder holds a suite with other settings.
var ErrOther = errors.New("the folder holds a suite with other settings")

// openState reads or makes the folder. A folder of an earlier run keeps its suite
// and its number of hospitals.
func openState(dir string, s ecc.Suite, hospitals int) (*state, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	st := &state{dir: dir, saved: saved{Suite: s, Hospitals: hospitals, Addresses: map[string]string{}}}
	b, err := os.ReadFile(st.path("suite.json"))
	if errors.Is(err, os.ErrNotExist) {
		return st, st.save()
	}
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(b, &st.saved); err != nil {
		return nil, fmt.Errorf("suite.json: %w", err)
	}
	if st.saved.Suite != s || st.saved.Hospitals != hospitals {
		return nil, fmt.Errorf("%w: %d hospitals, suite %d", ErrOther, st.saved.Hospitals, st.saved.Suite)
	}
	return st, nil
}

func (s *state) path(parts ...string) string {
	return filepath.Join(append([]string{s.dir}, parts...)...)
}

func (s *state) save() error {
	b, err := json.MarshalIndent(s.saved, "", "  ")
	if err != nil {
		return err
	}
	return s.write("suite.json", b)
}

// address returns the service's address of the last run, or a free one on loopback.
func (s *state) address(service string) (string, error) {
	if a, ok := s.saved.Addresses[service]; ok {
		return a, nil
	}
	a, err := freeport.Address()
	if err != nil {
		return "", err
	}
	s.saved.Addresses[service] = a
	return a, s.save()
}

// secret returns the named file of 32 random bytes, made on first use.
func (s *state) secret(name string) ([]byte, error) {
	return s.once(name, func() ([]byte, error) {
		b := make([]byte, 32)
		_, err := rand.Read(b)
		return b, err
	})
}

// passphrase returns the path of a file with a random passphrase. It stands for
// what a person would type.
func (s *state) passphrase(name string) (string, error) {
	_, err := s.once(name, func() ([]byte, error) {
		b := make([]byte, 24)
		if _, err := rand.Read(b); err != nil {
			return nil, err
		}
		return []byte(base64.RawURLEncoding.EncodeToString(b) + "\n"), nil
	})
	return s.path(name), err
}

// once reads a file, or makes it with what generate returns.
func (s *state) once(name string, generate func() ([]byte, error)) ([]byte, error) {
	b, err := os.ReadFile(s.path(name))
	if !errors.Is(err, os.ErrNotExist) {
		return b, err
	}
	if b, err = generate(); err != nil {
		return nil, err
	}
	return b, s.write(name, b)
}

// write replaces a file at once: whoever is killed in the middle leaves the old one, or
// none, and never half a key.
func (s *state) write(name string, b []byte) error {
	folder := filepath.Dir(s.path(name))
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(folder, ".new-*") // mode 0600
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), s.path(name))
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}
