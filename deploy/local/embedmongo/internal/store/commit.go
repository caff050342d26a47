package store

import (
	"go.mongodb.org/mongo-driver/bson"

	"medunion/deploy/local/embedmongo/internal/mongoerr"
)

type changeKind int

const (
	putIndexes     changeKind = iota // value: the encoded indexes; makes the collection if need be
	dropCollection                   //
	putDocument                      // value: the document
	deleteDocument                   //
	putSession                       // namespace: the session; value: its last answer
	deleteSession                    //
)

// change is one step towards disk.
type change struct {
	kind      changeKind
	namespace string
	seq       uint64
	value     []byte
	answer    answered
}

// batch is a group of transactions that become durable with one fsync.
type batch struct {
	changes []change
	result  state
	done    chan struct{}
	err     error // valid once done is closed
}

// enqueue makes t the newest version and hands its changes to the flusher; the lock must be held.
func (s *Store) enqueue(t *Tx) {
	if t.session != nil {
		s.sessions[t.session.namespace] = t.session.answer
	}
	changes := t.changes()
	if len(changes) == 0 {
		return
	}
	if s.next == nil {
		s.next = &batch{done: make(chan struct{})}
		s.wake <- struct{}{} // has room for one, and there is at most one next batch
	}
	s.latest = t.result()
	s.next.result = s.latest
	s.next.changes = append(s.next.changes, changes...)
}

// flushAll makes batches durable and then visible, until the store is closed.
func (s *Store) flushAll() {
	for range s.wake {
		s.mu.Lock()
		b := s.next
		s.next, s.flushing = nil, b
		failed := s.failed
		s.mu.Unlock()
		if failed == nil {
			failed = s.flush(b)
		}
		s.mu.Lock()
		s.failed, s.flushing, b.err = failed, nil, failed
		s.mu.Unlock()
		close(b.done)
	}
}

func (s *Store) flush(b *batch) error {
	if s.disk != nil {
		if err := s.disk.write(b.changes); err != nil {
			return mongoerr.New(mongoerr.InternalError, "writing to disk failed, no further write is accepted: %v", err)
		}
	}
	s.published.Store(&b.result)
	return nil
}

func encodeIndexes(c *collection) []byte {
	stored := storedIndexes{}
	for _, name := range c.indexNames() {
		if name != idIndex {
			stored.Indexes = append(stored.Indexes, c.indexes[name].spec)
		}
	}
	raw, err := bson.Marshal(stored)
	if err != nil {
		panic(err) // the specifications came out of BSON
	}
	return raw
}

// storedIndexes is the form on disk of a collection's indexes but that on _id.
type storedIndexes struct {
	Indexes []IndexSpec `bson:"indexes"`
}
