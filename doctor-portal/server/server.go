package server

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"slices"

	"github.com/labstack/echo/v4"
	"github.com/redis/go-redis/v9"

	"medunion/api/httpserver"
	"medunion/api/keyring"
	documents "medunion/api/openapi"
	"medunion/api/openapi/portal"
	"medunion/api/telemetry"
	"medunion/api/version"
	"medunion/doctor-portal/internal/httpapi"
	"medunion/doctor-portal/internal/mailbox"
	"medunion/doctor-portal/internal/relay"
)

// Instance is a running portal.
type Instance struct {
	*httpserver.Running
	operations *httpserver.Running
}

// OperationsURL is the base URL of the operations listener, "" without one.
func (i *Instance) OperationsURL() string { return i.operations.URL() }

// Run serves until ctx ends.
func Run(ctx context.Context, cfg Config) error {
	i, err := Start(ctx, cfg)
	if err != nil {
		return err
	}
	return i.Wait()
}

// Start listens and serves in the background until ctx ends or Close is called. It
// returns once the port is open.
func Start(ctx context.Context, cfg Config) (*Instance, error) {
	if err := cfg.guard().Err(); err != nil {
		return nil, err
	}
	if err := cfg.refuseEmbedded(ctx); err != nil {
		return nil, fmt.Errorf("portal: %w", err)
	}
	w, err := cfg.wire()
	if err != nil {
		return nil, fmt.Errorf("portal: %w", err)
	}
	ln, err := net.Listen("tcp", cfg.Listen)
	if err != nil {
		return nil, fmt.Errorf("portal: %w", err)
	}
	i, err := cfg.serve(ctx, w, ln)
	if err != nil {
		return nil, errors.Join(err, ln.Close())
	}
	return i, nil
}

// wire is how the portal speaks with the others.
type wire struct {
	*httpserver.Secured
	clients relay.Clients
}

func (c Config) wire() (w wire, err error) {
	if w.Secured, err = c.TLS.Load(c.Listen); err != nil {
		return w, err
	}
	w.clients, err = c.clients()
	return w, err
}

// serve begins to serve at the listener, which it does not close when it fails.
func (c Config) serve(ctx context.Context, w wire, ln net.Listener) (*Instance, error) {
	if c.Origin == "" {
		c.Origin = httpserver.BaseURL(ln, w.HTTPS())
	}
	keys, err := c.sessionKeys(ctx)
	if err != nil {
		return nil, err
	}
	b, err := build(c, w.clients, keys)
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(ctx)
	b.operations.Require(nil, w.Reloads(w.clients.Cloud.Sources()...), telemetry.KeysOpenable(keys.Degraded))
	operations, err := b.operations.Start(ctx, "portal", c.logger(), c.Edge, w.Config(), c.TLS.Behind)
	if err != nil {
		stop()
		return nil, errors.Join(fmt.Errorf("portal: %w", err), b.release())
	}
	release := func() error { stop(); return errors.Join(operations.Close(), b.release()) }
	go keys.Run(ctx, keyring.PollEvery, c.logger(), func(keyring.Ring) {}) // sessions look at the ring themselves
	go w.Watch(ctx, c.logger(), w.clients.Cloud.Sources()...)
	c.logger().Info("portal serves", "address", httpserver.BaseURL(ln, w.HTTPS()), "build", version.Get())
	o := httpserver.ServeOptions{TLS: w.Config(), Balancers: b.operations.Balancers(c.Edge), Logger: c.logger()}
	return &Instance{httpserver.Start(ctx, ln, b.handler, o, release), operations}, nil
}

// built is a wired portal; release closes what it opened.
type built struct {
	handler    http.Handler
	operations *httpserver.Operations
	release    func() error
}

func build(cfg Config, clients relay.Clients, keys *keyring.Watch) (built, error) {
	api, client, err := newAPI(cfg, clients, keys)
	if err != nil {
		return built{}, err
	}
	operations, err := watch(cfg, api.Mail, client)
	b := built{operations: operations, release: func() error { return errors.Join(operations.Close(), client.Close()) }}
	if err != nil {
		return b, errors.Join(err, b.release())
	}
	if b.handler, err = newServer(cfg, api, b.operations); err != nil {
		return b, errors.Join(err, b.release())
	}
	return b, nil
}

func newAPI(cfg Config, clients relay.Clients, keys *keyring.Watch) (*httpapi.API, redis.UniversalClient, error) {
	pins, err := cfg.keeper()
	if err != nil {
		return nil, nil, err
	}
	sess, err := newSessions(keys.Ring, cfg.Origin)
	if err != nil {
		return nil, nil, err
	}
	r, err := relay.New(cfg.Cloud, pins, cfg.clock(), clients)
	if err != nil {
		return nil, nil, err
	}
	r.Troubled = func(err error) {
		cfg.logger().Error("successions of the public cloud's root were not taken", "reason", err.Error())
	}
	client, err := cfg.redis()
	if err != nil {
		return nil, nil, err
	}
	mail := mailbox.New(client, cfg.Namespace)
	return &httpapi.API{Mail: mail, Relay: r, Sessions: sess, Revoked: r.Revoked, Pins: pins, Origin: cfg.Origin, Now: cfg.clock()}, client, nil
}

func newServer(cfg Config, api *httpapi.API, operations *httpserver.Operations) (*echo.Echo, error) {
	spec, err := documents.Load(documents.Portal)
	if err != nil {
		return nil, err
	}
	site, err := newSite(cfg)
	if err != nil {
		return nil, err
	}
	if api.Config, err = cfg.page(api.Pins.Pins(), site.Version()); err != nil {
		return nil, err
	}
	e, err := httpserver.New(httpserver.Options{Service: "portal", Logger: cfg.logger(), Spec: spec, Edge: cfg.Edge.At(cfg.TLS.Behind, cfg.Listen),
		Authenticate: api.Authenticate, Unspecified: slices.AppendSeq(site.Routes(), maps.Keys(visitFiles)),
		Operations: operations})
	if err != nil {
		return nil, err
	}
	portal.RegisterHandlers(e, api)
	site.Register(e)
	addVisit(e, site)
	return e, httpserver.Agree(e, spec, slices.AppendSeq(site.Routes(), maps.Keys(visitFiles))...)
}

type silent struct{}

func (silent) Printf(context.Context, string, ...any) {}
