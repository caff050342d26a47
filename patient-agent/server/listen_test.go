package server

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// ipv6 skips the test on a machine without ::1.
func ipv6(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp6", "[::1]:0")
	if err != nil {
		t.Skip("this machine has no ::1")
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// TestBothNames: localhost is 127.0.0.1 and ::1, and the agent answers at both.
func TestBothNames(t *testing.T) {
	_ = ipv6(t).Close()
	i := start(t, config(t))
	_, port, _ := net.SplitHostPort(i.Addr())
	for _, host := range []string{"127.0.0.1", "[::1]", "localhost"} {
		resp, err := http.Get("http://" + host + ":" + port + "/livez")
		if err != nil || resp.StatusCode != 200 {
			t.Errorf("%s: %v", host, err)
			continue
		}
		_ = resp.Body.Close()
	}
	began := time.Now()
	if err := i.Close(); err != nil || time.Since(began) > 3*time.Second {
		t.Errorf("closed after %v: %v", time.Since(began), err)
	}
	if l, err := net.Listen("tcp6", "[::1]:"+port); err != nil {
		t.Error("the port at ::1 is still held")
	} else {
		_ = l.Close()
	}
}

// TestStrangerAtLocalhost: who listens at ::1 would be shown the token. The agent does
// not start beside him.
func TestStrangerAtLocalhost(t *testing.T) {
	_, port, _ := net.SplitHostPort(ipv6(t).Addr().String())
	cfg := config(t)
	cfg.Listen = "127.0.0.1:" + port
	i, err := Start(context.Background(), cfg)
	if err == nil {
		_ = i.Close()
		t.Fatal("started")
	}
	if !errors.Is(err, errTaken) || !strings.Contains(err.Error(), "::1") {
		t.Error(err)
	}
	if l, err := net.Listen("tcp4", cfg.Listen); err != nil {
		t.Error("the port at 127.0.0.1 is still held")
	} else {
		_ = l.Close()
	}
}
