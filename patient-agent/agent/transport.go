package agent

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"medunion/api/httpclient"
	"medunion/api/httpserver"
	"medunion/api/message"
	"medunion/api/problem"
	"medunion/api/strictjson"
)

// Bounds of one exchange over HTTP.
const (
	maxAnswer = 16 << 20 // bytes of a body: two of the largest messages with their wrapping
	callTime  = 60 * time.Second
)

// checkAddress accepts the base address of a peer: https, or http to loopback.
func checkAddress(raw string, allowHTTP bool) error {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return problem.Invalid("The address of a peer is malformed.").Coded("address-unusable")
	}
	if u.Scheme == "https" || u.Scheme == "http" && (allowHTTP || httpserver.LoopbackHost(u.Hostname())) {
		return nil
	}
	return problem.Invalid("The address of a peer is not one of https.").Coded("address-unusable")
}

// transports are the way to the public cloud, whose address is the agent's own word, and
// the way to those whose addresses others say.
func (c Config) transports() (toCloud, toOthers http.RoundTripper, err error) {
	if c.HTTP != nil {
		return c.HTTP, c.HTTP, nil
	}
	guard, err := httpclient.NewGuard(c.Networks, onLoopback(c.Cloud))
	if err != nil {
		return nil, nil, problem.Invalid("A network is malformed.").Because(err)
	}
	return httpclient.Secure{Pins: c.CloudPins}.Transport(), httpclient.Secure{Guard: guard, Proxied: true}.Transport(), nil
}

func onLoopback(base string) bool {
	u, err := url.Parse(base)
	return err == nil && httpserver.LoopbackHost(u.Hostname())
}

// body reads an answer that has the status wanted; any other is a problem.
func body(resp *http.Response, err error, want int) ([]byte, error) {
	if err != nil {
		return nil, unreachable(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, unreachable(err)
	case len(b) > maxAnswer:
		return nil, problem.Unavailable(time.Second, errors.New("the peer's answer is too long"))
	case resp.StatusCode != want:
		return nil, peerProblem(resp.StatusCode, b)
	}
	return b, nil
}

// unreachable drops the address from the cause: it can name a doctor.
func unreachable(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	if errors.Is(err, httpclient.ErrAddress) {
		return problem.Invalid("The address of a peer is not one that may be called from here.").Coded("address-unusable").Because(err)
	}
	if errors.Is(err, httpclient.ErrRedirect) {
		return problem.Refused(err)
	}
	return problem.Unavailable(time.Second, err)
}

// peerProblem passes a peer's problem on as far as it means the same to our caller.
func peerProblem(status int, b []byte) error {
	p, err := problem.Parse(b)
	if err != nil {
		return problem.Unavailable(time.Second, fmt.Errorf("the peer answered %d without a problem document", status))
	}
	switch p.Kind {
	case problem.KindInternal, problem.KindMethodNotAllowed, problem.KindUnsupportedMedia:
		return problem.Unavailable(time.Second, p)
	case problem.KindUnauthenticated:
		return problem.Refused(p)
	}
	return p
}

// decode reads an answer's JSON strictly.
func decode[T any](resp *http.Response, err error, want int) (v T, _ error) {
	b, err := body(resp, err, want)
	if err != nil {
		return v, err
	}
	if err := strictjson.Decode(b, &v); err != nil {
		return v, problem.Refused(fmt.Errorf("the peer's answer: %w", err))
	}
	return v, nil
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// unwrap decodes the base64url of an answer.
func unwrap(s string, limit int) ([]byte, error) {
	b, err := httpserver.Message{Message: s}.Bytes(limit)
	if err != nil {
		return nil, problem.Refused(err)
	}
	return b, nil
}

// openMessage decodes a message that came.
func openMessage(s string) (message.Message, error) {
	b, err := unwrap(s, httpserver.LargeMessageCap)
	if err != nil {
		return message.Message{}, err
	}
	m, err := message.Decode(b)
	if err != nil {
		return message.Message{}, problem.Refused(err)
	}
	return m, nil
}

// openSigned decodes a signed statement that came, not yet verified.
func openSigned(s string) (message.Signed, error) {
	b, err := unwrap(s, httpserver.LargeMessageCap+1024)
	if err != nil {
		return message.Signed{}, err
	}
	v, err := message.DecodeSigned(b)
	if err != nil {
		return message.Signed{}, problem.Refused(err)
	}
	return v, nil
}

// wire is the JSON form of a message in an answer.
type wire struct {
	Message string `json:"message"`
}

// maxRetryAfter bounds how long a service may ask us to wait before the second try.
const maxRetryAfter = 3 * time.Second

// exchange makes a message, posts it and returns the reply. After a `stale` problem,
// which moves the clock, or a short Retry-After the message is made and signed anew,
// once: a new message is no replay.
func (a *Agent) exchange(ctx context.Context, to message.Role, make func() (message.Message, error),
	post func(ctx context.Context, m string) (*http.Response, error)) (message.Message, error) {
	for again := true; ; again = false {
		begun := time.Now()
		m, err := make()
		if err != nil {
			return message.Message{}, err
		}
		a.sent(m, message.Patient, to, time.Since(begun))
		begun = time.Now()
		resp, err := post(ctx, encode(m.Encode()))
		w, err := decode[wire](resp, err, http.StatusOK)
		if err == nil {
			return a.received(w, to, begun)
		}
		if !again || !a.corrected(err) && !waited(ctx, err) {
			return message.Message{}, err
		}
	}
}

// waited waits as long as an unavailable service asked for, and reports whether that
// was short enough and the context lasted.
func waited(ctx context.Context, err error) bool {
	e := problem.From(err)
	if e.Kind != problem.KindUnavailable || e.RetryAfter <= 0 || e.RetryAfter > maxRetryAfter {
		return false
	}
	select {
	case <-ctx.Done():
		return false
	case <-time.After(e.RetryAfter):
		return true
	}
}

// corrected reports whether the error was a stale one and the clock now follows.
func (a *Agent) corrected(err error) bool {
	e := problem.From(err)
	return e.Kind == problem.KindStale && a.clock.correct(e.Now)
}

func (a *Agent) received(w wire, from message.Role, begun time.Time) (message.Message, error) {
	m, err := openMessage(w.Message)
	if err == nil {
		a.sent(m, from, message.Patient, time.Since(begun))
	}
	return m, err
}
