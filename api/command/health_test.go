package command

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// A service that answers 200 is healthy, by plain HTTP and by TLS whatever name its
// certificate has; one that answers otherwise, redirects, or does not answer is not.
func TestHealth(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("/livez", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("/readyz", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	mux.HandleFunc("/moved/livez", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/livez", http.StatusFound) })
	release := make(chan struct{})
	mux.HandleFunc("/stuck/livez", func(http.ResponseWriter, *http.Request) { <-release })
	plain, secure := httptest.NewServer(mux), httptest.NewUnstartedServer(mux)
	secure.TLS = &tls.Config{MinVersion: tls.VersionTLS13}
	secure.StartTLS()
	gone := httptest.NewServer(mux)
	gone.Close()
	t.Cleanup(func() { close(release); plain.Close(); secure.Close() })
	tests := []struct {
		url   string
		ready bool
		wait  time.Duration
		want  string // "" for healthy
	}{
		{plain.URL, false, time.Minute, ""},
		{plain.URL + "/", false, time.Minute, ""},
		{secure.URL, false, time.Minute, ""},
		{plain.URL, true, time.Minute, "status 503"},
		{secure.URL, true, time.Minute, "status 503"},
		{plain.URL + "/moved", false, time.Minute, "redirect"},
		{plain.URL + "/nothing", false, time.Minute, "status 404"},
		{plain.URL + "/stuck", false, 100 * time.Millisecond, "no answer"},
		{gone.URL, false, time.Minute, "no answer"},
	}
	for _, tt := range tests {
		err := Health{URL: tt.url, Ready: tt.ready, Wait: tt.wait}.Run(t.Context())
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s, ready %v: %v", tt.url, tt.ready, err)
		}
	}
}

// Nothing but this machine is asked, and no name is looked up for it.
func TestHealthIsLocal(t *testing.T) {
	for _, url := range []string{"", "127.0.0.1:9090", "http://example.org", "http://localhost:9090", "http://10.0.0.1:9090", "http://127.0.0.1.example.org",
		"ftp://127.0.0.1", "http://user@127.0.0.1:9090", "http://127.0.0.1:9090?x", "http://[2001:db8::1]:9090", "http://169.254.169.254"} {
		err := Health{URL: url, Wait: time.Second}.Run(t.Context())
		if (Program{Name: "p"}).end(err, &strings.Builder{}) != Refused {
			t.Errorf("%q: %v", url, err)
		}
	}
}
