package server

import (
	"bytes"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"medunion/ecc"
	"medunion/ecc/vault"
)

// keys are all secrets of the public cloud. Each has one purpose.
type keys struct {
	master    ecc.Scalar     // s
	hedge     []byte         // of the registrar's nonces
	signing   ecc.SigningKey // PRK_C
	challenge []byte         // authenticates nonce_PC
	handle    []byte         // pseudonyms in the store: must never change
	sealing   []byte         // own prekeys at rest
}

// The key file is ⟨cloud keys: s, hedge, seed of PRK_C, challenge, handle,
// sealing, PK, PUK_C⟩, 32 bytes each, alone (mode 0600) or in a vault. The
// public keys stand there so that a damaged file is noticed.
const keyFields = 8

func newKeys(rand io.Reader) (keys, error) {
	var (
		k   keys
		err error
	)
	if k.master, err = ecc.GenerateScalar(rand); err != nil {
		return k, err
	}
	if k.signing, err = ecc.GenerateSigningKey(rand); err != nil {
		return k, err
	}
	for _, b := range []*[]byte{&k.hedge, &k.challenge, &k.handle, &k.sealing} {
		*b = make([]byte, 32)
		if _, err := io.ReadFull(rand, *b); err != nil {
			return k, err
		}
	}
	return k, nil
}

func (k keys) encode() []byte {
	return ecc.Encode(ecc.LabelCloudKeys, k.master.SecretBytes(), k.hedge, k.signing.Seed(), k.challenge, k.handle, k.sealing,
		k.master.Public().Bytes(), k.signing.Public().Bytes())
}

var errKeyFile = errors.New("the key file is damaged or not one of a public cloud")

func decodeKeys(b []byte) (keys, error) {
	f, err := ecc.Decode(ecc.LabelCloudKeys, b, keyFields)
	if err != nil {
		return keys{}, errKeyFile
	}
	for _, x := range f {
		if len(x) != 32 {
			return keys{}, errKeyFile
		}
	}
	k := keys{hedge: f[1], challenge: f[3], handle: f[4], sealing: f[5]}
	var err1, err2 error
	k.master, err1 = ecc.DecodeScalar(f[0])
	k.signing, err2 = ecc.SigningKeyFromSeed(f[2])
	if err1 != nil || err2 != nil || subtle.ConstantTimeCompare(k.encode(), b) != 1 {
		return keys{}, errKeyFile
	}
	return k, nil
}

// loadKeys reads the key file. Where it is absent and init is set, it makes one.
func loadKeys(path, passphraseFile string, init bool, rand io.Reader) (keys, error) {
	passphrase, err := readPassphrase(passphraseFile)
	if err != nil {
		return keys{}, err
	}
	b, err := readPrivate(path)
	if errors.Is(err, os.ErrNotExist) && init {
		return createKeys(path, passphrase, rand)
	}
	if err != nil {
		return keys{}, err
	}
	if passphrase != nil {
		if b, err = vault.Open(passphrase, b); err != nil {
			return keys{}, fmt.Errorf("key file: %w", err)
		}
	}
	return decodeKeys(b)
}

// createKeys writes the file completely before it gets its name, and never over
// another: a second master key would orphan every credential.
func createKeys(path string, passphrase []byte, rand io.Reader) (keys, error) {
	k, err := newKeys(rand)
	if err != nil {
		return keys{}, err
	}
	b := k.encode()
	if passphrase != nil {
		if b, err = vault.Seal(rand, passphrase, b, vault.DefaultParams); err != nil {
			return keys{}, err
		}
	}
	if err := writeNew(path, b); err != nil {
		return keys{}, fmt.Errorf("key file: %w", err)
	}
	return k, nil
}

func writeNew(path string, b []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".keys-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(b)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// readPrivate refuses a file that others on the machine may read.
func readPrivate(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%s: its mode lets others read it; chmod 600", path)
	}
	return os.ReadFile(path)
}

func readPassphrase(path string) ([]byte, error) {
	if path == "" {
		return nil, nil
	}
	b, err := readPrivate(path)
	if err != nil {
		return nil, fmt.Errorf("passphrase: %w", err)
	}
	line, _, _ := bytes.Cut(b, []byte("\n"))
	if len(line) == 0 {
		return nil, errors.New("passphrase: the file is empty")
	}
	return line, nil
}
