// Package cloudclient is the public cloud as a hospital speaks with it: parameters,
// revocation list, prekeys, index writes, registration.
package cloudclient

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"medunion/api/httpclient"
	"medunion/api/message"
	openapi "medunion/api/openapi/publiccloud"
	"medunion/api/problem"
	"medunion/api/roots"
	"medunion/privatecloud/hospital"
)

// maxAnswer bounds every answer in bytes: the revocation list is the longest.
const maxAnswer = 8 << 20

// Client implements hospital.Cloud and hospital.Revocations.
type Client struct {
	api  *openapi.ClientWithResponses
	pins *roots.Keeper
	now  func() time.Time

	mu      sync.RWMutex
	revoked message.Revocations
	prekey  message.Signed
	until   message.Millis // when the prekey is asked for anew
}

var (
	_ hospital.Cloud       = (*Client)(nil)
	_ hospital.Revocations = (*Client)(nil)
)

// New speaks to the public cloud at a base URL over a transport of httpclient. It follows
// no redirect.
func New(url string, pins *roots.Keeper, now func() time.Time, transport http.RoundTripper) (*Client, error) {
	client := httpclient.New(bounded{transport}, 10*time.Second)
	api, err := openapi.NewClientWithResponses(url, openapi.WithHTTPClient(client))
	return &Client{api: api, pins: pins, now: now}, err
}

// bounded keeps an answer from filling our memory.
type bounded struct{ http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := b.RoundTripper.RoundTrip(r)
	if err == nil {
		resp.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(resp.Body, maxAnswer), resp.Body}
	}
	return resp, err
}

// Parameters fetches the public parameters and verifies them; it also returns them as they
// were signed, to be kept.
func (c *Client) Parameters(ctx context.Context) (message.Parameters, message.Signed, error) {
	r, err := c.api.GetParametersWithResponse(ctx)
	if err != nil {
		return message.Parameters{}, message.Signed{}, away(err)
	}
	s, err := signed(r.JSON200, r.HTTPResponse, r.Body)
	if err != nil {
		return message.Parameters{}, s, err
	}
	p, err := message.OpenParameters(s, c.pins.Pins(), message.MillisOf(c.now()))
	return p, s, err
}

// Learn fetches the successions of the public cloud's root and keeps those that follow
// from what is pinned.
func (c *Client) Learn(ctx context.Context) error {
	r, err := c.api.GetSuccessionsWithResponse(ctx)
	if err != nil {
		return away(err)
	}
	if r.JSON200 == nil {
		return failed(r.HTTPResponse, r.Body)
	}
	_, err = c.pins.Learn(r.JSON200.Successions)
	return err
}

// Refresh fetches the revocation list. A list older than the one in hand is not taken.
func (c *Client) Refresh(ctx context.Context) error {
	r, err := c.api.GetRevocationsWithResponse(ctx)
	if err != nil {
		return away(err)
	}
	s, err := signed(r.JSON200, r.HTTPResponse, r.Body)
	if err != nil {
		return err
	}
	list, err := message.OpenRevocations(s, c.pins.Pins(), message.MillisOf(c.now()))
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if list.Issued < c.revoked.Issued {
		return errors.New("the public cloud sent an older revocation list")
	}
	c.revoked = list
	return nil
}

// Revocations implements hospital.Revocations.
func (c *Client) Revocations() message.Revocations {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.revoked
}

// prekeyAge is how long a fetched prekey is used.
const prekeyAge = 10 * time.Minute

// CloudPrekey implements hospital.Cloud. The caller verifies it.
func (c *Client) CloudPrekey(ctx context.Context, suite uint8) (message.Signed, error) {
	now := message.MillisOf(c.now())
	c.mu.RLock()
	s, until := c.prekey, c.until
	c.mu.RUnlock()
	if now < until {
		return s, nil
	}
	n := int(suite)
	r, err := c.api.GetPrekeyWithResponse(ctx, "cloud", &openapi.GetPrekeyParams{Suite: &n})
	if err != nil {
		return s, away(err)
	}
	if s, err = signed(r.JSON200, r.HTTPResponse, r.Body); err != nil {
		return s, err
	}
	p, err := message.DecodePrekey(s.TBS)
	if err != nil {
		return s, err
	}
	c.mu.Lock()
	c.prekey, c.until = s, min(now.Add(prekeyAge), p.NotAfter)
	c.mu.Unlock()
	return s, nil
}

