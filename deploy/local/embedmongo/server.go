// Package embedmongo runs a MongoDB stand-in inside the process, on loopback, for the
// one-command run and for tests. Services reach it through the official driver over the
// real wire protocol; they cannot tell it from a one-node replica set, as far as its commands go.
//
// # What it does
//
// Insert, update, replace, find-and-modify, delete, find with cursors, count, distinct,
// aggregate ($match, $sort, $skip, $limit, $project, $group, $count), indexes (unique, partial,
// compound, multikey, TTL), sessions, retryable writes and multi-document transactions.
// A write is on disk (fsync) before it is acknowledged, with Options.Dir set. A command, an
// option or an operator that is not listed fails with MongoDB's error code; none is ignored.
// Among these are $regex, $lookup, positional updates, collations and sparse indexes.
//
// # Why its own store
//
// The matching, updating and ordering are lungo's (mongokit, bsonkit), but not its engine:
// lungo copies a collection's document table for every write and scans it for every
// find. Measured on the development machine with 100 000 documents it does 62 inserts and 40
// finds by _id a second, and both times grow with the collection. Its update also panics on a
// binary _id. Here collections are copy-on-write B-trees, finds use the indexes, and each commit
// writes what it changed. The benchmarks of this package show times that do not depend on the
// size of the collection from 1 000 to 100 000 documents: through the driver, on two cores busy
// with other work, a find by _id or by a unique field takes about 0.2 ms, as does the newest of
// all documents; an insert with its fsync takes 1.5 to 3.6 ms, and mostly 0.4 to 0.7 ms each
// where twenty clients share the fsyncs.
//
// # Differences from MongoDB
//
// Two transactions that write the same document: the second fails at once with a transient
// error, as in MongoDB. A write outside of any transaction does not wait for an open
// transaction: it goes ahead, and that transaction fails with a write conflict when it
// commits. Reads see only what is durable, whatever read concern they ask for. There are no
// users and no TLS, hence the server listens on loopback only.
package embedmongo

import (
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"medunion/deploy/local/embedmongo/internal/store"
)

// Options configures a server. The zero value keeps all in memory and listens on a free port.
type Options struct {
	// Dir is the folder of the data, made if need be; one server at a time can use it.
	// Empty keeps everything in memory.
	Dir string
	// Addr is the host:port to listen on, 127.0.0.1:0 if empty; the host must be a loopback
	// IP address.
	Addr string
	// Undeclared keeps buildInfo from saying that this is the embedded server, for tests in
	// which services run as in production: those refuse it there.
	Undeclared bool
	// Fault, if set, is asked before each command but those of the handshake what shall go
	// wrong with it. It is called by many goroutines.
	Fault func(command string) Fault
}

// Server is a running embedded server.
type Server struct {
	store        *store.Store
	listener     net.Listener
	cursors      *cursors
	transactions *transactions
	replies      atomic.Int32 // numbers the replies
	fault        func(command string) Fault
	undeclared   bool

	mu          sync.Mutex
	connections map[net.Conn]struct{}
	closed      bool
	stop        chan struct{}
	running     sync.WaitGroup
}

// Start loads o.Dir, listens on o.Addr and serves until Close. It fails if another process
// uses the folder, if the folder holds something else, or if the address is not loopback.
func Start(o Options) (*Server, error) {
	if o.Addr == "" {
		o.Addr = "127.0.0.1:0"
	}
	if err := requireLoopback(o.Addr); err != nil {
		return nil, err
	}
	st, err := store.Open(o.Dir)
	if err != nil {
		return nil, fmt.Errorf("embedmongo: %w", err)
	}
	listener, err := net.Listen("tcp", o.Addr)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("embedmongo: %w", err), st.Close())
	}
	s := &Server{
		store: st, listener: listener, cursors: newCursors(), transactions: newTransactions(),
		connections: map[net.Conn]struct{}{}, stop: make(chan struct{}), fault: o.Fault, undeclared: o.Undeclared,
	}
	s.running.Go(s.accept)
	s.running.Go(s.tidy)
	return s, nil
}

// URI is the connection string for the driver.
func (s *Server) URI() string {
	return "mongodb://" + s.address() + "/?replicaSet=" + replicaSet
}

func (s *Server) address() string { return s.listener.Addr().String() }

// Close ends the connections, makes pending writes durable and releases the folder. Further
// calls do nothing.
func (s *Server) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	for c := range s.connections {
		c.Close()
	}
	s.mu.Unlock()
	close(s.stop)
	s.listener.Close()
	s.running.Wait()
	return s.store.Close()
}

func (s *Server) accept() {
	for {
		c, err := s.listener.Accept()
		if err != nil {
			select {
			case <-s.stop:
				return
			case <-time.After(10 * time.Millisecond): // out of file descriptors, perhaps
				continue
			}
		}
		if s.track(c) {
			s.running.Go(func() { s.serve(c) })
		}
	}
}

// track remembers c for Close; it refuses a connection that comes after it.
func (s *Server) track(c net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		c.Close()
		return false
	}
	s.connections[c] = struct{}{}
	return true
}

func (s *Server) untrack(c net.Conn) {
	c.Close()
	s.mu.Lock()
	delete(s.connections, c)
	s.mu.Unlock()
}

// tidy deletes expired documents and abandoned cursors, transactions and session records.
func (s *Server) tidy() {
	const every = time.Second
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-s.stop:
			return
		case now := <-ticker.C:
			// A failure here is met again by the next write, which reports it.
			_, _ = s.store.Expire(now)
			_ = s.store.ForgetSessions(now.Add(-sessionTimeout))
			s.cursors.expire(now)
			for _, t := range s.transactions.expire(now) {
				t.abort(s.store)
			}
		}
	}
}

func requireLoopback(addr string) error {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("embedmongo: address %q: %w", addr, err)
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return fmt.Errorf("embedmongo: address %q is not a loopback IP address", addr)
	}
	return nil
}
