package server

import (
	"context"
	"errors"
	"io"
	"strconv"
	"time"

	"medunion/api/keyring"
	"medunion/api/message"
	"medunion/ecc"
	"medunion/privatecloud/hospital"
)

// The hospital's keys, by their names in its ring. Each has one purpose.
const (
	keyX       = "x"       // x_HPC, its part of S_HPC
	keyS       = "s"       // S_HPC, from the registration on
	keySigning = "signing" // seed of PRK_HPC
	keyKEM     = "kem"
	keyLookup  = "lookup"  // keyed hashes in the stores: must never change
	keyStorage = "storage" // all else at rest
)

// The ring's fields. auditField, with the number of a version of the storage key behind it,
// is what is kept of that when it is destroyed: the key that reads and vouches for the trail of its time.
const (
	ringName        = "privatecloud"
	fieldSuite      = "suite"
	fieldID         = "id"
	fieldAddress    = "address"
	fieldCredential = "credential"
	fieldNext       = "next credential"    // accepted, not current yet; empty without one
	fieldFormer     = "former credentials" // public: what was signed under them still verifies
	fieldAnew       = "registered anew"    // c_HPC of the credential that a registration anew follows, until that is over
	fieldAttempts   = "renewal attempts"   // requests made since the current credential, 4 bytes; empty without one
	auditField      = "audit "
)

// keys are the secrets of a hospital that a running instance does not exchange. Before the registration there is no credential and
// no S_HPC yet.
type keys struct {
	draft      hospital.Draft
	lookup     message.Hash
	registered bool
	credential message.Credential
	s          ecc.Scalar
	former     []message.Credential
	unfinished error // ErrAnew while a registration anew has replaced the credential and is not over
}

func newRing(c Config, address string) (keyring.Ring, error) {
	d, err := hospital.NewDraft(c.Rand, ecc.Suite(c.Suite), message.ID(c.ID), address)
	if err != nil {
		return keyring.Ring{}, err
	}
	storage := make([]byte, keyring.SecretSize)
	if _, err := io.ReadFull(c.Rand, storage); err != nil {
		return keyring.Ring{}, err
	}
	defer clear(storage)
	return ringOf(d, storage, c.Now()), nil
}

// ringOf is the ring of a hospital that is not registered yet.
func ringOf(d hospital.Draft, storage []byte, now time.Time) keyring.Ring {
	lookup := hospital.LookupKey(storage)
	return keyring.New(ringName).WithField(fieldSuite, []byte{byte(d.Suite)}).WithField(fieldID, []byte(d.ID)).
		WithField(fieldAddress, []byte(d.Address)).WithKey(keyX, d.X.SecretBytes(), now).WithKey(keySigning, d.Sign.Seed(), now).
		WithKey(keyKEM, d.KEM.SecretBytes(), now).WithKey(keyLookup, lookup[:], now).WithKey(keyStorage, storage, now)
}

// registeredRing adds what the registration has brought.
func (k keys) registeredRing(r keyring.Ring, now time.Time) keyring.Ring {
	return r.WithField(fieldAddress, []byte(k.draft.Address)).WithField(fieldCredential, k.credential.Encode()).WithKey(keyS, k.s.SecretBytes(), now)
}

var errKeyFile = errors.New("the key file is damaged or not one of a hospital")

