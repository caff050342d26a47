// Package mongodb connects a service to its MongoDB: writes wait for the majority,
// reads see what the majority has, the schema fits the program before the first query, and
// errors show nothing of what is stored.
package mongodb

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/mongo"
	"go.mongodb.org/mongo-driver/mongo/options"
	"go.mongodb.org/mongo-driver/mongo/readconcern"
	"go.mongodb.org/mongo-driver/mongo/readpref"
	"go.mongodb.org/mongo-driver/mongo/writeconcern"

	"medunion/api/problem"
)

// selectTimeout is how long a request waits for a reachable primary before it
// becomes a 503.
const selectTimeout = 3 * time.Second

// Index is one index of a collection, made by Ordered or Unique. It is plain data that
// any number of Opens may share.
type Index struct {
	collection string
	fields     []string
	unique     bool
}

// Ordered is an index over the fields, ascending.
func Ordered(collection string, fields ...string) Index {
	return Index{collection: collection, fields: fields}
}

// Unique is Ordered, and no two documents agree in all of the fields.
func Unique(collection string, fields ...string) Index {
	return Index{collection: collection, fields: fields, unique: true}
}

// model is what the driver creates the index from. It is made anew each time: the
// driver writes the name that it generates into the options.
func (x Index) model() mongo.IndexModel {
	keys := make(bson.D, len(x.fields))
	for i, f := range x.fields {
		keys[i] = bson.E{Key: f, Value: 1}
	}
	m := mongo.IndexModel{Keys: keys}
	if x.unique {
		m.Options = options.Index().SetUnique(true)
	}
	return m
}

// Database is a connected database.
type Database struct{ *mongo.Database }

// writeTimeout is how long a write waits for the majority. A write that was not confirmed
// in time may hold or not: the request fails as unavailable, and what comes again is
// idempotent (see the stores).
const writeTimeout = 5 * time.Second

// clientOptions are those of every client, whatever the URI says of the same: a write is
// acknowledged when the majority has it in its journal; a read sees what the majority has,
// from the primary; the driver sends each read and each single write again once, when the
// primary steps down or the network fails, and the server executes a write sent twice once.
func clientOptions(uri string) *options.ClientOptions {
	journaled := true
	return options.Client().ApplyURI(uri).
		SetWriteConcern(&writeconcern.WriteConcern{W: "majority", Journal: &journaled, WTimeout: writeTimeout}).
		SetReadConcern(readconcern.Majority()).
		SetReadPreference(readpref.Primary()).
		SetRetryWrites(true).SetRetryReads(true).
		SetServerSelectionTimeout(selectTimeout)
}

func connect(ctx context.Context, uri, name string, more ...func(*options.ClientOptions)) (Database, error) {
	o := clientOptions(uri)
	for _, add := range more {
		add(o)
	}
	client, err := mongo.Connect(ctx, o)
	if err != nil {
		return Database{}, Failed("connect", err)
	}
	return Database{client.Database(name)}, nil
}

// Open connects to a database whose schema this program can work with. A new database, and
// one of before there were versions, is brought to the schema; any other change of a schema
// is for Migrate, so that instances that start build nothing. It fails with Unavailable if
// the server does not answer, and with ErrSchema if the two do not fit. More may add to the
// client's options what does not change how it reads and writes, such as monitors.
func Open(ctx context.Context, uri, name string, s Schema, more ...func(*options.ClientOptions)) (Database, error) {
	db, err := connect(ctx, uri, name, more...)
	if err != nil {
		return db, err
	}
	if err := s.fit(ctx, db); err != nil {
		_ = db.Close(ctx)
		return Database{}, err
	}
	return db, nil
}

// CreateIndexes makes the indexes, which may exist already.
func (d Database) CreateIndexes(ctx context.Context, indexes []Index) error {
	for _, x := range indexes {
		if _, err := d.Collection(x.collection).Indexes().CreateOne(ctx, x.model()); err != nil {
			return Failed("create an index of "+x.collection, err)
		}
	}
	return nil
}

// Close gives the connections back.
func (d Database) Close(ctx context.Context) error { return d.Client().Disconnect(ctx) }

// Ping reports whether the primary answers.
func (d Database) Ping(ctx context.Context) error {
	return Failed("ping", d.Client().Ping(ctx, readpref.Primary()))
}

// Time is the primary's clock.
func (d Database) Time(ctx context.Context) (time.Time, error) {
	var hello struct {
		Now time.Time `bson:"localTime"`
	}
	err := d.Client().Database("admin").RunCommand(ctx, bson.D{{Key: "hello", Value: 1}}).Decode(&hello)
	return hello.Now, Failed("hello", err)
}

// All reads all documents that the filter finds: a caller bounds them by it or by a limit.
func All[T any](ctx context.Context, c *mongo.Collection, filter bson.D, o ...*options.FindOptions) ([]T, error) {
	cursor, err := c.Find(ctx, filter, o...)
	if err != nil {
		return nil, Failed("find in "+c.Name(), err)
	}
	var docs []T
	err = cursor.All(ctx, &docs)
	return docs, Failed("read "+c.Name(), err)
}

// CountBy counts a collection's documents by the value of a field that has an index and few values,
// all above 0. Documents without the field are not counted.
func CountBy(ctx context.Context, c *mongo.Collection, field string) (map[int64]int64, error) {
	out := map[int64]int64{}
	next := options.FindOne().SetSort(bson.D{{Key: field, Value: 1}}).SetProjection(bson.D{{Key: field, Value: 1}})
	for last := int64(0); ; {
		d, err := c.FindOne(ctx, bson.D{{Key: field, Value: bson.D{{Key: "$gt", Value: last}}}}, next).Raw()
		if errors.Is(err, mongo.ErrNoDocuments) {
			return out, nil
		}
		if err != nil {
			return nil, Failed("find the next value of "+field, err)
		}
		value, is := d.Lookup(field).AsInt64OK()
		if !is || value <= last { // such as a fraction: it would be found for ever
			return nil, problem.Internal(fmt.Errorf("mongodb: %s is no whole number", field))
		}
		last = value
		if out[last], err = c.CountDocuments(ctx, bson.D{{Key: field, Value: last}}); err != nil {
			return nil, Failed("count by "+field, err)
		}
	}
}

// Failed makes a driver's error Unavailable. The driver's text may quote keys and
// values, so only the step, and the server's code, are kept for the log. What an
// error means to the caller (a key that exists, a document that does not) the caller
// looks for first. Failed of nil is nil.
func Failed(step string, err error) error {
	var server mongo.ServerError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &server):
		return problem.Unavailable(0, fmt.Errorf("mongodb: %s: refused by the server%s", step, codeOf(err)))
	case mongo.IsTimeout(err):
		return problem.Unavailable(0, fmt.Errorf("mongodb: %s: timeout", step))
	}
	return problem.Unavailable(0, fmt.Errorf("mongodb: %s: %T", step, err))
}

func codeOf(err error) string {
	var command mongo.CommandError
	var write mongo.WriteException
	switch {
	case errors.As(err, &command):
		return fmt.Sprintf(", code %d", command.Code)
	case errors.As(err, &write) && len(write.WriteErrors) > 0:
		return fmt.Sprintf(", write error %d", write.WriteErrors[0].Code)
	}
	return ""
}
