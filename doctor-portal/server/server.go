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
	documents "medunion/api/openapi"
	"medunion/api/openapi/portal"
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
	cert, err := httpserver.TLS{Cert: cfg.TLSCert, Key: cfg.TLSKey, Behind: cfg.BehindTLS}.Load(cfg.Listen)
	if err != nil {
		return nil, fmt.Errorf("portal: %w", err)
	}
	ln, err := net.Listen("tcp", cfg.Listen)
	if err != nil {
		return nil, fmt.Errorf("portal: %w", err)
	}
	if cfg.Origin == "" {
		cfg.Origin = httpserver.BaseURL(ln, cert != nil)
	}
	b, err := build(cfg)
	if err != nil {
		return nil, errors.Join(err, ln.Close())
	}
	ctx, stop := context.WithCancel(ctx)
	operations, err := b.operations.Start(ctx, "portal", cfg.logger(), cfg.Edge, cert, cfg.BehindTLS)
	if err != nil {
		stop()
		return nil, errors.Join(fmt.Errorf("portal: %w", err), ln.Close(), b.release())
	}
	release := func() error { stop(); return errors.Join(operations.Close(), b.release()) }
	return &Instance{httpserver.Start(ctx, ln, b.handler, httpserver.ServeOptions{TLS: cert, Logger: cfg.logger()}, release), operations}, nil
}

// built is a wired portal; release closes what it opened.
type built struct {
	handler    http.Handler
	operations *httpserver.Operations
	release    func() error
}

func build(cfg Config) (built, error) {
	api, client, err := newAPI(cfg)
	if err != nil {
		return built{}, err
	}
	b := built{operations: watch(cfg, api.Mail, client), release: client.Close}
	if b.handler, err = newServer(cfg, api, b.operations); err != nil {
		return b, errors.Join(err, b.release())
	}
	return b, nil
}

func newAPI(cfg Config) (*httpapi.API, redis.UniversalClient, error) {
	pins, err := cfg.pins()
	if err != nil {
		return nil, nil, err
	}
	key, err := cfg.sessionKey()
	if err != nil {
		return nil, nil, err
	}
	sess, err := newSessions(key, cfg.Origin)
	if err != nil {
		return nil, nil, err
	}
	r, err := relay.New(cfg.Cloud, pins, cfg.clock())
	if err != nil {
		return nil, nil, err
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
	if api.Config, err = cfg.page(api.Pins, site.Version()); err != nil {
		return nil, err
	}
	e, err := httpserver.New(httpserver.Options{Service: "portal", Logger: cfg.logger(), Spec: spec, Edge: cfg.Edge.At(cfg.BehindTLS, cfg.Listen),
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
