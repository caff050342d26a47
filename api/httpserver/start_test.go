package httpserver_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"testing"

	"medunion/api/httpserver"
)

func loopback(t *testing.T) net.Listener {
	t.Helper()
	l, err := httpserver.ListenLoopback("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// TestStart: a running request finishes before release, every waiter gets its error.
func TestStart(t *testing.T) {
	begun, boom, answered := make(chan struct{}), errors.New("boom"), false
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(begun)
		<-httpserver.Stopping(r.Context())
		answered = true
		_, _ = io.WriteString(w, "late")
	})
	calls := 0
	r := httpserver.Start(t.Context(), loopback(t), h, httpserver.ServeOptions{}, func() error {
		if calls++; !answered {
			t.Error("released under a running request")
		}
		return boom
	})
	got := make(chan string, 1)
	go func() {
		resp, err := http.Get(r.URL())
		if err != nil {
			got <- err.Error()
			return
		}
		defer resp.Body.Close()
		b, _ := io.ReadAll(resp.Body)
		got <- string(b)
	}()
	<-begun
	for range 2 {
		if err := r.Close(); !errors.Is(err, boom) {
			t.Errorf("Close: %v", err)
		}
	}
	if err := r.Wait(); !errors.Is(err, boom) || calls != 1 {
		t.Errorf("Wait: %v after %d releases", err, calls)
	}
	if s := <-got; s != "late" {
		t.Errorf("the running request got %q", s)
	}
	if _, err := net.Dial("tcp", r.Addr()); err == nil {
		t.Error("the port is still open")
	}
}

func TestStartEndsWithContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	r := httpserver.Start(ctx, loopback(t), http.NotFoundHandler(), httpserver.ServeOptions{}, nil)
	cancel()
	if err := r.Wait(); err != nil {
		t.Error(err)
	}
}

func TestOnLoopback(t *testing.T) {
	for address, want := range map[string]bool{"127.0.0.1:0": true, "127.8.8.8:1": true, "[::1]:0": true, "localhost:0": true, "[::ffff:127.0.0.1]:1": true,
		"0.0.0.0:0": false, ":0": false, "[::]:0": false, "192.0.2.1:0": false, "portal.example:0": false, "127.0.0.1": false,
		"localhost.example:0": false, "127.0.0.1.example:0": false, "": false} {
		if got := httpserver.OnLoopback(address); got != want {
			t.Errorf("%q: %v", address, got)
		}
		if _, err := (httpserver.TLS{}).Load("127.0.0.1:0", address); (err == nil) != want {
			t.Errorf("plain HTTP on %q: %v", address, err)
		}
		if c, err := (httpserver.TLS{Behind: true}).Load(address); err != nil || c.HTTPS() {
			t.Errorf("%q behind a proxy: %v", address, err)
		}
	}
	if _, err := httpserver.ListenLoopback("0.0.0.0:0"); err == nil {
		t.Error("a local API on all addresses")
	}
}
