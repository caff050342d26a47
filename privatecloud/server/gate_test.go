package server_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"

	"medunion/privatecloud/internal/peers"
)

// gate stands before the public cloud's registration.
type gate struct {
	mu    sync.Mutex
	lose  bool          // the reply of what was done
	block chan struct{} // closed when a request has come that gets no answer at all
}

func (s *site) gated() *gate {
	s.t.Helper()
	g := &gate{}
	behind := httputil.NewSingleHostReverseProxy(peers.Must(url.Parse(s.cloud.URL)))
	front := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		g.mu.Lock()
		lose, block := g.lose, g.block
		g.mu.Unlock()
		switch {
		case r.URL.Path != "/v1/registrations":
			behind.ServeHTTP(rw, r)
		case block != nil:
			_, _ = io.Copy(io.Discard, r.Body)
			close(block)
			<-r.Context().Done()
		case lose:
			behind.ServeHTTP(httptest.NewRecorder(), r)
			panic(http.ErrAbortHandler)
		default:
			behind.ServeHTTP(rw, r)
		}
	}))
	s.t.Cleanup(front.Close)
	s.config.Cloud = front.URL
	return g
}

func (g *gate) set(lose bool, block chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.lose, g.block = lose, block
}
