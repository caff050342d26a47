package httpserver_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"medunion/api/httpserver"
)

func TestGracefulShutdown(t *testing.T) {
	started := make(chan struct{})
	s := start(t, httpserver.Options{}, func(e *echo.Echo) {
		e.GET("/running", func(c echo.Context) error {
			close(started)
			<-httpserver.Stopping(c.Request().Context())
			time.Sleep(50 * time.Millisecond)
			if err := c.Request().Context().Err(); err != nil {
				return err
			}
			return c.String(200, "finished")
		})
	})
	result := make(chan answer, 1)
	go func() { result <- s.do(t, "GET", "/running", "") }()
	<-started
	s.stop()
	if a := <-result; a.status != 200 || a.body != "finished" {
		t.Errorf("the running request got %d %s", a.status, a.body)
	}
	if err := <-s.done; err != nil {
		t.Errorf("Serve returned %v", err)
	}
	if _, err := http.Get(s.url + "/livez"); err == nil {
		t.Error("the server still answers")
	}
}

func TestShutdownCutsOff(t *testing.T) {
	started, release := make(chan struct{}), make(chan struct{})
	defer close(release)
	s := start(t, httpserver.Options{}, func(e *echo.Echo) {
		e.GET("/stuck", func(echo.Context) error { close(started); <-release; return nil })
	})
	go func() {
		if resp, err := http.Get(s.url + "/stuck"); err == nil {
			resp.Body.Close()
		}
	}()
	<-started
	s.stop()
	if err := <-s.done; !errors.Is(err, httpserver.ErrCutOff) {
		t.Errorf("Serve returned %v", err)
	}
}

func TestServeReportsABrokenListener(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener.Close()
	if err := httpserver.Serve(context.Background(), listener, http.NotFoundHandler(), httpserver.ServeOptions{}); err == nil {
		t.Error("no error")
	}
}

func TestTLS13Only(t *testing.T) {
	certificate, roots := selfSigned(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(204) })
	log := &logbook{}
	go func() {
		done <- httpserver.Serve(ctx, listener, handler, httpserver.ServeOptions{
			TLS: &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}, Logger: log.logger(),
		})
	}()
	get := func(version uint16) error {
		client := http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MaxVersion: version}, ForceAttemptHTTP2: true}}
		defer client.CloseIdleConnections()
		resp, err := client.Get("https://" + listener.Addr().String())
		if err == nil {
			resp.Body.Close()
		}
		return err
	}
	if err := get(tls.VersionTLS13); err != nil {
		t.Error(err)
	}
	if err := get(tls.VersionTLS12); err == nil {
		t.Error("TLS 1.2 was accepted")
	}
	text := log.wait(t, "connection error")
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if len(text) == 0 || containsAddress(text) {
		t.Errorf("the log names the client: %s", text)
	}
}

func containsAddress(text string) bool {
	host := "127.0.0.1"
	for i := 0; i+len(host) <= len(text); i++ {
		if text[i:i+len(host)] == host {
			return true
		}
	}
	return false
}

// selfSigned makes a certificate for 127.0.0.1.
func selfSigned(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, roots
}
