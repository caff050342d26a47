// Package store is the document store behind the wire server: collections with indexes in
// memory, as immutable snapshots over copy-on-write B-trees, made durable by bbolt.
//
// A reader works on the last durable snapshot and never waits. A single statement runs
// alone on the newest state (Write). A multi-document transaction works on a snapshot of
// its own, and its commit fails with a write conflict where somebody else wrote the same
// document or unique key first (Begin, In, Commit). Every write returns only after its
// changes are on disk; writers that come together share one fsync.
//
// Matching, updating and ordering are lungo's mongokit and bsonkit.
package store

import (
	"github.com/256dpi/lungo/bsonkit"
	"go.mongodb.org/mongo-driver/bson"

	"medunion/deploy/local/embedmongo/internal/mongoerr"
	"medunion/deploy/local/embedmongo/internal/query"
)

// MaxDocument is the largest document that is stored, in bytes.
const MaxDocument = 16 << 20

// Document is one stored version of a document. It never changes.
type Document struct {
	seq  uint64 // its place in the natural order, kept by later versions
	tree bson.D
	raw  bson.Raw
}

// Raw is the document's encoding. The caller must not change it.
func (d *Document) Raw() bson.Raw { return d.raw }

// Tree is the decoded document. The caller must not change it.
func (d *Document) Tree() bson.D { return d.tree }

// ID is the document's _id.
func (d *Document) ID() any { return d.tree[0].Value }

// newDocument puts _id first, as MongoDB does, checks it, and encodes tree.
func newDocument(seq uint64, tree bson.D) (*Document, error) {
	for i, e := range tree {
		if e.Key == "_id" {
			copy(tree[1:i+1], tree[:i])
			tree[0] = e
			break
		}
	}
	if class, _ := bsonkit.Inspect(tree[0].Value); class == bsonkit.Array || class == bsonkit.Regex {
		return nil, mongoerr.New(mongoerr.BadValue, "The '_id' value cannot be an array or a regular expression")
	}
	raw, err := bson.Marshal(tree)
	if err != nil {
		return nil, mongoerr.New(mongoerr.BadValue, "document cannot be encoded: %v", err)
	}
	if len(raw) > MaxDocument {
		return nil, mongoerr.New(mongoerr.BSONObjectTooLarge, "object to insert too large: %d bytes, at most %d", len(raw), MaxDocument)
	}
	return &Document{seq: seq, tree: tree, raw: raw}, nil
}

// loadDocument reads back what newDocument encoded.
func loadDocument(seq uint64, raw bson.Raw) (*Document, error) {
	tree, err := query.Decode(raw)
	if err != nil {
		return nil, err
	}
	return &Document{seq: seq, tree: tree, raw: raw}, nil
}
