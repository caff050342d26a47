package server

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"medunion/api/message"
	"medunion/ecc"
	"medunion/ecc/vault"
	"medunion/privatecloud/hospital"
)

// keys are all secrets of a hospital. Before the registration there is no credential and
// no S_HPC yet.
type keys struct {
	draft      hospital.Draft
	storage    [32]byte
	registered bool
	credential message.Credential
	s          ecc.Scalar
}

// The key file is ⟨hospital keys: suite, ID, address, x, seed of PRK_HPC, KEM key, storage
// key, Cred_HPC, S_HPC⟩, the last two empty before the registration; alone (mode 0600) or
// in a vault.
const keyFields = 9

func newKeys(c Config, address string) (keys, error) {
	var k keys
	d, err := hospital.NewDraft(c.Rand, ecc.Suite(c.Suite), message.ID(c.ID), address)
	if err != nil {
		return k, err
	}
	k.draft = d
	_, err = io.ReadFull(c.Rand, k.storage[:])
	return k, err
}

func (k keys) encode() []byte {
	var cred, s []byte
	if k.registered {
		cred, s = k.credential.Encode(), k.s.SecretBytes()
	}
	d := k.draft
	return ecc.Encode(ecc.LabelHospitalKeys, []byte{byte(d.Suite)}, []byte(d.ID), []byte(d.Address), d.X.SecretBytes(), d.Sign.Seed(),
		d.KEM.SecretBytes(), k.storage[:], cred, s)
}

var errKeyFile = errors.New("the key file is damaged or not one of a hospital")

func decodeKeys(b []byte) (keys, error) {
	var k keys
	f, err := ecc.Decode(ecc.LabelHospitalKeys, b, keyFields)
	if err != nil || len(f[0]) != 1 || len(f[6]) != len(k.storage) {
		return k, errKeyFile
	}
	d := hospital.Draft{Suite: ecc.Suite(f[0][0]), ID: message.ID(f[1]), Address: string(f[2])}
	var e1, e2, e3, e4, e5 error
	d.X, e1 = ecc.DecodeScalar(f[3])
	d.Sign, e2 = ecc.SigningKeyFromSeed(f[4])
	d.KEM, e3 = ecc.DecodeKEMPrivateKey(d.Suite, f[5])
	k.draft, k.storage = d, [32]byte(f[6])
	if len(f[7]) > 0 {
		k.registered = true
		k.credential, e4 = message.DecodeCredential(f[7])
		k.s, e5 = ecc.DecodeScalar(f[8])
	}
	if errors.Join(e1, e2, e3, e4, e5) != nil {
		return keys{}, errKeyFile
	}
	return k, nil
}

// keyFile is where the keys are kept.
type keyFile struct {
	path       string
	passphrase []byte
	rand       io.Reader
}

func openKeyFile(c Config) (keyFile, error) {
	p, err := readPassphrase(c.PassphraseFile)
	return keyFile{path: c.Keys, passphrase: p, rand: c.Rand}, err
}

// load reads the keys; os.ErrNotExist if there is no file.
func (f keyFile) load() (keys, error) {
	b, err := readPrivate(f.path)
	if err != nil {
		return keys{}, err
	}
	if f.passphrase != nil {
		if b, err = vault.Open(f.passphrase, b); err != nil {
			return keys{}, fmt.Errorf("key file: %w", err)
		}
	}
	return decodeKeys(b)
}

// create writes a key file, never over another: new keys would make every record unreadable.
func (f keyFile) create(k keys) error { return f.write(k, os.Link) }

// replace writes the registered keys over those of the draft.
func (f keyFile) replace(k keys) error { return f.write(k, os.Rename) }

// write writes the file completely before publish gives it its name.
func (f keyFile) write(k keys, publish func(from, to string) error) error {
	b := k.encode()
	if f.passphrase != nil {
		var err error
		if b, err = vault.Seal(f.rand, f.passphrase, b, vault.DefaultParams); err != nil {
			return err
		}
	}
	if err := writeDurably(f.path, b, publish); err != nil {
		return fmt.Errorf("key file: %w", err)
	}
	return nil
}

func writeDurably(path string, b []byte, publish func(from, to string) error) error {
	t, err := os.CreateTemp(filepath.Dir(path), ".new-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(t.Name())
	_, err = t.Write(b)
	if err := errors.Join(err, t.Sync(), t.Close()); err != nil {
		return err
	}
	if err := publish(t.Name(), path); err != nil {
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
