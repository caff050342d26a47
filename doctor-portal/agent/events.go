package agent

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"medunion/api/httpserver"
	"medunion/doctor-portal/practice"
)

// watchers are the open streams of events. One that does not read loses events: each
// only says what to read anew.
type watchers struct {
	mu  sync.Mutex
	all []chan practice.Event
}

const (
	watcherQueue = 64
	commentEvery = 15 * time.Second
)

func (w *watchers) tell(e practice.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.all {
		select {
		case c <- e:
		default:
		}
	}
}

func (w *watchers) join() chan practice.Event {
	c := make(chan practice.Event, watcherQueue)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.all = append(w.all, c)
	return c
}

func (w *watchers) leave(c chan practice.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.all = slices.DeleteFunc(w.all, func(x chan practice.Event) bool { return x == c })
}

// WatchEvents streams what changes as server-sent events until the client leaves or
// the agent stops.
func (h handlers) WatchEvents(c echo.Context) error {
	events := h.a.watchers.join()
	defer h.a.watchers.leave(events)
	c.Response().Header().Set(echo.HeaderContentType, "text/event-stream")
	c.Response().Header().Set(echo.HeaderCacheControl, "no-store")
	c.Response().WriteHeader(http.StatusOK)
	ctx := c.Request().Context()
	comment := time.NewTicker(commentEvery)
	defer comment.Stop()
	text := ": welcome\n\n"
	for {
		if _, err := c.Response().Write([]byte(text)); err != nil {
			return nil // the client has left
		}
		c.Response().Flush()
		select {
		case <-ctx.Done():
			return nil
		case <-httpserver.Stopping(ctx):
			return nil
		case <-comment.C:
			text = ": still here\n\n"
		case e := <-events:
			text = eventText(e)
		}
	}
}

func eventText(e practice.Event) string {
	b, err := json.Marshal(e)
	if err != nil {
		panic(err) // three strings always marshal
	}
	return fmt.Sprintf("event: %s\ndata: %s\n\n", e.Type, b)
}
