package practice

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"time"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/api/strictjson"
)

// Bounds on what is read from the portal, in bytes of the body.
const (
	smallAnswer = 1 << 20
	largeAnswer = 6 << 20 // a message of 4 MiB
)

const requestTimeout = 30 * time.Second

// Addresses of the portal (api/openapi/portal.yaml).
const (
	pathLoginChallenge = "/v1/logins/challenges"
	pathLogin          = "/v1/logins"
	pathInbox          = "/v1/inbox/events"
	pathSend           = "/v1/inbox/messages"
	cloudRelay         = "/v1/relay/cloud/v1"
	pathParameters     = cloudRelay + "/parameters"
	pathDirectory      = cloudRelay + "/directory"
	pathRevocations    = cloudRelay + "/revocations"
	pathSuccessions    = cloudRelay + "/successions"
	pathPrekeys        = cloudRelay + "/prekeys"
	pathChallenge      = cloudRelay + "/registrations/challenges"
	pathRegistration   = cloudRelay + "/registrations"
	pathSearch         = cloudRelay + "/searches"
	pathEntries        = cloudRelay + "/diagnosis-entries"
)

// hospitalPath is an address of a hospital behind the portal; an ID needs no escaping.
func hospitalPath(id message.ID, what string) string {
	return "/v1/relay/hospitals/" + string(id) + "/v1/" + what
}

// link is the connection to the portal: the session token, and bounds on what comes back.
type link struct {
	portal Portal

	mu    sync.Mutex
	token string
	until time.Time
}

// errPortal is the cause of an answer that is none of the portal's.
var errPortal = errors.New("practice: the portal's answer is not understood")

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

// do sends a request; body is nil or becomes JSON. The answer is of a 2xx status.
func (l *link) do(ctx context.Context, method, path string, body any, header map[string]string) (io.ReadCloser, error) {
	r := Request{Method: method, Path: path, Header: map[string]string{"Accept": "application/json"}}
	for k, v := range header {
		r.Header[k] = v
	}
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return nil, problem.Internal(err)
		}
		r.Body, r.Header["Content-Type"] = b, "application/json"
	}
	l.mu.Lock()
	if l.token != "" {
		r.Header["Authorization"] = "Bearer " + l.token
	}
	l.mu.Unlock()
	a, err := l.portal.Exchange(ctx, r)
	if err != nil {
		return nil, unreachable(ctx, err)
	}
	if a.Status < 200 || a.Status >= 300 {
		defer a.Body.Close()
		return nil, remoteProblem(ctx, a)
	}
	return a.Body, nil
}

// call sends a request and reads the whole answer strictly into out, which may be nil.
func (l *link) call(ctx context.Context, method, path string, body any, limit int64, out any) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	answer, err := l.do(ctx, method, path, body, nil)
	if err != nil {
		return err
	}
	defer answer.Close()
	b, err := io.ReadAll(io.LimitReader(answer, limit+1))
	switch {
	case err != nil:
		return unreachable(ctx, err)
	case int64(len(b)) > limit:
		return problem.Unavailable(time.Second, errPortal)
	case out == nil:
		return nil
	}
	if err := strictjson.Decode(b, out); err != nil {
		return problem.Unavailable(time.Second, fmt.Errorf("%w: %w", errPortal, err))
	}
	return nil
}

// unreachable hides what the transport's error says: it holds addresses.
func unreachable(ctx context.Context, err error) error {
	if cause := ctx.Err(); cause != nil {
		return problem.From(cause)
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return problem.From(err)
	}
	return unavailable("practice: the portal cannot be reached")
}

func remoteProblem(ctx context.Context, a *Response) error {
	body, err := io.ReadAll(io.LimitReader(a.Body, smallAnswer))
	if err != nil {
		return unreachable(ctx, err)
	}
	if p, err := problem.Parse(body); err == nil {
		return p.Because(&remoteError{p.Unwrap()})
	}
	return problem.Unavailable(time.Second, fmt.Errorf("%w: status %d", errPortal, a.Status))
}

// envelope is a message on the wire, sealedStatement a signed statement.
type envelope struct {
	Message string `json:"message"`
}

type sealedStatement struct {
	Signed string `json:"signed"`
}

func wrap(canonical []byte) envelope {
	return envelope{base64.RawURLEncoding.EncodeToString(canonical)}
}

// decode64 reads base64url from the one text that stands for its bytes.
func decode64(text string) ([]byte, error) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || strings.ContainsAny(text, "\r\n") {
		return nil, problem.Refused(errors.Join(errPortal, err))
	}
	return b, nil
}

func decodeMessage(text string) (message.Message, error) {
	b, err := decode64(text)
	if err != nil {
		return message.Message{}, err
	}
	m, err := message.Decode(b)
	if err != nil {
		return message.Message{}, problem.Refused(err)
	}
	return m, nil
}

// exchange posts a message and returns the message that comes back.
func (l *link) exchange(ctx context.Context, path string, m message.Message) (message.Message, error) {
	var a envelope
	if err := l.call(ctx, "POST", path, wrap(m.Encode()), largeAnswer, &a); err != nil {
		return message.Message{}, err
	}
	return decodeMessage(a.Message)
}

// signed fetches a signed statement; what it says is for the role to verify.
func (l *link) signed(ctx context.Context, path string) (message.Signed, error) {
	var a sealedStatement
	if err := l.call(ctx, "GET", path, nil, largeAnswer, &a); err != nil {
		return message.Signed{}, err
	}
	b, err := decode64(a.Signed)
	if err != nil {
		return message.Signed{}, err
	}
	s, err := message.DecodeSigned(b)
	if err != nil {
		return message.Signed{}, problem.Refused(err)
	}
	return s, nil
}

// prekey fetches the current prekey of c_X in hexadecimal, or of "cloud".
func (l *link) prekey(ctx context.Context, owner string, suite int) (message.Signed, error) {
	return l.signed(ctx, pathPrekeys+"/"+owner+"?suite="+strconv.Itoa(suite))
}

// pages posts M8 and calls take for each page as it arrives, until take says that
// it was the last one. A stream that ends before is an error.
func (l *link) pages(ctx context.Context, hospital message.ID, m8 message.Message, take func(message.Message) (last bool, err error)) error {
	body, err := l.do(ctx, "POST", hospitalPath(hospital, "releases"), wrap(m8.Encode()), map[string]string{"Accept": "application/x-ndjson"})
	if err != nil {
		return err
	}
	defer body.Close()
	lines := bufio.NewScanner(body)
	lines.Buffer(make([]byte, 0, 64<<10), largeAnswer)
	for lines.Scan() {
		m, err := decodeLine(lines.Bytes())
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
	return unavailable("practice: the stream of pages ended before the last page")
}

func decodeLine(line []byte) (message.Message, error) {
	var a envelope
	if err := strictjson.Decode(line, &a); err != nil {
		return message.Message{}, problem.Refused(err)
	}
	return decodeMessage(a.Message)
}
