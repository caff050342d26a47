package server

import (
	"errors"
	"io"

	"medunion/api/message"
	"medunion/api/secretfile"
	"medunion/ecc"
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
type keyFile struct{ file secretfile.Keys }

func openKeyFile(c Config) (keyFile, error) {
	f, err := secretfile.OpenKeys(c.Keys, c.PassphraseFile, c.Rand)
	return keyFile{f}, err
}

// load reads the keys; os.ErrNotExist if there is no file.
func (f keyFile) load() (keys, error) {
	b, err := f.file.Read()
	if err != nil {
		return keys{}, err
	}
	return decodeKeys(b)
}

// create writes a key file, never over another: new keys would make every record unreadable.
func (f keyFile) create(k keys) error { return f.file.Create(k.encode()) }

// replace writes the registered keys over those of the draft.
func (f keyFile) replace(k keys) error { return f.file.Replace(k.encode()) }
