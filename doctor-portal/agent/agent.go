package agent

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"medunion/api/httpserver"
	"medunion/api/message"
	"medunion/api/problem"
	"medunion/api/token"
	"medunion/doctor-portal/doctor"
	"medunion/ecc"
)

// Agent is a running doctor agent. Its methods are what the HTTP API calls; all
// are safe for concurrent use and return *problem.Error.
type Agent struct {
	cfg    Config
	log    *slog.Logger
	origin string
	pins   message.Pins
	d      *doctor.Doctor
	store  *store
	link   *link
	url    string
	token  token.Local
	offset atomic.Int64  // what a server's clock is ahead of ours, nanoseconds
	wake   chan struct{} // a registration has been completed

	stop       context.CancelFunc
	group      *errgroup.Group
	ctx        context.Context // of background work: ends with the agent
	background sync.WaitGroup

	closing sync.RWMutex // held for writing once no background work may begin
	closed  bool

	mu        sync.Mutex
	visits    []*visit // oldest first
	online    bool
	trouble   string
	published message.Hash // of the prekey that the directory has
	renewed   time.Time    // when the revocation list was fetched
	after     string       // the last letter handled
}

// maxOffset bounds how far a server's clock may move the times that we sign: it is
// told by an answer that anyone on the way could have written.
const maxOffset = 5 * time.Minute

// Start opens the key store, making it on the first start, and runs the agent
// until ctx ends or Close is called. The address must be on loopback.
func Start(ctx context.Context, cfg Config) (*Agent, error) {
	cfg.defaults()
	a := &Agent{cfg: cfg, log: cfg.Logger.With("service", service), wake: make(chan struct{}, 1), after: "0-0"}
	listener, err := httpserver.ListenLoopback(cfg.Listen)
	if err != nil {
		return nil, fmt.Errorf("doctor agent: %w", err)
	}
	if err := a.configure(); err != nil {
		return nil, errors.Join(fmt.Errorf("doctor agent: %w", err), listener.Close())
	}
	handler, err := a.handler()
	if err != nil {
		a.store.close()
		return nil, errors.Join(err, listener.Close())
	}
	a.url = httpserver.BaseURL(listener, false)
	ctx, a.stop = context.WithCancel(ctx)
	a.group, a.ctx = errgroup.WithContext(ctx)
	a.group.Go(func() error {
		return httpserver.Serve(a.ctx, listener, handler, httpserver.ServeOptions{Logger: a.log})
	})
	a.group.Go(func() error { a.run(a.ctx); return nil })
	return a, nil
}

// Run starts an agent and waits for the end of ctx.
func Run(ctx context.Context, cfg Config) error {
	a, err := Start(ctx, cfg)
	if err != nil {
		return err
	}
	a.log.Info("listening", "url", a.url)
	return a.Wait()
}

func (a *Agent) configure() (err error) {
	if a.origin, err = a.cfg.origin(); err != nil {
		return err
	}
	if a.pins, err = a.cfg.pins(); err != nil {
		return err
	}
	verify, err := a.cfg.authority()
	if err != nil {
		return err
	}
	if a.token, err = token.OpenLocal(a.cfg.TokenFile); err != nil {
		return err
	}
	if a.link, err = newLink(a.origin); err != nil {
		return err
	}
	return a.openIdentity(verify)
}

// openIdentity unlocks the store and loads the doctor, or makes both.
func (a *Agent) openIdentity(verify message.CertificateVerifier) error {
	passphrase, err := a.cfg.passphrase()
	if err != nil {
		return err
	}
	s, identity, err := openStore(a.cfg.Store, passphrase, rand.Reader, a.cfg.Now)
	if err != nil {
		return err
	}
	role := doctor.Config{Pins: a.pins, VerifyCertificate: verify, Now: a.cfg.Now, Rand: rand.Reader, Seen: s, Stamp: a.stamp}
	if identity == nil {
		a.d, err = doctor.New(role, ecc.Suite(a.cfg.Suite), message.ID(a.cfg.ID))
	} else {
		a.d, err = doctor.Load(role, identity)
	}
	if err == nil {
		s.export = a.d.Export
		err = s.save()
	}
	if err != nil {
		s.close()
		return err
	}
	a.store = s
	return nil
}

// stamp is our time, moved by what a server last said of its own.
func (a *Agent) stamp() time.Time { return a.cfg.Now().Add(time.Duration(a.offset.Load())) }

// follow takes the server's time from a stale problem and reports whether it is
// worth signing anew.
func (a *Agent) follow(err error) bool {
	var p *problem.Error
	if !errors.As(err, &p) || p.Kind != problem.KindStale {
		return false
	}
	ahead := p.Now.Sub(a.cfg.Now())
	if ahead.Abs() > maxOffset {
		return false
	}
	a.offset.Store(int64(ahead))
	return true
}

// again runs step, and once more after a refusal for its time.
func (a *Agent) again(step func() error) error {
	err := step()
	if a.follow(err) {
		err = step()
	}
	return err
}

// URL is the API's base address, Token its bearer token.
func (a *Agent) URL() string { return a.url }

// Token is the bearer token of the API.
func (a *Agent) Token() string { return a.token.Secret() }

// Close stops the agent and waits until it has.
func (a *Agent) Close() error {
	a.stop()
	return a.Wait()
}

// start runs work in the background; it fails once the agent is stopping.
func (a *Agent) start(work func(context.Context)) error {
	a.closing.RLock()
	defer a.closing.RUnlock()
	if a.closed {
		return problem.Unavailable(time.Second, errors.New("the agent is stopping"))
	}
	a.background.Go(func() { work(a.ctx) })
	return nil
}

// Wait returns when the agent has stopped: nil after Close or the end of its context.
func (a *Agent) Wait() error {
	err := a.group.Wait()
	a.stop()
	a.closing.Lock()
	a.closed = true
	a.closing.Unlock()
	a.background.Wait()
	a.endVisits()
	a.store.close()
	return err
}

// sent and got report a message to the trace.
func (a *Agent) sent(m message.Message, to message.Role, began time.Time) {
	a.cfg.Trace(message.Sent{Type: m.Header.Type, From: message.Doctor, To: to, Bytes: len(m.Encode()), Took: time.Since(began)})
}

func (a *Agent) got(m message.Message, from message.Role, began time.Time) {
	a.cfg.Trace(message.Sent{Type: m.Header.Type, From: from, To: message.Doctor, Bytes: len(m.Encode()), Took: time.Since(began)})
}
