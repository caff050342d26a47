package store

import (
	"math"
	"time"

	"github.com/256dpi/lungo/bsonkit"
	"github.com/256dpi/lungo/mongokit"
	"github.com/tidwall/btree"
	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"

	"medunion/deploy/local/embedmongo/internal/mongoerr"
	"medunion/deploy/local/embedmongo/internal/query"
)

// IndexSpec describes an index.
type IndexSpec struct {
	Name        string `bson:"name"`
	Key         bson.D `bson:"key"`
	Unique      bool   `bson:"unique,omitempty"`
	Partial     bson.D `bson:"partialFilterExpression,omitempty"`
	ExpireAfter *int64 `bson:"expireAfterSeconds,omitempty"` // seconds after the date in the key; nil keeps for ever
}

func (s IndexSpec) equal(o IndexSpec) bool {
	sameExpiry := (s.ExpireAfter == nil) == (o.ExpireAfter == nil) && (s.ExpireAfter == nil || *s.ExpireAfter == *o.ExpireAfter)
	return s.Name == o.Name && s.Unique == o.Unique && sameExpiry &&
		bsonkit.Compare(s.Key, o.Key) == 0 && bsonkit.Compare(s.Partial, o.Partial) == 0
}

// index orders the documents by their values at its columns. A document with an array there
// stands under each element.
type index struct {
	spec     IndexSpec
	columns  []bsonkit.Column
	entries  *btree.BTreeG[entry]
	multikey bool // some document stands, or stood, under several keys
}

// entry is a document under one key. A bound is no document but a place between entries: a
// key, maybe of the first columns only, with everything equal to it after (-1) or before (+1) it.
type entry struct {
	key   []any
	doc   *Document
	bound int
}

func newIndex(spec IndexSpec) (*index, error) {
	if len(spec.Key) == 0 {
		return nil, mongoerr.New(mongoerr.CannotCreateIndex, "Index keys cannot be empty")
	}
	columns, err := mongokit.Columns(&spec.Key)
	if err != nil {
		return nil, mongoerr.New(mongoerr.CannotCreateIndex, "index %q: only ascending (1) and descending (-1) keys are supported", spec.Name)
	}
	if spec.ExpireAfter != nil && len(columns) != 1 {
		return nil, mongoerr.New(mongoerr.CannotCreateIndex, "TTL indexes are single-field indexes, compound indexes do not support TTL")
	}
	if err := query.CheckFilter(spec.Partial); err != nil {
		return nil, err
	}
	x := &index{spec: spec, columns: columns}
	// The store's lock and its snapshots make the tree's own lock needless.
	x.entries = btree.NewBTreeGOptions(x.less, btree.Options{NoLocks: true})
	return x, nil
}

// clone shares the entries until either side changes. The store's lock must be held.
func (x *index) clone() *index {
	c := *x
	c.entries = x.entries.Copy()
	return &c
}

func (x *index) less(a, b entry) bool {
	for i := range min(len(a.key), len(b.key)) {
		if c := bsonkit.Compare(a.key[i], b.key[i]); c != 0 {
			return (c < 0) != x.columns[i].Reverse
		}
	}
	if a.bound != b.bound {
		return a.bound < b.bound
	}
	return a.doc != nil && b.doc != nil && a.doc.seq < b.doc.seq
}

// keys returns the keys that d stands under: none if the index is partial and leaves it out.
func (x *index) keys(d *Document) ([][]any, error) {
	if len(x.spec.Partial) > 0 {
		in, err := mongokit.Match(&d.tree, &x.spec.Partial)
		if err != nil || !in {
			return nil, err
		}
	}
	keys, arrays := [][]any{{}}, 0
	for _, column := range x.columns {
		v, _ := bsonkit.All(&d.tree, column.Path, true, true)
		values, isArray := v.(bson.A)
		if isArray {
			arrays++
		}
		if len(values) == 0 { // no array, or an empty one, which stands under itself
			values = bson.A{v}
		}
		keys = product(keys, values)
	}
	if arrays > 1 {
		return nil, mongoerr.New(mongoerr.CannotIndexParallelArrays, "cannot index parallel arrays: index %s", x.spec.Name)
	}
	return keys, nil
}

func product(keys [][]any, values []any) [][]any {
	out := make([][]any, 0, len(keys)*len(values))
	for _, k := range keys {
		for _, v := range values {
			out = append(out, append(k[:len(k):len(k)], v))
		}
	}
	return out
}

// clash returns the error of a unique index where another document than old stands under one of keys.
func (x *index) clash(keys [][]any, old *Document) error {
	if !x.spec.Unique {
		return nil
	}
	for _, k := range keys {
		var other *Document
		x.between(entry{key: k, bound: -1}, entry{key: k, bound: +1}, false, func(d *Document) bool {
			if old == nil || d.seq != old.seq {
				other = d
			}
			return other == nil
		})
		if other != nil {
			return duplicate(x.spec, k)
		}
	}
	return nil
}

func duplicate(spec IndexSpec, key []any) error {
	shown := bson.D{}
	for i, e := range spec.Key {
		v := key[i]
		if v == bsonkit.Missing {
			v = nil
		}
		shown = append(shown, bson.E{Key: e.Key, Value: v})
	}
	return mongoerr.New(mongoerr.DuplicateKey, "E11000 duplicate key error index: %s dup key: %s", spec.Name, keyText(shown))
}

func keyText(key bson.D) string {
	text, err := bson.MarshalExtJSON(key, false, false)
	if err != nil {
		return "(unprintable)"
	}
	return string(text)
}

func (x *index) add(keys [][]any, d *Document) {
	x.multikey = x.multikey || len(keys) > 1
	for _, k := range keys {
		x.entries.Set(entry{key: k, doc: d})
	}
}

func (x *index) remove(keys [][]any, d *Document) {
	for _, k := range keys {
		x.entries.Delete(entry{key: k, doc: d})
	}
}

// between visits the documents from low to high, or backwards, until visit returns false.
// It reports whether visit never did.
func (x *index) between(low, high entry, backwards bool, visit func(*Document) bool) bool {
	done := true
	step := func(e entry) bool {
		if backwards && x.less(e, low) || !backwards && x.less(high, e) {
			return false
		}
		done = visit(e.doc)
		return done
	}
	if backwards {
		x.entries.Descend(high, step)
	} else {
		x.entries.Ascend(low, step)
	}
	return done
}

// expired collects at most limit documents whose date has passed by the index's time. Only
// dates expire, as in MongoDB; of an array of dates the earliest counts.
func (x *index) expired(now time.Time, limit int) []*Document {
	cutoff := now.Add(-time.Duration(*x.spec.ExpireAfter) * time.Second)
	r := keyRange{
		low:  entry{key: []any{primitive.DateTime(math.MinInt64)}, bound: -1},
		high: entry{key: []any{primitive.NewDateTimeFromTime(cutoff)}, bound: -1},
	}
	if x.columns[0].Reverse {
		r.low, r.high = r.high.opposite(), r.low.opposite()
	}
	var out []*Document
	seen := map[uint64]bool{}
	x.between(r.low, r.high, false, func(d *Document) bool {
		if !seen[d.seq] {
			seen[d.seq] = true
			out = append(out, d)
		}
		return len(out) < limit
	})
	return out
}

func (e entry) opposite() entry { return entry{key: e.key, bound: -e.bound} }

func (s IndexSpec) String() string { return s.Name + " on " + keyText(s.Key) }
