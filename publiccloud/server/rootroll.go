package server

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"time"

	"medunion/api/keyring"
	"medunion/api/message"
	"medunion/ecc"
	"medunion/publiccloud/cloud"
)

// RootTools is what an operator's commands about the root are told.
type RootTools struct {
	KeyTools
	ID string `help:"ID_PC, the public cloud's name in the protocol." default:"cloud" env:"PUBLICCLOUD_ID"`
}

// Errors of a succession. Nothing is changed by a step that fails with one.
var (
	ErrAnnounced = errors.New("a succession is under way: its old root must be retired first")
	ErrTooSoon   = errors.New("too soon: parties that ask now and then would not know of it in time")
	ErrNoneEnded = errors.New("no root has ended whose keys are still here")
	ErrSucceeded = errors.New("the store knows of a succession that is not in this key file, which is a copy of before: use the one that has it")
)

// Bounds of a succession. Parties ask every quarter of an hour at least while they run;
// a day in both is for devices that sleep at night. The overlap must leave
// everybody the time to renew a credential of the old root.
const (
	MinNotice  = time.Hour
	MinOverlap = 24 * time.Hour
)

// RootStatus is what `keys root status` shows. It holds no secret.
type RootStatus struct {
	Roots     []RootLine `json:"roots"` // oldest first
	Instances int        `json:"instances"`
	Behind    int        `json:"behind"` // of them, that have not loaded the key file as it is
}

// RootLine is one root.
type RootLine struct {
	Number  uint64     `json:"number"` // from 0
	PK      string     `json:"pk"`
	PUKC    string     `json:"puk_c"`
	From    *time.Time `json:"from,omitempty"`
	Until   *time.Time `json:"until,omitempty"`
	Held    bool       `json:"held"`    // its secrets are in the key file
	Good    bool       `json:"good"`    // now
	Signing bool       `json:"signing"` // now
}

// RootStatus reads the ring and asks the store who has loaded it. When all have, it turns away
// those that have not from then on, as AwaitRoots does if it is not cut off.
func (t RootTools) RootStatus(ctx context.Context) (out RootStatus, err error) {
	err = t.withRoots(ctx, func(w *keyWork, r cloud.Roots) error {
		now := message.MillisOf(t.now())
		signing, _ := r.Signing(now)
		out.Roots = lines(r, now, signing)
		out.Instances, out.Behind, err = w.Loaded(ctx)
		return err
	})
	return out, err
}

func lines(r cloud.Roots, now message.Millis, signing cloud.OwnRoot) []RootLine {
	all := []message.Root{r.Pins.First}
	for _, s := range r.Pins.Successions() {
		all = append(all, s.Statement().New)
	}
	out := make([]RootLine, len(all))
	for i, root := range all {
		from, until, _ := r.Pins.Term(root)
		l := RootLine{Number: uint64(i), PK: root.PK.String(), PUKC: hex.EncodeToString(root.PUKC.Bytes()),
			Good: from <= now && now < until, From: moment(from), Until: moment(until)}
		for _, h := range r.Held {
			l.Held = l.Held || h.Public().Equal(root)
		}
		l.Signing = signing.Issuer != nil && signing.Public().Equal(root)
		out[i] = l
	}
	return out
}

// moment leaves out the beginning and the end of time.
func moment(t message.Millis) *time.Time {
	if t == 0 || t == message.Forever {
		return nil
	}
	at := t.Time()
	return &at
}

func (t RootTools) withRoots(ctx context.Context, do func(*keyWork, cloud.Roots) error) error {
	return t.with(ctx, func(w *keyWork) error {
		r, err := rootsOf(w.Ring(), message.ID(t.ID))
		if err != nil {
			return err
		}
		return do(w, r)
	})
}

// Announce draws a new root and writes it into the key file with the succession that
// both keys sign: good from the first time on, the old one until the second.
// Running instances publish it as soon as they have loaded the file, and sign by the new root
// when its time has come; nothing more need be done until the old one has ended. It
// fails with ErrTooSoon, ErrAnnounced, or ErrSucceeded if another copy of the key file has
// announced one. It cannot be taken back.
func (t RootTools) Announce(ctx context.Context, from, until time.Time) (message.Succession, error) {
	var s message.Succession
	err := t.withRoots(ctx, func(w *keyWork, r cloud.Roots) error {
		err := t.announceable(r, from, until)
		if err != nil {
			return err
		}
		s, err = w.announce(ctx, r, message.MillisOf(from), message.MillisOf(until))
		return err
	})
	return s, err
}

// CheckAnnounce fails as Announce would.
func (t RootTools) CheckAnnounce(ctx context.Context, from, until time.Time) error {
	return t.withRoots(ctx, func(_ *keyWork, r cloud.Roots) error { return t.announceable(r, from, until) })
}

