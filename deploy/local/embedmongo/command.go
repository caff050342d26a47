package embedmongo

import (
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/bson"

	"medunion/deploy/local/embedmongo/internal/mongoerr"
	"medunion/deploy/local/embedmongo/internal/store"
	"medunion/deploy/local/embedmongo/internal/wire"
)

// request is a command that is being run.
type request struct {
	arguments
	server   *Server
	database string
	session  sessionFields
	deadline time.Time    // zero: none
	tx       *transaction // the open multi-document transaction it belongs to, or nil
}

// collection is the namespace that the command names in its first field.
func (r *request) collection() string {
	name := r.text(r.name)
	if name == "" && r.err == nil {
		r.err = mongoerr.New(mongoerr.InvalidNamespace, "the collection name is empty")
	}
	return r.database + "." + name
}

// command is one entry of the table.
type command struct {
	run    func(*request) (bson.D, error)
	fields map[string]bool // beside the name and those that any command may have
	inTxn  bool            // allowed in a multi-document transaction
}

// commands is the table of everything that the server can do, by name in lower case.
var commands map[string]command

func init() {
	commands = map[string]command{
		"hello":             {run: hello, fields: helloFields},
		"ismaster":          {run: hello, fields: helloFields},
		"ping":              {run: ping},
		"buildinfo":         {run: buildInfo},
		"insert":            {run: insert, fields: set("documents", "ordered"), inTxn: true},
		"update":            {run: update, fields: set("updates", "ordered"), inTxn: true},
		"delete":            {run: remove, fields: set("deletes", "ordered"), inTxn: true},
		"findandmodify":     {run: findAndModify, fields: findAndModifyFields, inTxn: true},
		"find":              {run: find, fields: findFields, inTxn: true},
		"getmore":           {run: getMore, fields: set("collection", "batchSize"), inTxn: true},
		"killcursors":       {run: killCursors, fields: set("cursors"), inTxn: true},
		"aggregate":         {run: aggregate, fields: set("pipeline", "cursor", "allowDiskUse"), inTxn: true},
		"count":             {run: count, fields: set("query", "skip", "limit")},
		"distinct":          {run: distinct, fields: set("key", "query"), inTxn: true},
		"create":            {run: create},
		"createindexes":     {run: createIndexes, fields: set("indexes")},
		"dropindexes":       {run: dropIndexes, fields: set("index")},
		"listindexes":       {run: listIndexes, fields: set("cursor")},
		"listcollections":   {run: listCollections, fields: set("filter", "nameOnly", "authorizedCollections", "cursor")},
		"listdatabases":     {run: listDatabases, fields: set("filter", "nameOnly", "authorizedDatabases")},
		"drop":              {run: drop},
		"dropdatabase":      {run: dropDatabase},
		"committransaction": {run: commitTransaction, inTxn: true},
		"aborttransaction":  {run: abortTransaction, inTxn: true},
		"endsessions":       {run: endSessions},
	}
}

// run reads the command of m, checks what all commands have in common, and runs it.
func (s *Server) run(m *wire.Message) (bson.D, error) {
	first, err := m.Body.IndexErr(0)
	if err != nil {
		return nil, mongoerr.New(mongoerr.FailedToParse, "the command is empty")
	}
	c, known := commands[strings.ToLower(first.Key())]
	if !known {
		return nil, mongoerr.New(mongoerr.CommandNotFound, "no such command: '%s'", first.Key())
	}
	r := &request{arguments: arguments{name: first.Key(), body: m.Body, sequences: m.Sequences}, server: s}
	r.allow(c.fields, isCommandOption, set(r.name))
	r.readOptions(m.Legacy)
	if r.err != nil {
		return nil, r.err
	}
	if r.session.inTransaction() {
		return s.runInTransaction(r, c)
	}
	return c.run(r)
}

// readOptions reads the fields that any command may have. $readPreference, $clusterTime and
// comment make no difference on a single node. maxTimeMS bounds how long a write waits for
// its turn; a read never waits.
func (r *request) readOptions(legacy bool) {
	if !legacy {
		r.database = r.text("$db")
	}
	if limit := r.count("maxTimeMS", 0); limit > 0 {
		r.deadline = time.Now().Add(time.Duration(limit) * time.Millisecond)
	}
	r.checkReadConcern()
	r.checkWriteConcern()
	r.session = r.readSession()
}

func (r *request) checkReadConcern() {
	concern := arguments{name: "readConcern", body: r.rawDocument("readConcern")}
	concern.allow(set("level"))
	if concern.err == nil && concern.has("level") {
		switch level := concern.text("level"); level {
		case "local", "available", "majority", "linearizable", "snapshot": // all reads are durable here
		default:
			concern.err = mongoerr.New(mongoerr.FailedToParse, "unknown read concern level %q", level)
		}
	}
	r.keep(concern.err)
}

// checkWriteConcern refuses to promise more than one node can; every write is journalled and
// "majority" is this node.
func (r *request) checkWriteConcern() {
	concern := arguments{name: "writeConcern", body: r.rawDocument("writeConcern")}
	concern.allow(set("w", "j", "fsync", "wtimeout", "provenance"))
	if w, there := concern.lookup("w"); there && concern.err == nil {
		mode, named := w.StringValueOK()
		if named && mode != "majority" || !named && concern.number("w", 1) > 1 {
			concern.err = mongoerr.New(mongoerr.UnsatisfiableConcern, "Not enough data-bearing nodes")
		}
	}
	r.keep(concern.err)
}

func (r *request) keep(err error) {
	if r.err == nil {
		r.err = err
	}
}

// rawDocument reads a document without decoding it, empty if absent.
func (a *arguments) rawDocument(key string) bson.Raw {
	v, there := a.lookup(key)
	if !there {
		return emptyDocument
	}
	raw, ok := v.DocumentOK()
	if !ok {
		a.wrongType(key, "object", v.Type)
		return emptyDocument
	}
	return raw
}

var emptyDocument = bson.Raw{5, 0, 0, 0, 0}

// view is what a reading command sees.
func (r *request) view() *store.Tx {
	if r.tx != nil {
		return r.tx.tx
	}
	return r.server.store.View()
}

// write runs a writing command: inside its transaction, or alone and durable on return. A
// retryable write that has been done already is not done again: its reply is repeated.
func (r *request) write(f func(*store.Tx) (bson.D, error)) (reply bson.D, err error) {
	if r.err != nil {
		return nil, r.err
	}
	run := func(t *store.Tx) error {
		if !r.deadline.IsZero() && time.Now().After(r.deadline) {
			return mongoerr.New(mongoerr.MaxTimeMSExpired, "operation exceeded time limit")
		}
		reply, err = f(t)
		return err
	}
	if r.tx != nil {
		err := r.server.store.In(r.tx.tx, run)
		return reply, err
	}
	if !r.session.retryable() {
		err := r.server.store.Write(run)
		return reply, err
	}
	err = r.server.store.Write(func(t *store.Tx) error {
		done, err := t.Recall(r.session.id, r.session.number)
		if err != nil {
			return err
		}
		if done != nil {
			return bson.Unmarshal(done, &reply)
		}
		if err := run(t); err != nil {
			return err
		}
		raw, err := bson.Marshal(reply)
		t.Remember(r.session.id, r.session.number, raw)
		return err
	})
	return reply, err
}
