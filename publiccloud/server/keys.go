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
	roots     rootKeys // s and PRK_C, of one root or of two
	challenge []byte   // authenticates nonce_PC
	handle    []byte   // pseudonyms in the store: must never change
	sealing   []byte   // own prekeys at rest
}

// The key file of a public cloud that still has its first root is ⟨cloud keys: s, hedge,
// seed of PRK_C, challenge, handle, sealing, PK, PUK_C⟩, 32 bytes each; after a succession it is
// ⟨cloud keys: roots, challenge, handle, sealing⟩. It lies alone (mode 0600) or in a vault. The
// public keys stand there so that a damaged file is noticed.
const (
	firstKeyFields = 8
	keyFields      = 4
)

func newKeys(rand io.Reader) (keys, error) {
	first, err := newRootKey(rand)
	if err != nil {
		return keys{}, err
	}
	k := keys{roots: rootKeys{held: []rootKey{first}, first: first.public()}}
	for _, b := range []*[]byte{&k.challenge, &k.handle, &k.sealing} {
		*b = make([]byte, 32)
		if _, err := io.ReadFull(rand, *b); err != nil {
			return k, err
		}
	}
	return k, nil
}

func (k keys) encode() []byte {
	if !k.roots.onlyFirst() {
		return ecc.Encode(ecc.LabelCloudKeys, k.roots.encode(), k.challenge, k.handle, k.sealing)
	}
	r := k.roots.held[0]
	return ecc.Encode(ecc.LabelCloudKeys, r.master.SecretBytes(), r.hedge, r.signing.Seed(), k.challenge, k.handle, k.sealing,
		r.master.Public().Bytes(), r.signing.Public().Bytes())
}

var errKeyFile = errors.New("the key file is damaged or not one of a public cloud")

func sameBytes(a, b []byte) bool { return subtle.ConstantTimeCompare(a, b) == 1 }

func decodeKeys(b []byte) (keys, error) {
	f, err := ecc.Decode(ecc.LabelCloudKeys, b, keyFields)
	if err != nil {
		return decodeFirstKeys(b)
	}
	roots, err := decodeRootKeys(f[0])
	k := keys{roots: roots, challenge: f[1], handle: f[2], sealing: f[3]}
	if err != nil || !k.sized() || !sameBytes(k.encode(), b) {
		return keys{}, errKeyFile
	}
	return k, nil
}

func decodeFirstKeys(b []byte) (keys, error) {
	f, err := ecc.Decode(ecc.LabelCloudKeys, b, firstKeyFields)
	if err != nil || len(f[1]) != 32 {
		return keys{}, errKeyFile
	}
	r := rootKey{hedge: f[1]}
	var err1, err2 error
	r.master, err1 = ecc.DecodeScalar(f[0])
	r.signing, err2 = ecc.SigningKeyFromSeed(f[2])
	if err1 != nil || err2 != nil {
		return keys{}, errKeyFile
	}
	k := keys{roots: rootKeys{held: []rootKey{r}, first: r.public()}, challenge: f[3], handle: f[4], sealing: f[5]}
	if !k.sized() || !sameBytes(k.encode(), b) {
		return keys{}, errKeyFile
	}
	return k, nil
}

func (k keys) sized() bool {
	return len(k.challenge) == 32 && len(k.handle) == 32 && len(k.sealing) == 32
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
