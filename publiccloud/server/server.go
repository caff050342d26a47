// Package server runs the public cloud: it wires the role to its stores and to
// HTTP.
package server

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"medunion/api/httpserver"
	"medunion/api/keyring"
	"medunion/api/keyroll"
	"medunion/api/message"
	"medunion/api/problem"
	"medunion/api/replay"
	"medunion/api/telemetry"
	"medunion/api/token"
	"medunion/api/version"
	"medunion/publiccloud/cloud"
	"medunion/publiccloud/internal/httpapi"
	"medunion/publiccloud/internal/mongostore"
	"medunion/publiccloud/internal/redisstore"
)

// rotateEvery is how often the own prekeys are looked after.
const rotateEvery = 5 * time.Minute

// Instance is a running public cloud.
type Instance struct {
	*httpserver.Running
	cloud      *cloud.Cloud
	operations *httpserver.Running
}

// Run serves until ctx ends. It returns nil after a clean shutdown.
func Run(ctx context.Context, c Config) error {
	i, err := Start(ctx, c)
	if err != nil {
		return err
	}
	return i.Wait()
}

// Start opens everything that is configured, begins to serve, and returns. The
// instance ends with ctx or by Close.
func Start(ctx context.Context, c Config) (*Instance, error) {
	c = c.withDefaults()
	if err := c.guard().Err(); err != nil {
		return nil, err
	}
	w, err := c.wire()
	if err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	p, err := open(ctx, c)
	if err != nil {
		return nil, err
	}
	i, err := p.serve(ctx, c, w)
	if err != nil {
		return nil, errors.Join(err, p.close())
	}
	return i, nil
}

// wire is how the others speak with the public cloud, and who may.
type wire struct {
	*httpserver.Secured
	peers *httpserver.Peers
}

func (c Config) wire() (w wire, err error) {
	if w.Secured, err = c.TLS.Load(c.Listen); err != nil {
		return w, err
	}
	w.peers, err = c.Peering.Load(c.Logger, c.TLS, c.Edge, c.Listen)
	return w, err
}

// serve begins to serve with what is open. It closes none of it when it fails.
func (p *parts) serve(ctx context.Context, c Config, w wire) (*Instance, error) {
	handler, err := p.handler(c, w.peers)
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	announce(c, p.cloud.Pins(), httpserver.BaseURL(listener, w.HTTPS()))
	ctx, stop := context.WithCancel(ctx)
	p.operations.Require(nil, w.Reloads(w.peers.Sources()...))
	operations, err := p.operations.Start(ctx, "publiccloud", c.Logger, c.Edge, w.Config(), c.TLS.Behind)
	if err != nil {
		stop()
		return nil, errors.Join(err, listener.Close())
	}
	release := func() error { stop(); return errors.Join(operations.Close(), p.close()) }
	o := httpserver.ServeOptions{TLS: w.peers.Ask(w.Config()), Balancers: p.operations.Balancers(c.Edge), Logger: c.Logger}
	i := &Instance{cloud: p.cloud, operations: operations, Running: httpserver.Start(ctx, listener, handler, o, release)}
	p.lookAfter(ctx, c, w)
	return i, nil
}

// lookAfter begins what goes on beside the requests, until ctx ends.
func (p *parts) lookAfter(ctx context.Context, c Config, w wire) {
	go p.rotate(ctx, c.Logger)
	go w.Watch(ctx, c.Logger, w.peers.Sources()...)
	go p.followKeys(ctx, c)
}

// announce says what is about to serve, before anybody can find it ready.
func announce(c Config, pins message.Pins, address string) {
	newest, _ := pins.Newest()
	c.Logger.Info("public cloud serves", "address", address, "id", c.ID, "build", version.Get(), "successions", len(pins.Successions()),
		"PK", newest.PK.String(), "PUK_C", hex.EncodeToString(newest.PUKC.Bytes()))
}

// Pins is what every other party must hold of this public cloud.
func (i *Instance) Pins() message.Pins { return i.cloud.Pins() }

// OperationsURL is the base URL of the operations listener, "" without one.
func (i *Instance) OperationsURL() string { return i.operations.URL() }

// Role is the public cloud itself, over the stores of this instance, for a program that
// joins the parties without HTTP.
func (i *Instance) Role() *cloud.Cloud { return i.cloud }

// parts is what an instance holds open.
type parts struct {
	cloud  *cloud.Cloud
	store  *mongostore.Store
	window *replay.Window
	lease  *keyroll.Lease
	trail  cloud.Trail

	meters     meters
	operations *httpserver.Operations
}

