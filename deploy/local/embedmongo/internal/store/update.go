package store

import (
	"bytes"

	"github.com/256dpi/lungo/bsonkit"
	"github.com/256dpi/lungo/mongokit"
	"go.mongodb.org/mongo-driver/bson"

	"medunion/deploy/local/embedmongo/internal/mongoerr"
	"medunion/deploy/local/embedmongo/internal/query"
)

// Update says what to change. A Change without operators replaces the document.
type Update struct {
	Filter, Sort, Change bson.D
	Multi                bool // all matching documents instead of the first
	Upsert               bool // insert what Filter and Change describe if nothing matches
}

// Updated is the outcome of an Update.
type Updated struct {
	Matched, Modified int
	Before, After     *Document // of the last document that matched
	Upserted          *Document
}

// Update applies u. After an error in the middle of a Multi update the documents before it
// stay changed, as in MongoDB.
func (t *Tx) Update(namespace string, u Update) (r Updated, err error) {
	replaces, err := query.CheckUpdate(u.Change)
	if err != nil {
		return r, err
	}
	if replaces && u.Multi {
		return r, mongoerr.New(mongoerr.FailedToParse, "multi update is not supported for replacement-style update")
	}
	q := Query{Filter: u.Filter, Sort: u.Sort}
	if !u.Multi {
		q.Limit = 1
	}
	found, err := t.Find(namespace, q)
	if err != nil {
		return r, err
	}
	for _, before := range found {
		if err := t.updateOne(namespace, before, u, replaces, &r); err != nil {
			return r, err
		}
	}
	if len(found) == 0 && u.Upsert {
		r.Upserted, err = t.upsert(namespace, u, replaces)
	}
	return r, err
}

func (t *Tx) updateOne(namespace string, before *Document, u Update, replaces bool, r *Updated) error {
	after, err := changed(before, u, replaces)
	if err != nil {
		return err
	}
	if bytes.Equal(before.raw, after.raw) {
		after = before
	} else if err := t.replace(namespace, before, after); err != nil {
		return err
	} else {
		r.Modified++
	}
	r.Matched++
	r.Before, r.After = before, after
	return nil
}

// changed makes the next version of before, with the same _id.
func changed(before *Document, u Update, replaces bool) (*Document, error) {
	var tree bson.D
	if replaces {
		tree = *bsonkit.Clone(&u.Change)
		if !hasID(tree) {
			tree = append(bson.D{before.tree[0]}, tree...)
		}
	} else {
		tree = *bsonkit.Clone(&before.tree)
		if _, err := mongokit.Apply(&tree, &u.Filter, &u.Change, false, nil); err != nil {
			return nil, invalid(err)
		}
	}
	if !hasID(tree) || bsonkit.Compare(bsonkit.Get(&tree, "_id"), before.ID()) != 0 {
		return nil, mongoerr.New(mongoerr.ImmutableField, "Performing an update on the path '_id' would modify the immutable field '_id'")
	}
	return newDocument(before.seq, tree)
}

// upsert inserts the values that the filter fixes, changed or replaced by u.Change.
func (t *Tx) upsert(namespace string, u Update, replaces bool) (*Document, error) {
	fixed, err := mongokit.Extract(&u.Filter)
	if err != nil {
		return nil, invalid(err)
	}
	tree := *bsonkit.Clone(fixed)
	if replaces {
		if tree, err = replacementFor(u.Change, fixed); err != nil {
			return nil, err
		}
	} else if _, err := mongokit.Apply(&tree, &u.Filter, &u.Change, true, nil); err != nil {
		return nil, invalid(err)
	}
	return t.Insert(namespace, tree)
}

func replacementFor(change bson.D, fixed bsonkit.Doc) (bson.D, error) {
	tree, id := *bsonkit.Clone(&change), bsonkit.Get(fixed, "_id")
	if id == bsonkit.Missing {
		return tree, nil
	}
	if !hasID(tree) {
		return append(bson.D{{Key: "_id", Value: id}}, tree...), nil
	}
	if bsonkit.Compare(bsonkit.Get(&tree, "_id"), id) != 0 {
		return nil, mongoerr.New(mongoerr.ImmutableField, "the _id of the filter and of the replacement differ")
	}
	return tree, nil
}
