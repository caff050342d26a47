package practice

import (
	"context"
	"encoding/hex"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"medunion/api/doctorcert"
	"medunion/api/message"
	"medunion/api/problem"
	"medunion/api/roots"
	"medunion/doctor-portal/doctor"
	"medunion/doctor-portal/keystore"
	"medunion/ecc"
)

// Practice is a doctor at work. Its methods are safe for concurrent use; their errors
// are *problem.Error, which ProblemOf turns into what a page shows.
type Practice struct {
	cfg         Config
	authority   *doctorcert.Authority
	fingerprint ecc.Hash // of the pins and the authority
	binding     ecc.Hash // of those and the portal: what the store is made for
	events      events

	roots atomic.Pointer[roots.Keeper] // nil until a store was opened

	opening sync.Mutex // one attempt to open or make the store at a time
	mu      sync.Mutex
	open    *session // nil while locked
}

// New makes a practice. It reads and writes nothing yet.
func New(cfg Config) (*Practice, error) {
	if cfg.Portal == nil || cfg.Files == nil || cfg.Rand == nil || cfg.Origin == "" || !cfg.Pins.Valid() {
		return nil, problem.Invalid("The configuration of the practice is incomplete.")
	}
	authority, err := doctorcert.NewAuthority(cfg.Authority, cfg.JWKS)
	if err != nil {
		return nil, problem.Invalid("The medical authority's keys cannot be read.").Because(err)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Trace == nil {
		cfg.Trace = func(message.Sent) {}
	}
	p := &Practice{cfg: cfg, authority: authority, fingerprint: fingerprint(cfg.Pins, authority)}
	p.binding = ecc.H(ecc.LabelStorePins, p.fingerprint[:], []byte(cfg.Origin))
	p.events.changed = cfg.Changed
	return p, nil
}

// fingerprint is H⟨doctor store pins: ID_PC, PK, PUK_C, the authority's name and keys⟩ of the
// first root pinned: what it stands for stays the same when roots succeed it.
func fingerprint(pins message.Pins, authority *doctorcert.Authority) ecc.Hash {
	a := authority.Fingerprint()
	return ecc.H(ecc.LabelStorePins, []byte(pins.CloudID), pins.First.PK.Bytes(), pins.First.PUKC.Bytes(), a[:])
}

// words writes the first 128 bits as 8 groups of 4 hex digits, for comparison by eye.
func groups(h ecc.Hash) string {
	text := hex.EncodeToString(h[:16])
	var out []string
	for ; text != ""; text = text[4:] {
		out = append(out, text[:4])
	}
	return strings.Join(out, " ")
}

// Status tells whether there is a store and how it opens.
func (p *Practice) Status() (Status, error) {
	st := Status{Store: StoreAbsent, Openers: []OpenerKind{}, Fingerprint: groups(p.fingerprint)}
	names, err := keystore.Inspect(p.cfg.Files)
	if errors.Is(err, keystore.ErrAbsent) {
		return st, nil
	}
	if err != nil {
		return Status{}, err
	}
	st.Store, st.Openers = StoreLocked, kinds(names)
	if _, err := p.session(); err == nil {
		st.Store = StoreOpen
	}
	return st, nil
}

func kinds(names []keystore.Name) []OpenerKind {
	out := []OpenerKind{}
	for _, n := range names {
		k := OpenerKind{Kind: KindPassphrase}
		if n.Kind == keystore.Passkey {
			k = OpenerKind{Kind: KindPasskey, CredentialID: n.CredentialID}
		}
		out = append(out, k)
	}
	return out
}

func (o Opener) secret() keystore.Opener {
	return keystore.Opener{Passphrase: []byte(o.Passphrase), PRF: o.PRF, CredentialID: o.CredentialID}
}

func (p *Practice) storeConfig() keystore.Config {
	return keystore.Config{Files: p.cfg.Files, Rand: p.cfg.Rand, Now: p.cfg.Now, Binding: p.binding}
}

// Create makes the doctor's keys and a store for them, and leaves it open. It is a
// conflict if there is a store already.
func (p *Practice) Create(q NewStore) error {
	return p.begin(func(s *session, cfg doctor.Config) error {
		store, err := keystore.Create(p.storeConfig(), q.Opener.secret())
		if err != nil {
			return err
		}
		return s.take(store, cfg, func(cfg doctor.Config) (*doctor.Doctor, error) {
			return doctor.New(cfg, ecc.Suite(q.Suite), message.ID(q.ID))
		})
	})
}

// Unlock opens the store and goes to work: from now on patients are answered.
func (p *Practice) Unlock(o Opener) error {
	return p.begin(func(s *session, cfg doctor.Config) error {
		store, identity, err := keystore.Open(p.storeConfig(), o.secret())
		if err != nil {
			return err
		}
		return s.take(store, cfg, func(cfg doctor.Config) (*doctor.Doctor, error) { return doctor.Load(cfg, identity) })
	})
}

// ImportStore makes a store of an export from another workstation, with an opener of
// its own, and leaves it open. It is a conflict if there is a store already.
func (p *Practice) ImportStore(q Import) error {
	return p.begin(func(s *session, cfg doctor.Config) error {
		identity, err := keystore.OpenExport(q.File, []byte(q.Passphrase), p.binding)
		if err != nil {
			return err
		}
		store, err := keystore.Create(p.storeConfig(), q.Opener.secret())
		if err != nil {
			return err
		}
		return s.take(store, cfg, func(cfg doctor.Config) (*doctor.Doctor, error) { return doctor.Load(cfg, identity) })
	})
}

// begin runs one way to open the store, and starts the session that it made.
func (p *Practice) begin(open func(*session, doctor.Config) error) error {
	p.opening.Lock()
	defer p.opening.Unlock()
	if _, err := p.session(); err == nil {
		return failed(problem.Conflict("The key store is open."), "store-open")
	}
	if err := p.remember(); err != nil {
		return err
	}
	s := newSession(p)
	role := doctor.Config{Pins: p, VerifyCertificate: p.authority.Verify, Now: p.cfg.Now, Rand: p.cfg.Rand, Stamp: s.stamp}
	if err := open(s, role); err != nil {
		s.close()
		return err
	}
	p.mu.Lock()
	p.open = s
	p.mu.Unlock()
	s.begin()
	p.events.emit(Event{Type: EventDoctor})
	return nil
}

// session is the open session, or a conflict with code locked.
func (p *Practice) session() (*session, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.open == nil {
		return nil, failed(problem.Conflict("The key store is locked."), "locked")
	}
	return p.open, nil
}

// Lock ends all visits, stops all work, and drops the keys; the store key is
// overwritten. The rest of what was in memory is gone with the process, or the page's
// worker, that is ended after it. It returns once nothing runs any more.
func (p *Practice) Lock() {
	p.opening.Lock()
	defer p.opening.Unlock()
	p.mu.Lock()
	s := p.open
	p.open = nil
	p.mu.Unlock()
	if s == nil {
		return
	}
	s.close()
	p.events.emit(Event{Type: EventLocked})
}

// AddOpener lets the store be opened in one more way; a passphrase replaces the one
// before.
func (p *Practice) AddOpener(o Opener) error {
	s, err := p.session()
	if err != nil {
		return err
	}
	return s.store.AddOpener(o.secret())
}

// RemoveOpener removes a way to open the store; the last one stays.
func (p *Practice) RemoveOpener(which OpenerKind) error {
	s, err := p.session()
	if err != nil {
		return err
	}
	name := keystore.Name{Kind: keystore.Passphrase}
	if which.Kind == KindPasskey {
		name = keystore.Name{Kind: keystore.Passkey, CredentialID: which.CredentialID}
	} else if which.Kind != KindPassphrase || which.CredentialID != "" {
		return problem.Invalid("There is no such kind of opener.")
	}
	return s.store.RemoveOpener(name)
}

// ExportStore seals the identity under a passphrase of its own, for another workstation
// or a drawer. See package keystore for what it holds and what not.
func (p *Practice) ExportStore(passphrase string) ([]byte, error) {
	s, err := p.session()
	if err != nil {
		return nil, err
	}
	identity := s.d.ExportIdentity()
	defer clear(identity)
	return keystore.Export(p.cfg.Rand, p.binding, identity, []byte(passphrase))
}

// Offset is how far the portal's clock, as a server told it, is ahead of ours; 0 while
// locked.
func (p *Practice) Offset() time.Duration {
	s, err := p.session()
	if err != nil {
		return 0
	}
	return time.Duration(s.offset.Load())
}

// within is a context for work that a caller waits for: it ends with the caller or with
// the session.
func (s *session) within(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(s.ctx, cancel)
	return ctx, func() { stop(); cancel() }
}
