package server

import (
	"context"
	"errors"
	"fmt"
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

// Instance is a running agent with its local API. When it ends, visits under way end
// too and the store is locked.
type Instance struct {
	*httpserver.Running
	agent *agent.Agent
	token token.Local
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
	cfg.logger().Info("listening", "service", service, "url", i.URL())
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
	i := &Instance{agent: a}
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
	ln, err := httpserver.ListenLoopback(cfg.Listen)
	if err != nil {
		return err
	}
	i.Running = httpserver.Start(ctx, ln, e, httpserver.ServeOptions{Logger: cfg.logger()}, i.agent.Close)
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
