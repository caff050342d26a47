package mongostore

import (
	"context"
	"errors"
	"fmt"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/mongo"

	"medunion/api/message"
	"medunion/api/mongodb"
)

// ErrOtherSuccession says that another statement is stored for a succession's number.
var ErrOtherSuccession = errors.New("another succession of the same root is stored")

// Succeed stores the hash of a succession's statement under its number, once: it fails with
// ErrOtherSuccession where another one's is.
func (s *Store) Succeed(ctx context.Context, number uint64, statement message.Hash) error {
	d := successionDoc{ID: fmt.Sprintf("%s %d", successionID, number), Succession: int64(number), Statement: statement[:]}
	_, err := s.db.Collection(colKeyring).InsertOne(ctx, d)
	if !mongo.IsDuplicateKeyError(err) {
		return failed("store a succession", err)
	}
	stored, err := s.Successions(ctx)
	if err == nil && stored[number] != statement {
		err = ErrOtherSuccession
	}
	return err
}

// Successions are the hashes of the statements by their numbers, from 1.
func (s *Store) Successions(ctx context.Context) (map[uint64]message.Hash, error) {
	docs, err := mongodb.All[successionDoc](ctx, s.db.Collection(colKeyring), bson.D{{Key: "succession", Value: bson.D{{Key: "$gte", Value: int64(1)}}}})
	if err != nil {
		return nil, err
	}
	out := map[uint64]message.Hash{}
	for _, d := range docs {
		out[uint64(d.Succession)] = hash(d.Statement)
	}
	return out, nil
}
