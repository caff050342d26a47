package agent

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"golang.org/x/sync/errgroup"

	"medunion/api/httpserver"
	"medunion/api/secretfile"
	"medunion/api/settings"
	"medunion/api/token"
	"medunion/api/version"
	"medunion/doctor-portal/practice"
)

// Agent is a running doctor agent. Its methods are what the HTTP API calls; all
// are safe for concurrent use and return *problem.Error.
type Agent struct {
	cfg      Config
	log      *slog.Logger
	practice *practice.Practice
	preparer *preparer
	watchers watchers
	lock     io.Closer
	url      string
	token    token.Local

	operations *httpserver.Operations
	listener   *httpserver.Running // for operators; may be nil

	stop  context.CancelFunc
	group *errgroup.Group
}

// Start opens the key store, making it on the first start, and runs the agent
// until ctx ends or Close is called. The address must be on loopback.
func Start(ctx context.Context, cfg Config) (*Agent, error) {
	cfg.defaults()
	if err := cfg.guard().Err(); err != nil {
		return nil, err
	}
	if cfg.Dev {
		cfg.Logger.Warn(settings.DevWarning)
	}
	a := &Agent{cfg: cfg, log: cfg.Logger.With("service", service)}
	listener, err := httpserver.ListenLoopback(cfg.Listen)
	if err != nil {
		return nil, fmt.Errorf("doctor agent: %w", err)
	}
	if err := a.open(); err != nil {
		return nil, errors.Join(fmt.Errorf("doctor agent: %w", err), listener.Close())
	}
	a.operations = httpserver.NewOperations(httpserver.KeysUnlocked(a.unlocked))
	if err := a.operations.Trace(cfg.Edge, service, cfg.Logger); err != nil {
		return nil, errors.Join(fmt.Errorf("doctor agent: %w", err), listener.Close(), a.close())
	}
	handler, err := a.handler()
	if err != nil {
		return nil, errors.Join(err, listener.Close(), a.close())
	}
	a.url = httpserver.BaseURL(listener, false)
	ctx, a.stop = context.WithCancel(ctx)
	if a.listener, err = a.operations.Start(ctx, service, a.cfg.Logger, cfg.Edge, nil, false); err != nil {
		a.stop()
		return nil, errors.Join(fmt.Errorf("doctor agent: %w", err), listener.Close(), a.close())
	}
	a.group, ctx = errgroup.WithContext(ctx)
	a.group.Go(func() error {
		return httpserver.Serve(ctx, listener, handler, httpserver.ServeOptions{Balancers: a.operations.Balancers(cfg.Edge), Logger: a.log})
	})
	return a, nil
}

// Run starts an agent and waits for the end of ctx.
func Run(ctx context.Context, cfg Config) error {
	a, err := Start(ctx, cfg)
	if err != nil {
		return err
	}
	a.log.Info("listening", "url", a.url, "build", version.Get())
	return a.Wait()
}

// open reads the configuration, takes the store's lock and goes to work.
func (a *Agent) open() error {
	cfg, err := a.cfg.practice()
	if err != nil {
		return err
	}
	passphrase, err := a.cfg.passphrase()
	if err != nil {
		return err
	}
	if a.token, err = token.OpenLocal(a.cfg.TokenFile); err != nil {
		return err
	}
	cfg.Files, cfg.Rand, cfg.Log, cfg.Changed = folder{a.cfg.Store}, rand.Reader, a.log, a.watchers.tell
	if a.practice, err = practice.New(cfg); err != nil {
		return err
	}
	a.preparer = &preparer{practice: a.practice}
	if a.lock, err = secretfile.Lock(a.cfg.Store); err != nil { // two agents would overwrite what the other has seen
		return fmt.Errorf("key store: %w", err)
	}
	if err := a.unlock(practice.Opener{Passphrase: string(passphrase)}); err != nil {
		return errors.Join(err, a.lock.Close())
	}
	return nil
}

// unlock opens the store, or makes it on the first start.
func (a *Agent) unlock(o practice.Opener) error {
	st, err := a.practice.Status()
	if err == nil && st.Store == practice.StoreAbsent {
		err = a.practice.Create(practice.NewStore{ID: a.cfg.ID, Suite: a.cfg.Suite, Opener: o})
	} else if err == nil {
		err = a.practice.Unlock(o)
	}
	if err != nil {
		return fmt.Errorf("key store: %s", practice.ProblemOf(err).Detail)
	}
	return nil
}

// unlocked says whether the doctor's keys are open: without them nobody is answered.
func (a *Agent) unlocked() bool {
	st, err := a.practice.Status()
	return err == nil && st.Store == practice.StoreOpen
}

// OperationsURL is the base URL of the operations listener, "" without one.
func (a *Agent) OperationsURL() string { return a.listener.URL() }

// URL is the API's base address, Token its bearer token.
func (a *Agent) URL() string { return a.url }

// Token is the bearer token of the API.
func (a *Agent) Token() string { return a.token.Secret() }

// Close stops the agent and waits until it has.
func (a *Agent) Close() error {
	a.stop()
	return a.Wait()
}

// Wait returns when the agent has stopped: nil after Close or the end of its context.
func (a *Agent) Wait() error {
	err := a.group.Wait()
	a.stop()
	return errors.Join(err, a.close())
}

func (a *Agent) close() error {
	a.practice.Lock()
	return errors.Join(a.listener.Close(), a.operations.Close(), a.lock.Close())
}
