// Package agent is the patient's agent: the role of package patient with its sealed
// store and its peers over HTTP. What it offers is what a patient does: register,
// enrol, look at a doctor's card, visit, read diagnoses, see what she allowed and who
// used it, revoke.
//
// Its errors are *problem.Error. Nothing that it logs names anybody.
package agent

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"medunion/api/certs"
	"medunion/api/httpclient"
	"medunion/api/message"
	"medunion/api/openapi/publiccloud"
	"medunion/api/problem"
	"medunion/api/roots"
	"medunion/ecc"
	"medunion/ecc/vault"
	"medunion/patient-agent/internal/keystore"
	"medunion/patient-agent/patient"
)

// Config is what an agent is given. Store, Cloud, Pins, VerifyCertificate and
// Authority are needed.
type Config struct {
	Store string       // path of the sealed file
	Suite ecc.Suite    // of a new identity; default suite 1
	Cost  vault.Params // of Argon2id for a new store; default vault.DefaultParams

	Cloud             string       // address of the public cloud
	Pins              message.Pins // ID_PC, PK, PUK_C
	VerifyCertificate message.CertificateVerifier
	Authority         string // name of the medical authority behind it

	// Origin is that of the agent's own page, such as http://localhost:8091. Passkeys are
	// made for its host. Without it, none can be made.
	Origin string

	// AllowHTTP lets the agent speak plain HTTP to others than loopback. Without it,
	// such an address is refused: registration and capabilities need TLS.
	AllowHTTP bool

	// CloudPins are of the public cloud's TLS key; without them its certificate must be one
	// that the system trusts.
	CloudPins []certs.Pin
	// Networks are those (CIDR) that are not public and in which hospitals and portals are
	// called all the same. Their addresses come from the directory and from links. Loopback
	// is called where the public cloud is there too.
	Networks []string

	HTTP   http.RoundTripper  // to everybody; default: TLS 1.3 and no proxy but the environment's
	Now    func() time.Time   // default time.Now
	Rand   io.Reader          // default crypto/rand
	Logger *slog.Logger       // default: none
	Trace  func(message.Sent) // called for each message sent or received; may be nil
}

// Agent is one patient's agent. It is safe for concurrent use.
type Agent struct {
	cfg     Config
	http    *http.Client // to hospitals and portals
	pins    *roots.Keeper
	cloud   *publiccloud.Client
	clock   clock
	lists   lists
	learned learned
	changes changes

	challenges challenges

	renews  atomic.Bool // by itself
	opening sync.Mutex  // one passphrase at a time
	mu      sync.Mutex
	open    *opened // nil while the store is locked
}

// opened is what lasts while the store is open.
type opened struct {
	store   *keystore.Store
	current atomic.Pointer[patient.Patient]
	ctx     context.Context // ends when the store is locked
	cancel  context.CancelFunc
	visits  sync.WaitGroup

	approvals approvals
	running   running
	renewing  renewing
}

// role is her role as it is now. A renewal puts another one in its place; what has begun
// with the one of before ends with it.
func (o *opened) role() *patient.Patient { return o.current.Load() }

// alone is a role without a store.
func alone(role *patient.Patient) *opened {
	o := &opened{}
	o.current.Store(role)
	return o
}

// New makes an agent; its store stays locked until Unlock or Register.
func New(cfg Config) (*Agent, error) {
	if cfg.Store == "" || cfg.VerifyCertificate == nil || cfg.Authority == "" || !cfg.Pins.CloudID.Valid() {
		return nil, errors.New("agent: the configuration is incomplete")
	}
	if err := checkAddress(cfg.Cloud, cfg.AllowHTTP); err != nil {
		return nil, err
	}
	cfg.setDefaults()
	if !cfg.Suite.Valid() {
		return nil, errors.New("agent: unknown suite")
	}
	pins, err := roots.Open(cfg.Pins, roots.File(cfg.Store+".successions"))
	if err != nil {
		return nil, err
	}
	toCloud, toOthers, err := cfg.transports()
	if err != nil {
		return nil, err
	}
	a := &Agent{cfg: cfg, pins: pins, http: httpclient.New(toOthers, callTime), clock: clock{now: cfg.Now}}
	a.cloud, err = publiccloud.NewClient(cfg.Cloud, publiccloud.WithHTTPClient(httpclient.New(toCloud, callTime)))
	return a, err
}

