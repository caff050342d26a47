package httpapi

import (
	"cmp"
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"medunion/api/httpserver"
	"medunion/api/message"
	"medunion/api/openapi/portal"
	"medunion/api/problem"
	"medunion/doctor-portal/internal/mailbox"
)

const (
	longestStream = 15 * time.Minute // that of a session
	defaultBeat   = 15 * time.Second
	writeTimeout  = 20 * time.Second // of one batch: a reader that stands still is dropped
	maxPerDoctor  = 4                // streams of one doctor
	maxStreams    = 4096             // streams of this instance
)

// StreamInbox sends M1 and M3 as they come, until the session ends, her credential is
// revoked, the server stops, the doctor leaves, or her own newer streams take this one's
// place.
func (a *API) StreamInbox(c echo.Context, p portal.StreamInboxParams) error {
	doctor := c.Get(doctorKey).(message.Hash)
	ctx, cancel := context.WithTimeout(c.Request().Context(), c.Get(expiresKey).(time.Time).Sub(a.Now()))
	defer cancel()
	leave, ok := a.streams.enter(doctor, cancel)
	if !ok {
		return problem.TooMany(time.Minute)
	}
	defer leave()
	after := value(p.LastEventID, "0-0")
	letters, err := a.Mail.Inbox(ctx, doctor, after, 0, nil) // a store that is down is a problem, not a stream
	if err != nil {
		return err
	}
	h := c.Response().Header()
	h.Set(echo.HeaderContentType, "text/event-stream")
	h.Set("X-Accel-Buffering", "no") // for a proxy that would collect the events
	c.Response().WriteHeader(http.StatusOK)
	stop, beat := httpserver.Stopping(ctx), cmp.Or(a.Heartbeat, defaultBeat)
	for {
		if err := writeEvents(c.Response(), letters); err != nil {
			return nil // the doctor has left
		}
		if len(letters) > 0 {
			after = letters[len(letters)-1].ID
		}
		if letters, err = a.Mail.Inbox(ctx, doctor, after, beat, stop); err != nil || over(ctx, stop) {
			return err
		}
		if revoked, err := a.Revoked(ctx, doctor); err != nil || revoked {
			return err
		}
	}
}

func over(ctx context.Context, stop <-chan struct{}) bool {
	select {
	case <-stop:
		return true
	case <-ctx.Done():
		return true
	default:
		return false
	}
}

// writeEvents writes the letters, or a comment when there are none, which shows both
// sides that the other one is there.
func writeEvents(w *echo.Response, letters []mailbox.Letter) error {
	rc := http.NewResponseController(w)
	if err := rc.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return err
	}
	if len(letters) == 0 {
		if _, err := w.Write([]byte(":\n\n")); err != nil {
			return err
		}
	}
	for _, l := range letters {
		if _, err := fmt.Fprintf(w, "event: letter\nid: %s\ndata: %s\n\n", l.ID, base64.RawURLEncoding.EncodeToString(l.Message)); err != nil {
			return err
		}
	}
	return rc.Flush()
}

// streams are those of this instance, the oldest of a doctor first. The zero value is
// ready.
type streams struct {
	mu  sync.Mutex
	all int
	of  map[message.Hash][]*stream
}

type stream struct{ end context.CancelFunc }

// enter takes a place for a stream, which end ends: at the cost of the doctor's oldest,
// whose other side may be long gone, if she has too many. leave gives the place back.
func (s *streams) enter(doctor message.Hash, end context.CancelFunc) (leave func(), ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all >= maxStreams {
		return nil, false
	}
	if s.of == nil {
		s.of = map[message.Hash][]*stream{}
	}
	mine := &stream{end}
	s.all++
	s.of[doctor] = append(s.of[doctor], mine)
	own := s.of[doctor]
	for _, old := range own[:max(0, len(own)-maxPerDoctor)] {
		old.end()
	}
	return func() { s.leave(doctor, mine) }, true
}

func (s *streams) leave(doctor message.Hash, gone *stream) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all--
	var left []*stream
	for _, st := range s.of[doctor] {
		if st != gone {
			left = append(left, st)
		}
	}
	if s.of[doctor] = left; left == nil {
		delete(s.of, doctor)
	}
}
