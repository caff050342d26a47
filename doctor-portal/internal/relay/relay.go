// Package relay passes sealed messages on to the public cloud and to hospitals. It
// speaks to two kinds of addresses only: the configured one of the public cloud,
// and those in the credentials of the signed directory.
package relay

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"

	"medunion/api/httpclient"
	"medunion/api/httpserver"
	"medunion/api/message"
	"medunion/api/problem"
	"medunion/api/roots"
)

// Limits of what is passed on.
const (
	directoryLife = time.Minute
	maxSigned     = 8 << 20
)

// maxAnswer bounds a record's pages together. A hospital releases up to 256 MiB of resources
// at once by default; in base64 they are 342 MiB, and a quarter more is for the Bundle's
// entries around small resources and for headers. Pages are passed on as they come, so that
// the bound costs no memory.
const maxAnswer = (256 << 20) * 4 / 3 * 5 / 4

// Relay forwards to the clouds. It keeps the signed directory and the list of revoked
// credentials for a minute.
type Relay struct {
	cloud     target
	hospitals *http.Client
	loopback  bool // hospitals on this machine may be called
	pins      *roots.Keeper
	now       func() time.Time

	// Troubled, if set, is told of successions that were not taken.
	Troubled func(error)

	mu        sync.Mutex
	directory message.Directory
	fetched   time.Time
	revoked   revoked
}

// Clients says how the two kinds of clouds are called. The guard, which is for hospitals
// alone, is required: the public cloud's address is the operator's own word.
type Clients struct{ Cloud, Hospitals httpclient.Secure }

// New makes a relay to the public cloud at base, https or on loopback http.
func New(base string, pins *roots.Keeper, now func() time.Time, c Clients) (*Relay, error) {
	u, err := address(base, true)
	if err != nil {
		return nil, err
	}
	if c.Hospitals.Guard == nil {
		return nil, errors.New("relay: nothing says which addresses may be dialled")
	}
	return &Relay{cloud: target{u, client(c.Cloud)}, hospitals: client(c.Hospitals), loopback: c.Hospitals.Guard.Loopback, pins: pins, now: now}, nil
}

// target is a service and how it is called.
type target struct {
	base   *url.URL
	client *http.Client
}

// client is one that uses no proxy of the environment: it speaks to the named addresses,
// and to nobody else.
func client(s httpclient.Secure) *http.Client {
	s.Idle, s.Direct, s.HeaderTimeout = 32, true, 30*time.Second
	return httpclient.New(s.Transport(), 0)
}

// address parses a base address: https, or http on a loopback address where that is
// called, and nothing but scheme, host and port.
func address(base string, loopback bool) (*url.URL, error) {
	u, err := url.Parse(base)
	if err != nil || u.Host == "" || u.Path != "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return nil, errors.New("relay: not a base address")
	}
	if u.Scheme == "https" || u.Scheme == "http" && loopback && httpserver.LoopbackHost(u.Hostname()) {
		return u, nil
	}
	return nil, errors.New("relay: plain http beyond loopback")
}

// Cloud forwards a request to the public cloud's path and copies the answer to w.
func (r *Relay) Cloud(ctx context.Context, w http.ResponseWriter, method, path string, query url.Values, body []byte) error {
	return r.forward(ctx, w, r.cloud, method, path, query, body)
}

// Hospital forwards a message to a hospital of the signed directory. An unknown
// one is NotFound.
func (r *Relay) Hospital(ctx context.Context, w http.ResponseWriter, id message.ID, path string, body []byte) error {
	d, err := r.Directory(ctx)
	if err != nil {
		return err
	}
	for _, h := range d.Hospitals {
		if h.Info.ID != id {
			continue
		}
		u, err := address(string(h.Info.Attribute), r.loopback)
		if err != nil {
			return problem.Unavailable(time.Minute, err)
		}
		return r.forward(ctx, w, target{u, r.hospitals}, http.MethodPost, path, nil, body)
	}
	return problem.NotFound("no such hospital in the directory")
}

// Directory returns the signed directory, verified, at most a minute old.
func (r *Relay) Directory(ctx context.Context) (message.Directory, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.now().Sub(r.fetched) < directoryLife {
		return r.directory, nil
	}
	r.learn(ctx)
	s, err := r.signed(ctx, "/v1/directory")
	if err != nil {
		return message.Directory{}, err
	}
	d, err := message.OpenDirectory(s, r.pins.Pins(), message.MillisOf(r.now()))
	if err != nil {
		return message.Directory{}, problem.Unavailable(time.Minute, err)
	}
	r.directory, r.fetched = d, r.now()
	return d, nil
}

// learn takes the successions of the public cloud's root, a minute behind at most. What is
// known holds on where they cannot be fetched; the statements that follow decide.
func (r *Relay) learn(ctx context.Context) {
	resp, err := r.send(ctx, r.cloud, http.MethodGet, "/v1/successions", nil, nil)
	if err != nil {
		return
	}
	defer resp.Body.Close()
	var body struct {
		Successions []string `json:"successions"`
	}
	if resp.StatusCode != http.StatusOK || json.NewDecoder(io.LimitReader(resp.Body, maxSigned)).Decode(&body) != nil {
		return
	}
	if _, err := r.pins.Learn(body.Successions); err != nil && r.Troubled != nil {
		r.Troubled(err)
	}
}

// signed fetches one signed statement of the public cloud.
func (r *Relay) signed(ctx context.Context, path string) (message.Signed, error) {
	resp, err := r.send(ctx, r.cloud, http.MethodGet, path, nil, nil)
	if err != nil {
		return message.Signed{}, err
	}
	defer resp.Body.Close()
	var body struct {
		Signed string `json:"signed"`
	}
	if resp.StatusCode != http.StatusOK || json.NewDecoder(io.LimitReader(resp.Body, maxSigned)).Decode(&body) != nil {
		return message.Signed{}, problem.Unavailable(time.Second, fmt.Errorf("relay: public cloud answered %d", resp.StatusCode))
	}
	raw, err := base64.RawURLEncoding.DecodeString(body.Signed)
	if err != nil {
		return message.Signed{}, problem.Unavailable(time.Second, err)
	}
	s, err := message.DecodeSigned(raw)
	if err != nil {
		return message.Signed{}, problem.Unavailable(time.Second, err)
	}
	return s, nil
}

func (r *Relay) send(ctx context.Context, to target, method, path string, query url.Values, body []byte) (*http.Response, error) {
	u := *to.base
	u.Path, u.RawQuery = path, query.Encode()
	req, err := http.NewRequestWithContext(ctx, method, u.String(), newBody(body))
	if err != nil {
		return nil, problem.Internal(err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if id := httpserver.RequestID(ctx); id != "" {
		req.Header.Set("X-Request-Id", id) // a problem that is passed on names the request that was made here
	}
	resp, err := to.client.Do(req)
	if errors.Is(err, httpclient.ErrAddress) {
		return nil, problem.Unavailable(time.Minute, errors.New("relay: the directory names a hospital at an address that this portal may not call (--relay-networks)"))
	}
	if err != nil {
		var u *url.Error // names the path, in which a doctor may stand
		if errors.As(err, &u) {
			err = u.Err
		}
		return nil, problem.Unavailable(2*time.Second, fmt.Errorf("relay: the cloud does not answer: %w", err))
	}
	return resp, nil
}
