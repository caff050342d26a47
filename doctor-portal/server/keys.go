package server

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"medunion/api/keyprovider"
	"medunion/api/keyring"
)

// The portal's ring holds one key: the seed of what signs the doctors' sessions. Before
// there were rings its file held these 32 bytes alone.
const (
	ringName   = "portal"
	keySession = "session"
	seedSize   = 32
)

var errKeyFile = errors.New("portal: the key file is damaged or not one of a portal")

func decodeOld(b []byte) (keyring.Ring, error) {
	if len(b) != seedSize {
		return keyring.Ring{}, errKeyFile
	}
	return keyring.New(ringName).WithKey(keySession, b, time.Time{}), nil
}

func keyFile(path, passphraseFile string, p keyprovider.Config) (keyring.File, error) {
	provider, err := p.Open(passphraseFile, rand.Reader)
	return keyring.NewFile(path, ringName, provider, rand.Reader, decodeOld), err
}

// sessionKeys loads the ring. Where there is no file it makes one, never over another: of
// several instances that do it at once, all get what the first one wrote.
func (c Config) sessionKeys(ctx context.Context) (*keyring.Watch, error) {
	f, err := keyFile(c.SessionKeyFile, c.PassphraseFile, c.KeyProvider)
	if err != nil {
		return nil, fmt.Errorf("portal: %w", err)
	}
	w, err := f.Watch(ctx)
	if errors.Is(err, fs.ErrNotExist) {
		if err = createKeys(ctx, f, c.clock()()); err == nil {
			w, err = f.Watch(ctx)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("portal: session key: %w", err)
	}
	return w, nil
}

func createKeys(ctx context.Context, f keyring.File, now time.Time) error {
	seed := make([]byte, seedSize)
	defer clear(seed)
	if _, err := io.ReadFull(rand.Reader, seed); err != nil {
		return err
	}
	err := f.Create(ctx, keyring.New(ringName).WithKey(keySession, seed, now))
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	return err
}

// KeyTools is what an operator's commands about the portal's key are told.
type KeyTools struct {
	ConfigFile string `name:"config" help:"File of settings (YAML): each flag's name without its dashes, and its value. Variables and flags stand above it. If it holds a password, its mode is 0600." env:"PORTAL_CONFIG"`

	SessionKeyFile string             `name:"session-key" help:"Key file (mode 0600) of the doctors' sessions, shared by all instances." required:"" env:"PORTAL_SESSION_KEY"`
	PassphraseFile string             `help:"File whose first line seals the key file; without it the file's mode protects it." env:"PORTAL_PASSPHRASE_FILE"`
	KeyProvider    keyprovider.Config `embed:"" envprefix:"PORTAL_"`

	Now func() time.Time `kong:"-"` // default: time.Now
}

// Instances of a portal share no store that would know which of them have loaded a ring:
// a next version waits for several of their polls instead. One that has missed it turns
// a session of the others away, and the doctor's page logs in again.
const (
	spread = 6 * keyring.PollEvery
	hold   = sessionLife + time.Minute
)

// ErrSpread says that the next version has not been there for long enough.
var ErrSpread = errors.New("the next version is not known to all instances yet")

func (t KeyTools) now() time.Time {
	if t.Now == nil {
		return time.Now()
	}
	return t.Now()
}

// Open names the key file.
func (t KeyTools) Open() (keyring.File, error) {
	return keyFile(t.SessionKeyFile, t.PassphraseFile, t.KeyProvider)
}

// Rewrap seals the key file anew, under what keyprovider.Target gives.
func (t KeyTools) Rewrap(ctx context.Context, to keyprovider.Provider) error {
	f, err := t.Open()
	if err != nil {
		return err
	}
	return f.Rewrap(ctx, to)
}

func (t KeyTools) load(ctx context.Context) (f keyring.File, r keyring.Ring, err error) {
	if f, err = t.Open(); err == nil {
		r, err = f.Load(ctx)
	}
	return f, r, err
}

// Next says in words what Rotate would do.
func (t KeyTools) Next(ctx context.Context) (string, error) {
	_, r, err := t.load(ctx)
	if err != nil {
		return "", err
	}
	if v, err := r.Next(keySession); err == nil {
		return fmt.Sprintf("would make version %d of the session key current, %v after it was added", v.Number, spread), nil
	}
	return fmt.Sprintf("would add a next version of the session key, and make it current %v later", spread), nil
}

// Rotate adds a next version, or goes on with one that is there, waits until the
// instances have loaded it, and makes it current.
func (t KeyTools) Rotate(ctx context.Context, say func(string, ...any)) error {
	f, r, err := t.load(ctx)
	if err != nil {
		return err
	}
	if _, err := r.Next(keySession); err != nil {
		r, err = f.Update(ctx, func(r keyring.Ring) (keyring.Ring, error) { return r.Add(keySession, rand.Reader, t.now()) })
		if err != nil {
			return err
		}
	}
	v, err := r.Next(keySession)
	if err != nil {
		return err
	}
	say("session: version %d is next", v.Number)
	if err := t.spread(ctx, v); err != nil {
		return err
	}
	if err := t.promote(ctx, f, r); err != nil {
		return err
	}
	say("session: version %d is current", v.Number)
	return nil
}

// spread waits until all instances have loaded the version.
func (t KeyTools) spread(ctx context.Context, v keyring.Version) error {
	wait := v.Since.Add(spread).Sub(t.now())
	if wait <= 0 {
		return nil
	}
	select {
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", ErrSpread, ctx.Err())
	case <-time.After(wait):
		return nil
	}
}

// promote makes the next version of the ring current, if the file still holds that ring.
func (t KeyTools) promote(ctx context.Context, f keyring.File, r keyring.Ring) error {
	_, err := f.Update(ctx, func(now keyring.Ring) (keyring.Ring, error) {
		if now.Generation != r.Generation {
			return now, errors.New("the key file has been changed by somebody else; look at it again")
		}
		return now.Promote(keySession, t.now(), hold)
	})
	return err
}

// Destroy takes a version out of the file, when no session under it can hold any more.
// With check it only says whether it could.
func (t KeyTools) Destroy(ctx context.Context, version uint32, check bool) error {
	f, r, err := t.load(ctx)
	if err != nil {
		return err
	}
	step := func(r keyring.Ring) (keyring.Ring, error) { return r.Destroy(keySession, version, t.now()) }
	if check {
		_, err = step(r)
	} else {
		_, err = f.Update(ctx, step)
	}
	return err
}
