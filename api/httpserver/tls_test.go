package httpserver_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"medunion/api/certs/certtest"
	"medunion/api/httpserver"
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// TLS 1.3 is spoken and nothing older, whoever asks: Go's client and openssl's.
func TestTLS(t *testing.T) {
	p := certtest.New(t, t.TempDir(), "a")
	for name, o := range map[string]httpserver.TLS{"no key": {Cert: p.Cert}, "no certificate": {Key: p.Key}, "half, behind a proxy": {Cert: p.Cert, Behind: true},
		"exchanged": {Cert: p.Key, Key: p.Cert}, "absent": {Cert: p.Cert + "x", Key: p.Key}} {
		if _, err := o.Load("127.0.0.1:0"); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	c, err := httpserver.TLS{Cert: p.Cert, Key: p.Key}.Load("0.0.0.0:0")
	if err != nil || !c.HTTPS() || !c.NotAfter().Equal(p.Leaf().NotAfter) {
		t.Fatal(err, c.NotAfter())
	}
	r := httpserver.Start(t.Context(), loopback(t), http.NotFoundHandler(), httpserver.ServeOptions{TLS: c.Config()}, nil)
	defer r.Close()
	for version, flag := range map[uint16]string{tls.VersionTLS10: "-tls1", tls.VersionTLS11: "-tls1_1", tls.VersionTLS12: "-tls1_2", tls.VersionTLS13: "-tls1_3"} {
		fine := version == tls.VersionTLS13
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: p.Roots(), MinVersion: tls.VersionTLS10, MaxVersion: version}}}
		if _, err := get(client, r.URL()); (err == nil) != fine {
			t.Errorf("Go, TLS %x: %v", version, err)
		}
		// The lowest level of security lets openssl try the old versions at all.
		out, err := exec.Command("openssl", "s_client", "-connect", r.Addr(), flag, "-cipher", "ALL:@SECLEVEL=0", "-CAfile", p.Cert, "-verify_return_error").CombinedOutput()
		if (err == nil) != fine || !fine && !strings.Contains(string(out), "alert protocol version") {
			t.Errorf("openssl %s: %v\n%s", flag, err, out)
		}
	}
}

// get returns the certificate that the answer came under.
func get(c *http.Client, url string) (*x509.Certificate, error) {
	resp, err := c.Get(url)
	if err != nil {
		return nil, err
	}
	_, err = io.Copy(io.Discard, resp.Body)
	if err = errors.Join(err, resp.Body.Close()); err != nil {
		return nil, err
	}
	if resp.TLS == nil {
		return nil, nil
	}
	return resp.TLS.PeerCertificates[0], nil
}

// load sends requests without a pause until it is told to stop. Any answer is one; any
// error fails the test.
type load struct {
	t      *testing.T
	url    string
	stop   chan struct{}
	sent   atomic.Int64
	wait   sync.WaitGroup
	failed atomic.Int64
}

// run begins n clients with keep-alive or n that connect anew for each request. They know
// no issuer: which certificates come is looked at elsewhere.
func (l *load) run(n int, keepAlive, http2 bool) {
	for range n {
		transport := &http.Transport{DisableKeepAlives: !keepAlive, ForceAttemptHTTP2: http2, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
		l.wait.Go(func() {
			defer transport.CloseIdleConnections()
			client := &http.Client{Transport: transport}
			for {
				select {
				case <-l.stop:
					return
				default:
				}
				if _, err := get(client, l.url); err != nil {
					l.failed.Add(1)
					l.t.Error(err)
					return
				}
				l.sent.Add(1)
			}
		})
	}
}

// more waits until so many more requests were answered.
func (l *load) more(n int64) {
	for end, target := time.Now().Add(time.Minute), l.sent.Load()+n; l.sent.Load() < target; time.Sleep(time.Millisecond) {
		if time.Now().After(end) || l.failed.Load() > 0 {
			l.t.Fatalf("%d requests were answered, %d failed", l.sent.Load(), l.failed.Load())
		}
	}
}

// The pair is exchanged several times, by SIGHUP, while thousands of requests come over kept
// and over new connections: none fails, each new connection sees the new certificate at
// once, and a bad pair changes nothing.
func TestReloadUnderLoad(t *testing.T) {
	p := certtest.New(t, t.TempDir(), "a")
	c := must(httpserver.TLS{Cert: p.Cert, Key: p.Key}.Load("127.0.0.1:0"))
	var log logbook
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP) // before the watch does, the signal would end the tests
	defer signal.Stop(hup)
	go c.Watch(t.Context(), log.logger())
	h := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, strings.Repeat("a", 1000)) })
	r := httpserver.Start(t.Context(), loopback(t), h, httpserver.ServeOptions{TLS: c.Config()}, nil)
	defer r.Close()
	l := &load{t: t, url: r.URL(), stop: make(chan struct{})}
	l.run(4, true, false)
	l.run(2, true, true)
	l.run(4, false, false)
	for round := range 6 {
		l.more(300)
		if round%2 == 0 {
			p.Rekey()
		} else {
			p.Renew(time.Now().Add(-time.Hour), time.Now().Add(time.Duration(round+2)*time.Hour))
		}
		hangupUntil(t, func() bool { return c.NotAfter().Equal(p.Leaf().NotAfter) && seen(t, r.URL()).Equal(p.Leaf()) })
	}
	if err := certtest.Replace(p.Key, []byte("no key")); err != nil {
		t.Fatal(err)
	}
	hangupUntil(t, func() bool { return c.Failures() == 1 })
	l.more(300)
	if !seen(t, r.URL()).Equal(p.Leaf()) {
		t.Error("a bad pair is in force")
	}
	close(l.stop)
	l.wait.Wait()
	log.wait(t, "what was read before stays in force")
	t.Logf("%d requests over %d exchanges", l.sent.Load(), 6)
}

// hangupUntil sends SIGHUP to this process, which watches, until something holds.
func hangupUntil(t *testing.T, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the files are not read anew")
		}
		if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
	}
}

// seen is the certificate of a new connection.
func seen(t *testing.T, url string) *x509.Certificate {
	t.Helper()
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true}
	cert, err := get(&http.Client{Transport: transport}, url)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}
