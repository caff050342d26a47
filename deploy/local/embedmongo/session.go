package embedmongo

import (
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/bson"

	"medunion/deploy/local/embedmongo/internal/mongoerr"
	"medunion/deploy/local/embedmongo/internal/store"
)

const (
	sessionTimeout     = 30 * time.Minute // as announced in hello
	transactionTimeout = time.Minute      // MongoDB's transactionLifetimeLimitSeconds
)

// sessionFields are what a command says about its session.
type sessionFields struct {
	id          string // the 16 bytes of lsid.id, empty without a session
	number      int64  // txnNumber, -1 if absent
	starts      bool
	transaction bool // autocommit: false
}

func (f sessionFields) inTransaction() bool { return f.transaction }

// retryable reports whether a write may come again under the same number.
func (f sessionFields) retryable() bool { return f.number >= 0 && !f.transaction }

func (r *request) readSession() sessionFields {
	f := sessionFields{number: r.number("txnNumber", -1), starts: r.flag("startTransaction", false), transaction: !r.flag("autocommit", true)}
	if r.has("lsid") {
		lsid := arguments{name: "lsid", body: r.rawDocument("lsid")}
		lsid.allow(set("id", "uid"))
		v, _ := lsid.lookup("id")
		_, id, ok := v.BinaryOK()
		if !ok || len(id) != 16 {
			lsid.wrongType("id", "UUID", v.Type)
		}
		f.id = string(id)
		r.keep(lsid.err)
	}
	if (f.number >= 0 || f.transaction || f.starts) && f.id == "" || (f.transaction || f.starts) && f.number < 0 || f.starts && !f.transaction {
		r.keep(mongoerr.New(mongoerr.InvalidOptions, "transaction fields without the session or number that they need"))
	}
	return f
}

// transaction is an open multi-document transaction of a session.
type transaction struct {
	mu     sync.Mutex // one statement at a time
	number int64
	tx     *store.Tx
	ended  bool
	used   time.Time // guarded by transactions.mu
}

// abort ends t, if it has not ended.
func (t *transaction) abort(s *store.Store) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.abortLocked(s)
}

func (t *transaction) abortLocked(s *store.Store) {
	if !t.ended {
		t.ended = true
		s.Abort(t.tx)
	}
}

// transactions are the open transactions by session.
type transactions struct {
	mu   sync.Mutex
	open map[string]*transaction
}

func newTransactions() *transactions { return &transactions{open: map[string]*transaction{}} }

func (ts *transactions) get(session string) *transaction {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	t := ts.open[session]
	if t != nil {
		t.used = time.Now()
	}
	return t
}

// put returns the transaction that t displaces.
func (ts *transactions) put(session string, t *transaction) *transaction {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	old := ts.open[session]
	t.used = time.Now()
	ts.open[session] = t
	return old
}

func (ts *transactions) remove(session string, t *transaction) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	if ts.open[session] == t {
		delete(ts.open, session)
	}
}

func (ts *transactions) expire(now time.Time) (gone []*transaction) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	for session, t := range ts.open {
		if now.Sub(t.used) > transactionTimeout {
			delete(ts.open, session)
			gone = append(gone, t)
		}
	}
	return gone
}

// runInTransaction runs c in the session's transaction, which it opens if the command says
// so. An error ends the transaction, as does a failed statement.
func (s *Server) runInTransaction(r *request, c command) (bson.D, error) {
	if !c.inTxn {
		return nil, mongoerr.New(mongoerr.NotSupportedInTxn, "Cannot run '%s' in a multi-document transaction.", r.name)
	}
	t, err := s.transactionOf(r)
	if err != nil || t == nil {
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ended {
		return nil, noSuchTransaction(r.session.number)
	}
	r.tx = t
	reply, err := c.run(r)
	if err != nil || hasWriteErrors(reply) {
		t.abortLocked(s.store)
		s.transactions.remove(r.session.id, t)
	}
	return reply, err
}

func hasWriteErrors(reply bson.D) bool {
	for _, e := range reply {
		if e.Key == "writeErrors" {
			return true
		}
	}
	return false
}

// transactionOf finds or opens the transaction of r. It returns nil, nil for the commit of a
// transaction that has been committed already.
func (s *Server) transactionOf(r *request) (*transaction, error) {
	t := s.transactions.get(r.session.id)
	if r.session.starts {
		if t != nil && t.number >= r.session.number {
			return nil, mongoerr.New(mongoerr.TransactionTooOld, "transaction %d has been started already", r.session.number)
		}
		t = &transaction{number: r.session.number, tx: s.store.Begin()}
		if old := s.transactions.put(r.session.id, t); old != nil {
			old.abort(s.store)
		}
		return t, nil
	}
	if t != nil && t.number == r.session.number {
		return t, nil
	}
	if r.name == "commitTransaction" && s.committed(r.session) {
		return nil, nil
	}
	return nil, noSuchTransaction(r.session.number)
}

// committed reports whether the session's transaction of that number is durable.
func (s *Server) committed(f sessionFields) bool {
	found := false
	err := s.store.Write(func(t *store.Tx) error {
		reply, err := t.Recall(f.id, f.number)
		found = reply != nil
		return err
	})
	return err == nil && found
}

func noSuchTransaction(number int64) error {
	return mongoerr.Transient(mongoerr.New(mongoerr.NoSuchTransaction, "Given transaction number %d does not match any in-progress transactions.", number))
}

func commitTransaction(r *request) (bson.D, error) {
	if r.tx == nil {
		return nil, noSuchTransaction(r.session.number)
	}
	r.server.transactions.remove(r.session.id, r.tx)
	r.tx.ended = true
	r.tx.tx.Remember(r.session.id, r.session.number, emptyDocument)
	return nil, r.server.store.Commit(r.tx.tx)
}

func abortTransaction(r *request) (bson.D, error) {
	if r.tx == nil {
		return nil, noSuchTransaction(r.session.number)
	}
	r.server.transactions.remove(r.session.id, r.tx)
	r.tx.abortLocked(r.server.store)
	return nil, nil
}

// endSessions aborts the open transactions of the sessions that a client gives up. What
// they wrote last is remembered until sessionTimeout, in case a retry is still on its way.
func endSessions(r *request) (bson.D, error) {
	for _, raw := range r.documents(r.name) {
		lsid := arguments{name: "lsid", body: raw}
		v, _ := lsid.lookup("id")
		if _, id, ok := v.BinaryOK(); ok {
			if t := r.server.transactions.get(string(id)); t != nil {
				r.server.transactions.remove(string(id), t)
				t.abort(r.server.store)
			}
		}
	}
	return nil, r.err
}
