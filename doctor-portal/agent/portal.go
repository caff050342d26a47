package agent

import (
	"bufio"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"medunion/api/httpclient"
	"medunion/api/httpserver"
	"medunion/api/message"
	"medunion/api/openapi/portal"
	"medunion/api/problem"
	"medunion/api/strictjson"
)

// Bounds on what is read from the portal, in bytes of the body.
const (
	smallAnswer = 1 << 20
	largeAnswer = 6 << 20 // a message of 4 MiB
	mailAnswer  = 64 << 20
)

const requestTimeout = 30 * time.Second

// link is the connection to the portal: its generated client, the session token,
// and bounds on what comes back.
type link struct {
	client *portal.Client

	mu    sync.Mutex
	token string
	until time.Time
}

// errPortal is the cause of an answer that is none of the portal's.
var errPortal = errors.New("agent: the portal's answer is not understood")

func newLink(origin string) (*link, error) {
	l := &link{}
	var err error
	l.client, err = portal.NewClient(origin, portal.WithHTTPClient(httpclient.New(httpclient.Transport(), 0)), portal.WithRequestEditorFn(l.authorize))
	return l, err
}

func (l *link) authorize(_ context.Context, r *http.Request) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.token != "" {
		r.Header.Set("Authorization", "Bearer "+l.token)
	}
	return nil
}

func (l *link) set(token string, until time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.token, l.until = token, until
}

// loggedIn reports whether the session lasts for another minute.
func (l *link) loggedIn(now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.token != "" && now.Add(time.Minute).Before(l.until)
}

// answer reads a whole answer of the wanted status into v (which may be nil), or
// returns the problem that the portal, or whoever stands behind it, answered.
func answer(r *http.Response, err error, limit int64, v any) error {
	if err != nil {
		return unreachable(err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(io.LimitReader(r.Body, limit+1))
	if err != nil {
		return unreachable(err)
	}
	if r.StatusCode >= 300 {
		return remoteProblem(r, body)
	}
	if int64(len(body)) > limit {
		return problem.Unavailable(time.Second, errPortal)
	}
	if v == nil {
		return nil
	}
	if err := strictjson.Decode(body, v); err != nil {
		return problem.Unavailable(time.Second, fmt.Errorf("%w: %w", errPortal, err))
	}
	return nil
}

// unreachable hides the address that net/http's errors hold.
func unreachable(err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return problem.From(err)
	}
	return problem.Unavailable(time.Second, errors.New("the portal cannot be reached"))
}

// remoteError marks a problem that a peer answered with.
type remoteError struct{ error }

func (r *remoteError) Unwrap() error { return r.error }

func remoteProblem(r *http.Response, body []byte) error {
	if p, err := problem.Parse(body); err == nil {
		return p.Because(&remoteError{p.Unwrap()})
	}
	return problem.Unavailable(time.Second, fmt.Errorf("%w: status %d", errPortal, r.StatusCode))
}

func within(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, requestTimeout)
}

// call is one of the generated client's methods that takes a message.
type call func(ctx context.Context, body portal.Message, editors ...portal.RequestEditorFn) (*http.Response, error)

// exchange posts a message and returns the message that comes back.
func (l *link) exchange(ctx context.Context, do call, m []byte) (message.Message, error) {
	ctx, cancel := within(ctx)
	defer cancel()
	r, err := do(ctx, portal.Message(httpserver.NewMessage(m)))
	var a httpserver.Message
	if err := answer(r, err, largeAnswer, &a); err != nil {
		return message.Message{}, err
	}
	return decodeMessage(a)
}

func decodeMessage(a httpserver.Message) (message.Message, error) {
	b, err := a.Bytes(httpserver.LargeMessageCap)
	if err != nil {
		return message.Message{}, problem.Refused(err)
	}
	m, err := message.Decode(b)
	if err != nil {
		return message.Message{}, problem.Refused(err)
	}
	return m, nil
}

// session, and diagnosis below, bind the hospital to a call.
func (l *link) session(hospital string) call {
	return func(ctx context.Context, body portal.Message, editors ...portal.RequestEditorFn) (*http.Response, error) {
		return l.client.RelaySession(ctx, hospital, body, editors...)
	}
}

func (l *link) diagnosis(hospital string) call {
	return func(ctx context.Context, body portal.Message, editors ...portal.RequestEditorFn) (*http.Response, error) {
		return l.client.RelayDiagnosis(ctx, hospital, body, editors...)
	}
}

// signed fetches a signed statement; what it says is for the role to verify.
func (l *link) signed(r *http.Response, err error) (message.Signed, error) {
	var a portal.Signed
	if err := answer(r, err, largeAnswer, &a); err != nil {
		return message.Signed{}, err
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(a.Signed)
	if err != nil {
		return message.Signed{}, problem.Refused(err)
	}
	s, err := message.DecodeSigned(b)
	if err != nil {
		return message.Signed{}, problem.Refused(err)
	}
	return s, nil
}

func (l *link) prekey(ctx context.Context, owner string, suite int) (message.Signed, error) {
	ctx, cancel := within(ctx)
	defer cancel()
	return l.signed(l.client.RelayPrekey(ctx, owner, &portal.RelayPrekeyParams{Suite: &suite}))
}

// pages posts M8 and calls take for each page as it arrives, until take says that
// it was the last one. A stream that ends before is an error.
func (l *link) pages(ctx context.Context, hospital string, m8 []byte, take func(message.Message) (last bool, err error)) error {
	r, err := l.client.RelayRelease(ctx, hospital, portal.Message(httpserver.NewMessage(m8)))
	if err != nil {
		return unreachable(err)
	}
	defer r.Body.Close()
	if r.StatusCode >= 300 {
		return answer(r, nil, smallAnswer, nil)
	}
	lines := bufio.NewScanner(r.Body)
	lines.Buffer(make([]byte, 0, 64<<10), int(largeAnswer))
	for lines.Scan() {
		m, err := decodeLine(lines.Text())
		if err != nil {
			return err
		}
		if last, err := take(m); last || err != nil {
			return err
		}
	}
	if ctx.Err() != nil {
		return problem.From(ctx.Err())
	}
	return problem.Unavailable(time.Second, errors.New("the stream of pages ended before the last page"))
}

func decodeLine(line string) (message.Message, error) {
	var a httpserver.Message
	if err := strictjson.Decode([]byte(strings.TrimSpace(line)), &a); err != nil {
		return message.Message{}, problem.Refused(err)
	}
	return decodeMessage(a)
}
