package store

import (
	"strings"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"

	"medunion/deploy/local/embedmongo/internal/mongoerr"
)

// state is a version of the whole store, never changed once it is published.
type state map[string]*collection // by "database.collection"

// Tx sees a version of the store and, above it, its own writes.
type Tx struct {
	store   *Store
	base    state
	touched map[string]*collection // own versions; nil: dropped
	writes  map[uint64]*write
	order   []uint64 // of writes
	catalog []change
	session *change
	claims  bool // a multi-document transaction: its documents are reserved as it writes them
}

// write is the change of one document from the first version that Tx saw to the last.
type write struct {
	namespace     string
	before, after *Document
}

func newTx(s *Store, base state) *Tx {
	return &Tx{store: s, base: base, touched: map[string]*collection{}, writes: map[uint64]*write{}}
}

// collection returns the visible version, nil if there is none.
func (t *Tx) collection(namespace string) *collection {
	if c, ok := t.touched[namespace]; ok {
		return c
	}
	return t.base[namespace]
}

// writable returns the own version, made from the visible one or, if there is none, new.
func (t *Tx) writable(namespace string) (*collection, error) {
	if c := t.touched[namespace]; c != nil {
		return c, nil
	}
	c := t.collection(namespace)
	if c == nil {
		if err := checkNamespace(namespace); err != nil {
			return nil, err
		}
		c = newCollection()
		t.catalog = append(t.catalog, change{kind: putIndexes, namespace: namespace, value: encodeIndexes(c)})
	} else {
		c = c.clone()
	}
	t.touched[namespace] = c
	return c, nil
}

func checkNamespace(namespace string) error {
	db, coll, _ := strings.Cut(namespace, ".")
	bad := db == "" || coll == "" || strings.ContainsAny(namespace, "$\x00") || strings.HasPrefix(coll, "system.") || len(namespace) > 255
	if bad || coll[0] == '.' || coll[len(coll)-1] == '.' {
		return mongoerr.New(mongoerr.InvalidNamespace, "Invalid namespace specified '%s'", namespace)
	}
	return nil
}

// Find returns the documents of q in order. Filters and sorts are checked also where nothing is stored.
func (t *Tx) Find(namespace string, q Query) ([]*Document, error) {
	return t.collection(namespace).find(q)
}

// Len is the number of documents.
func (t *Tx) Len(namespace string) int {
	if c := t.collection(namespace); c != nil {
		return c.docs.Len()
	}
	return 0
}

// replace records and applies one change of a document.
func (t *Tx) replace(namespace string, before, after *Document) error {
	if t.claims && before != nil {
		if err := t.store.claim(t, namespace, before); err != nil {
			return err
		}
	}
	c, err := t.writable(namespace)
	if err != nil {
		return err
	}
	if err := c.replace(before, after); err != nil {
		return err
	}
	t.record(namespace, before, after)
	return nil
}

func (t *Tx) record(namespace string, before, after *Document) {
	seq := seqOf(before, after)
	if w := t.writes[seq]; w != nil {
		w.after = after
		return
	}
	t.writes[seq] = &write{namespace, before, after}
	t.order = append(t.order, seq)
}

func seqOf(before, after *Document) uint64 {
	if before != nil {
		return before.seq
	}
	return after.seq
}

// Insert stores tree, with a new ObjectID if it has no _id. The tree belongs to the store afterwards.
func (t *Tx) Insert(namespace string, tree bson.D) (*Document, error) {
	if !hasID(tree) {
		tree = append(bson.D{{Key: "_id", Value: primitive.NewObjectID()}}, tree...)
	}
	d, err := newDocument(t.store.nextSeq(), tree)
	if err != nil {
		return nil, err
	}
	return d, t.replace(namespace, nil, d)
}

func hasID(tree bson.D) bool {
	for _, e := range tree {
		if e.Key == "_id" {
			return true
		}
	}
	return false
}

// Delete removes the matching documents in the order of q, and returns them.
func (t *Tx) Delete(namespace string, q Query) ([]*Document, error) {
	found, err := t.Find(namespace, q)
	if err != nil {
		return nil, err
	}
	for i, d := range found {
		if err := t.replace(namespace, d, nil); err != nil {
			return found[:i], err
		}
	}
	return found, nil
}

// changes lists what has to be made durable, in order.
func (t *Tx) changes() []change {
	out := t.catalog
	for _, seq := range t.order {
		w := t.writes[seq]
		switch {
		case w.after != nil:
			out = append(out, change{kind: putDocument, namespace: w.namespace, seq: seq, value: w.after.raw})
		case w.before != nil:
			out = append(out, change{kind: deleteDocument, namespace: w.namespace, seq: seq})
		}
	}
	if t.session != nil && len(out) > 0 { // a statement that changed nothing may run again
		out = append(out, *t.session)
	}
	return out
}

// result is the version of the store after t.
func (t *Tx) result() state {
	next := make(state, len(t.base)+1)
	for namespace, c := range t.base {
		next[namespace] = c
	}
	for namespace, c := range t.touched {
		if c == nil {
			delete(next, namespace)
		} else {
			next[namespace] = c
		}
	}
	return next
}
