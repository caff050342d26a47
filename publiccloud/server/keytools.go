package server

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"time"

	"medunion/api/keyprovider"
	"medunion/api/keyring"
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

// ErrNotRolled is a key that these commands do not roll, with the reason.
var ErrNotRolled = errors.New("the key is not rolled this way")

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

// with opens the ring and the store for one command.
func (t KeyTools) with(ctx context.Context, do func(*keyWork) error) error {
	f, err := t.open()
	if err != nil {
		return err
	}
	ring, err := f.Load(ctx)
	if err != nil {
		return err
	}
	if _, err := keysOf(ring, anyID); err != nil {
		return err
	}
	s, err := mongostore.Open(ctx, t.MongoURI, t.Database)
	if err != nil {
		return explain(err)
	}
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	w := &keyWork{tools: t, file: f, store: s, ring: ring}
	if err = w.fenced(ctx); err == nil {
		err = do(w)
	}
	return errors.Join(err, s.Close(closing))
}

// keyWork is one command at work.
type keyWork struct {
	tools KeyTools
	file  keyring.File
	store *mongostore.Store
	ring  keyring.Ring // as it was read last
}

// fenced refuses a key file that is older than one that has been in use: a step on it
// would fork the ring.
func (w *keyWork) fenced(ctx context.Context) error {
	fence, err := w.store.Fence(ctx)
	if err != nil {
		return explain(err)
	}
	if w.ring.Generation < fence {
		return fmt.Errorf("%w: generation %d, and %d is in use", keyring.ErrGeneration, w.ring.Generation, fence)
	}
	if err := w.succeeded(ctx); err != nil {
		return err
	}
	_, _, err = w.behind(ctx, 0)
	return err
}

// ErrForked says that instances use another key file than this one.
var ErrForked = errors.New("instances run with another key file than this one: copy the right one to all of them first")

// behind counts the instances that run, and those of them whose ring is older. ErrForked
// if one has a newer ring than the file, or another one of the same generation.
func (w *keyWork) behind(ctx context.Context, generation uint64) (running, older int, err error) {
	all, err := w.store.Instances(ctx, time.Now().Add(-aliveFor))
	if err != nil {
		return 0, 0, explain(err)
	}
	for _, i := range all {
		if i.Generation > w.ring.Generation || i.Generation == w.ring.Generation && i.Digest != w.ring.Digest() {
			return 0, 0, ErrForked
		}
		if i.Generation < generation {
			older++
		}
	}
	return len(all), older, nil
}

// remain counts the documents that may hold something under the version or an older one.
func (w *keyWork) remain(ctx context.Context, name string, version uint32) (n int64, err error) {
	if name != keySealing {
		return 0, nil
	}
	counts, err := w.store.CountSealed(ctx)
	if err != nil {
		return 0, explain(err)
	}
	for v, documents := range counts {
		if v <= version {
			n += documents
		}
	}
	return n, nil
}

func (w *keyWork) step(ctx context.Context, do func(keyring.Ring) (keyring.Ring, error)) error {
	r, err := w.file.Update(ctx, func(r keyring.Ring) (keyring.Ring, error) {
		if r.Generation != w.ring.Generation { // another operator was faster: what was looked at no longer holds
			return r, errors.New("the key file has been changed by somebody else; look at it again")
		}
		return do(r)
	})
	if err == nil {
		w.ring = r
	}
	return err
}
