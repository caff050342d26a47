package cloud

import (
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"sync"
	"time"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/ecc"
)

// The public cloud's own prekeys. Time is cut into slots of half a day; each slot
// has one key a suite, made by whichever instance needs it first and shared,
// sealed, through the store. A key is announced a little before its slot, for clients whose
// clocks are behind, and lives 24 hours in all.
const (
	prekeySlot  = 12 * time.Hour
	prekeyLead  = 10 * time.Minute
	prekeyGrace = 5 * time.Minute // after its end, for messages under way
	reloadPause = time.Second     // at most one look at the store for unknown key ids
)

var errUnknownKey = errors.New("sealed for a key that is not ours, or no longer")

type ownKey struct {
	OwnPrekey
	private ecc.KEMPrivateKey
}

// keyring is the instance's copy of the live keys.
type keyring struct {
	mu     sync.Mutex
	keys   []ownKey
	loaded time.Time
}

// OwnPrekey returns the public cloud's current prekey of a suite, making it if
// this slot has none yet. Fails with NotFound for a suite that is not offered.
func (c *Cloud) OwnPrekey(ctx context.Context, s ecc.Suite) ([]byte, error) {
	if !slices.Contains(c.Suites, s) {
		return nil, problem.NotFound("The suite is not offered.")
	}
	c.keys.mu.Lock()
	defer c.keys.mu.Unlock()
	k, err := c.slotKey(ctx, s)
	if err != nil {
		return nil, err
	}
	return c.signedByNow(k)
}

// signedByNow is the prekey under the signature of the root of now: a key that was made before a
// root changed serves its slot to the end.
func (c *Cloud) signedByNow(k ownKey) ([]byte, error) {
	root, err := c.signing()
	if err != nil {
		return nil, err
	}
	signed, err := message.DecodeSigned(k.Signed)
	if err != nil {
		return nil, problem.Internal(err)
	}
	p, err := message.DecodePrekey(signed.TBS)
	if err != nil {
		return nil, problem.Internal(err)
	}
	if p.Owner = root.Public().Hash(); string(p.Encode()) == string(signed.TBS) {
		return k.Signed, nil
	}
	return message.Sign(root.SigningKey, p.Encode()).Encode(), nil
}

// Rotate makes the current slot's keys, drops what has expired and erases it from
// the store. The service calls it at start and every few minutes.
func (c *Cloud) Rotate(ctx context.Context) error {
	c.keys.mu.Lock()
	defer c.keys.mu.Unlock()
	for _, s := range c.Suites {
		if _, err := c.slotKey(ctx, s); err != nil {
			return err
		}
	}
	ended := c.now().Add(-prekeyGrace)
	c.keys.keys = slices.DeleteFunc(c.keys.keys, func(k ownKey) bool { return k.NotAfter < ended })
	return c.OwnPrekeys.EraseOwn(ctx, ended)
}

// PrekeysEnd is when the first of the suites has no good prekey of our own any more, as far
// as this instance knows; zero before the first rotation.
func (c *Cloud) PrekeysEnd() time.Time {
	c.keys.mu.Lock()
	defer c.keys.mu.Unlock()
	var end message.Millis
	for i, s := range c.Suites {
		var last message.Millis
		for _, k := range c.keys.keys {
			if k.Suite == s {
				last = max(last, k.NotAfter)
			}
		}
		if i == 0 || last < end {
			end = last
		}
	}
	return end.Time()
}

// slotKey finds this slot's key, here, then in the store, else makes it. Another
// instance may be faster: then the store's is the one.
func (c *Cloud) slotKey(ctx context.Context, s ecc.Suite) (ownKey, error) {
	slot := uint64(c.now()) / uint64(prekeySlot.Milliseconds())
	if k, ok := c.keys.find(s, slot); ok {
		return k, nil
	}
	if err := c.reload(ctx); err != nil {
		return ownKey{}, err
	}
	if k, ok := c.keys.find(s, slot); ok {
		return k, nil
	}
	p, err := c.makePrekey(s, slot)
	if err != nil {
		return ownKey{}, err
	}
	if err := c.OwnPrekeys.AddOwn(ctx, p); err != nil && problem.KindOf(err) != problem.KindConflict {
		return ownKey{}, err
	}
	if err := c.reload(ctx); err != nil {
		return ownKey{}, err
	}
	if k, ok := c.keys.find(s, slot); ok {
		return k, nil
	}
	return ownKey{}, problem.Unavailable(reloadPause, errors.New("the slot's prekey is not in the store"))
}

