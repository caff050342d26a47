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
	secured, err := cfg.TLS.Load(cfg.Listen)
	if err != nil {
		return nil, fmt.Errorf("portal: %w", err)
	}
	clients, err := cfg.clients()
	if err != nil {
		return nil, fmt.Errorf("portal: %w", err)
	}
	ln, err := net.Listen("tcp", cfg.Listen)
	if err != nil {
		return nil, fmt.Errorf("portal: %w", err)
	}
	if cfg.Origin == "" {
		cfg.Origin = httpserver.BaseURL(ln, secured.HTTPS())
	}
	keys, err := cfg.sessionKeys(ctx)
	if err != nil {
		return nil, errors.Join(err, ln.Close())
	}
	b, err := build(cfg, clients, keys)
	if err != nil {
		return nil, errors.Join(err, ln.Close())
	}
	ctx, stop := context.WithCancel(ctx)
	b.operations.Require(nil, secured.Reloads(clients.Cloud.Sources()...), telemetry.KeysOpenable(keys.Degraded))
	operations, err := b.operations.Start(ctx, "portal", cfg.logger(), cfg.Edge, secured.Config(), cfg.TLS.Behind)
	if err != nil {
		stop()
		return nil, errors.Join(fmt.Errorf("portal: %w", err), ln.Close(), b.release())
	}
	release := func() error { stop(); return errors.Join(operations.Close(), b.release()) }
	go keys.Run(ctx, keyring.PollEvery, cfg.logger(), func(keyring.Ring) {}) // sessions look at the ring themselves
	go secured.Watch(ctx, cfg.logger(), clients.Cloud.Sources()...)
	o := httpserver.ServeOptions{TLS: secured.Config(), Balancers: b.operations.Balancers(cfg.Edge), Logger: cfg.logger()}
	cfg.logger().Info("portal serves", "address", httpserver.BaseURL(ln, o.TLS != nil), "build", version.Get())
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
