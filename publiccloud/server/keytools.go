package server

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"time"

	"medunion/api/keyprovider"
	"medunion/api/keyring"
	"medunion/api/keyroll"
	"medunion/publiccloud/internal/mongostore"
)

// KeyTools is what an operator's commands about the keys are told: where the key file and
// the store are, as the service itself is told.
type KeyTools struct {
	ConfigFile string `name:"config" help:"File of settings (YAML): each flag's name without its dashes, and its value. Variables and flags stand above it. If it holds a password, its mode is 0600." env:"PUBLICCLOUD_CONFIG"`

	Keys           string             `help:"Key file (mode 0600): master secret, signing key and the keys for data at rest." required:"" env:"PUBLICCLOUD_KEYS"`
	PassphraseFile string             `help:"File whose first line seals the key file; without it the file's mode protects it." env:"PUBLICCLOUD_PASSPHRASE_FILE"`
	KeyProvider    keyprovider.Config `embed:"" envprefix:"PUBLICCLOUD_"`
	MongoURI       string             `help:"MongoDB connection string (holds a password: prefer the variable)." default:"mongodb://127.0.0.1:27017/?directConnection=true" env:"PUBLICCLOUD_MONGO_URI"`
	Database       string             `help:"MongoDB database." default:"publiccloud" env:"PUBLICCLOUD_DATABASE"`

	Rand io.Reader        `kong:"-"` // default: crypto/rand
	Now  func() time.Time `kong:"-"` // default: time.Now
}

const ofTheRoot = "it belongs to the public cloud's root, which all parties have pinned: see keys root"

// notRolled says why.
var notRolled = map[string]string{
	keyHandle:  "the store holds keyed handles of names and not the names, so nothing could be found under another key",
	keyMaster:  ofTheRoot,
	keySigning: ofTheRoot,
	keyHedge:   ofTheRoot,
}

// hold is how long a version that has been replaced is kept at least: for what is on its
// way under it when it stops being current.
var hold = map[string]time.Duration{keySealing: time.Hour, keyChallenge: 10 * time.Minute}

func (t KeyTools) open() (keyring.File, error) {
	return keyFile(t.Keys, t.PassphraseFile, t.KeyProvider, t.rand())
}

func (t KeyTools) rand() io.Reader {
	if t.Rand == nil {
		return rand.Reader
	}
	return t.Rand
}

func (t KeyTools) now() time.Time {
	if t.Now == nil {
		return time.Now()
	}
	return t.Now()
}

// With opens the ring and the store for one command.
func (t KeyTools) With(ctx context.Context, do func(*keyroll.Roll) error) error {
	return t.with(ctx, func(w *keyWork) error { return do(w.Roll) })
}

// keyWork is one command at work.
type keyWork struct {
	*keyroll.Roll
	tools KeyTools
	file  keyring.File
	store *mongostore.Store
}

func (t KeyTools) with(ctx context.Context, do func(*keyWork) error) error {
	f, err := t.open()
	if err != nil {
		return err
	}
	return t.withStore(ctx, func(s *mongostore.Store) error {
		if err := t.recover(ctx, f, s); err != nil {
			return err
		}
		p := policy(s)
		p.Record = t.recorder(s)
		roll, err := keyroll.Open(ctx, f, s, p, t.rand(), t.now)
		if err != nil {
			return err
		}
		return do(&keyWork{Roll: roll, tools: t, file: f, store: s})
	})
}

// withStore opens the store for one command.
func (t KeyTools) withStore(ctx context.Context, do func(*mongostore.Store) error) error {
	s, err := mongostore.OpenUsed(ctx, t.MongoURI, t.Database)
	if err != nil {
		return explain(err)
	}
	err = do(s)
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	return errors.Join(err, s.Close(closing))
}

// policy is what keyroll must know of the public cloud's keys.
func policy(s *mongostore.Store) keyroll.Policy {
	check := func(ctx context.Context, r keyring.Ring) error {
		if _, err := keysOf(r, anyID); err != nil {
			return err
		}
		return succeeded(ctx, s, r)
	}
	return keyroll.Policy{Hold: hold, NotRolled: notRolled, Count: map[string]keyroll.Count{keySealing: s.CountSealed}, Mark: s.MarkSealed, Check: check}
}