// keysOf takes the ring's keys apart.
func keysOf(r keyring.Ring) (k keys, err error) {
	suite, lookup := r.Field(fieldSuite), current(r, keyLookup)
	if len(suite) != 1 || len(lookup) != len(k.lookup) || len(current(r, keyStorage)) != keyring.SecretSize {
		return keys{}, errKeyFile
	}
	d := hospital.Draft{Suite: ecc.Suite(suite[0]), ID: message.ID(r.Field(fieldID)), Address: string(r.Field(fieldAddress))}
	var e1, e2, e3, e4, e5 error
	d.X, e1 = ecc.DecodeScalar(current(r, keyX))
	d.Sign, e2 = ecc.SigningKeyFromSeed(current(r, keySigning))
	d.KEM, e3 = ecc.DecodeKEMPrivateKey(d.Suite, current(r, keyKEM))
	k.draft, k.lookup = d, message.Hash(lookup)
	if c := r.Field(fieldCredential); len(c) > 0 {
		k.registered = true
		k.credential, e4 = message.DecodeCredential(c)
		k.s, e5 = ecc.DecodeScalar(current(r, keyS))
	}
	if errors.Join(e1, e2, e3, e4, e5) != nil {
		return keys{}, errKeyFile
	}
	if k.registered {
		ids, err := identitiesOf(r)
		if k.former = ids.Former; err != nil {
			return keys{}, err
		}
		if replacedIn(r) {
			k.unfinished = ErrAnew
		}
	}
	return k, nil
}

// current is the secret of a key's current version, nil if the ring has no such key.
func current(r keyring.Ring, name string) []byte {
	v, err := r.Current(name)
	if err != nil {
		return nil
	}
	return v.SecretBytes()
}

// Before there were rings the file was ⟨hospital keys: suite, ID, address, x, seed of PRK_HPC, KEM key,
// storage key, Cred_HPC, S_HPC⟩, the last two empty before the registration.
const oldFields = 9

func decodeOld(b []byte) (keyring.Ring, error) {
	f, err := ecc.Decode(ecc.LabelHospitalKeys, b, oldFields)
	if err != nil || len(f[0]) != 1 || len(f[6]) != keyring.SecretSize {
		return keyring.Ring{}, errKeyFile
	}
	d := hospital.Draft{Suite: ecc.Suite(f[0][0]), ID: message.ID(f[1]), Address: string(f[2])}
	var e1, e2, e3 error
	d.X, e1 = ecc.DecodeScalar(f[3])
	d.Sign, e2 = ecc.SigningKeyFromSeed(f[4])
	d.KEM, e3 = ecc.DecodeKEMPrivateKey(d.Suite, f[5])
	if errors.Join(e1, e2, e3) != nil {
		return keyring.Ring{}, errKeyFile
	}
	r := ringOf(d, f[6], time.Time{})
	if len(f[7]) > 0 {
		r = r.WithField(fieldCredential, f[7]).WithKey(keyS, f[8], time.Time{})
	}
	_, err = keysOf(r)
	return r, err
}

// openKeyFile names the key file as the configuration says.
func openKeyFile(c Config) (keyring.File, error) {
	provider, err := c.KeyProvider.Open(c.PassphraseFile, c.Rand)
	return keyring.NewFile(c.Keys, ringName, provider, c.Rand, decodeOld), err
}

// loadKeys reads the keys; os.ErrNotExist if there is no file.
func loadKeys(ctx context.Context, f keyring.File) (keys, error) {
	r, err := f.Load(ctx)
	if err != nil {
		return keys{}, err
	}
	return keysOf(r)
}

// storageOf are the storage key's versions as the role takes them.
func storageOf(r keyring.Ring) hospital.Versions {
	out := hospital.Versions{Secrets: map[uint32][]byte{}, Audit: map[uint32]message.Hash{}}
	for _, v := range r.Versions(keyStorage) {
		switch kept := r.Field(auditField + strconv.FormatUint(uint64(v.Number), 10)); {
		case v.State != keyring.Destroyed:
			out.Secrets[v.Number] = v.SecretBytes()
		case len(kept) == len(message.Hash{}):
			out.Audit[v.Number] = message.Hash(kept)
		}
		if v.State == keyring.Current {
			out.Current = v.Number
		}
	}
	return out
}

// keepAudit puts into the ring the audit key of a version that is being destroyed.
func keepAudit(r keyring.Ring, name string, v keyring.Version) keyring.Ring {
	if name != keyStorage {
		return r
	}
	key := hospital.AuditKey(v.SecretBytes())
	return r.WithField(auditField+strconv.FormatUint(uint64(v.Number), 10), key[:])
}
