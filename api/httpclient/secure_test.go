package httpclient_test

import (
	"crypto/tls"
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"medunion/api/certs"
	"medunion/api/certs/certtest"
	"medunion/api/httpclient"
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// secured serves over TLS with a pair in files and asks for a client's certificate. It
// answers with the pin of the one that was shown.
func secured(t *testing.T, p *certtest.Pair) (*httptest.Server, *certs.Pair) {
	pair := must(certs.LoadPair(p.Cert, p.Key))
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c := r.TLS.PeerCertificates; len(c) > 0 {
			_, _ = io.WriteString(w, certs.PinOf(c[0]).String())
		}
	}))
	s.TLS = &tls.Config{GetCertificate: pair.Served, ClientAuth: tls.RequestClientCert}
	s.EnableHTTP2 = true
	s.StartTLS()
	// httptest puts a certificate of its own before the one that the configuration gets.
	s.TLS.Certificates = nil
	t.Cleanup(s.Close)
	return s, pair
}

func ask(t *testing.T, c *http.Client, url string) (string, error) {
	t.Helper()
	resp, err := c.Get(url)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	return string(must(io.ReadAll(resp.Body))), nil
}

// With pins the key decides: neither an issuer nor the names in the certificate, which the
// system's authorities could make for anybody. Without pins they do.
func TestServerPins(t *testing.T) {
	own, next := certtest.New(t, t.TempDir(), "cloud"), certtest.New(t, t.TempDir(), "cloud")
	s, pair := secured(t, own)
	client := func(pins ...string) *http.Client {
		return httpclient.New(httpclient.Secure{Pins: must(certs.ParsePins(pins))}.Transport(), time.Minute)
	}
	for name, c := range map[string]struct {
		pins []string
		fine bool
	}{"its key": {[]string{own.Pin()}, true}, "one of two": {[]string{next.Pin(), own.Pin()}, true}, "another key": {[]string{next.Pin()}, false}, "no pins, and no known issuer": {nil, false}} {
		if _, err := ask(t, client(c.pins...), s.URL); (err == nil) != c.fine {
			t.Errorf("%s: %v", name, err)
		}
	}
	own.Rekey()
	if changed, err := pair.Reload(); !changed || err != nil {
		t.Fatal(changed, err)
	}
	if _, err := ask(t, client(next.Pin()), s.URL); err == nil {
		t.Error("a key that is not pinned is taken after a rotation")
	}
	if _, err := ask(t, client(next.Pin(), own.Pin()), s.URL); err != nil {
		t.Errorf("the second pin: %v", err)
	}
}

// A service shows its certificate, and after an exchange the new one, without a failed
// request, though its connections were kept.
func TestClientCertificateIsExchanged(t *testing.T) {
	cloud, own := certtest.New(t, t.TempDir(), "cloud"), certtest.New(t, t.TempDir(), "hospital")
	s, _ := secured(t, cloud)
	pair := must(httpclient.Peer{}.Load(own.Cert, own.Key))
	c := httpclient.New(httpclient.Secure{Pins: must(certs.ParsePins([]string{cloud.Pin()})), Certificate: pair}.Transport(), time.Minute)
	var asked atomic.Int64
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			default:
				if _, err := ask(t, c, s.URL); err != nil {
					t.Error(err)
				}
				asked.Add(1)
			}
		}
	}()
	for range 5 {
		for before := asked.Load(); asked.Load() < before+20; time.Sleep(time.Millisecond) {
		}
		if got, err := ask(t, c, s.URL); err != nil || got != own.Pin() {
			t.Errorf("shown: %s, %v", got, err)
		}
		own.Rekey()
		if changed, err := pair.Reload(); !changed || err != nil {
			t.Fatal(changed, err)
		}
	}
	if got, err := ask(t, c, s.URL); err != nil || got != own.Pin() {
		t.Errorf("shown at the end: %s, %v", got, err)
	}
	close(stop)
	<-done
}

// The pair of a client's own goes before that of the listener, and is whole.
func TestPeerPair(t *testing.T) {
	own, listener := certtest.New(t, t.TempDir(), "peer"), certtest.New(t, t.TempDir(), "listener")
	if p, err := (httpclient.Peer{}).Load("", ""); p != nil || err != nil {
		t.Error(p, err)
	}
	if p := must(httpclient.Peer{Cert: own.Cert, Key: own.Key}.Load(listener.Cert, listener.Key)); p.Pin().String() != own.Pin() {
		t.Error("the listener's pair is shown")
	}
	if _, err := (httpclient.Peer{Cert: own.Cert}).Load(listener.Cert, listener.Key); err == nil {
		t.Error("half a pair is taken")
	}
}
