package server

import (
	"crypto/subtle"
	"errors"
	"io"
	"os"

	"medunion/api/secretfile"
	"medunion/ecc"
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

// loadKeys reads the key file. Where it is absent and init is set, it makes one, never
// over another: a second master key would orphan every credential.
func loadKeys(path, passphraseFile string, init bool, rand io.Reader) (keys, error) {
	f, err := secretfile.OpenKeys(path, passphraseFile, rand)
	if err != nil {
		return keys{}, err
	}
	b, err := f.Read()
	if errors.Is(err, os.ErrNotExist) && init {
		k, err := newKeys(rand)
		if err != nil {
			return keys{}, err
		}
		return k, f.Create(k.encode())
	}
	if err != nil {
		return keys{}, err
	}
	return decodeKeys(b)
}
