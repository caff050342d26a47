package system_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"sync"

	"medunion/api/message"
)

// sidCatcher notes the session id of every message that passes.
type sidCatcher struct {
	mu   sync.Mutex
	sids [][]byte
}

// RoundTrip implements http.RoundTripper.
func (s *sidCatcher) RoundTrip(r *http.Request) (*http.Response, error) {
	if b := r.Header.Get("Visit-Capability"); b != "" {
		s.note(base64.RawURLEncoding.DecodeString(b))
	}
	if r.GetBody != nil {
		if body, err := r.GetBody(); err == nil {
			var m struct{ Message string }
			if json.NewDecoder(body).Decode(&m) == nil {
				s.noteMessage(base64.RawURLEncoding.DecodeString(m.Message))
			}
		}
	}
	// She claims to be in a trace, which nobody may take over.
	r = r.Clone(r.Context())
	r.Header.Set("traceparent", "00-"+plantedTrace+"-00f067aa0ba902b7-01")
	r.Header.Set("tracestate", "visit="+plantedTrace)
	r.Header.Set("baggage", "visit="+plantedTrace)
	return http.DefaultTransport.RoundTrip(r)
}

func (s *sidCatcher) note(b []byte, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil && len(b) == 16 {
		s.sids = append(s.sids, b)
	}
}

func (s *sidCatcher) noteMessage(b []byte, err error) {
	if m, derr := message.Decode(b); err == nil && derr == nil {
		s.note(m.Header.Session[:], nil)
	}
}

func (s *sidCatcher) all() [][]byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sids
}
