package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"medunion/api/httpserver"
	"medunion/api/message"
	"medunion/api/problem"
	"medunion/api/version"
	"medunion/privatecloud/hospital"
	"medunion/privatecloud/internal/fhir"
	"medunion/privatecloud/internal/httpapi"
)

// How often an instance looks after things by itself.
const (
	rotateEvery  = 5 * time.Minute
	refreshEvery = time.Minute // the revocation list: how long a revoked doctor is served at most
	retryEvery   = 5 * time.Second
	publishEvery = 5 * time.Second
	sweepEvery   = time.Hour
)

// Instance is a running hospital.
type Instance struct {
	parts      *parts
	listener   net.Listener
	admin      net.Listener
	operations *httpserver.Running
	tls        bool
	stop       context.CancelFunc
	done       chan struct{}
	err        error
}

// Run serves until ctx ends. It returns nil after a clean shutdown.
func Run(ctx context.Context, c Config) error {
	i, err := Start(ctx, c)
	if err != nil {
		return err
	}
	return i.Wait()
}

// Start registers the hospital if it is not yet, opens everything that is configured, begins
// to serve, and returns. The instance ends with ctx or by Close.
func Start(ctx context.Context, c Config) (*Instance, error) {
	c = c.withDefaults()
	if err := c.guard().Err(); err != nil {
		return nil, err
	}
	wire, err := c.wire()
	if err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	i := &Instance{tls: wire.HTTPS(), done: make(chan struct{})}
	if err := i.listen(c); err != nil {
		return nil, errors.Join(err, i.closeListeners())
	}
	if err := i.open(ctx, c, wire); err != nil {
		return nil, errors.Join(err, i.closeListeners())
	}
	ctx, i.stop = context.WithCancel(ctx)
	if err := i.begin(ctx, wire); err != nil {
		i.stop()
		return nil, errors.Join(err, i.closeListeners(), i.operations.Close(), i.parts.close())
	}
	c.Logger.Info("hospital serves", "id", c.ID, "address", i.Address(), "admin", i.AdminURL(), "build", version.Get())
	return i, nil
}

func (i *Instance) listen(c Config) (err error) {
	if i.listener, err = net.Listen("tcp", c.listenAddr()); err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	if i.admin, err = net.Listen("tcp", c.AdminListen); err != nil {
		return fmt.Errorf("listen for the administration: %w", err)
	}
	return nil
}

// listenAddr puts the port of a registered address in the place of port 0: peers know the
// hospital by the address in its credential.
func (c Config) listenAddr() string {
	host, port, err := net.SplitHostPort(c.Listen)
	if err != nil || port != "0" || c.Address != "" {
		return c.Listen
	}
	f, err := openKeyFile(c)
	if err != nil {
		return c.Listen
	}
	k, err := loadKeys(context.Background(), f)
	if err != nil || !k.registered {
		return c.Listen
	}
	u, err := url.Parse(string(k.credential.Info.Attribute))
	if err != nil || u.Hostname() != host || u.Port() == "" {
		return c.Listen
	}
	return u.Host
}

func (i *Instance) closeListeners() error {
	var errs []error
	for _, l := range []net.Listener{i.listener, i.admin} {
		if l != nil {
			errs = append(errs, l.Close())
		}
	}
	return errors.Join(errs...)
}

func (i *Instance) open(ctx context.Context, c Config, w *wire) error {
	address := c.Address
	if address == "" {
		address = i.URL()
	}
	k, err := prepare(ctx, c, w, address)
	if err != nil {
		return err
	}
	if registered := string(k.credential.Info.Attribute); registered != address {
		c.Logger.Warn("the credential names another address than this instance has", "credential", registered, "own", address)
	}
	i.parts, err = open(ctx, c, w, k)
	return err
}

// begin makes the instance ready, works and serves.
func (i *Instance) begin(ctx context.Context, w *wire) (err error) {
	var running sync.WaitGroup // lives on with what it counts
	c := i.parts.config
	i.parts.operations.Require(nil, w.Reloads(w.sources()...))
	if i.operations, err = i.parts.operations.Start(ctx, "privatecloud", c.Logger, c.Edge, w.Config(), c.TLS.Behind); err != nil {
		return err
	}
	protocol, admin, err := i.parts.handlers(ctx, running.Go)
	if err != nil {
		return err
	}
	// Before the first request: a prekey to open it with, and a revocation list. A public
	// cloud that cannot be reached delays both, and requests that need them fail until then.
	i.parts.rotate(ctx)
	i.parts.refresh(ctx)
	i.parts.retire(ctx)
	i.parts.work(ctx, w, &running)
	i.serve(ctx, w, &running, protocol, admin)
	return nil
}

// work does what is to be done beside requests, until ctx ends.
func (p *parts) work(ctx context.Context, w *wire, running *sync.WaitGroup) {
	running.Go(func() { p.every(ctx, rotateEvery, p.renewed, p.rotate) })
	running.Go(func() { p.every(ctx, refreshEvery, nil, p.refresh) })
	running.Go(func() { p.every(ctx, publishEvery, p.due, p.publish) })
	running.Go(func() { p.every(ctx, sweepEvery, nil, p.sweep) })
	running.Go(func() { p.every(ctx, rekeyEvery, p.rolled, p.rekey) })
	running.Go(func() { p.every(ctx, rekeyEvery, nil, p.retire) })
	running.Go(func() { p.followKeys(ctx) })
	running.Go(func() { p.renewing(ctx) })
	running.Go(func() { w.watch(ctx, p.config.Logger) })
}

