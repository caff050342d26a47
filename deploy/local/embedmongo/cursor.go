package embedmongo

import (
	"math"
	"math/rand/v2"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/bson"

	"medunion/deploy/local/embedmongo/internal/mongoerr"
	"medunion/deploy/local/embedmongo/internal/wire"
)

const (
	firstBatch    = 101              // documents, MongoDB's default
	cursorTimeout = 10 * time.Minute // without a getMore
)

// cursor is the rest of a result, as it was when the command ran.
type cursor struct {
	namespace string
	rest      []bson.Raw
	used      time.Time
}

type cursors struct {
	mu   sync.Mutex
	open map[int64]*cursor
}

func newCursors() *cursors { return &cursors{open: map[int64]*cursor{}} }

// add keeps c under a new positive id.
func (cs *cursors) add(c *cursor) int64 {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	c.used = time.Now()
	for {
		id := rand.Int64()
		if _, taken := cs.open[id]; id != 0 && !taken {
			cs.open[id] = c
			return id
		}
	}
}

// take removes the cursor, which must belong to the namespace.
func (cs *cursors) take(id int64, namespace string) (*cursor, error) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	c := cs.open[id]
	if c == nil || c.namespace != namespace {
		return nil, mongoerr.New(mongoerr.CursorNotFound, "cursor id %d not found", id)
	}
	delete(cs.open, id)
	return c, nil
}

// putBack keeps c under the id that it had.
func (cs *cursors) putBack(id int64, c *cursor) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	c.used = time.Now()
	cs.open[id] = c
}

func (cs *cursors) expire(now time.Time) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	for id, c := range cs.open {
		if now.Sub(c.used) > cursorTimeout {
			delete(cs.open, id)
		}
	}
}

// cut splits off at most size documents that fit into one reply, but one at least.
func (c *cursor) cut(size int) []bson.Raw {
	n, bytes := 0, 0
	for n < len(c.rest) && n < size {
		if bytes += len(c.rest[n]); n > 0 && bytes > wire.MaxDocument {
			break
		}
		n++
	}
	batch := c.rest[:n:n]
	c.rest = c.rest[n:]
	return batch
}

// firstReply answers with the first batch of the documents and keeps the others. A single
// batch leaves nothing behind.
func (s *Server) firstReply(namespace string, documents []bson.Raw, size int, single bool) bson.D {
	c := &cursor{namespace: namespace, rest: documents}
	batch, id := c.cut(size), int64(0)
	if len(c.rest) > 0 && !single {
		id = s.cursors.add(c)
	}
	return cursorReply("firstBatch", namespace, id, batch)
}

func cursorReply(key, namespace string, id int64, batch []bson.Raw) bson.D {
	if batch == nil {
		batch = []bson.Raw{}
	}
	return bson.D{{Key: "cursor", Value: bson.D{{Key: key, Value: batch}, {Key: "id", Value: id}, {Key: "ns", Value: namespace}}}}
}

func getMore(r *request) (bson.D, error) {
	id, size := r.number(r.name, 0), r.count("batchSize", 0)
	namespace := r.database + "." + r.text("collection")
	if r.err != nil {
		return nil, r.err
	}
	if size == 0 {
		size = math.MaxInt // as many as fit
	}
	c, err := r.server.cursors.take(id, namespace)
	if err != nil {
		return nil, err
	}
	batch := c.cut(size)
	if len(c.rest) > 0 {
		r.server.cursors.putBack(id, c)
	} else {
		id = 0
	}
	return cursorReply("nextBatch", namespace, id, batch), nil
}

func killCursors(r *request) (bson.D, error) {
	namespace := r.collection()
	v, _ := r.lookup("cursors")
	array, ok := v.ArrayOK()
	if !ok {
		r.wrongType("cursors", "array", v.Type)
	}
	if r.err != nil {
		return nil, r.err
	}
	killed, missing := []int64{}, []int64{}
	values, _ := array.Values()
	for _, item := range values {
		id, ok := item.AsInt64OK()
		if _, err := r.server.cursors.take(id, namespace); ok && err == nil {
			killed = append(killed, id)
		} else {
			missing = append(missing, id)
		}
	}
	return bson.D{
		{Key: "cursorsKilled", Value: killed}, {Key: "cursorsNotFound", Value: missing},
		{Key: "cursorsAlive", Value: []int64{}}, {Key: "cursorsUnknown", Value: []int64{}},
	}, nil
}
