package store

import (
	"sync"
	"sync/atomic"
	"time"

	"go.mongodb.org/mongo-driver/bson"

	"medunion/deploy/local/embedmongo/internal/mongoerr"
)

// Store holds all collections.
type Store struct {
	disk      *disk // nil: memory only
	published atomic.Pointer[state]
	seq       atomic.Uint64

	mu       sync.Mutex
	latest   state // newest version, maybe not durable yet
	next     *batch
	flushing *batch
	failed   error // a flush failed: what is on disk is unknown, so nothing is written any more
	closed   bool
	claimed  map[uint64]*Tx // documents reserved by open transactions, by their seq
	sessions map[string]answered

	wake    chan struct{}
	flusher sync.WaitGroup
}

// Open loads the store in dir, which it creates if need be; an empty dir keeps everything in
// memory. It fails if another process has dir open.
func Open(dir string) (*Store, error) {
	s := &Store{
		latest: state{}, claimed: map[uint64]*Tx{}, sessions: map[string]answered{},
		wake: make(chan struct{}, 1),
	}
	if dir != "" {
		var err error
		if s.disk, err = openDisk(dir); err != nil {
			return nil, err
		}
		if err := s.disk.load(s); err != nil {
			s.disk.close()
			return nil, err
		}
	}
	loaded := s.latest
	s.published.Store(&loaded)
	s.flusher.Go(s.flushAll)
	return s, nil
}

// Close makes pending writes durable and closes the files. Writes fail afterwards.
func (s *Store) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	s.mu.Unlock()
	close(s.wake)
	s.flusher.Wait()
	if s.disk == nil {
		return nil
	}
	return s.disk.close()
}

func (s *Store) nextSeq() uint64 { return s.seq.Add(1) }

// View is a reader of the last durable version. It never changes and needs no closing.
func (s *Store) View() *Tx { return newTx(s, *s.published.Load()) }

// Write runs f alone on the newest version and makes its changes durable before it returns.
// If f fails, nothing changes. Either way everything that f can have seen is durable on return.
func (s *Store) Write(f func(*Tx) error) error {
	return s.exclusively(func() error {
		t := newTx(s, s.latest)
		if err := f(t); err != nil {
			return err
		}
		s.enqueue(t)
		return nil
	})
}

// Begin opens a multi-document transaction on the last durable version. It must end in
// Commit or Abort, and serves one caller at a time.
func (s *Store) Begin() *Tx {
	t := s.View()
	t.claims = true
	return t
}

// In runs a writing statement inside t. An error means that t must be aborted.
func (s *Store) In(t *Tx, f func(*Tx) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return f(t)
}

// Commit makes the writes of t durable as one, or fails with a write conflict and changes nothing.
func (s *Store) Commit(t *Tx) error {
	return s.exclusively(func() error {
		s.release(t)
		r := newTx(s, s.latest)
		r.session = t.session
		if err := r.replay(t); err != nil {
			return err
		}
		s.enqueue(r)
		return nil
	})
}

// Abort forgets t.
func (s *Store) Abort(t *Tx) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.release(t)
}

// exclusively runs f under the lock, then waits until the newest version is durable.
func (s *Store) exclusively(f func() error) error {
	b, err := s.locked(f)
	if b != nil {
		if <-b.done; b.err != nil {
			return b.err
		}
	}
	return err
}

func (s *Store) locked(f func() error) (*batch, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, mongoerr.New(mongoerr.ShutdownInProgress, "the server is shutting down")
	}
	if s.failed != nil {
		return nil, s.failed
	}
	err := f()
	if s.next != nil {
		return s.next, err
	}
	return s.flushing, err
}

// claim reserves a document that t is about to change; the lock must be held.
func (s *Store) claim(t *Tx, namespace string, d *Document) error {
	if _, own := t.writes[d.seq]; own {
		return nil
	}
	if holder := s.claimed[d.seq]; holder != nil && holder != t {
		return mongoerr.Conflict()
	}
	if c := s.latest[namespace]; c == nil || c.current(d.seq) != d {
		return mongoerr.Conflict()
	}
	s.claimed[d.seq] = t
	return nil
}

