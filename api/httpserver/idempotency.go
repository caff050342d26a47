package httpserver

import (
	"bytes"
	"crypto/sha256"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"medunion/api/problem"
)

// idempotencyHeader names a write, so that it can be sent again after an answer was lost
// (draft-ietf-httpapi-idempotency-key-header).
const idempotencyHeader = "Idempotency-Key"

// How long an answer is kept, how many are, and how long one may be.
const (
	repliesLife = 24 * time.Hour
	maxReplies  = 4096
	maxReply    = 64 << 10
)

var (
	errOtherRequest = problem.Conflict("The Idempotency-Key came with another request before.").Coded("idempotency-key-reused")
	errStillRunning = problem.Conflict("The request with this Idempotency-Key is still running.").Coded("idempotency-key-running")
)

// replies are the answers of writes that came with a key, by caller, operation and key.
// They are kept in memory alone, because they hold codes that were just minted: after a
// restart, or at another instance, a key is new.
type replies struct {
	now  func() time.Time
	mu   sync.Mutex
	kept map[[32]byte]*reply
}

type reply struct {
	request [32]byte // hash of method, address, type and body
	since   time.Time
	done    bool
	status  int
	header  http.Header
	body    []byte
}

func newReplies() *replies { return &replies{now: time.Now, kept: map[[32]byte]*reply{}} }

// repeated answers a write that was answered before as it was then. Only a success is
// kept: what failed may be tried again.
func (r *replies) repeated(d *document) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			op := d.operation(c)
			if op == nil || !op.Idempotency || c.Request().Header.Get(idempotencyHeader) == "" {
				return next(c)
			}
			id, request, err := fingerprints(c, op)
			if err != nil {
				return err
			}
			before, err := r.claim(id, request)
			if err != nil {
				return err
			}
			if before != nil {
				return before.write(c)
			}
			return r.run(c, next, id)
		}
	}
}

// fingerprints name the write, and what is asked by it.
func fingerprints(c echo.Context, op *operation) (id, request [32]byte, err error) {
	body, err := readBody(c)
	if err != nil {
		return id, request, err
	}
	q := c.Request()
	q.Body = io.NopCloser(bytes.NewReader(body))
	caller, _ := c.Get(identityKey).(string)
	content := sha256.Sum256(body)
	id = sha256.Sum256([]byte(strings.Join([]string{op.Operation.OperationID, q.Header.Get(idempotencyHeader), caller}, "\x00")))
	request = sha256.Sum256([]byte(strings.Join([]string{q.Method, q.URL.RequestURI(), q.Header.Get("Content-Type"), string(content[:])}, "\x00")))
	return id, request, nil
}

// claim returns the answer given before, or takes the place of a new one.
func (r *replies) claim(id, request [32]byte) (*reply, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	switch before := r.kept[id]; {
	case before == nil || now.Sub(before.since) > repliesLife:
	case before.request != request:
		return nil, errOtherRequest
	case !before.done:
		return nil, errStillRunning
	default:
		return before, nil
	}
	if len(r.kept) >= maxReplies {
		r.forget(now)
	}
	r.kept[id] = &reply{request: request, since: now}
	return nil, nil
}

// forget makes room: what is over goes, otherwise the oldest that is done.
func (r *replies) forget(now time.Time) {
	var oldest [32]byte
	var since time.Time
	for id, x := range r.kept {
		if now.Sub(x.since) > repliesLife {
			delete(r.kept, id)
		} else if x.done && (since.IsZero() || x.since.Before(since)) {
			oldest, since = id, x.since
		}
	}
	if len(r.kept) >= maxReplies {
		delete(r.kept, oldest)
	}
}

// run lets the request through and keeps its answer if it is a success.
func (r *replies) run(c echo.Context, next echo.HandlerFunc, id [32]byte) error {
	original := c.Response().Writer
	tee := &copier{ResponseWriter: original, status: http.StatusOK}
	c.Response().Writer = tee
	kept := false
	defer func() {
		c.Response().Writer = original
		if !kept {
			r.mu.Lock()
			delete(r.kept, id)
			r.mu.Unlock()
		}
	}()
	if err := next(c); err != nil || tee.status >= 300 || tee.body.Len() > maxReply {
		return err
	}
	kept = true
	r.mu.Lock()
	defer r.mu.Unlock()
	if x := r.kept[id]; x != nil {
		x.done, x.status, x.body = true, tee.status, tee.body.Bytes()
		x.header = http.Header{echo.HeaderContentType: original.Header()[echo.HeaderContentType], echo.HeaderLocation: original.Header()[echo.HeaderLocation]}
	}
	return nil
}

func (x *reply) write(c echo.Context) error {
	for name, values := range x.header {
		if len(values) > 0 {
			c.Response().Header()[name] = values
		}
	}
	c.Response().Header().Set("Idempotent-Replayed", "true")
	c.Response().WriteHeader(x.status)
	_, err := c.Response().Write(x.body)
	return err
}

// copier keeps a copy of what goes out.
type copier struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

func (t *copier) WriteHeader(status int) {
	t.status = status
	t.ResponseWriter.WriteHeader(status)
}

func (t *copier) Write(b []byte) (int, error) {
	if t.body.Len() <= maxReply {
		t.body.Write(b)
	}
	return t.ResponseWriter.Write(b)
}

// Unwrap leads http.ResponseController to the connection.
func (t *copier) Unwrap() http.ResponseWriter { return t.ResponseWriter }
