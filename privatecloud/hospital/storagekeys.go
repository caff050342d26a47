package hospital

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/ecc"
)

// Versions are the storage key's secrets by their numbers, from 1, and the number of the one
// that makes what is new. None of them may be changed.
type Versions struct {
	Current uint32
	Secrets map[uint32][]byte // 32 bytes each
	// Audit are the audit keys of versions that are destroyed: they read the old part of the
	// trail and nothing else.
	Audit map[uint32]message.Hash
}

// StorageKeys gives the storage key as it stands now; it is rolled while the hospital runs.
// What it returns holds for one operation: the next one asks again.
type StorageKeys interface {
	// Sealing fails while nothing may be made under these versions: this instance may not
	// know of the newest ones.
	Sealing() (Versions, error)
	// Opening are the same versions, to read under; it never fails.
	Opening() Versions
}

// FixedStorage is a storage key that is never rolled.
type FixedStorage [32]byte

// Sealing implements StorageKeys.
func (k FixedStorage) Sealing() (Versions, error) { return k.Opening(), nil }

// Opening implements StorageKeys.
func (k FixedStorage) Opening() Versions {
	return Versions{Current: 1, Secrets: map[uint32][]byte{1: k[:]}}
}

// LookupKey is the lookup key that belongs to the first version of a storage key. It stays when
// that is rolled: what is found by a keyed hash was stored without what was hashed.
func LookupKey(first []byte) message.Hash { return derived(first, "lookup") }

// AuditKey reads and vouches for what was written into the trail under a version of the storage key.
func AuditKey(version []byte) message.Hash { return derived(version, string(useAudit)) }

func derived(storage []byte, use string) message.Hash {
	return ecc.HMAC(storage, ecc.LabelAtRest, []byte(use))
}

// sealUse derives from a version of the storage key the key of one use.
type sealUse string

// The uses.
const (
	useWrap     sealUse = "wrap"     // wraps the patients' data keys
	useHead     sealUse = "head"     // tags the heads of records
	useSessions sealUse = "sessions" // session states, for half an hour
	useAudit    sealUse = "audit"    // seals and chains the trail
	usePrekeys  sealUse = "prekeys"  // prekey pairs, for a day
	useErasures sealUse = "erasures" // what is still to be done about an erasure
)

var errNoVersion = errors.New("hospital: it lies under a version of the storage key that is destroyed, or newer than the key file")

// unsealable says when a caller may come again who met an instance that may not seal.
const unsealable = 10 * time.Second

// key is the key of one use in one version; false if the version is gone.
func (v Versions) key(use sealUse, number uint32) (message.Hash, bool) {
	if s := v.Secrets[number]; s != nil {
		return derived(s, string(use)), true
	}
	k, kept := v.Audit[number]
	return k, kept && use == useAudit
}

func (v Versions) valid() bool {
	if v.Secrets[v.Current] == nil {
		return false
	}
	for _, s := range v.Secrets {
		if len(s) != 32 {
			return false
		}
	}
	return true
}

// sealing are the versions to make something new under.
func (k atRest) sealing() (Versions, error) {
	v, err := k.storage.Sealing()
	if err != nil {
		return v, problem.Unavailable(unsealable, err)
	}
	return v, nil
}

// seal seals under the current version. What is under version 1 is the bare ciphertext, as
// everything was before there were versions; later ones write ⟨at rest under: number (4), ciphertext⟩. The
// number needs no seal of its own: under another key nothing opens.
func (k atRest) seal(rand io.Reader, use sealUse, place, pt []byte) ([]byte, error) {
	v, err := k.sealing()
	if err != nil {
		return nil, err
	}
	return v.seal(rand, use, place, pt)
}

func (v Versions) seal(rand io.Reader, use sealUse, place, pt []byte) ([]byte, error) {
	key, ok := v.key(use, v.Current)
	if !ok {
		return nil, fmt.Errorf("%w: version %d", errNoVersion, v.Current)
	}
	sealed, err := ecc.SealAtRest(rand, key[:], place, pt)
	if err != nil || v.Current == 1 {
		return sealed, err
	}
	return ecc.Encode(ecc.LabelVersioned, binary.BigEndian.AppendUint32(nil, v.Current), sealed), nil
}

// open reads what seal has made under any version that is left.
func (k atRest) open(use sealUse, place, sealed []byte) ([]byte, error) {
	number, bare := underVersion(sealed)
	key, ok := k.storage.Opening().key(use, number)
	if !ok {
		return nil, fmt.Errorf("%w: version %d", errNoVersion, number)
	}
	return ecc.OpenAtRest(key[:], place, bare)
}

// underVersion is the version that something is sealed under, and the ciphertext alone.
func underVersion(sealed []byte) (uint32, []byte) {
	f, err := ecc.Decode(ecc.LabelVersioned, sealed, 2)
	if err != nil || len(f[0]) != 4 {
		return 1, sealed
	}
	return binary.BigEndian.Uint32(f[0]), f[1]
}

// sealError keeps the kind of a problem, such as that nothing may be sealed now.
func sealError(err error) error {
	var p *problem.Error
	if errors.As(err, &p) {
		return err
	}
	return problem.Internal(err)
}
