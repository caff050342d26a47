package httpclient_test

import (
	"crypto/tls"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"medunion/api/httpclient"
)

// TestRedirect: neither a redirect to the same server nor one to another is followed.
func TestRedirect(t *testing.T) {
	visited := 0
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { visited++ }))
	defer other.Close()
	for _, to := range []string{other.URL, "/elsewhere"} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/" {
				visited++
			}
			http.Redirect(w, r, to, http.StatusTemporaryRedirect)
		}))
		_, err := httpclient.New(httpclient.Transport(), time.Minute).Get(s.URL + "/")
		s.Close()
		if !errors.Is(err, httpclient.ErrRedirect) || visited != 0 {
			t.Errorf("to %s: %v, followed %d times", to, err, visited)
		}
	}
}

func TestTLS13(t *testing.T) {
	for version, fine := range map[uint16]bool{tls.VersionTLS12: false, tls.VersionTLS13: true} {
		s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
		s.TLS = &tls.Config{MaxVersion: version}
		s.StartTLS()
		transport := httpclient.Transport()
		transport.TLSClientConfig.RootCAs = s.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
		resp, err := httpclient.New(transport, time.Minute).Get(s.URL)
		if err == nil {
			_ = resp.Body.Close()
		}
		s.Close()
		if (err == nil) != fine {
			t.Errorf("TLS %x: %v", version, err)
		}
	}
}

func TestBounds(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			<-r.Context().Done()
		}
		w.Header().Set("Long", strings.Repeat("x", 100<<10))
	}))
	defer s.Close()
	c := httpclient.New(httpclient.Transport(), 200*time.Millisecond)
	for _, path := range []string{"/slow", "/long"} {
		if resp, err := c.Get(s.URL + path); err == nil {
			_ = resp.Body.Close()
			t.Errorf("%s: taken", path)
		}
	}
}
