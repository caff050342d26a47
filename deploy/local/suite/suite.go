// Package suite runs all parties of the system in one process, on loopback, over
// their real drivers and HTTP: embedded MongoDB and Redis, the public cloud, some
// hospitals, the doctor portal, a development medical authority, a doctor's agent
// and a patient's agent.
//
// What belongs to somebody outside the services, it stands in for: the operators who
// mint codes and tokens, the medical authority, and the passphrases that people type.
package suite

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"sync"
	"time"

	"medunion/api/httpserver"
	"medunion/api/message"
	"medunion/api/token"
	"medunion/deploy/local/authority"
	"medunion/deploy/local/embedmongo"
	"medunion/deploy/local/embedredis"
	portal "medunion/doctor-portal/server"
	"medunion/ecc"
	cloud "medunion/publiccloud/server"
)

// Options configure Start.
type Options struct {
	Dir       string    // folder of all state; required
	Suite     ecc.Suite // HPKE suite of all parties
	Hospitals int       // how many, at least 1
	Logger    *slog.Logger
	Trace     func(message.Sent) // called for each message of the agents, at once; may be nil

	// Development lets agents and hospitals make messages for testers.
	Development bool

	// RateScale multiplies the services' rates; 0 is 100: here everybody comes from one
	// address, so that its rates count all parties as one.
	RateScale float64

	// Edge, if set, alters the edge of a service before it starts. The party is publiccloud,
	// a hospital's ID, portal, or the folder of an agent's state.
	Edge func(party string, e *httpserver.Edge)
}

// windowTimeout is how long a replay window waits for Redis. Here all parties share the
// processors with their stores, and often with a compiler: the 50 ms of a Redis of its
// own would refuse honest messages.
const windowTimeout = 2 * time.Second

// Suite is the running parties.
type Suite struct {
	Cloud     string // address of the public cloud
	Portal    string
	Authority string
	Mongo     string // connection string of the embedded MongoDB
	Redis     string // host:port of the embedded Redis
	Hospitals []*Hospital

	opt       Options
	state     *state
	issuer    *token.Issuer
	authority *authority.Authority
	pins      message.Pins
	apis      map[string]API
	portal    service
	closers   []func() error // in the order of their start

	mu         sync.Mutex
	operations map[string]string
}

// Start starts everything and returns when all of it answers. An error leaves
// nothing running.
func Start(ctx context.Context, o Options) (*Suite, error) {
	if o.Hospitals < 1 || !o.Suite.Valid() || o.Logger == nil {
		return nil, errors.New("suite: one hospital at least, a valid suite, a logger")
	}
	st, err := openState(o.Dir, o.Suite, o.Hospitals)
	if err != nil {
		return nil, err
	}
	s := &Suite{opt: o, state: st, apis: map[string]API{}, operations: map[string]string{}}
	steps := []func(context.Context) error{s.startStores, s.startAuthority, s.startCloud, s.startHospitals, s.startPortal}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return nil, errors.Join(err, s.Close())
		}
	}
	return s, nil
}

// Close stops everything in the reverse order of its start.
func (s *Suite) Close() error {
	var errs []error
	for i := len(s.closers) - 1; i >= 0; i-- {
		errs = append(errs, s.closers[i]())
	}
	s.closers = nil
	return errors.Join(errs...)
}

// edge is that of a service.
func (s *Suite) edge(party string) httpserver.Edge {
	e := httpserver.Edge{RateScale: cmp.Or(s.opt.RateScale, 100)}
	return s.altered(party, e)
}

func (s *Suite) altered(party string, e httpserver.Edge) httpserver.Edge {
	if s.opt.Edge != nil {
		s.opt.Edge(party, &e)
	}
	return e
}

// operates notes where a service shows its operators how it is: its operations listener,
// else the address of the service itself.
func (s *Suite) operates(party, listener, url string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.operations[party] = cmp.Or(listener, url)
}

// Operations are the base URLs of /readyz and /metrics, by party as in Options.Edge.
func (s *Suite) Operations() map[string]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.operations)
}

func (s *Suite) onClose(f func() error) { s.closers = append(s.closers, f) }

func (s *Suite) startStores(context.Context) error {
	m, err := embedmongo.Start(embedmongo.Options{Dir: s.state.path("mongo")})
	if err != nil {
		return fmt.Errorf("embedded MongoDB: %w", err)
	}
	s.onClose(m.Close)
	r, err := embedredis.Start(embedredis.Options{})
	if err != nil {
		return fmt.Errorf("embedded Redis: %w", err)
	}
	s.onClose(r.Close)
	s.Mongo, s.Redis = m.URI(), r.Addr()
	s.issuer, err = s.state.newIssuer()
	return err
}

