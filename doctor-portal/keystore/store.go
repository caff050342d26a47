package keystore

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"sync"
	"time"

	"medunion/api/problem"
	"medunion/ecc"
)

// The causes of what this package refuses.
var (
	ErrAbsent     = errors.New("keystore: there is no store")
	ErrExists     = errors.New("keystore: there is a store already")
	ErrOpener     = errors.New("keystore: wrong opener, or the file was altered")
	ErrPassphrase = errors.New("keystore: the passphrase is too short or too long")
	ErrAltered    = errors.New("keystore: the file was altered")
	ErrFormat     = errors.New("keystore: the file is no store of this version")
	ErrBinding    = errors.New("keystore: the store was made for other pins, another authority or another portal")
	ErrLastOpener = errors.New("keystore: the last opener cannot be removed")
	ErrClosed     = errors.New("keystore: the store is closed")
	ErrSeen       = errors.New("keystore: this message has been answered")
)

const (
	version   = 2
	storeFile = "store"
)

// Config is what a store is given from outside.
type Config struct {
	Files   Files
	Rand    io.Reader
	Now     func() time.Time
	Binding ecc.Hash // of the pins, the authority and the portal
}

// Store is an open store. Its methods are safe for concurrent use. It prints as
// "[redacted]".
type Store struct {
	cfg Config

	mu      sync.Mutex
	key     []byte // nil once closed
	openers []wrapped
	export  func() []byte // the identity as it is now
	seen    map[[16]byte]time.Time
}

// String returns "[redacted]".
func (*Store) String() string { return "[redacted]" }

// GoString returns "[redacted]".
func (*Store) GoString() string { return "[redacted]" }

// header is what can be read of a store without opening it.
type header struct {
	binding ecc.Hash
	openers []wrapped
	sealed  []byte
}

func readHeader(files Files) (header, error) {
	b, err := files.Read(storeFile)
	if errors.Is(err, fs.ErrNotExist) {
		return header{}, problem.NotFound("There is no key store yet.").Because(ErrAbsent)
	}
	if err != nil {
		return header{}, unavailable(err)
	}
	h, err := decodeHeader(b)
	if err != nil {
		return header{}, problem.Invalid("The key store cannot be read.").Because(err)
	}
	return h, nil
}

func decodeHeader(b []byte) (header, error) {
	f, err := ecc.Decode(ecc.LabelDoctorStore, b, 4)
	if err != nil || len(f[0]) != 1 || f[0][0] != version || len(f[1]) != len(ecc.Hash{}) {
		return header{}, ErrFormat
	}
	openers, err := decodeOpeners(f[2])
	return header{binding: ecc.Hash(f[1]), openers: openers, sealed: f[3]}, err
}

// Inspect names the openers of the store; ErrAbsent if there is none.
func Inspect(files Files) ([]Name, error) {
	h, err := readHeader(files)
	return names(h.openers), err
}

// Create makes a store with one opener. Nothing is written before the first Save.
func Create(cfg Config, o Opener) (*Store, error) {
	switch _, err := readHeader(cfg.Files); {
	case err == nil, errors.Is(err, ErrFormat):
		return nil, problem.Conflict("There is a key store already.").Because(ErrExists)
	case !errors.Is(err, ErrAbsent):
		return nil, err
	}
	s := &Store{cfg: cfg, key: make([]byte, ecc.AtRestKeySize), seen: map[[16]byte]time.Time{}}
	if _, err := io.ReadFull(cfg.Rand, s.key); err != nil {
		return nil, problem.Internal(err)
	}
	w, err := o.wrap(cfg.Rand, s.key)
	if err != nil {
		return nil, err
	}
	s.openers = []wrapped{w}
	return s, nil
}

