package cloud

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"medunion/api/problem"
	"medunion/ecc"
)

// Versions are the secrets of a key by their numbers, from 1, and the number of the one
// that makes what is new. None of them may be changed.
type Versions struct {
	Current uint32
	Secrets map[uint32][]byte // 32 bytes each
}

// AtRest gives the keys that are rolled while the service runs, as they stand now. What
// it returns holds for one operation: the next one asks again.
type AtRest interface {
	// Challenge authenticates nonce_PC.
	Challenge() Versions
	// Sealing seals the own prekeys and the evidence. It fails while nothing may be made
	// under these versions: this instance may not know of the newest ones.
	Sealing() (Versions, error)
	// Opening are the same versions, to read under; it never fails.
	Opening() Versions
}

// FixedKeys are keys that are never rolled.
type FixedKeys struct{ ChallengeKey, SealingKey []byte } // 32 bytes each

// Challenge implements AtRest.
func (k FixedKeys) Challenge() Versions { return Versions{1, map[uint32][]byte{1: k.ChallengeKey}} }

// Sealing implements AtRest.
func (k FixedKeys) Sealing() (Versions, error) { return k.Opening(), nil }

// Opening implements AtRest.
func (k FixedKeys) Opening() Versions { return Versions{1, map[uint32][]byte{1: k.SealingKey}} }

func (v Versions) valid() bool {
	if v.Secrets[v.Current] == nil {
		return false
	}
	for _, s := range v.Secrets {
		if len(s) != secretSize {
			return false
		}
	}
	return true
}

// unsealable says when a caller may come again who met an instance that may not seal.
const unsealable = 10 * time.Second

var errNoVersion = errors.New("sealed under a version of the key that is destroyed, or newer than the key file")

// purpose derives from a version of the sealing key the key for one use of it.
type purpose func(sealing []byte) []byte

func forPrekeys(sealing []byte) []byte { return sealing }

func forEvidence(sealing []byte) []byte {
	k := ecc.HMAC(sealing, ecc.LabelAtRest, []byte("evidence"))
	return k[:]
}

// seal seals under the current version, and returns its number.
func (c *Cloud) seal(use purpose, place, content []byte) ([]byte, uint32, error) {
	v, err := c.AtRest.Sealing()
	if err != nil {
		return nil, 0, problem.Unavailable(unsealable, err)
	}
	sealed, err := sealUnder(c, v, use, place, content)
	return sealed, v.Current, err
}

// sealUnder: what is under version 1 is the bare ciphertext, as everything was before
// there were versions; later ones write ⟨at rest under: number (4), ciphertext⟩. The number
// needs no seal of its own: under another key nothing opens.
func sealUnder(c *Cloud, v Versions, use purpose, place, content []byte) ([]byte, error) {
	sealed, err := ecc.SealAtRest(c.Rand, use(v.Secrets[v.Current]), place, content)
	if err != nil {
		return nil, problem.Internal(err)
	}
	if v.Current == 1 {
		return sealed, nil
	}
	return ecc.Encode(ecc.LabelVersioned, binary.BigEndian.AppendUint32(nil, v.Current), sealed), nil
}

// open reads what seal has made under any version that is left.
func (v Versions) open(use purpose, place, sealed []byte) ([]byte, error) {
	number := uint32(1)
	if f, err := ecc.Decode(ecc.LabelVersioned, sealed, 2); err == nil && len(f[0]) == 4 {
		number, sealed = binary.BigEndian.Uint32(f[0]), f[1]
	}
	secret := v.Secrets[number]
	if secret == nil {
		return nil, fmt.Errorf("%w: version %d", errNoVersion, number)
	}
	return ecc.OpenAtRest(use(secret), place, sealed)
}