func (s *Suite) startAuthority(ctx context.Context) error {
	seed, err := s.state.secret("keys/authority")
	if err != nil {
		return err
	}
	key, err := ecc.SigningKeyFromSeed(seed)
	if err != nil {
		return err
	}
	s.authority, err = authority.New(authority.Config{Logger: s.log("authority"), Departments: message.DefaultDepartments, Key: key})
	if err != nil {
		return err
	}
	ln, err := s.listen("authority")
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan error, 1)
	go func() { done <- httpserver.Serve(ctx, ln, s.authority.Handler(), httpserver.ServeOptions{}) }()
	s.onClose(func() error { cancel(); return <-done })
	s.Authority = "http://" + ln.Addr().String()
	return s.state.write("authority.jwks.json", s.authority.JWKS())
}

func (s *Suite) listen(service string) (net.Listener, error) {
	a, err := s.state.address(service)
	if err != nil {
		return nil, err
	}
	return net.Listen("tcp", a)
}

func (s *Suite) startCloud(ctx context.Context) error {
	addr, err := s.state.address("publiccloud")
	if err != nil {
		return err
	}
	pass, err := s.state.passphrase("keys/publiccloud.passphrase")
	if err != nil {
		return err
	}
	i, err := cloud.Start(context.WithoutCancel(ctx), cloud.Config{Dev: true, ID: "cloud", Listen: addr, Keys: s.state.path("keys/publiccloud"), InitKeys: true,
		PassphraseFile: pass, MongoURI: s.Mongo, Database: "publiccloud", RedisAddrs: []string{s.Redis}, Namespace: "publiccloud",
		Authority: authority.DefaultName, AuthorityFile: s.state.path("authority.jwks.json"),
		Operators: operators, OperatorsFile: s.state.path("keys/operators.jwks.json"), Audience: cloudAudience,
		Suites: []uint8{uint8(s.opt.Suite)}, Past: 30 * time.Second, Future: 2 * time.Second, WindowTimeout: windowTimeout, Edge: s.edge("publiccloud"),
		CredentialLife: 2 * 365 * 24 * time.Hour, CodeLife: 14 * 24 * time.Hour, Logger: s.log("publiccloud")})
	if err != nil {
		return fmt.Errorf("public cloud: %w", err)
	}
	s.onClose(i.Close)
	s.Cloud, s.pins = i.URL(), i.Pins()
	s.operates("publiccloud", i.OperationsURL(), i.URL())
	b, err := json.Marshal(s.pins)
	if err != nil {
		return err
	}
	if err := s.state.write("pins.json", b); err != nil {
		return err
	}
	return s.ready(ctx, "publiccloud")
}

func (s *Suite) startPortal(ctx context.Context) error {
	addr, err := s.state.address("portal")
	if err != nil {
		return err
	}
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return err
	}
	origin := "http://localhost:" + port // by name: a passkey belongs to a name, never to an address
	_, keys := s.Files()
	s.portal.start = func(ctx context.Context) (func() error, error) {
		i, err := portal.Start(ctx, portal.Config{Dev: true, Listen: addr, Origin: origin, Edge: s.edge("portal"), Cloud: s.Cloud, Pins: &s.pins,
			Authority: authority.DefaultName, AuthorityFile: keys,
			SessionKeyFile: s.state.path("keys/portal"), RedisAddrs: []string{s.Redis}, Namespace: "portal", Logger: s.log("portal")})
		if err != nil {
			return nil, err
		}
		s.operates("portal", i.OperationsURL(), origin)
		return i.Close, nil
	}
	s.onClose(s.portal.close)
	s.Portal = origin
	return s.StartPortal(ctx)
}

// StartPortal starts the portal again after StopPortal, and returns when it is ready.
func (s *Suite) StartPortal(ctx context.Context) error {
	if err := s.portal.Start(ctx); err != nil {
		return fmt.Errorf("portal: %w", err)
	}
	return s.ready(ctx, "portal")
}

// StopPortal ends the portal. What waits in its mailboxes stays in Redis.
func (s *Suite) StopPortal() error { return s.portal.Stop() }

// ready waits until a service is ready: its stores answer, and its replay window
// takes messages again after Redis began a new epoch.
func (s *Suite) ready(ctx context.Context, party string) error {
	url := s.Operations()[party]
	return WaitFor(ctx, 20*time.Second, lookEvery, party+" to be ready", func() (bool, error) {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/readyz", nil)
		if err != nil {
			return false, err
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return false, nil // not listening yet
		}
		return resp.StatusCode == http.StatusOK, resp.Body.Close()
	})
}

func (s *Suite) log(service string) *slog.Logger { return s.opt.Logger.With("party", service) }

// OperatorToken lets its holder mint patients' codes at the public cloud.
func (s *Suite) OperatorToken() (string, error) { return s.OperatorTokenAt(time.Now()) }

// OperatorTokenAt is an OperatorToken of one day from the given time.
func (s *Suite) OperatorTokenAt(t time.Time) (string, error) {
	return s.token(t, cloudAudience, token.ScopeOperator)
}

// Files that other programs on this machine need to join the suite.
func (s *Suite) Files() (pins, authorityKeys string) {
	return s.state.path("pins.json"), s.state.path("authority.jwks.json")
}