// Open opens the store and returns it with the identity that was saved. ErrBinding,
// ErrOpener and ErrAltered are the causes of its refusals.
func Open(cfg Config, o Opener) (*Store, []byte, error) {
	h, err := readHeader(cfg.Files)
	if err != nil {
		return nil, nil, err
	}
	if h.binding != cfg.Binding {
		return nil, nil, problem.Refused(ErrBinding)
	}
	key, err := o.unwrap(h.openers)
	if err != nil {
		return nil, nil, err
	}
	s := &Store{cfg: cfg, key: key, openers: h.openers, seen: map[[16]byte]time.Time{}}
	content, err := ecc.OpenAtRest(key, s.aad(), h.sealed)
	if err != nil {
		return nil, nil, problem.Refused(fmt.Errorf("%w: %w", ErrAltered, err))
	}
	identity, err := s.decode(content)
	return s, identity, err
}

// aad binds the content to the openers and to what the store was made for.
func (s *Store) aad() []byte {
	return ecc.Encode(ecc.LabelAtRest, []byte(storeFile), s.cfg.Binding[:], encodeOpeners(s.openers))
}

// Keep sets what Save makes durable: the identity, as export returns it then.
func (s *Store) Keep(export func() []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.export = export
}

// Save makes the identity and the seen ids durable as they are now.
func (s *Store) Save() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.save()
}

func (s *Store) save() error {
	if s.key == nil {
		return problem.Conflict("The key store is locked.").Because(ErrClosed)
	}
	identity := s.export()
	content := ecc.Encode(ecc.LabelList, identity, s.encodeSeen())
	defer clear(identity)
	defer clear(content)
	sealed, err := ecc.SealAtRest(s.cfg.Rand, s.key, s.aad(), content)
	if err != nil {
		return problem.Internal(err)
	}
	file := ecc.Encode(ecc.LabelDoctorStore, []byte{version}, s.cfg.Binding[:], encodeOpeners(s.openers), sealed)
	if err := s.cfg.Files.Replace(storeFile, file); err != nil {
		return unavailable(err)
	}
	return nil
}

// Openers names the openers.
func (s *Store) Openers() []Name {
	s.mu.Lock()
	defer s.mu.Unlock()
	return names(s.openers)
}

// AddOpener lets the store be opened in one more way. A passphrase replaces the one
// before; the same passkey twice is a conflict.
func (s *Store) AddOpener(o Opener) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.key == nil {
		return problem.Conflict("The key store is locked.").Because(ErrClosed)
	}
	w, err := o.wrap(s.cfg.Rand, s.key)
	if err != nil {
		return err
	}
	all := slices.DeleteFunc(slices.Clone(s.openers), func(x wrapped) bool { return x.Name == w.Name && w.Kind == Passphrase })
	if hasName(all, w.Name) || len(all) >= maxOpeners {
		return problem.Conflict("This passkey opens the store already, or there are too many.")
	}
	return s.replaceOpeners(append(all, w))
}

// RemoveOpener removes a way to open the store; the last one stays.
func (s *Store) RemoveOpener(n Name) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.key == nil {
		return problem.Conflict("The key store is locked.").Because(ErrClosed)
	}
	all := slices.DeleteFunc(slices.Clone(s.openers), func(x wrapped) bool { return x.Name == n })
	switch len(all) {
	case len(s.openers):
		return problem.NotFound("There is no such opener.")
	case 0:
		return problem.Conflict("The last opener cannot be removed.").Because(ErrLastOpener)
	}
	return s.replaceOpeners(all)
}

func (s *Store) replaceOpeners(all []wrapped) error {
	before := s.openers
	s.openers = all
	if err := s.save(); err != nil {
		s.openers = before
		return err
	}
	return nil
}

// Close overwrites the store key. Nothing can be read or written afterwards.
func (s *Store) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.key)
	s.key, s.export, s.seen = nil, nil, nil
}

// Closed reports whether the key is gone.
func (s *Store) Closed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.key == nil
}

func unavailable(cause error) error {
	return problem.Unavailable(time.Second, fmt.Errorf("key store: %w", cause))
}

// decode reads ⟨list: identity, seen⟩.
func (s *Store) decode(content []byte) ([]byte, error) {
	f, err := ecc.Decode(ecc.LabelList, content, 2)
	if err != nil || len(f[1])%seenSize != 0 {
		return nil, problem.Invalid("The key store cannot be read.").Because(ErrFormat)
	}
	s.decodeSeen(f[1])
	return bytes.Clone(f[0]), nil
}
