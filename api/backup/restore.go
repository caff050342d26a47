package backup

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/mongo"

	"medunion/api/mongodb"
)

// ErrNotEmpty says that the database holds something: a restore never mixes.
var ErrNotEmpty = errors.New("the database is not empty: restore into a new one")

// Empty fails with ErrNotEmpty if the database has a document in any collection.
func Empty(ctx context.Context, db mongodb.Database) error {
	names, err := db.ListCollectionNames(ctx, bson.D{})
	if err != nil {
		return mongodb.Failed("list collections", err)
	}
	for _, name := range names {
		if name == mongodb.Meta || name == mongodb.Keyring { // its version, and who is there; a mark of a restore, BeginRestore finds
			continue
		}
		switch err := db.Collection(name).FindOne(ctx, bson.D{}).Err(); {
		case err == nil:
			return fmt.Errorf("%w: %s", ErrNotEmpty, name)
		case !errors.Is(err, mongo.ErrNoDocuments):
			return mongodb.Failed("look into "+name, err)
		}
	}
	return nil
}

// Bounds of one insert.
const (
	maxBatch      = 1000
	maxBatchBytes = 8 << 20
)

// Inserter puts documents back into a database in batches.
type Inserter struct {
	db      mongodb.Database
	allowed []string
	name    string
	waiting []any
	size    int
}

// NewInserter inserts into the collections of the plan, and into no other.
func NewInserter(db mongodb.Database, collections []string) *Inserter {
	return &Inserter{db: db, allowed: collections}
}

// Add takes a document, which it copies.
func (i *Inserter) Add(ctx context.Context, collection string, doc bson.Raw) error {
	if !slices.Contains(i.allowed, collection) {
		return fmt.Errorf("%w: it holds the collection %q", ErrOther, collection)
	}
	if collection != i.name || len(i.waiting) >= maxBatch || i.size+len(doc) > maxBatchBytes {
		if err := i.Flush(ctx); err != nil {
			return err
		}
		i.name = collection
	}
	i.waiting = append(i.waiting, slices.Clone(doc))
	i.size += len(doc)
	return nil
}

// Flush inserts what waits.
func (i *Inserter) Flush(ctx context.Context) error {
	if len(i.waiting) == 0 {
		return nil
	}
	_, err := i.db.Collection(i.name).InsertMany(ctx, i.waiting)
	i.waiting, i.size = nil, 0
	return mongodb.Failed("insert into "+i.name, err)
}
