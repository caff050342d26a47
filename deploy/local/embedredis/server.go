// Package embedredis runs a Redis stand-in inside the process, on loopback, for the
// one-command run and for tests. Clients reach it over RESP through the ordinary driver.
//
// It is miniredis with what a real server has and miniredis leaves out: keys expire as
// time passes, and INFO names the server by a run_id that is fresh at every start, so
// that a client notices a restart. Nothing is kept on disk: whoever stores state in Redis
// must already fail closed when it is lost, and every start of this server is such a loss.
//
// Expiry is driven by a ticker, because miniredis can only pass over all its keys (0.4 ms
// for a thousand), which is too much for every command. A key that is written just before
// a tick pays for the whole tick, so it may expire early by as much: 10 ms, or a little
// more while the server holds thousands of keys.
//
// The server has no access control, hence it listens on loopback only.
package embedredis

import (
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/alicebob/miniredis/v2"
)

// Options configures a server. The zero value listens on a free port of 127.0.0.1.
type Options struct {
	// Addr is the host:port to listen on; the host must be a loopback IP address.
	Addr string
}

// Server is a running embedded server.
type Server struct {
	redis *miniredis.Miniredis
	addr  string
	stop  chan struct{}
	aging sync.WaitGroup
	close sync.Once
}

// Start listens on o.Addr and serves until Close. It refuses an address that is not
// loopback.
func Start(o Options) (*Server, error) {
	if o.Addr == "" {
		o.Addr = "127.0.0.1:0"
	}
	if err := requireLoopback(o.Addr); err != nil {
		return nil, err
	}
	redis := miniredis.NewMiniRedis()
	if err := redis.StartAddr(o.Addr); err != nil {
		return nil, fmt.Errorf("embedredis: %w", err)
	}
	s := &Server{redis: redis, addr: redis.Addr(), stop: make(chan struct{})}
	redis.Server().SetPreHook(newIdentity(redis.Server()).answerInfo)
	s.aging.Go(s.age)
	return s, nil
}

// Addr returns the host:port that the server listens on.
func (s *Server) Addr() string { return s.addr }

// Close stops the server, ends its connections and forgets its keys. Further calls do nothing.
func (s *Server) Close() error {
	s.close.Do(func() {
		close(s.stop)
		s.aging.Wait()
		s.redis.Close()
	})
	return nil
}

// age makes the keys older as time passes, until Close. Where a pass over the keys takes
// long, the passes become rarer, so that they never take more than a twentieth of the time.
func (s *Server) age() {
	const tick, share = 10 * time.Millisecond, 20
	timer := time.NewTimer(tick)
	defer timer.Stop()
	last := time.Now()
	for {
		select {
		case <-s.stop:
			return
		case <-timer.C:
		}
		now := time.Now()
		s.redis.FastForward(now.Sub(last))
		last = now
		timer.Reset(max(tick, share*time.Since(now)))
	}
}

func requireLoopback(addr string) error {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("embedredis: address %q: %w", addr, err)
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return fmt.Errorf("embedredis: address %q is not a loopback IP address", addr)
	}
	return nil
}