// WriteIndexEntry implements hospital.Cloud.
func (c *Client) WriteIndexEntry(ctx context.Context, m message.Message) (message.Message, error) {
	r, err := c.api.WriteIndexEntryWithResponse(ctx, openapi.Message{Message: encode(m.Encode())})
	if err != nil {
		return message.Message{}, away(err)
	}
	if r.JSON200 == nil {
		return message.Message{}, failed(r.HTTPResponse, r.Body)
	}
	b, err := decode(r.JSON200.Message)
	if err != nil {
		return message.Message{}, err
	}
	return message.DecodeType(b, message.TypeIndexed)
}

// PutPrekey implements hospital.Cloud.
func (c *Client) PutPrekey(ctx context.Context, s message.Signed) error {
	r, err := c.api.PutPrekeyWithResponse(ctx, openapi.Signed{Signed: encode(s.Encode())})
	if err != nil {
		return away(err)
	}
	if r.StatusCode() != http.StatusNoContent {
		return failed(r.HTTPResponse, r.Body)
	}
	return nil
}

// Register runs M0 with an operator's token.
func (c *Client) Register(ctx context.Context, rand io.Reader, d hospital.Draft, token string) (message.RegistrationReply, error) {
	request := func(nonce []byte) (message.RegistrationRequest, error) { return d.Request(rand, nonce) }
	return c.register(ctx, request, httpclient.Bearer(token))
}

// Renew runs M0 for the credential that follows old, which admits it.
func (c *Client) Renew(ctx context.Context, rand io.Reader, d hospital.Draft, old hospital.Identity) (message.RegistrationReply, error) {
	return c.register(ctx, func(nonce []byte) (message.RegistrationRequest, error) { return d.Renewal(rand, nonce, old) })
}

func (c *Client) register(ctx context.Context, request func(challenge []byte) (message.RegistrationRequest, error), admit ...openapi.RequestEditorFn) (message.RegistrationReply, error) {
	challenge, err := c.api.CreateChallengeWithResponse(ctx)
	if err != nil {
		return message.RegistrationReply{}, away(err)
	}
	if challenge.JSON200 == nil {
		return message.RegistrationReply{}, failed(challenge.HTTPResponse, challenge.Body)
	}
	nonce, err := decode(challenge.JSON200.Challenge)
	if err != nil {
		return message.RegistrationReply{}, err
	}
	q, err := request(nonce)
	if err != nil {
		return message.RegistrationReply{}, err
	}
	r, err := c.api.RegisterWithResponse(ctx, openapi.Message{Message: encode(q.Encode())}, admit...)
	if err != nil {
		return message.RegistrationReply{}, away(err)
	}
	if r.JSON201 == nil {
		return message.RegistrationReply{}, failed(r.HTTPResponse, r.Body)
	}
	b, err := decode(r.JSON201.Message)
	if err != nil {
		return message.RegistrationReply{}, err
	}
	return message.DecodeRegistrationReply(b)
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func decode(s string) ([]byte, error) { return base64.RawURLEncoding.Strict().DecodeString(s) }

func signed(body *openapi.Signed, r *http.Response, raw []byte) (message.Signed, error) {
	if body == nil {
		return message.Signed{}, failed(r, raw)
	}
	b, err := decode(body.Signed)
	if err != nil {
		return message.Signed{}, err
	}
	return message.DecodeSigned(b)
}

// failed is the peer's problem, or what stands for an answer that is none.
func failed(r *http.Response, body []byte) error {
	if e, err := problem.Parse(body); err == nil {
		return e
	}
	return fmt.Errorf("the public cloud answered %d", r.StatusCode)
}

// away says that the public cloud did not answer; the client's error would name its address.
func away(err error) error {
	if errors.Is(err, context.Canceled) {
		return err
	}
	return problem.Unavailable(time.Second, fmt.Errorf("the public cloud does not answer: %T", errors.Unwrap(err)))
}