func (c *Config) setDefaults() {
	if c.Suite == 0 {
		c.Suite = ecc.SuiteX25519
	}
	c.Now = wallClock(c.Now)
	if c.Rand == nil {
		c.Rand = rand.Reader
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Trace == nil {
		c.Trace = func(message.Sent) {}
	}
}

func (a *Agent) storeOptions() keystore.Options {
	return keystore.Options{Path: a.cfg.Store, Rand: a.cfg.Rand, Cost: a.cfg.Cost}
}

func (a *Agent) newRole(id patient.Identity) (*patient.Patient, error) {
	return patient.New(patient.Config{Now: a.cfg.Now, Rand: a.cfg.Rand, Pins: a.pins,
		VerifyCertificate: a.cfg.VerifyCertificate, Stamp: a.clock.stamp}, id)
}

// Status says whether there is a store, what opens it and approves consents, whether it
// is open, and, if it is, whether its identity is registered.
type Status struct {
	Exists, Open, Registered bool

	Openers      []message.VerificationKind
	Verification message.VerificationKind // 0 without a store
	Passkey      *Passkey
	Now          time.Time
}

// Status never fails and needs no passphrase.
func (a *Agent) Status() Status {
	s := Status{Exists: keystore.Exists(a.cfg.Store), Now: a.cfg.Now()}
	header, err := keystore.Inspect(a.cfg.Store)
	if o, opened := a.opened(); opened == nil {
		s.Open, s.Registered = true, o.role().Registered()
		header, err = o.store.Header(), nil
	}
	if err == nil {
		s.Openers, s.Verification, s.Passkey = header.Openers(), header.Verification, passkeyIn(header)
	}
	return s
}

// Unlock opens the store with the passphrase. Unlocking an open one checks it. A visit
// that was under way when the agent ended is from then on a failed one.
func (a *Agent) Unlock(passphrase []byte) error { return a.unlock(keystore.Passphrase(passphrase)) }

// UnlockPasskey opens the store with what the passkey's PRF extension gave, 32 bytes.
func (a *Agent) UnlockPasskey(prf []byte) error {
	err := a.unlock(keystore.Opener{PRF: prf})
	if errors.Is(err, keystore.ErrPassphrase) {
		return errPasskey.Because(err)
	}
	return err
}

func (a *Agent) unlock(by keystore.Opener) error {
	a.opening.Lock()
	defer a.opening.Unlock()
	if o, err := a.opened(); err == nil {
		return storeProblem(o.store.Check(by))
	}
	store, err := keystore.Open(a.storeOptions(), by)
	if err != nil {
		return storeProblem(err)
	}
	if err := a.adopt(store); err != nil {
		return errors.Join(err, store.Close())
	}
	return nil
}

// adopt makes the role of a store that was just opened, and the store the current one.
func (a *Agent) adopt(store *keystore.Store) error {
	var id patient.Identity
	err := store.View(func(c keystore.Content) (err error) {
		id, err = patient.DecodeIdentity(c.Identity)
		return err
	})
	if err != nil {
		return storeProblem(err)
	}
	role, err := a.newRole(id)
	if err != nil {
		return problem.Internal(err)
	}
	if err := store.Update(a.interrupt); err != nil {
		return storeProblem(err)
	}
	a.setOpen(store, role)
	return nil
}

func (a *Agent) setOpen(store *keystore.Store, role *patient.Patient) {
	ctx, cancel := context.WithCancel(context.Background())
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.open != nil {
		a.open.cancel() // a new identity; an unregistered one has no visits
	}
	o := &opened{store: store, ctx: ctx, cancel: cancel}
	o.current.Store(role)
	a.open = o
	o.visits.Go(func() { a.observe(o) })
	if a.renews.Load() {
		o.visits.Go(func() { a.stayRenewed(o) })
	}
	a.changes.broadcast(Statuses, Visits)
}

// Lock ends the visits under way and forgets all keys.
func (a *Agent) Lock() error {
	a.opening.Lock()
	defer a.opening.Unlock()
	o := a.close()
	if o == nil {
		return nil
	}
	return storeProblem(o.store.Close())
}

// close makes the open store no longer the current one and waits for what goes on with
// it. The caller holds opening.
func (a *Agent) close() *opened {
	a.mu.Lock()
	o := a.open
	a.open = nil
	a.mu.Unlock()
	if o != nil {
		o.cancel()
		o.visits.Wait()
		a.changes.broadcast(Statuses, Visits)
	}
	return o
}

// Close is Lock, for the end of the program.
func (a *Agent) Close() error { return a.Lock() }

func (a *Agent) opened() (*opened, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.open == nil {
		if !keystore.Exists(a.cfg.Store) {
			return nil, errNoStore
		}
		return nil, errLocked
	}
	return a.open, nil
}

// registered returns the open store of a registered patient.
func (a *Agent) registered() (*opened, error) {
	o, err := a.opened()
	if err == nil && !o.role().Registered() {
		err = patient.ErrNotRegistered
	}
	return o, err
}

// verificationKey derives the user-verification key and checks that it is that of
// β_P: without the right passphrase nothing leaves the device (attack 6).
func (a *Agent) verificationKey(o *opened, passphrase []byte) (ecc.SigningKey, error) {
	var key ecc.SigningKey
	err := o.store.View(func(c keystore.Content) (err error) {
		key, err = c.Verification.Key(passphrase)
		return err
	})
	switch {
	case errors.Is(err, vault.ErrParams):
		return ecc.SigningKey{}, errPassphrase
	case err != nil:
		return ecc.SigningKey{}, storeProblem(err)
	}
	if err := o.role().VerifyUser(key.Public()); err != nil {
		return ecc.SigningKey{}, errPassphrase.Because(err)
	}
	return key, nil
}

// storeProblem words the store's errors for outside.
func storeProblem(err error) error {
	var ours *problem.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &ours):
		return ours
	case errors.Is(err, keystore.ErrPassphrase):
		return errPassphrase.Because(err)
	case errors.Is(err, keystore.ErrAbsent):
		return errNoStore.Because(err)
	case errors.Is(err, keystore.ErrInUse):
		return problem.Conflict("Another process has opened the store.").Coded("store-in-use").Because(err)
	case errors.Is(err, keystore.ErrExists):
		return problem.Conflict("There is a store already.").Coded("store-exists").Because(err)
	case errors.Is(err, keystore.ErrMode):
		return problem.Conflict("Others can read the store's file; set its mode to 0600.").Coded("store-readable").Because(err)
	case errors.Is(err, keystore.ErrFormat):
		return problem.Conflict("The store's file is no store of this version.").Coded("store-unknown").Because(err)
	case errors.Is(err, keystore.ErrClosed):
		return errLocked.Because(err)
	}
	return problem.Internal(err)
}

// sent tells the observer of one message.
func (a *Agent) sent(m message.Message, from, to message.Role, took time.Duration) {
	a.cfg.Trace(message.Sent{Type: m.Header.Type, From: from, To: to, Bytes: len(m.Encode()), Took: took})
}