// serve answers at both listeners until ctx ends or one of them fails: one without the
// other is no hospital.
func (i *Instance) serve(ctx context.Context, w *wire, running *sync.WaitGroup, protocol, admin http.Handler) {
	served := make(chan error, 2)
	log, balancers := i.parts.config.Logger, i.parts.operations.Balancers(i.parts.config.Edge)
	running.Go(func() {
		served <- httpserver.Serve(ctx, i.listener, protocol, httpserver.ServeOptions{TLS: w.peers.Ask(w.Config()), Balancers: balancers, Logger: log})
	})
	running.Go(func() {
		served <- httpserver.Serve(ctx, i.admin, admin, httpserver.ServeOptions{TLS: w.Config(), Balancers: balancers, Logger: log})
	})
	go func() {
		defer close(i.done)
		first := <-served
		i.stop()
		running.Wait()
		i.err = errors.Join(first, <-served, i.operations.Close(), i.parts.close())
	}()
}

// URL is the base URL at which the protocol listens.
func (i *Instance) URL() string { return httpserver.BaseURL(i.listener, i.tls) }

// AdminURL is the base URL of the administration.
func (i *Instance) AdminURL() string { return httpserver.BaseURL(i.admin, i.tls) }

// OperationsURL is the base URL of the operations listener, "" without one.
func (i *Instance) OperationsURL() string { return i.operations.URL() }

// Addr is the host:port of the protocol.
func (i *Instance) Addr() string { return i.listener.Addr().String() }

// Address is the address that the credential names.
func (i *Instance) Address() string { return string(i.Credential().Info.Attribute) }

// Credential is the current Cred_HPC.
func (i *Instance) Credential() message.Credential {
	return i.parts.hospital.Identity().Credential
}

// Role is the hospital itself, over the stores of this instance, for a program that
// joins the parties without HTTP.
func (i *Instance) Role() *hospital.Hospital { return i.parts.hospital }

// Wait returns when the instance has ended: nil after a clean shutdown.
func (i *Instance) Wait() error {
	<-i.done
	return i.err
}

// Close ends the instance, letting running requests finish.
func (i *Instance) Close() error {
	i.stop()
	return i.Wait()
}

func (p *parts) handlers(ctx context.Context, start func(func())) (protocol, admin http.Handler, err error) {
	c := p.config
	operators, err := c.operators()
	if err != nil {
		return nil, nil, err
	}
	protocol, err = httpapi.New(httpapi.Options{Hospital: p.hospital, Logger: c.Logger, Releases: c.Releases, Edge: c.edge(), Operations: p.operations, Peers: p.wire.peers})
	if err != nil {
		return nil, nil, err
	}
	admin, err = httpapi.NewAdmin(httpapi.AdminOptions{Context: ctx, Go: start, Hospital: p.hospital, Import: p.counted(p.importer.Bundle), Logger: c.Logger,
		Authenticate: authenticate(operators, c.Now), Development: c.Development, Edge: c.edge(), Operations: p.operations})
	return protocol, admin, err
}

// every runs a task at once when it is hinted, else at intervals, until ctx ends.
func (p *parts) every(ctx context.Context, interval time.Duration, hint <-chan struct{}, task func(context.Context) bool) {
	wait := interval
	for {
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-hint:
			timer.Stop()
		case <-timer.C:
		}
		wait = interval
		if !task(ctx) {
			wait = min(interval, retryEvery)
		}
	}
}

func (p *parts) failed(ctx context.Context, what string, err error) bool {
	if err != nil && ctx.Err() == nil {
		p.config.Logger.Error(what, "reason", problem.Reason(err))
	}
	return err == nil
}

func (p *parts) rotate(ctx context.Context) bool {
	rotated := p.failed(ctx, "prekeys were not rotated or published", p.hospital.RotatePrekeys(ctx))
	p.hint() // entries may have waited for the prekey of a new credential
	return rotated
}

// refresh learns the successions first: the list may be signed by a root that is new.
func (p *parts) refresh(ctx context.Context) bool {
	learned := p.failed(ctx, "successions of the public cloud's root were not taken", p.cloud.Learn(ctx))
	fetched := p.failed(ctx, "the revocation list was not fetched", p.cloud.Refresh(ctx))
	p.warnOver()
	return fetched && learned
}

func (p *parts) publish(ctx context.Context) bool {
	_, renewing := p.hospital.RenewEntries(ctx)
	sent, err := p.hospital.PublishDue(ctx)
	_, erasing := p.hospital.FinishErasures(ctx)
	published, finished := p.failed(ctx, "index entries were not published", errors.Join(renewing, err)), p.failed(ctx, "erasures were not finished", erasing)
	if sent > 0 && published {
		p.hint() // there may be more
	}
	return published && finished
}

func (p *parts) sweep(ctx context.Context) bool {
	return p.failed(ctx, "expired data was not deleted", p.store.Sweep(ctx, message.MillisOf(p.config.Now())))
}

// Import imports a folder into the records, without serving. It works beside running
// instances, which then publish what has changed.
func Import(ctx context.Context, c Config, dir string, dryRun bool, progress func(fhir.Progress)) (fhir.Report, error) {
	var report fhir.Report
	err := offline(ctx, c, func(p *parts) (err error) {
		report, err = p.importer.Folder(ctx, dir, dryRun, progress)
		return err
	})
	return report, err
}