func open(ctx context.Context, c Config) (*parts, error) {
	ring, k, err := openKeys(ctx, c)
	if err != nil {
		return nil, err
	}
	authority, err := c.authority()
	if err != nil {
		return nil, err
	}
	if err := c.refuseEmbedded(ctx); err != nil {
		return nil, explain(err)
	}
	p := &parts{}
	if err = p.connect(ctx, c, ring); err == nil {
		err = p.begin(ctx, c, k, authority.Verify)
	}
	if err != nil {
		return nil, errors.Join(err, p.close())
	}
	return p, nil
}

// connect opens the stores, and checks in.
func (p *parts) connect(ctx context.Context, c Config, ring *keyring.Watch) (err error) {
	if p.meters, err = newMeters(c); err != nil {
		return err
	}
	if p.window, err = p.meters.open(c); err != nil {
		return err
	}
	if p.store, err = mongostore.Open(ctx, c.MongoURI, c.Database, p.meters.mongo.Watch); err != nil {
		return explain(err)
	}
	p.lease, err = keyroll.NewLease(ctx, ring, p.store, keyroll.LeaseLife)
	return err
}

// open opens the window, measured.
func (m meters) open(c Config) (*replay.Window, error) {
	w, err := c.window()
	if err != nil {
		return nil, err
	}
	w.Observe, w.Hook = m.window.Observe, telemetry.RedisSpans(m.operations.Tracer)
	return replay.New(w, c.Now)
}

// begin makes the role over what is connected, with prekeys.
func (p *parts) begin(ctx context.Context, c Config, k keys, verify message.CertificateVerifier) error {
	floor, err := p.store.Database().Floor(ctx)
	if err != nil {
		return explain(err)
	}
	if p.cloud, err = p.role(c, k, message.Millis(floor), verify); err != nil {
		return err
	}
	if err := p.cloud.Rotate(ctx); err != nil {
		return explain(err)
	}
	p.trail = c.trail(p.store, k)
	p.operations = p.watch(c)
	return nil
}

// explain shows the cause of a problem, which its Error hides from strangers, to
// the operator who starts the service.
func explain(err error) error { return errors.New(problem.Reason(err)) }

func (p *parts) role(c Config, k keys, floor message.Millis, verify message.CertificateVerifier) (*cloud.Cloud, error) {
	s := p.store
	return cloud.New(cloud.Config{
		ID: message.ID(c.ID), Roots: k.roots, HandleKey: k.handle, AtRest: atRest{p.lease},
		Suites: c.suites(), Past: c.Past, Future: c.Future, CredentialLife: c.CredentialLife, CodeLife: c.CodeLife,
		Floor: floor, VerifyCertificate: verify, Now: c.Now, Rand: c.Rand, Window: redisstore.NewWindow(p.window, c.Now),
		Registry: s, Revocations: s, Prekeys: s, OwnPrekeys: s, Sealed: s, Index: s, Consents: s, Log: s, Operations: s,
	})
}

func (p *parts) handler(c Config, peers *httpserver.Peers) (http.Handler, error) {
	operators, err := c.operators()
	if err != nil {
		return nil, err
	}
	return httpapi.New(httpapi.Options{
		Cloud:    p.cloud,
		Operator: func(e echo.Context) error { return admit(operators, e, c.Now()) },
		Logger:   c.Logger, Edge: c.Edge.At(c.TLS.Behind, c.Listen),
		Peers: peers, Operations: p.operations,
	})
}

// admit lets an operator in.
func admit(operators *token.Verifier, e echo.Context, now time.Time) error {
	if err := operators.Admit(e, now, token.ScopeOperator); err != nil {
		return err
	}
	t, _ := token.FromContext(e.Request().Context())
	httpserver.SetIdentity(e, t.Subject)
	return nil
}

// followRoots takes over the roots of a new ring. Roots that do not continue those in use
// are refused, and those in use stay.
func (p *parts) followRoots(r keyring.Ring, c Config) {
	roots, err := rootsOf(r, message.ID(c.ID))
	if err == nil {
		err = p.cloud.SetRoots(roots)
	}
	if err != nil {
		c.Logger.Error("the roots of the key file were not taken over; those in memory stay in use", "reason", err.Error())
	}
}

// rotate keeps the own prekeys fresh until ctx ends. A failure is tried again;
// until then requests make the slot's key themselves.
func (p *parts) rotate(ctx context.Context, log *slog.Logger) {
	tick := time.NewTicker(rotateEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if err := p.cloud.Rotate(ctx); err != nil && ctx.Err() == nil {
				log.Error("prekeys were not rotated", "reason", problem.Reason(err))
			}
		}
	}
}

// close gives up what is open; requests have ended.
func (p *parts) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	errs := []error{p.meters.operations.Close()}
	if p.lease != nil {
		p.lease.CheckOut(ctx)
	}
	if p.store != nil {
		errs = append(errs, p.store.Close(ctx))
	}
	if p.window != nil {
		errs = append(errs, p.window.Close())
	}
	return errors.Join(errs...)
}
