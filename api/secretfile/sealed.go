package secretfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"medunion/ecc/vault"
)

// Keys is a service's key file: its content stands in it alone, protected by the
// file's mode, or sealed under a passphrase (ecc/vault).
type Keys struct {
	path       string
	passphrase []byte // nil: not sealed
	rand       io.Reader
}

// OpenKeys names a key file, and the file whose first line seals it; without one, "",
// it is not sealed. rand must be cryptographically secure. The key file may be absent.
func OpenKeys(path, passphraseFile string, rand io.Reader) (Keys, error) {
	k := Keys{path: path, rand: rand}
	if passphraseFile == "" {
		return k, nil
	}
	var err error
	k.passphrase, err = Passphrase(passphraseFile)
	return k, err
}

// Read returns the content; fs.ErrNotExist if there is no file.
func (k Keys) Read() ([]byte, error) {
	b, err := Read(k.path)
	if err != nil {
		return nil, err
	}
	return k.open(b)
}

// Create writes a key file, never over another: fs.ErrExist.
func (k Keys) Create(b []byte) error { return k.write(b, Create) }

// Replace writes new content over the old.
func (k Keys) Replace(b []byte) error { return k.write(b, Replace) }

// ReadOrCreate is the function of that name, for content that is sealed.
func (k Keys) ReadOrCreate(generate func() ([]byte, error)) ([]byte, error) {
	b, err := ReadOrCreate(k.path, func() ([]byte, error) {
		b, err := generate()
		if err != nil {
			return nil, err
		}
		return k.seal(b)
	})
	if err != nil {
		return nil, err
	}
	return k.open(b)
}

func (k Keys) write(b []byte, put func(string, []byte) error) error {
	b, err := k.seal(b)
	if err == nil {
		err = put(k.path, b)
	}
	if err != nil {
		return fmt.Errorf("key file: %w", err)
	}
	return nil
}

func (k Keys) seal(b []byte) ([]byte, error) {
	if k.passphrase == nil {
		return b, nil
	}
	return vault.Seal(k.rand, k.passphrase, b, vault.DefaultParams)
}

func (k Keys) open(b []byte) ([]byte, error) {
	if k.passphrase == nil {
		return b, nil
	}
	b, err := vault.Open(k.passphrase, b)
	if err != nil {
		return nil, fmt.Errorf("key file: %w", err)
	}
	return b, nil
}

// String keeps the passphrase out of every log, as do the methods beside it.
func (Keys) String() string { return "[redacted]" }

// GoString hides the passphrase from %#v.
func (Keys) GoString() string { return "[redacted]" }

// MarshalJSON hides the passphrase from encoding/json.
func (Keys) MarshalJSON() ([]byte, error) { return []byte(`"[redacted]"`), nil }

// Passphrase reads a passphrase: the first line of a secret file, without its end.
func Passphrase(path string) ([]byte, error) {
	b, err := Read(path)
	if err != nil {
		return nil, fmt.Errorf("passphrase: %w", err)
	}
	line, _, _ := bytes.Cut(b, []byte("\n"))
	if line = bytes.TrimSuffix(line, []byte("\r")); len(line) == 0 {
		return nil, errors.New("passphrase: the file is empty")
	}
	return line, nil
}
