// Package mongostore keeps the public cloud's state in MongoDB: it implements
// every store port of package cloud.
//
// Writes wait for the majority. What must happen once is an insert under a
// unique key or an update whose filter holds the old state, never a read
// followed by a write. The schema is in schema.go.
package mongostore

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/mongo"
	"go.mongodb.org/mongo-driver/mongo/options"
	"go.mongodb.org/mongo-driver/mongo/readconcern"
	"go.mongodb.org/mongo-driver/mongo/readpref"
	"go.mongodb.org/mongo-driver/mongo/writeconcern"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/publiccloud/cloud"
)

// Store implements cloud.Registry, Revocations, Prekeys, OwnPrekeys, Index,
// Consents and Log.
type Store struct {
	client *mongo.Client
	db     *mongo.Database

	logMu sync.Mutex
	tail  *message.LogEntry // the last line that this instance knows of
}

var (
	_ cloud.Registry    = (*Store)(nil)
	_ cloud.Revocations = (*Store)(nil)
	_ cloud.Prekeys     = (*Store)(nil)
	_ cloud.OwnPrekeys  = (*Store)(nil)
	_ cloud.Index       = (*Store)(nil)
	_ cloud.Consents    = (*Store)(nil)
	_ cloud.Log         = (*Store)(nil)
)

// selectTimeout is how long a request waits for a reachable primary before it
// becomes a 503.
const selectTimeout = 3 * time.Second

// Open connects and creates the indexes. It fails with Unavailable if the
// server does not answer.
func Open(ctx context.Context, uri, database string) (*Store, error) {
	o := options.Client().ApplyURI(uri).
		SetWriteConcern(writeconcern.Majority()).
		SetReadConcern(readconcern.Majority()).
		SetReadPreference(readpref.Primary()).
		SetServerSelectionTimeout(selectTimeout)
	client, err := mongo.Connect(ctx, o)
	if err != nil {
		return nil, failed("connect", err)
	}
	s := &Store{client: client, db: client.Database(database)}
	if err := createIndexes(ctx, s.db); err != nil {
		_ = client.Disconnect(ctx)
		return nil, err
	}
	return s, nil
}

// Close gives the connections back.
func (s *Store) Close(ctx context.Context) error { return s.client.Disconnect(ctx) }

// Ping reports whether the primary answers.
func (s *Store) Ping(ctx context.Context) error {
	return failed("ping", s.client.Ping(ctx, readpref.Primary()))
}

// failed hides a driver's error. Its text may quote keys and values, so only the
// step, and the server's code, are kept for the log.
func failed(step string, err error) error {
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

func hash(b []byte) (h message.Hash) {
	copy(h[:], b)
	return h
}

func byteSlices(hashes []message.Hash) [][]byte {
	out := make([][]byte, len(hashes))
	for i := range hashes {
		out[i] = hashes[i][:]
	}
	return out
}
