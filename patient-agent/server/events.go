package server

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"medunion/api/httpserver"
	api "medunion/api/openapi/patientagent"
	"medunion/api/problem"
	"medunion/patient-agent/agent"
)

const (
	beat         = 15 * time.Second
	longestWatch = time.Hour // then the browser opens the stream again
	writeTime    = 20 * time.Second
	maxWatchers  = 16
)

var topicNames = map[agent.Topic]string{agent.Statuses: "status", agent.Visits: "visits", agent.Consents: "consents"}

// Watch streams what changes.
func (h handlers) Watch(ctx context.Context, _ api.WatchRequestObject) (api.WatchResponseObject, error) {
	select {
	case h.watchers <- struct{}{}:
		return watch{ctx: ctx, h: h}, nil
	default:
		return nil, problem.TooMany(beat)
	}
}

// watch is one stream of events.
type watch struct {
	ctx context.Context
	h   handlers
}

// VisitWatchResponse implements api.WatchResponseObject. It returns when the reader has
// left, or the server stops.
func (s watch) VisitWatchResponse(w http.ResponseWriter) error {
	defer func() { <-s.h.watchers }()
	ctx, cancel := context.WithCancel(s.ctx)
	defer cancel()
	w.Header().Set("Content-Type", "text/event-stream")
	w.WriteHeader(http.StatusOK)
	topics := make(chan []agent.Topic)
	go func() {
		_ = s.h.a.Watch(ctx, func(news []agent.Topic) error {
			select {
			case topics <- news:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
	}()
	tick := time.NewTicker(beat)
	defer tick.Stop()
	for {
		text := ":\n\n"
		select {
		case news := <-topics:
			text = events(news)
		case <-tick.C:
		case <-ctx.Done():
			return nil
		case <-httpserver.Stopping(ctx):
			return nil
		}
		if send(w, text) != nil {
			return nil // the reader has left
		}
	}
}

func events(news []agent.Topic) string {
	var b strings.Builder
	for _, t := range news {
		fmt.Fprintf(&b, "event: %s\ndata: {}\n\n", topicNames[t])
	}
	return b.String()
}

func send(w http.ResponseWriter, text string) error {
	rc := http.NewResponseController(w)
	if err := rc.SetWriteDeadline(time.Now().Add(writeTime)); err != nil {
		return err
	}
	if _, err := w.Write([]byte(text)); err != nil {
		return err
	}
	return rc.Flush()
}
