package relay

import (
	"bytes"
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"time"

	"medunion/api/problem"
)

func newBody(b []byte) io.Reader {
	if b == nil {
		return http.NoBody
	}
	return bytes.NewReader(b)
}

// passed are the kinds of content that a cloud may answer with.
var passed = map[string]bool{"application/json": true, problem.MediaType: true, "application/x-ndjson": true}

// forward sends the request and copies status, kind of content and body of the
// answer, line by line as they come. No header of either side is passed on but
// Content-Type and Retry-After.
func (r *Relay) forward(ctx context.Context, w http.ResponseWriter, to target, method, path string, query url.Values, body []byte) error {
	resp, err := r.send(ctx, to, method, path, query, body)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if resp.StatusCode == http.StatusNoContent {
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	if resp.StatusCode >= 300 && resp.StatusCode < 400 || !passed[kind] {
		return problem.Unavailable(2*time.Second, errors.New("relay: the cloud's answer is none of its API"))
	}
	w.Header().Set("Content-Type", kind)
	if after := resp.Header.Get("Retry-After"); after != "" {
		w.Header().Set("Retry-After", after)
	}
	w.WriteHeader(resp.StatusCode)
	return stream(w, io.LimitReader(resp.Body, maxAnswer))
}

// stream copies and flushes what has arrived, so that each page of a record goes
// on at once.
func stream(w http.ResponseWriter, body io.Reader) error {
	flush := http.NewResponseController(w)
	buf := make([]byte, 64<<10)
	for {
		n, err := body.Read(buf)
		if n > 0 {
			if _, werr := w.Write(buf[:n]); werr != nil {
				return nil // the caller has left
			}
			_ = flush.Flush()
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			// The status is out. A record's stream without its signed last page is no release.
			return problem.Unavailable(2*time.Second, errors.New("relay: the cloud's answer broke off"))
		}
	}
}
