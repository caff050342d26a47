package store

import (
	"sort"

	"github.com/256dpi/lungo/bsonkit"
	"github.com/256dpi/lungo/mongokit"
	"github.com/tidwall/btree"
	"go.mongodb.org/mongo-driver/bson"

	"medunion/deploy/local/embedmongo/internal/mongoerr"
	"medunion/deploy/local/embedmongo/internal/query"
)

// collection is a version of a collection. A version that has been published is never
// changed; a writer changes its own clone.
type collection struct {
	docs    *btree.BTreeG[*Document] // in natural order
	indexes map[string]*index
}

const idIndex = "_id_"

func newCollection() *collection {
	id, err := newIndex(IndexSpec{Name: idIndex, Key: bson.D{{Key: "_id", Value: int32(1)}}, Unique: true})
	if err != nil {
		panic(err)
	}
	bySeq := func(a, b *Document) bool { return a.seq < b.seq }
	return &collection{
		docs:    btree.NewBTreeGOptions(bySeq, btree.Options{NoLocks: true}),
		indexes: map[string]*index{idIndex: id},
	}
}

// clone shares everything until either side changes. The store's lock must be held.
func (c *collection) clone() *collection {
	n := &collection{docs: c.docs.Copy(), indexes: make(map[string]*index, len(c.indexes))}
	for name, x := range c.indexes {
		n.indexes[name] = x.clone()
	}
	return n
}

// replace puts after in the place of before; nil means absent. On an error nothing has changed.
func (c *collection) replace(before, after *Document) error {
	type move struct{ out, in [][]any }
	moves := make(map[*index]move, len(c.indexes))
	for _, x := range c.indexes {
		var m move
		var err error
		if before != nil {
			if m.out, err = x.keys(before); err != nil {
				return invalid(err)
			}
		}
		if after != nil {
			if m.in, err = x.keys(after); err != nil {
				return invalid(err)
			}
			if err = x.clash(m.in, before); err != nil {
				return err
			}
		}
		moves[x] = m
	}
	for x, m := range moves {
		x.remove(m.out, before)
		x.add(m.in, after)
	}
	if after != nil {
		c.docs.Set(after)
	} else {
		c.docs.Delete(before)
	}
	return nil
}

// Query selects documents. Limit 0 means all.
type Query struct {
	Filter      bson.D
	Sort        bson.D
	Skip, Limit int
}

func (c *collection) find(q Query) ([]*Document, error) {
	if err := query.CheckFilter(q.Filter); err != nil {
		return nil, err
	}
	columns, err := mongokit.Columns(&q.Sort)
	if err != nil {
		return nil, mongoerr.New(mongoerr.BadValue, "sort: only 1 and -1 are supported")
	}
	if c == nil {
		return nil, nil
	}
	p := c.planFor(q.Filter, columns)
	enough := 0
	if q.Limit > 0 && p.sorted {
		enough = q.Skip + q.Limit
	}
	found, err := c.matching(p, q.Filter, enough)
	if err != nil {
		return nil, err
	}
	if !p.sorted {
		sortDocuments(found, columns)
	}
	return cut(found, q.Skip, q.Limit), nil
}

// matching collects the documents of p that match, at most enough of them if enough > 0.
func (c *collection) matching(p plan, filter bson.D, enough int) (found []*Document, err error) {
	p.visit(c, func(d *Document) bool {
		ok := true
		if len(filter) > 0 {
			ok, err = mongokit.Match(&d.tree, &filter)
		}
		if ok && err == nil {
			found = append(found, d)
		}
		return err == nil && (enough == 0 || len(found) < enough)
	})
	return found, invalid(err)
}

func sortDocuments(found []*Document, columns []bsonkit.Column) {
	sort.SliceStable(found, func(i, j int) bool {
		return bsonkit.Order(&found[i].tree, &found[j].tree, columns, false) < 0
	})
}

func cut(found []*Document, skip, limit int) []*Document {
	found = found[min(skip, len(found)):]
	if limit > 0 {
		found = found[:min(limit, len(found))]
	}
	return found
}

// invalid gives the errors of the matching and updating library a code.
func invalid(err error) error {
	if _, ok := err.(*mongoerr.Error); ok || err == nil {
		return err
	}
	return mongoerr.New(mongoerr.BadValue, "%v", err)
}