func (r *keyring) find(s ecc.Suite, slot uint64) (ownKey, bool) {
	i := slices.IndexFunc(r.keys, func(k ownKey) bool { return k.Suite == s && k.Slot == slot })
	if i < 0 {
		return ownKey{}, false
	}
	return r.keys[i], true
}

func (c *Cloud) makePrekey(s ecc.Suite, slot uint64) (OwnPrekey, error) {
	private, err := ecc.GenerateKEM(s, c.Rand)
	if err != nil {
		return OwnPrekey{}, problem.Internal(err)
	}
	begin := message.Millis(slot * uint64(prekeySlot.Milliseconds())).Add(-prekeyLead)
	root, err := c.signing()
	if err != nil {
		return OwnPrekey{}, err
	}
	p := message.Prekey{Suite: s, Owner: root.Public().Hash(), Key: private.Public(), NotBefore: begin, NotAfter: begin.Add(message.MaxPrekeyLife)}
	sealed, under, err := c.seal(forPrekeys, prekeyPlace(s, slot), private.SecretBytes())
	if err != nil {
		return OwnPrekey{}, err
	}
	return OwnPrekey{Suite: s, Slot: slot, Signed: message.Sign(root.SigningKey, p.Encode()).Encode(), Sealed: sealed, Under: under, NotAfter: p.NotAfter}, nil
}

func prekeyPlace(s ecc.Suite, slot uint64) []byte {
	return ecc.Encode(ecc.LabelAtRest, []byte(handlePrekeyAAD), []byte{byte(s)}, binary.BigEndian.AppendUint64(nil, slot))
}

// reload takes over the store's live keys.
func (c *Cloud) reload(ctx context.Context) error {
	stored, err := c.OwnPrekeys.Own(ctx, c.now().Add(-prekeyGrace))
	if err != nil {
		return err
	}
	keys, v := make([]ownKey, 0, len(stored)), c.AtRest.Opening()
	for _, p := range stored {
		raw, err := v.open(forPrekeys, prekeyPlace(p.Suite, p.Slot), p.Sealed)
		if err != nil {
			return problem.Internal(err)
		}
		private, err := ecc.DecodeKEMPrivateKey(p.Suite, raw)
		if err != nil {
			return problem.Internal(err)
		}
		keys = append(keys, ownKey{OwnPrekey: p, private: private})
	}
	c.keys.keys, c.keys.loaded = keys, c.Now()
	return nil
}

// privateKey finds the key that a message was sealed for. Another instance may
// have made it since we looked: an unknown id is looked up, but not at a
// stranger's pace.
func (c *Cloud) privateKey(ctx context.Context, kid message.Hash) (ecc.KEMPrivateKey, error) {
	c.keys.mu.Lock()
	defer c.keys.mu.Unlock()
	if k, ok := c.keys.byID(kid, c.now()); ok {
		return k, nil
	}
	if c.Now().Sub(c.keys.loaded).Abs() < reloadPause {
		return ecc.KEMPrivateKey{}, problem.Refused(errUnknownKey)
	}
	if err := c.reload(ctx); err != nil {
		return ecc.KEMPrivateKey{}, err
	}
	if k, ok := c.keys.byID(kid, c.now()); ok {
		return k, nil
	}
	return ecc.KEMPrivateKey{}, problem.Refused(errUnknownKey)
}

func (r *keyring) byID(kid message.Hash, now message.Millis) (ecc.KEMPrivateKey, bool) {
	for _, k := range r.keys {
		if k.private.Public().ID() == kid && now < k.NotAfter.Add(prekeyGrace) {
			return k.private, true
		}
	}
	return ecc.KEMPrivateKey{}, false
}
