package hospital

import (
	"context"
	"errors"
	"fmt"
	"time"

	"medunion/api/message"
	"medunion/ecc"
)

// PrekeyRotation is how often a new prekey is made. Each lives for 24 hours, so that two
// are good at any time and a patient who fetched the older one is not turned away.
const PrekeyRotation = 12 * time.Hour

// prekeyLead is by how much a prekey begins before it is made: a client whose clock is behind
// takes it at once.
const prekeyLead = 10 * time.Minute

// prekeyGrace is how long after its expiry a prekey can still open a message that was
// on its way.
const prekeyGrace = 2 * time.Minute

type openPrekey struct {
	key      ecc.KEMPrivateKey
	owner    message.Hash // c_HPC
	notAfter message.Millis
}

// RotatePrekeys makes a new prekey if the current identity's newest is older than PrekeyRotation, erases the
// expired ones, and publishes the newest; also for the previous identity, while index entries lead there. It
// is called at start and now and then; calling it from several instances at once is harmless.
func (h *Hospital) RotatePrekeys(ctx context.Context) error {
	ids := h.identities()
	end, err := h.rotatePrekey(ctx, ids.Current)
	if err == nil {
		h.prekeyEnd.Store(int64(end))
		h.publishedFor.Store(&ids.Current.self)
	}
	return errors.Join(err, h.rotatePrevious(ctx, ids))
}

func (h *Hospital) rotatePrevious(ctx context.Context, ids Identities) error {
	if ids.Previous == nil || !h.good(ids.Previous.Credential) {
		return nil
	}
	left, err := h.Enrolments.CountBefore(ctx, ids.Current.Credential.Info.Epoch)
	if err != nil || left == 0 {
		return stored(err)
	}
	_, err = h.rotatePrekey(ctx, *ids.Previous)
	return err
}

func (h *Hospital) rotatePrekey(ctx context.Context, x Identity) (end message.Millis, err error) {
	newest, err := h.Prekeys.NewestPrekey(ctx, x.self)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return 0, err
	}
	end = newest.NotAfter
	var signed message.Signed
	if err != nil || h.now() >= newest.NotBefore.Add(PrekeyRotation) {
		signed, end, err = h.newPrekey(ctx, x)
	} else {
		_, signed, err = h.openStoredPrekey(newest)
	}
	if err != nil {
		return 0, err
	}
	if err := h.erasePrekeys(ctx); err != nil {
		return 0, err
	}
	return end, h.Cloud.PutPrekey(ctx, signed)
}

// PrekeyEnd is when the prekey that this instance last published ends; zero before that.
func (h *Hospital) PrekeyEnd() time.Time { return message.Millis(h.prekeyEnd.Load()).Time() }

func (h *Hospital) newPrekey(ctx context.Context, x Identity) (message.Signed, message.Millis, error) {
	key, err := ecc.GenerateKEM(h.suite, h.Rand)
	if err != nil {
		return message.Signed{}, 0, err
	}
	begin := h.now().Add(-prekeyLead)
	p := message.Prekey{Suite: h.suite, Owner: x.self, Key: key.Public(), NotBefore: begin, NotAfter: begin.Add(message.MaxPrekeyLife)}
	signed := message.Sign(x.Sign, p.Encode())
	sealed, err := h.keys.seal(h.Rand, usePrekeys, prekeyPlace(key.Public().ID()),
		ecc.Encode(ecc.LabelPrekey, key.SecretBytes(), signed.Encode()))
	if err != nil {
		return message.Signed{}, 0, err
	}
	err = h.Prekeys.AddPrekey(ctx, StoredPrekey{ID: key.Public().ID(), Owner: x.self, NotBefore: p.NotBefore, NotAfter: p.NotAfter, Sealed: sealed})
	return signed, p.NotAfter, err
}

func prekeyPlace(id message.Hash) []byte { return ecc.Encode(ecc.LabelPrekey, id[:]) }

func (h *Hospital) openStoredPrekey(k StoredPrekey) (ecc.KEMPrivateKey, message.Signed, error) {
	b, err := h.keys.open(usePrekeys, prekeyPlace(k.ID), k.Sealed)
	if err != nil {
		return ecc.KEMPrivateKey{}, message.Signed{}, err
	}
	f, err := ecc.Decode(ecc.LabelPrekey, b, 2)
	if err != nil {
		return ecc.KEMPrivateKey{}, message.Signed{}, err
	}
	key, err := ecc.DecodeKEMPrivateKey(h.suite, f[0])
	if err != nil {
		return ecc.KEMPrivateKey{}, message.Signed{}, err
	}
	signed, err := message.DecodeSigned(f[1])
	return key, signed, err
}

// erasePrekeys forgets expired private keys in memory and in the store: what was sealed
// to them cannot be opened any more, whoever comes for it.
func (h *Hospital) erasePrekeys(ctx context.Context) error {
	before := message.MillisOf(h.Now().Add(-prekeyGrace))
	h.prekeyMu.Lock()
	for id, k := range h.prekeys {
		if k.notAfter < before {
			delete(h.prekeys, id)
		}
	}
	h.prekeyMu.Unlock()
	return h.Prekeys.ErasePrekeys(ctx, before)
}

// opening is the first message of an exchange, opened, and the identity that the exchange is of.
type opening struct {
	ecc.Opened
	by Identity
}

// open decrypts the first message of an exchange under the prekey that its kid_to names.
func (h *Hospital) open(ctx context.Context, m message.Message) (opening, error) {
	if m.Header.Seq != 1 {
		return opening{}, ecc.ErrSequence
	}
	key, err := h.prekey(ctx, m.Header.To)
	if err != nil {
		return opening{}, err
	}
	by, err := h.identity(key.owner)
	if err == nil {
		err = h.mayBegin(by)
	}
	if err != nil {
		return opening{}, err
	}
	opened, err := message.Open(m, key.key, h.id)
	return opening{opened, by}, err
}

func (h *Hospital) prekey(ctx context.Context, id message.Hash) (openPrekey, error) {
	h.prekeyMu.RLock()
	k, ok := h.prekeys[id]
	h.prekeyMu.RUnlock()
	if !ok {
		var err error
		if k, err = h.loadPrekey(ctx, id); err != nil {
			return k, err
		}
	}
	if h.now() >= k.notAfter.Add(prekeyGrace) {
		return k, fmt.Errorf("prekey: %w", message.ErrExpired)
	}
	return k, nil
}

func (h *Hospital) loadPrekey(ctx context.Context, id message.Hash) (openPrekey, error) {
	s, err := h.Prekeys.Prekey(ctx, id)
	if errors.Is(err, ErrNotFound) {
		return openPrekey{}, fmt.Errorf("%w: unknown prekey", message.ErrExpired)
	}
	if err != nil {
		return openPrekey{}, stored(err)
	}
	key, signed, err := h.openStoredPrekey(s)
	if err != nil {
		return openPrekey{}, err
	}
	p, err := message.DecodePrekey(signed.TBS)
	if err != nil {
		return openPrekey{}, err
	}
	k := openPrekey{key: key, owner: p.Owner, notAfter: s.NotAfter}
	h.prekeyMu.Lock()
	h.prekeys[id] = k
	h.prekeyMu.Unlock()
	return k, nil
}
