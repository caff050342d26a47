// Package keystore is the patient's sealed store: one file that holds her identity,
// what she has allowed, what she was told, and the evidence of both.
//
// The file is ⟨patient file: version, header, sealed⟩. The header holds a random store
// key under each of the store's openers: her passphrase (ecc/vault), or the output of her
// passkey's PRF extension through HKDF, bound to the credential. sealed is the content under
// the store key, with the header as associated data. In files of version 1 the header is the
// vault of the one passphrase.
//
// An open store keeps the store key in memory and no opener: what reads its memory can
// read the store, but cannot give a consent. The user-verification key (protocol, section
// 7) is derived from the passphrase anew for each one and is stored nowhere, or never
// leaves the authenticator. The salt of that derivation is inside, so that β_P, which
// doctors and hospitals see, confirms no guess of the passphrase.
//
// The file is replaced as a whole: a temporary one is written and synced, renamed
// over the old one, and the folder synced. A crash leaves the old or the new one. A
// call that changes the store returns only when the change is durable.
package keystore

import (
	"errors"
	"io"
	"os"
	"sync"

	"medunion/api/message"
	"medunion/api/secretfile"
	"medunion/ecc"
	"medunion/ecc/vault"
)

// Errors of the store.
var (
	ErrPassphrase = errors.New("keystore: wrong passphrase or passkey, or the file was altered")
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
	file    file   // its sealed part is not kept
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
	fileVersion = 2
)

// New is what a new store is made of.
type New struct {
	Openers []Opener // one at least
	Passkey *Passkey // that approves consents; without it, the passphrase does
	Begin   func(*Content) error
}

// Create makes a store. Begin fills its first content and may use its Verification.
// The errors are ErrExists, ErrInUse and Begin's own.
func Create(o Options, n New) (*Store, error) {
	s, err := locked(o)
	if err != nil {
		return nil, err
	}
	if err := s.create(o, n); err != nil {
		return nil, errors.Join(err, s.lock.Close())
	}
	return s, nil
}

func (s *Store) create(o Options, n New) error {
	if Exists(o.Path) {
		return ErrExists
	}
	s.key = make([]byte, keySize)
	if _, err := io.ReadFull(o.Rand, s.key); err != nil {
		return err
	}
	header, err := s.newHeader(o, n)
	if err != nil {
		return err
	}
	s.file = file{version: fileVersion, header: header, raw: header.encode()}
	c := Content{Verification: Verification{Salt: make([]byte, saltSize), Cost: o.cost()}}
	if _, err := io.ReadFull(o.Rand, c.Verification.Salt); err != nil {
		return err
	}
	if err := n.Begin(&c); err != nil {
		return err
	}
	return s.save(c)
}

func (s *Store) newHeader(o Options, n New) (h Header, err error) {
	h = Header{Verification: message.KindPassphrase, Passkey: n.Passkey}
	if n.Passkey != nil {
		h.Verification = message.KindWebAuthn
	}
	if len(n.Openers) == 0 || len(n.Openers) > maxOpeners {
		return h, errors.New("keystore: nothing to open it with")
	}
	for _, opener := range n.Openers {
		sealed, err := opener.seal(o.Rand, s.key, o.cost())
		if err != nil {
			return h, err
		}
		h.openers = append(h.openers, sealed)
	}
	return h, nil
}

// Open opens a store with one of its openers. The errors are ErrAbsent, ErrInUse,
// ErrMode, ErrFormat and ErrPassphrase.
func Open(o Options, by Opener) (*Store, error) {
	s, err := locked(o)
	if err != nil {
		return nil, err
	}
	if err := s.open(by); err != nil {
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

// file is the store's file: its parts, and the header's bytes as they are on the disk.
type file struct {
	version byte
	header  Header
	raw     []byte
	sealed  []byte
}

func parseFile(b []byte) (out file, err error) {
	f, err := ecc.Decode(ecc.LabelPatientFile, b, 3)
	if err != nil || len(f[0]) != 1 {
		return file{}, ErrFormat
	}
	out = file{version: f[0][0], raw: f[1], sealed: f[2]}
	switch out.version {
	case 1:
		out.header = Header{Verification: message.KindPassphrase, openers: []sealedKey{{kind: message.KindPassphrase, sealed: f[1]}}}
	case fileVersion:
		out.header, err = decodeHeader(f[1])
	default:
		err = ErrFormat
	}
	return out, err
}

func (s *Store) open(by Opener) error {
	raw, err := readFile(s.path)
	if err != nil {
		return err
	}
	if s.file, err = parseFile(raw); err != nil {
		return err
	}
	if s.key, err = s.file.header.storeKey(by); err != nil {
		return err
	}
	plain, err := ecc.OpenAtRest(s.key, s.file.raw, s.file.sealed)
	if err != nil {
		return ErrPassphrase
	}
	s.file.sealed = nil
	s.content, err = decodeContent(plain)
	return err
}

// Header is what the store shows while it is locked.
func (s *Store) Header() Header { return s.file.header }

// Check reports by ErrPassphrase whether an opener is not one of the store's.
func (s *Store) Check(by Opener) error {
	key, err := s.file.header.storeKey(by)
	clear(key)
	return err
}

// save seals c and replaces the file; the store has the new content only if that
// is durable.
func (s *Store) save(c Content) error {
	plain, err := c.encode()
	if err != nil {
		return err
	}
	sealed, err := ecc.SealAtRest(s.rand, s.key, s.file.raw, plain)
	if err != nil {
		return err
	}
	if err := secretfile.Replace(s.path, ecc.Encode(ecc.LabelPatientFile, []byte{s.file.version}, s.file.raw, sealed)); err != nil {
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

// Discard closes the store and deletes its file: for an identity that nobody has
// registered.
func (s *Store) Discard() error {
	if err := os.Remove(s.path); err != nil {
		return err
	}
	return s.Close()
}
