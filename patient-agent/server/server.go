package server

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/labstack/echo/v4"

	"medunion/api/httpserver"
	documents "medunion/api/openapi"
	api "medunion/api/openapi/patientagent"
	"medunion/api/settings"
	"medunion/api/token"
	"medunion/api/version"
	"medunion/patient-agent/agent"
)

const service = "patientagent"

// Instance is a running agent with its local API. When it ends, visits under way end
// too and the store is locked.
type Instance struct {
	*httpserver.Running
	agent    *agent.Agent
	token    token.Local
	origin   string // of the page
	sessions *pageSessions

	operations *httpserver.Operations
	listener   *httpserver.Running // for operators; may be nil
}

// OperationsURL is the base URL of the operations listener, "" without one.
func (i *Instance) OperationsURL() string { return i.listener.URL() }

// ready says whether the agent can answer: it has no identity yet, or its keys are open.
func (i *Instance) ready() bool {
	s := i.agent.Status()
	return !s.Exists || s.Open
}

// Token is the bearer token that the local API wants.
func (i *Instance) Token() string { return i.token.Secret() }

// Agent is what the API calls, for a program that starts it in its own process.
func (i *Instance) Agent() *agent.Agent { return i.agent }

// Run serves until ctx ends.
func Run(ctx context.Context, cfg Config) error {
	i, err := Start(ctx, cfg)
	if err != nil {
		return err
	}
	cfg.logger().Info("listening", "service", service, "url", i.URL(), "page", i.origin, "build", version.Get())
	return i.Wait()
}

// Start opens the port, which must be on loopback, and serves in the background
// until ctx ends or Close is called. A store that exists is opened if the
// configuration points to its passphrase; otherwise it stays locked until it is
// unlocked through the API.
func Start(ctx context.Context, cfg Config) (*Instance, error) {
	if err := cfg.guard().Err(); err != nil {
		return nil, err
	}
	if cfg.Dev {
		cfg.logger().Warn(settings.DevWarning)
	}
	ln, err := listen(cfg.Listen)
	if err != nil {
		return nil, fmt.Errorf("patient agent: %w", err)
	}
	i, err := startOn(ctx, cfg, ln)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("patient agent: %w", err), ln.Close())
	}
	return i, nil
}

func startOn(ctx context.Context, cfg Config, ln net.Listener) (*Instance, error) {
	origin, err := cfg.pageOrigin(ln)
	if err != nil {
		return nil, err
	}
	if cfg.Development && !(local(cfg.Cloud) && local(origin)) {
		return nil, errDevelopment
	}
	cfg.Origin = origin
	a, err := cfg.NewAgent()
	if err != nil {
		return nil, err
	}
	a.StayRenewed()
	i := &Instance{agent: a, origin: origin}
	if err := i.start(ctx, cfg, ln); err != nil {
		return nil, errors.Join(err, a.Close())
	}
	return i, nil
}

func (i *Instance) start(ctx context.Context, cfg Config, ln net.Listener) (err error) {
	if i.token, err = token.OpenLocal(cfg.tokenFile()); err != nil {
		return err
	}
	_, port, err := net.SplitHostPort(ln.Addr().String())
	if err != nil {
		return err
	}
	i.sessions = newPageSessions(i.token, port, i.origin, cfg.Now)
	if err := i.unlock(cfg); err != nil {
		return err
	}
	i.operations = httpserver.NewOperations(httpserver.KeysUnlocked(i.ready))
	if err := i.operations.Trace(cfg.Edge, service, cfg.logger()); err != nil {
		return err
	}
	e, err := i.handler(cfg)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	if i.listener, err = i.operations.Start(ctx, service, cfg.logger(), cfg.Edge, nil, false); err != nil {
		stop()
		return err
	}
	release := func() error { stop(); return errors.Join(i.listener.Close(), i.operations.Close(), i.agent.Close()) }
	i.Running = httpserver.Start(ctx, ln, e, httpserver.ServeOptions{Balancers: i.operations.Balancers(cfg.Edge), Logger: cfg.logger()}, release)
	return nil
}

func (i *Instance) unlock(cfg Config) error {
	passphrase, err := cfg.ReadPassphrase()
	if err != nil || passphrase == nil || !i.agent.Status().Exists {
		return err
	}
	return i.agent.Unlock(passphrase)
}

// handler is the HTTP API: the edge of all services, the checks against the OpenAPI
// document, and one call of the agent for each operation; and the page beside it.
func (i *Instance) handler(cfg Config) (*echo.Echo, error) {
	spec, err := documents.Load(documents.PatientAgent)
	if err != nil {
		return nil, err
	}
	if cfg.Development {
		cfg.logger().Warn(httpserver.DevelopmentWarning)
	} else {
		httpserver.WithoutDevelopment(spec)
	}
	site, err := newSite(i.origin)
	if err != nil {
		return nil, err
	}
	e, err := httpserver.New(httpserver.Options{Service: service, Logger: cfg.logger(), Spec: spec, Authenticate: i.authenticate,
		Hosts: hosts(i.origin), Unspecified: site.Routes(), Edge: cfg.Edge.At(false, cfg.Listen), Operations: i.operations})
	if err != nil {
		return nil, err
	}
	h := handlers{a: i.agent, token: i.token, sessions: i.sessions, watchers: make(chan struct{}, maxWatchers), preparer: &preparer{raw: i.agent.Raw()}}
	api.RegisterHandlers(e, api.NewStrictHandler(h, nil))
	site.Register(e)
	return e, httpserver.Agree(e, spec, site.Routes()...)
}

// authenticate lets programs in by the token and the page by its cookie.
func (i *Instance) authenticate(c echo.Context, scheme string, scopes []string) error {
	if scheme == pageScheme {
		return i.sessions.authenticate(c)
	}
	return i.token.Authenticate(c, scheme, scopes)
}
