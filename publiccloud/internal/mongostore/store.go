// Package mongostore keeps the public cloud's state in MongoDB: it implements
// every store port of package cloud.
//
// Writes wait for the majority. What must happen once is an insert under a
// unique key or an update whose filter holds the old state, never a read
// followed by a write. The schema is in schema.go.
package mongostore

import (
	"context"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/mongo/options"

	"medunion/api/keyroll/mongoroll"
	"medunion/api/message"
	"medunion/api/mongodb"
	"medunion/publiccloud/cloud"
)

// Store implements cloud.Registry, Revocations, Prekeys, OwnPrekeys, Index,
// Sealed, Consents, Log and Operations, and keyroll.Store.
type Store struct {
	db mongodb.Database
	mongoroll.Store

	logMu sync.Mutex
	tail  *message.LogEntry // the last line that this instance knows of
}

var (
	_ cloud.Registry    = (*Store)(nil)
	_ cloud.Revocations = (*Store)(nil)
	_ cloud.Prekeys     = (*Store)(nil)
	_ cloud.OwnPrekeys  = (*Store)(nil)
	_ cloud.Sealed      = (*Store)(nil)
	_ cloud.Index       = (*Store)(nil)
	_ cloud.Consents    = (*Store)(nil)
	_ cloud.Log         = (*Store)(nil)
	_ cloud.Operations  = (*Store)(nil)
)

// Open connects and creates the indexes. It fails with Unavailable if the
// server does not answer.
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

func failed(step string, err error) error { return mongodb.Failed(step, err) }

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
