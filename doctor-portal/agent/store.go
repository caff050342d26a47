package agent

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"medunion/api/problem"
	"medunion/api/secretfile"
	"medunion/ecc"
	"medunion/ecc/vault"
)

// store is the sealed key store: one file, ⟨doctor store: vault, sealed⟩. The
// vault holds a random key under the passphrase; the key seals the content. So the
// passphrase's costly derivation happens once at the start, and every later write,
// one for each patient, is cheap.
type store struct {
	path string
	rand io.Reader
	now  func() time.Time
	lock io.Closer
	key  []byte // never printed: a store is never handed out

	vault  []byte
	export func() []byte // the identity as it is now

	mu   sync.Mutex
	seen map[[16]byte]time.Time // until when
}

var (
	errSeen  = errors.New("agent: this message has been answered")
	errStore = errors.New("agent: the key store cannot be read")
)

const (
	maxSeen     = 65535
	seenSize    = 16 + 8
	evidenceDir = ".evidence"
)

// openStore opens the file with the passphrase and returns the exported identity,
// nil if there is no file yet: then the first save makes it.
func openStore(path string, passphrase []byte, rand io.Reader, now func() time.Time) (*store, []byte, error) {
	l, err := secretfile.Lock(path) // two agents would overwrite what the other has seen
	if err != nil {
		return nil, nil, fmt.Errorf("key store: %w", err)
	}
	s := &store{path: path, rand: rand, now: now, lock: l, seen: map[[16]byte]time.Time{}}
	identity, err := s.read(passphrase)
	if errors.Is(err, fs.ErrNotExist) {
		identity, err = nil, s.create(passphrase)
	}
	if err != nil {
		s.close()
		return nil, nil, err
	}
	return s, identity, nil
}

func (s *store) close() { _ = s.lock.Close() }

func (s *store) create(passphrase []byte) (err error) {
	s.key = make([]byte, ecc.AtRestKeySize)
	if _, err = io.ReadFull(s.rand, s.key); err != nil {
		return err
	}
	s.vault, err = vault.Seal(s.rand, passphrase, s.key, vault.DefaultParams)
	return err
}

func (s *store) read(passphrase []byte) ([]byte, error) {
	b, err := secretfile.Read(s.path)
	if err != nil {
		return nil, err
	}
	f, err := ecc.Decode(ecc.LabelDoctorStore, b, 2)
	if err != nil {
		return nil, errStore
	}
	s.vault = f[0]
	if s.key, err = vault.Open(passphrase, s.vault); err != nil {
		return nil, fmt.Errorf("%w: wrong passphrase, or the file was altered", errStore)
	}
	content, err := ecc.OpenAtRest(s.key, s.aad("identity"), f[1])
	if err != nil {
		return nil, errStore
	}
	return s.decode(content)
}

func (s *store) aad(name string) []byte { return ecc.Encode(ecc.LabelAtRest, []byte(name), s.vault) }

// decode reads ⟨list: identity, seen⟩.
func (s *store) decode(content []byte) ([]byte, error) {
	f, err := ecc.Decode(ecc.LabelList, content, 2)
	if err != nil || len(f[1])%seenSize != 0 {
		return nil, errStore
	}
	for b := f[1]; len(b) > 0; b = b[seenSize:] {
		s.seen[[16]byte(b)] = time.UnixMilli(int64(binary.BigEndian.Uint64(b[16:])))
	}
	return f[0], nil
}

// save makes the store durable as it is now.
func (s *store) save() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.saveLocked()
}

func (s *store) saveLocked() error {
	var seen []byte
	for _, id := range slices.SortedFunc(maps.Keys(s.seen), func(a, b [16]byte) int { return slices.Compare(a[:], b[:]) }) {
		seen = append(seen, id[:]...)
		seen = binary.BigEndian.AppendUint64(seen, uint64(s.seen[id].UnixMilli()))
	}
	sealed, err := ecc.SealAtRest(s.rand, s.key, s.aad("identity"), ecc.Encode(ecc.LabelList, s.export(), seen))
	if err == nil {
		err = secretfile.Replace(s.path, ecc.Encode(ecc.LabelDoctorStore, s.vault, sealed))
	}
	if err != nil {
		return problem.Unavailable(time.Second, fmt.Errorf("key store: %w", err))
	}
	return nil
}

// Accept implements doctor.SeenStore: it returns nil only when the id is durable.
func (s *store) Accept(_ context.Context, id [16]byte, until time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	maps.DeleteFunc(s.seen, func(_ [16]byte, until time.Time) bool { return now.After(until) })
	if _, known := s.seen[id]; known {
		return problem.Refused(errSeen)
	}
	if len(s.seen) == maxSeen {
		return problem.TooMany(time.Minute)
	}
	s.seen[id] = until
	if err := s.saveLocked(); err != nil {
		delete(s.seen, id)
		return err
	}
	return nil
}

// keep seals a visit's evidence in a file of its own, beside the store.
func (s *store) keep(name string, evidence []byte) error {
	folder := s.path + evidenceDir
	err := os.MkdirAll(folder, 0o700)
	if err == nil {
		evidence, err = ecc.SealAtRest(s.rand, s.key, s.aad("evidence "+name), evidence)
	}
	if err == nil {
		err = secretfile.Replace(filepath.Join(folder, name), evidence)
	}
	if err != nil {
		return problem.Unavailable(time.Second, fmt.Errorf("evidence: %w", err))
	}
	return nil
}

// kept opens what keep sealed.
func (s *store) kept(name string) ([]byte, error) {
	sealed, err := secretfile.Read(filepath.Join(s.path+evidenceDir, name))
	if err != nil {
		return nil, problem.NotFound("There is no such evidence.").Because(err)
	}
	b, err := ecc.OpenAtRest(s.key, s.aad("evidence "+name), sealed)
	if err != nil {
		return nil, problem.Internal(err)
	}
	return b, nil
}
