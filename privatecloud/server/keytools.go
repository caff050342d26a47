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
	"medunion/privatecloud/hospital"
	"medunion/privatecloud/internal/mongostore"
)

// KeyTools is what an operator's commands about the keys are told: where the key file and
// the store are, as the service itself is told.
type KeyTools struct {
	ConfigFile string `name:"config" help:"File of settings (YAML): each flag's name without its dashes, and its value. Variables and flags stand above it. If it holds a password, its mode is 0600." env:"PRIVATECLOUD_CONFIG"`

	Keys           string             `help:"Key file (mode 0600): the hospital's secrets and the key of its records." required:"" env:"PRIVATECLOUD_KEYS"`
	PassphraseFile string             `help:"File whose first line seals the key file; without it the file's mode protects it." env:"PRIVATECLOUD_PASSPHRASE_FILE"`
	KeyProvider    keyprovider.Config `embed:"" envprefix:"PRIVATECLOUD_"`
	MongoURI       string             `help:"MongoDB connection string (holds a password: prefer the variable)." default:"mongodb://127.0.0.1:27017/?directConnection=true" env:"PRIVATECLOUD_MONGO_URI"`
	Database       string             `help:"MongoDB database." default:"privatecloud" env:"PRIVATECLOUD_DATABASE"`

	Rand io.Reader        `kong:"-"` // default: crypto/rand
	Now  func() time.Time `kong:"-"` // default: time.Now
}

// hold is how long a version of the storage key is kept at least when it was replaced: sessions
// under it live for half an hour, and an instance may take a minute to learn of the new one.
var hold = map[string]time.Duration{keyStorage: time.Hour}

// notRolled says why.
var notRolled = map[string]string{
	keyLookup:  "the stores hold keyed hashes of numbers, identities and consents, and not what was hashed, so nothing could be found under another key",
	keySigning: withCredential,
	keyKEM:     withCredential,
	keyX:       withCredential,
	keyS:       withCredential,
}

const withCredential = "the credential binds it; `privatecloud keys renew` renews the credential, with new keys"

// With opens the ring and the store for one command.
func (t KeyTools) With(ctx context.Context, do func(*keyroll.Roll) error) error {
	return t.with(ctx, func(w *keyroll.Roll, _ keyStore) error { return do(w) })
}

func (t KeyTools) withDefaults() KeyTools {
	if t.Rand == nil {
		t.Rand = rand.Reader
	}
	if t.Now == nil {
		t.Now = time.Now
	}
	return t
}

func (t KeyTools) with(ctx context.Context, do func(*keyroll.Roll, keyStore) error) error {
	t = t.withDefaults()
	s, err := mongostore.OpenUsed(ctx, t.MongoURI, t.Database)
	if err != nil {
		return explain(err)
	}
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	err = t.roll(ctx, s, func(w *keyroll.Roll) error { return do(w, s) })
	return errors.Join(err, s.Close(closing))
}

// roll opens the ring beside an open store.
func (t KeyTools) roll(ctx context.Context, s *mongostore.Store, do func(*keyroll.Roll) error) error {
	f, err := t.file()
	if err != nil {
		return err
	}
	w, err := keyroll.Open(ctx, f, s, policy(s), t.Rand, t.Now)
	if err != nil {
		return err
	}
	return do(w)
}

// policy is what keyroll must know of the hospital's keys.
func policy(s *mongostore.Store) keyroll.Policy {
	count := func(ctx context.Context) (map[uint32]int64, error) { return hospital.CountSealed(ctx, s, s, s) }
	check := func(_ context.Context, r keyring.Ring) error { _, err := keysOf(r); return err }
	return keyroll.Policy{Hold: hold, NotRolled: notRolled, Count: map[string]keyroll.Count{keyStorage: count}, Mark: s.MarkVersions, Check: check, Keep: keepAudit}
}

func (t KeyTools) file() (keyring.File, error) {
	return openKeyFile(Config{Keys: t.Keys, PassphraseFile: t.PassphraseFile, KeyProvider: t.KeyProvider, Rand: t.Rand})
}

// Rewrap seals the key file anew, under what keyprovider.Target gives.
func (t KeyTools) Rewrap(ctx context.Context, to keyprovider.Provider) error {
	if t.Rand == nil {
		t.Rand = rand.Reader
	}
	f, err := t.file()
	if err != nil {
		return err
	}
	return f.Rewrap(ctx, to)
}
