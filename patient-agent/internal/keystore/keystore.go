// Package keystore is the patient's sealed store: one file that holds her identity,
// what she has allowed, what she was told, and the evidence of both.
//
// The file is ⟨patient file: version, vault, sealed⟩. The vault (ecc/vault) holds a
// random store key under her passphrase; sealed is the content under the store key.
// An open store keeps the store key in memory and not the passphrase: what reads
// its memory can read the store, but cannot give a consent, because the
// user-verification key (protocol, section 7) is derived from the passphrase anew
// for each one and is stored nowhere. The salt of that derivation is inside, so that
// β_P, which doctors and hospitals see, confirms no guess of the passphrase.
//
// The file is replaced as a whole: a temporary one is written and synced, renamed
// over the old one, and the folder synced. A crash leaves the old or the new one. A
// call that changes the store returns only when the change is durable.
package keystore

import (
	"errors"
	"io"
	"sync"

	"medunion/api/secretfile"
	"medunion/ecc"
	"medunion/ecc/vault"
)

// Errors of the store.
var (
	ErrPassphrase = errors.New("keystore: wrong passphrase, or the file was altered")
	ErrFormat     = errors.New("keystore: not a store of this version")
	ErrExists     = errors.New("keystore: there is a store already")
	ErrAbsent     = errors.New("keystore: there is no store")
	ErrInUse      = errors.New("keystore: another process has opened the store")
	ErrMode       = errors.New("keystore: others can read the file; its mode must be 0600")
	ErrClosed     = errors.New("keystore: closed")
)

// Options are what a store needs from outside.
type Options struct {
	Path string
	Rand io.Reader    // cryptographically secure
	Cost vault.Params // of Argon2id, for a new store; zero is vault.DefaultParams
}

func (o Options) cost() vault.Params {
	if o.Cost == (vault.Params{}) {
		return vault.DefaultParams
	}
	return o.Cost
}

// Store is an open store. It is safe for concurrent use. It prints as "[redacted]".
type Store struct {
	path string
	rand io.Reader
	lock io.Closer

	mu      sync.Mutex
	key     []byte // the store key, nil once closed
	vault   []byte // the store key under the passphrase
	content Content
}

// String keeps the keys out of every log, as do the methods beside it.
func (*Store) String() string { return "[redacted]" }

// GoString hides the keys from %#v.
func (*Store) GoString() string { return "[redacted]" }

// MarshalJSON hides the keys from encoding/json.
func (*Store) MarshalJSON() ([]byte, error) { return []byte(`"[redacted]"`), nil }

const (
	keySize     = 32
	saltSize    = 16
	fileVersion = 1
)

// Create makes a store under the passphrase. begin fills its first content and may
// use its VerificationKey. The errors are ErrExists, ErrInUse and begin's own.
func Create(o Options, passphrase []byte, begin func(*Content) error) (*Store, error) {
	s, err := locked(o)
	if err != nil {
		return nil, err
	}
	if err := s.create(o, passphrase, begin); err != nil {
		return nil, errors.Join(err, s.lock.Close())
	}
	return s, nil
}

func (s *Store) create(o Options, passphrase []byte, begin func(*Content) error) error {
	if Exists(o.Path) {
		return ErrExists
	}
	s.key = make([]byte, keySize)
	if _, err := io.ReadFull(o.Rand, s.key); err != nil {
		return err
	}
	var err error
	if s.vault, err = vault.Seal(o.Rand, passphrase, s.key, o.cost()); err != nil {
		return err
	}
	c := Content{Verification: Verification{Salt: make([]byte, saltSize), Cost: o.cost()}}
	if _, err := io.ReadFull(o.Rand, c.Verification.Salt); err != nil {
		return err
	}
	if err := begin(&c); err != nil {
		return err
	}
	return s.save(c)
}

// Open opens a store with its passphrase. The errors are ErrAbsent, ErrInUse,
// ErrMode, ErrFormat and ErrPassphrase.
func Open(o Options, passphrase []byte) (*Store, error) {
	s, err := locked(o)
	if err != nil {
		return nil, err
	}
	if err := s.open(passphrase); err != nil {
		return nil, errors.Join(err, s.lock.Close())
	}
	return s, nil
}

func locked(o Options) (*Store, error) {
	lock, err := secretfile.Lock(o.Path)
	if errors.Is(err, secretfile.ErrInUse) {
		return nil, ErrInUse
	}
	if err != nil {
		return nil, err
	}
	return &Store{path: o.Path, rand: o.Rand, lock: lock}, nil
}

func (s *Store) open(passphrase []byte) error {
	raw, err := readFile(s.path)
	if err != nil {
		return err
	}
	f, err := ecc.Decode(ecc.LabelPatientFile, raw, 3)
	if err != nil || len(f[0]) != 1 || f[0][0] != fileVersion {
		return ErrFormat
	}
	s.vault = f[1]
	s.key, err = vault.Open(passphrase, s.vault)
	switch {
	case errors.Is(err, vault.ErrFormat):
		return ErrFormat
	case err != nil:
		return ErrPassphrase
	}
	plain, err := ecc.OpenAtRest(s.key, s.vault, f[2])
	if err != nil {
		return ErrPassphrase
	}
	s.content, err = decodeContent(plain)
	return err
}

// save seals c and replaces the file; the store has the new content only if that
// is durable.
func (s *Store) save(c Content) error {
	plain, err := c.encode()
	if err != nil {
		return err
	}
	sealed, err := ecc.SealAtRest(s.rand, s.key, s.vault, plain)
	if err != nil {
		return err
	}
	if err := secretfile.Replace(s.path, ecc.Encode(ecc.LabelPatientFile, []byte{fileVersion}, s.vault, sealed)); err != nil {
		return err
	}
	s.content = c
	return nil
}

// View calls f with a copy of the content that it may keep.
func (s *Store) View(f func(Content) error) error {
	c, err := s.copy()
	if err != nil {
		return err
	}
	return f(c)
}

func (s *Store) copy() (Content, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.copyLocked()
}

func (s *Store) copyLocked() (Content, error) {
	if s.key == nil {
		return Content{}, ErrClosed
	}
	return s.content.clone(), nil
}

// Update lets f change the content and makes the change durable before it returns.
// If f fails, or the disk does, nothing has changed.
func (s *Store) Update(f func(*Content) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.copyLocked()
	if err != nil {
		return err
	}
	if err := f(&c); err != nil {
		return err
	}
	return s.save(c)
}

// Close forgets the keys and lets another process open the store.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.key == nil {
		return nil
	}
	clear(s.key)
	s.key, s.content = nil, Content{}
	return s.lock.Close()
}
