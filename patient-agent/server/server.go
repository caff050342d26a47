package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/labstack/echo/v4"

	"medunion/api/httpserver"
	api "medunion/api/openapi/patientagent"
	"medunion/api/token"
	"medunion/patient-agent/agent"
)

const service = "patientagent"

// visitBody bounds the request of a visit: a CSV file of some megabytes, escaped.
const visitBody = 24 << 20

// Instance is a running agent with its local API.
type Instance struct {
	agent  *agent.Agent
	url    string
	token  token.Local
	cancel context.CancelFunc
	ended  chan struct{}
	err    error // of the end; read after ended is closed
}

// URL is the local API's base address.
func (i *Instance) URL() string { return i.url }

// Token is the bearer token that the local API wants.
func (i *Instance) Token() string { return i.token.Secret() }

// Agent is what the API calls, for a program that starts it in its own process.
func (i *Instance) Agent() *agent.Agent { return i.agent }

// Wait returns when the agent has stopped and its store is locked.
func (i *Instance) Wait() error { <-i.ended; return i.err }

// Close stops the agent and waits for that. Visits under way end.
func (i *Instance) Close() error {
	i.cancel()
	return i.Wait()
}

// Run serves until ctx ends.
func Run(ctx context.Context, cfg Config) error {
	i, err := Start(ctx, cfg)
	if err != nil {
		return err
	}
	cfg.logger().Info("listening", "service", service, "url", i.url)
	return i.Wait()
}

// Start opens the port, which must be on loopback, and serves in the background
// until ctx ends or Close is called. A store that exists is opened if the
// configuration points to its passphrase; otherwise it stays locked until it is
// unlocked through the API.
func Start(ctx context.Context, cfg Config) (*Instance, error) {
	a, err := cfg.NewAgent()
	if err != nil {
		return nil, fmt.Errorf("patient agent: %w", err)
	}
	i := &Instance{agent: a, ended: make(chan struct{})}
	if err := i.start(ctx, cfg); err != nil {
		return nil, errors.Join(fmt.Errorf("patient agent: %w", err), a.Close())
	}
	return i, nil
}

func (i *Instance) start(ctx context.Context, cfg Config) (err error) {
	if i.token, err = token.OpenLocal(cfg.tokenFile()); err != nil {
		return err
	}
	if err := i.unlock(cfg); err != nil {
		return err
	}
	e, err := i.handler(cfg)
	if err != nil {
		return err
	}
	ln, err := listen(cfg.Listen)
	if err != nil {
		return err
	}
	i.url = "http://" + ln.Addr().String()
	ctx, i.cancel = context.WithCancel(ctx)
	go func() {
		defer close(i.ended)
		defer i.cancel()
		err := httpserver.Serve(ctx, ln, e, httpserver.ServeOptions{Logger: cfg.logger()})
		i.err = errors.Join(err, i.agent.Close())
	}()
	return nil
}

func (i *Instance) unlock(cfg Config) error {
	passphrase, err := cfg.ReadPassphrase()
	if err != nil || passphrase == nil || !i.agent.Status().Exists {
		return err
	}
	return i.agent.Unlock(passphrase)
}

// listen refuses every address that others could reach.
func listen(address string) (net.Listener, error) {
	host, _, err := net.SplitHostPort(address)
	ip := net.ParseIP(host)
	if err != nil || host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, errors.New("the local API listens on a loopback address only")
	}
	return net.Listen("tcp", address)
}

// handler is the HTTP API: the edge of all services, the checks against the OpenAPI
// document, and one call of the agent for each operation.
func (i *Instance) handler(cfg Config) (*echo.Echo, error) {
	spec, err := api.GetSpec()
	if err != nil {
		return nil, err
	}
	slow := httpserver.Limits{Timeout: 2 * time.Minute}
	e, err := httpserver.New(httpserver.Options{Service: service, Logger: cfg.logger(), Spec: spec, Authenticate: i.token.Authenticate,
		Hosts: []string{"127.0.0.1", "::1", "localhost"},
		Routes: map[string]httpserver.Limits{
			"/v1/visits":    {Body: visitBody, Timeout: 2 * time.Minute},
			"/v1/hospitals": slow, "/v1/diagnoses": slow, "/v1/releases": slow, "/v1/record/:hospital": slow,
			"/v1/consents/:consent/revocation": slow, "/v1/consents/:consent/uses": slow, "/v1/registration": slow}})
	if err != nil {
		return nil, err
	}
	api.RegisterHandlers(e, api.NewStrictHandler(handlers{i.agent}, nil))
	return e, nil
}