func (s *Store) release(t *Tx) {
	for seq := range t.writes {
		if s.claimed[seq] == t {
			delete(s.claimed, seq)
		}
	}
}

func (c *collection) current(seq uint64) *Document {
	d, _ := c.docs.Get(&Document{seq: seq})
	return d
}

// replay applies the writes of the transaction t to r. All old versions go before any new
// one comes, so that a unique key may move from one document to another.
func (r *Tx) replay(t *Tx) error {
	for _, seq := range t.order {
		if w := t.writes[seq]; w.before != nil {
			if c := r.collection(w.namespace); c == nil || c.current(seq) != w.before {
				return mongoerr.Conflict()
			}
			if err := r.replace(w.namespace, w.before, nil); err != nil {
				return err
			}
		}
	}
	for _, seq := range t.order {
		if w := t.writes[seq]; w.after != nil {
			if err := r.replace(w.namespace, nil, w.after); err != nil {
				return asConflict(err)
			}
		}
	}
	return nil
}

// asConflict turns a duplicate key that t could not have seen into a conflict.
func asConflict(err error) error {
	if e, ok := err.(*mongoerr.Error); ok && e.Code == mongoerr.DuplicateKey.Code {
		return mongoerr.Conflict()
	}
	return err
}

// Expire deletes the documents whose time has passed by a TTL index and returns their number.
func (s *Store) Expire(now time.Time) (int, error) {
	total := 0
	for namespace := range *s.published.Load() {
		for {
			n, err := s.expireSome(namespace, now)
			total += n
			if err != nil || n == 0 {
				if err != nil {
					return total, err
				}
				break
			}
		}
	}
	return total, nil
}

func (s *Store) expireSome(namespace string, now time.Time) (n int, err error) {
	const atOnce = 1000 // documents per commit, so that other writers get their turn
	if view := s.View(); len(view.expired(namespace, now, 1)) == 0 {
		return 0, nil
	}
	err = s.Write(func(t *Tx) error {
		for _, d := range t.expired(namespace, now, atOnce) {
			if err := t.replace(namespace, d, nil); err != nil {
				return err
			}
			n++
		}
		return nil
	})
	return n, err
}

func (t *Tx) expired(namespace string, now time.Time, limit int) []*Document {
	c := t.collection(namespace)
	if c == nil {
		return nil
	}
	for _, x := range c.indexes {
		if x.spec.ExpireAfter != nil {
			if found := x.expired(now, limit); len(found) > 0 {
				return found
			}
		}
	}
	return nil
}

// answered is the reply to a session's last retryable write.
type answered struct {
	number int64
	reply  bson.Raw
	at     time.Time
}

// Recall returns the reply to the session's write with this number if it has been done
// already. A number older than the last one is an error. It needs a Tx of Write.
func (t *Tx) Recall(session string, number int64) (bson.Raw, error) {
	a, ok := t.store.sessions[session]
	if ok && number < a.number {
		return nil, mongoerr.New(mongoerr.TransactionTooOld, "the session has used transaction number %d already, which is newer than %d", a.number, number)
	}
	if !ok || number != a.number {
		return nil, nil
	}
	return a.reply, nil
}

// Remember makes the reply durable together with the writes of t, so that a driver that did
// not see it can ask again, also after a restart, without the write being done twice.
func (t *Tx) Remember(session string, number int64, reply bson.Raw) {
	a := answered{number, reply, time.Now()}
	t.session = &change{kind: putSession, namespace: session, value: a.encode(), answer: a}
}

// ForgetSessions removes what was remembered before the time.
func (s *Store) ForgetSessions(before time.Time) error {
	return s.Write(func(t *Tx) error {
		for id, a := range s.sessions {
			if a.at.Before(before) {
				delete(s.sessions, id)
				t.catalog = append(t.catalog, change{kind: deleteSession, namespace: id})
			}
		}
		return nil
	})
}