func (t RootTools) announceable(r cloud.Roots, from, until time.Time) error {
	switch {
	case from.Before(t.now().Add(MinNotice)):
		return fmt.Errorf("%w: a new root begins an hour from now at the earliest", ErrTooSoon)
	case until.Before(from.Add(MinOverlap)):
		return fmt.Errorf("%w: the old root ends a day after the new one begins at the earliest", ErrTooSoon)
	case len(r.Held) != 1:
		return ErrAnnounced
	}
	return nil
}

// succeed is the ring with another root behind the one that it has.
func succeed(ring keyring.Ring, r cloud.Roots, rand io.Reader, now time.Time, from, until message.Millis) (keyring.Ring, message.Succession, error) {
	s := message.Succession{CloudID: r.Pins.CloudID, Number: uint64(len(r.Pins.Successions())) + 1, Old: r.Held[0].Public(), From: from, Until: until}
	ring, root, err := drawRoot(ring, rand, now)
	if err != nil {
		return ring, s, err
	}
	s.New = root.Public()
	signed := message.SignSuccession(r.Held[0].SigningKey, root.SigningKey, s)
	pins, err := r.Pins.Extend(signed)
	if err != nil {
		return ring, s, err
	}
	var links [][]byte
	for _, l := range pins.Successions() {
		links = append(links, l.Encode())
	}
	ring = ring.WithField(fieldSuccessions, ecc.Encode(ecc.LabelList, links...))
	_, err = rootsOf(ring, r.Pins.CloudID) // what is written can be read
	return ring, s, err
}

// drawRoot adds a next version of each of the three keys.
func drawRoot(ring keyring.Ring, rand io.Reader, now time.Time) (keyring.Ring, cloud.OwnRoot, error) {
	master, err := ecc.GenerateScalar(rand)
	if err != nil {
		return ring, cloud.OwnRoot{}, err
	}
	secret := master.SecretBytes()
	defer clear(secret)
	for _, name := range rootKeyNames {
		from := rand
		if name == keyMaster {
			from = bytes.NewReader(secret) // a scalar, not any 32 bytes
		}
		if ring, err = ring.Add(name, from, now); err != nil {
			return ring, cloud.OwnRoot{}, err
		}
	}
	v, err := ring.Next(keyMaster)
	if err != nil {
		return ring, cloud.OwnRoot{}, err
	}
	root, err := ownRoot(ring, v.Number)
	return ring, root, err
}

// AwaitRoots waits until every running instance has loaded the key file as it is, and from then on
// turns away those that have not. It fails with keyroll.ErrBehind when the time is over.
func (t RootTools) AwaitRoots(ctx context.Context, wait time.Duration) error {
	return t.withRoots(ctx, func(w *keyWork, _ cloud.Roots) error { return w.Await(ctx, wait) })
}

// CheckRetire says which root Retire would destroy. It fails with ErrNoneEnded.
func (t RootTools) CheckRetire(ctx context.Context) (message.Root, error) {
	var ended message.Root
	err := t.withRoots(ctx, func(_ *keyWork, r cloud.Roots) (err error) {
		ended, err = t.ended(r)
		return err
	})
	return ended, err
}

func (t RootTools) ended(r cloud.Roots) (message.Root, error) {
	oldest := r.Held[0].Public()
	_, until, _ := r.Pins.Term(oldest)
	if len(r.Held) < 2 || message.MillisOf(t.now()) < until {
		return oldest, ErrNoneEnded
	}
	return oldest, nil
}

// Retire takes the secrets of the root that has ended out of the key file, for good.
// Copies of the file, such as backups, still hold them; nothing that they sign is accepted any more.
// Key files from before the succession are turned away then; AwaitRoots turns away this one's
// copies of before, too. It fails with ErrNoneEnded, or keyroll.ErrBehind if an instance has not loaded the successor.
func (t RootTools) Retire(ctx context.Context) error {
	return t.withRoots(ctx, func(w *keyWork, r cloud.Roots) error {
		if _, err := t.ended(r); err != nil {
			return err
		}
		if err := w.Await(ctx, 0); err != nil {
			return err
		}
		return w.Step(ctx, func(ring keyring.Ring) (keyring.Ring, error) { return retire(ring, t.now()) })
	})
}

func retire(ring keyring.Ring, now time.Time) (keyring.Ring, error) {
	for _, name := range rootKeyNames {
		old, err := ring.Current(name)
		if err != nil {
			return ring, err
		}
		if ring, err = ring.Promote(name, now, 0); err != nil {
			return ring, err
		}
		if ring, err = ring.Destroy(name, old.Number, now); err != nil {
			return ring, err
		}
	}
	return ring, nil
}
