package server

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"medunion/api/httpserver"
	"medunion/api/keyring"
	"medunion/api/keyroll"
	"medunion/api/message"
	"medunion/api/mongodb"
	"medunion/api/problem"
	"medunion/api/replay"
	"medunion/api/roots"
	"medunion/api/secretfile"
	"medunion/api/settings"
	"medunion/api/telemetry"
	"medunion/privatecloud/hospital"
	"medunion/privatecloud/internal/cloudclient"
	"medunion/privatecloud/internal/fhir"
	"medunion/privatecloud/internal/ingest"
	"medunion/privatecloud/internal/mongostore"
	"medunion/privatecloud/internal/redisstore"
)

func (c *Config) setTools() {
	if c.Logger == nil {
		c.Logger = c.Edge.NewLogger(os.Stderr)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Rand == nil {
		c.Rand = rand.Reader
	}
}

// parts is what an instance holds open.
type parts struct {
	config   Config
	wire     *wire
	pins     *roots.Keeper
	params   message.Parameters
	cloud    *cloudclient.Client
	store    *mongostore.Store
	window   *replay.Window
	redis    redis.UniversalClient
	hospital *hospital.Hospital
	importer ingest.Importer
	lease    *keyroll.Lease

	meters     meters
	operations *httpserver.Operations

	due     chan struct{} // a hint that index entries wait
	rolled  chan struct{} // a hint that the key ring is a new one
	renewed chan struct{} // the same, for who publishes prekeys

	saidOver atomic.Bool // that the credential is over
}

// open opens everything but HTTP. The keys are registered.
func open(ctx context.Context, c Config, w *wire, k keys) (*parts, error) {
	p := &parts{config: c, wire: w, due: make(chan struct{}, 1), rolled: make(chan struct{}, 1), renewed: make(chan struct{}, 1)}
	var err error
	if p.meters, err = newMeters(c); err != nil {
		return nil, err
	}
	if err := p.connect(ctx, k); err != nil {
		return nil, errors.Join(err, p.close())
	}
	return p, nil
}

// connect opens what a hospital stands on, from the outside in. What it has opened when it fails
// close gives up.
func (p *parts) connect(ctx context.Context, k keys) error {
	if err := p.reachCloud(ctx); err != nil {
		return err
	}
	if err := p.config.refuseEmbedded(ctx); err != nil {
		return explain(err)
	}
	if err := p.openRedis(); err != nil {
		return err
	}
	floor, err := p.openStore(ctx)
	if err != nil {
		return err
	}
	if err := p.role(k, floor); err != nil {
		return err
	}
	p.operations = p.watch()
	return nil
}

// reachCloud makes the client of the public cloud, and gets what it says of itself.
func (p *parts) reachCloud(ctx context.Context) (err error) {
	c := p.config
	if p.pins, err = c.keeper(); err != nil {
		return err
	}
	if p.cloud, err = cloudclient.New(c.Cloud, p.pins, c.Now, p.wire.client.Transport()); err != nil {
		return err
	}
	if err := p.cloud.Learn(ctx); err != nil { // what is known holds until the public cloud answers
		c.Logger.Warn("successions of the public cloud's root were not fetched", "reason", problem.Reason(err))
	}
	p.params, err = p.parameters(ctx)
	return err
}

// openRedis opens the window and the sessions.
func (p *parts) openRedis() error {
	w, err := p.config.window(p.params)
	if err != nil {
		return err
	}
	spans := telemetry.RedisSpans(p.meters.operations.Tracer)
	w.Observe, w.Hook = p.meters.window.Observe, spans
	if p.window, err = replay.New(w, p.config.Now); err != nil {
		return err
	}
	if p.redis, err = p.config.redis(); err != nil {
		return err
	}
	p.redis.AddHook(spans)
	return nil
}

// openStore opens the database, checks in, and returns the floor.
func (p *parts) openStore(ctx context.Context) (message.Millis, error) {
	c := p.config
	open := mongostore.Open
	if c.command {
		open = mongostore.OpenUsed
	}
	var err error
	if p.store, err = open(ctx, c.MongoURI, c.Database, p.meters.mongo.Watch); err != nil {
		return 0, explain(err)
	}
	if p.lease, err = c.lease(ctx, p.store); err != nil {
		return 0, err
	}
	floor, err := p.store.Database().Floor(ctx)
	if err != nil && !(c.restoring && errors.Is(err, mongodb.ErrUnfinished)) {
		return 0, explained(err)
	}
	return message.Millis(floor), nil
}

// lease loads the key ring, to be watched, and checks in.
func (c Config) lease(ctx context.Context, s *mongostore.Store) (*keyroll.Lease, error) {
	f, err := openKeyFile(c)
	if err != nil {
		return nil, err
	}
	w, err := f.Watch(ctx)
	if err != nil {
		return nil, err
	}
	return keyroll.NewLease(ctx, w, s, c.LeaseLife)
}

// explain shows the cause of a problem, which its Error hides from strangers, to the
// operator who starts the service.
func explain(err error) error { return errors.New(problem.Reason(err)) }

// explained is explain for an error that a caller still asks what it is.
func explained(err error) error {
	var p *problem.Error
	if !errors.As(err, &p) {
		return err
	}
	return fmt.Errorf("%w (%s)", err, problem.Reason(err))
}

// parameters fetches the public parameters, or takes those of the last start: a hospital
// starts whether or not the public cloud can be reached. Both are signed.
func (p *parts) parameters(ctx context.Context) (message.Parameters, error) {
	path := p.config.Keys + ".parameters"
	params, signed, err := p.cloud.Parameters(ctx)
	if err == nil {
		return params, secretfile.Replace(path, signed.Encode())
	}
	b, missing := os.ReadFile(path)
	if missing != nil {
		return params, fmt.Errorf("public parameters: %w", explain(err))
	}
	if signed, err = message.DecodeSigned(b); err != nil {
		return params, fmt.Errorf("public parameters: %w", err)
	}
	return message.OpenParameters(signed, p.pins.Pins(), message.MillisOf(p.config.Now()))
}

func (p *parts) role(k keys, floor message.Millis) error {
	c, s := p.config, p.store
	authority, err := c.authority()
	if err != nil {
		return err
	}
	classes, err := fhir.NewClassifier(p.params.ClassRules, texts(p.params.Classes))
	if err != nil {
		return fmt.Errorf("public parameters: %w", err)
	}
	rules, err := p.rules()
	if err != nil {
		return err
	}
	ids, err := newIdentities(p.lease)
	if err != nil {
		return err
	}
	if err := p.over(ids.Identities().Current.Credential); err != nil && !c.past {
		return err
	}
	p.hospital, err = hospital.New(hospital.Config{
		Keys: hospital.Keys{Identities: ids, Lookup: k.lookup, Storage: storage{p.lease}}, Pins: p.pins,
		VerifyCertificate: authority.Verify, Now: c.Now, Rand: c.Rand, Window: redisstore.Window{Window: p.window},
		Sessions: redisstore.NewSessions(p.redis, c.Namespace), Records: s, DeskCodes: s, Enrolments: s, Tickets: s, Consents: s,
		Receipts: s, Diagnoses: s, Audit: s, Erasures: s, Rekeying: s, Prekeys: s, Revocations: p.cloud, Cloud: p.cloud,
		Reader: ingest.DiagnosisReader{Classes: classes, Limits: fhir.DefaultLimits},
		Past:   c.past, Floor: floor, DeskCodeLife: c.DeskCodeLife, RequirePasskey: c.RequirePasskey, MaxReleaseSize: c.MaxRelease, RequestID: httpserver.RequestID, Due: p.hint,
	})
	p.importer = ingest.Importer{Hospital: p.hospital, Rules: rules, Classes: classes, Limits: fhir.DefaultLimits, MRNSystem: c.MRNSystem}
	return err
}

func (p *parts) rules() (fhir.Rules, error) {
	departments := texts(p.params.Departments)
	if p.config.DepartmentRules == "" {
		r := fhir.DefaultRules()
		return r, r.Validate(departments)
	}
	b, err := settings.ReadFile("department rules", p.config.DepartmentRules)
	if err != nil {
		return fhir.Rules{}, err
	}
	return fhir.LoadRules(bytes.NewReader(b), departments)
}

func texts(codes []message.Code) []string {
	out := make([]string, len(codes))
	for i, c := range codes {
		out[i] = string(c)
	}
	return out
}

func (p *parts) hint() {
	select {
	case p.due <- struct{}{}:
	default:
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
	if p.redis != nil {
		errs = append(errs, p.redis.Close())
	}
	return errors.Join(errs...)
}

// prepare loads the keys, makes them, or registers them: what the configuration allows.
func prepare(ctx context.Context, c Config, w *wire, address string) (keys, error) {
	f, err := openKeyFile(c)
	if err != nil {
		return keys{}, err
	}
	k, err := loadKeys(ctx, f)
	if errors.Is(err, os.ErrNotExist) && c.InitKeys {
		k, err = initKeys(ctx, f, c, address)
	}
	if err != nil {
		return k, err
	}
	if k.draft.ID != message.ID(c.ID) {
		return k, fmt.Errorf("the key file is that of hospital %s", k.draft.ID)
	}
	if k.registered {
		return k, k.unfinished
	}
	return register(ctx, c, w, f, k, address)
}

// initKeys makes a key file, never over another: new keys would make every record unreadable.
func initKeys(ctx context.Context, f keyring.File, c Config, address string) (keys, error) {
	r, err := newRing(c, address)
	if err == nil {
		err = f.Create(ctx, r)
	}
	if err != nil {
		return keys{}, err
	}
	return keysOf(r)
}

// register runs M0. The draft's secrets are on disk already, so that none is lost with the reply.
func register(ctx context.Context, c Config, w *wire, f keyring.File, k keys, address string) (keys, error) {
	if c.OperatorToken == "" {
		return k, errors.New("the hospital is not registered: an operator token of the public cloud is needed")
	}
	token, err := secretfile.Read(c.OperatorToken)
	if err != nil {
		return k, fmt.Errorf("operator token: %w", err)
	}
	pins, err := c.keeper()
	if err != nil {
		return k, err
	}
	client, err := cloudclient.New(c.Cloud, pins, c.Now, w.client.Transport())
	if err != nil {
		return k, err
	}
	if err := client.Learn(ctx); err != nil {
		return k, fmt.Errorf("registration: %w", explain(err))
	}
	k.draft.Address = address
	reply, err := client.Register(ctx, c.Rand, k.draft, strings.TrimSpace(string(token)))
	if err != nil {
		return k, fmt.Errorf("registration: %w", explain(err))
	}
	if k.credential, k.s, err = k.draft.Accept(reply, pins.Pins(), message.MillisOf(c.Now())); err != nil {
		return k, fmt.Errorf("registration: %w", err)
	}
	k.registered = true
	_, err = f.Update(ctx, func(r keyring.Ring) (keyring.Ring, error) { return k.registeredRing(r.Changed(), c.Now()), nil })
	return k, err
}
