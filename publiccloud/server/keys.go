package server

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"time"

	"medunion/api/keyprovider"
	"medunion/api/keyring"
	"medunion/api/message"
	"medunion/ecc"
	"medunion/publiccloud/cloud"
)

// The keys of the public cloud, by their names in its ring. Each has one purpose.
const (
	keyMaster    = "master"    // s
	keyHedge     = "hedge"     // of the registrar's nonces
	keySigning   = "signing"   // seed of PRK_C
	keyChallenge = "challenge" // authenticates nonce_PC
	keyHandle    = "handle"    // pseudonyms in the store: must never change
	keySealing   = "sealing"   // own prekeys and evidence at rest
)

const ringName = "publiccloud"

// The ring's fields: the public keys stand there so that a file with another's secrets is noticed.
const (
	fieldPK   = "PK"
	fieldPUKC = "PUK_C"
)

// keys are what the role is made of; the roots follow the ring.
type keys struct {
	roots  cloud.Roots
	handle []byte
}

func newRing(rand io.Reader, now time.Time) (keyring.Ring, error) {
	r := keyring.New(ringName)
	master, err1 := ecc.GenerateScalar(rand)
	signing, err2 := ecc.GenerateSigningKey(rand)
	if err := errors.Join(err1, err2); err != nil {
		return r, err
	}
	r = r.WithField(fieldPK, master.Public().Bytes()).WithField(fieldPUKC, signing.Public().Bytes()).
		WithKey(keyMaster, master.SecretBytes(), now).WithKey(keySigning, signing.Seed(), now)
	for _, name := range []string{keyHedge, keyChallenge, keyHandle, keySealing} {
		b := make([]byte, keyring.SecretSize)
		if _, err := io.ReadFull(rand, b); err != nil {
			return r, err
		}
		r = r.WithKey(name, b, now)
		clear(b)
	}
	return r, nil
}

var errKeyFile = errors.New("the key file is damaged or not one of a public cloud")

// keysOf takes the ring's keys apart and checks that the roots fit their public halves.
func keysOf(r keyring.Ring, id message.ID) (keys, error) {
	for _, name := range []string{keyMaster, keyHedge, keySigning, keyChallenge, keyHandle, keySealing} {
		for _, v := range r.Versions(name) {
			if len(v.SecretBytes()) != keyring.SecretSize && v.State != keyring.Destroyed {
				return keys{}, errKeyFile
			}
		}
		if _, err := r.Current(name); err != nil {
			return keys{}, errKeyFile
		}
	}
	handle, err := r.Current(keyHandle)
	if err != nil {
		return keys{}, errKeyFile
	}
	roots, err := rootsOf(r, id)
	return keys{roots: roots, handle: handle.SecretBytes()}, err
}

// Before there were rings the file was ⟨cloud keys: s, hedge, seed of PRK_C, challenge,
// handle, sealing, PK, PUK_C⟩, 32 bytes each.
const oldFields = 8

func decodeOld(b []byte) (keyring.Ring, error) {
	f, err := ecc.Decode(ecc.LabelCloudKeys, b, oldFields)
	if err != nil {
		return keyring.Ring{}, errKeyFile
	}
	for _, x := range f {
		if len(x) != keyring.SecretSize {
			return keyring.Ring{}, errKeyFile
		}
	}
	r := keyring.New(ringName).WithField(fieldPK, f[6]).WithField(fieldPUKC, f[7])
	for i, name := range []string{keyMaster, keyHedge, keySigning, keyChallenge, keyHandle, keySealing} {
		r = r.WithKey(name, f[i], time.Time{})
	}
	_, err = keysOf(r, anyID)
	return r, err
}

// keyFile names the key file as the configuration says.
func keyFile(path, passphraseFile string, p keyprovider.Config, rand io.Reader) (keyring.File, error) {
	provider, err := p.Open(passphraseFile, rand)
	return keyring.NewFile(path, ringName, provider, rand, decodeOld), err
}

// openKeys loads the ring. Where there is no file and init is set, it makes one, never
// over another: a second master key would orphan every credential.
func openKeys(ctx context.Context, c Config) (*keyring.Watch, keys, error) {
	f, err := keyFile(c.Keys, c.PassphraseFile, c.KeyProvider, c.Rand)
	if err != nil {
		return nil, keys{}, err
	}
	w, err := f.Watch(ctx)
	if errors.Is(err, fs.ErrNotExist) && c.InitKeys {
		if err = initKeys(ctx, f, c); err == nil {
			w, err = f.Watch(ctx)
		}
	}
	if err != nil {
		return nil, keys{}, err
	}
	k, err := keysOf(w.Ring(), message.ID(c.ID))
	return w, k, err
}

func initKeys(ctx context.Context, f keyring.File, c Config) error {
	r, err := newRing(c.Rand, c.Now())
	if err != nil {
		return err
	}
	if err := f.Create(ctx, r); err != nil && !errors.Is(err, fs.ErrExist) { // another instance was faster
		return err
	}
	return nil
}
