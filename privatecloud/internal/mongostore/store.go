// Package mongostore keeps a hospital's state in MongoDB: it implements every store port
// of package hospital but the sessions.
//
// Writes wait for the majority. What must happen once is an insert under a unique key or
// an update whose filter holds the old state, never a read followed by a write. The
// schema is in schema.go.
package mongostore

import (
	"context"
	"errors"
	"time"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/mongo"
	"go.mongodb.org/mongo-driver/mongo/options"

	"medunion/api/keyroll/mongoroll"
	"medunion/api/message"
	"medunion/api/mongodb"
	"medunion/privatecloud/hospital"
)

// Store implements the ports below, and keyroll.Store.
type Store struct {
	db mongodb.Database
	mongoroll.Store
}

var (
	_ hospital.Records    = (*Store)(nil)
	_ hospital.DeskCodes  = (*Store)(nil)
	_ hospital.Enrolments = (*Store)(nil)
	_ hospital.Tickets    = (*Store)(nil)
	_ hospital.Consents   = (*Store)(nil)
	_ hospital.Receipts   = (*Store)(nil)
	_ hospital.Diagnoses  = (*Store)(nil)
	_ hospital.AuditLog   = (*Store)(nil)
	_ hospital.Prekeys    = (*Store)(nil)
	_ hospital.Erasures   = (*Store)(nil)
	_ hospital.Rekeying   = (*Store)(nil)
)

// Open connects and creates the indexes. It fails with Unavailable if the server does not answer.
func Open(ctx context.Context, uri, database string, more ...func(*options.ClientOptions)) (*Store, error) {
	return open(ctx, uri, database, Versions, more...)
}

// OpenUsed is Open for an operator's command about what is there: it makes nothing in an empty database, and fails
// with mongodb.ErrEmpty.
func OpenUsed(ctx context.Context, uri, database string, more ...func(*options.ClientOptions)) (*Store, error) {
	return open(ctx, uri, database, Versions.Used(), more...)
}

func open(ctx context.Context, uri, database string, s mongodb.Schema, more ...func(*options.ClientOptions)) (*Store, error) {
	db, err := mongodb.Open(ctx, uri, database, s, more...)
	if err != nil {
		return nil, err
	}
	return &Store{db: db, Store: mongoroll.In(db)}, nil
}

// Close gives the connections back.
func (s *Store) Close(ctx context.Context) error { return s.db.Close(ctx) }

// Time is the primary's clock.
func (s *Store) Time(ctx context.Context) (time.Time, error) { return s.db.Time(ctx) }

// Ping reports whether the primary answers.
func (s *Store) Ping(ctx context.Context) error { return s.db.Ping(ctx) }

// Sweep deletes what has expired at now: desk codes, tries and tickets. It is housekeeping
// only; no check relies on it.
func (s *Store) Sweep(ctx context.Context, now message.Millis) error {
	for _, c := range []string{colDeskCodes, colTries, colTickets} {
		if _, err := s.db.Collection(c).DeleteMany(ctx, bson.D{{Key: "expires", Value: bson.D{{Key: "$lt", Value: int64(now)}}}}); err != nil {
			return failed("sweep", err)
		}
	}
	return nil
}

// failed gives an error of the driver its meaning for the role, or hides it.
func failed(step string, err error) error {
	switch {
	case mongo.IsDuplicateKeyError(err):
		return hospital.ErrExists
	case errors.Is(err, mongo.ErrNoDocuments):
		return hospital.ErrNotFound
	}
	return mongodb.Failed(step, err)
}

// insert adds one document; ErrExists if a unique key is taken.
func (s *Store) insert(ctx context.Context, collection string, doc any) error {
	_, err := s.db.Collection(collection).InsertOne(ctx, doc)
	return failed("insert into "+collection, err)
}

// get reads one document; ErrNotFound if there is none.
func (s *Store) get(ctx context.Context, collection string, filter bson.D, into any, o ...*options.FindOneOptions) error {
	return failed("read "+collection, s.db.Collection(collection).FindOne(ctx, filter, o...).Decode(into))
}

// each calls visit for every document found, in the order of the field sort. An error of
// visit ends it and is returned as it is.
func each[T any](ctx context.Context, s *Store, collection string, filter bson.D, o *options.FindOptions, visit func(T) error) error {
	cursor, err := s.db.Collection(collection).Find(ctx, filter, o)
	if err != nil {
		return failed("find in "+collection, err)
	}
	defer cursor.Close(ctx)
	for cursor.Next(ctx) {
		var doc T
		if err := cursor.Decode(&doc); err != nil {
			return failed("decode "+collection, err)
		}
		if err := visit(doc); err != nil {
			return err
		}
	}
	return failed("read "+collection, cursor.Err())
}

func byID(id []byte) bson.D { return bson.D{{Key: "_id", Value: id}} }

// span is the filter for a patient's numbers from..to.
func span(h hospital.Handle, from, to uint64) bson.D {
	return bson.D{{Key: "h", Value: h[:]}, {Key: "n", Value: bson.D{{Key: "$gte", Value: int64(from)}, {Key: "$lte", Value: int64(to)}}}}
}

func ascending(field string) *options.FindOptions {
	return options.Find().SetSort(bson.D{{Key: field, Value: 1}})
}

func hash(b []byte) (h message.Hash) {
	copy(h[:], b)
	return h
}

func handle(b []byte) (h hospital.Handle) {
	copy(h[:], b)
	return h
}
