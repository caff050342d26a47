package mongostore

import (
	"context"
	"errors"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/mongo"
	"go.mongodb.org/mongo-driver/mongo/options"

	"medunion/api/message"
	"medunion/api/mongodb"
)

// RevokeCredential implements cloud.Revocations.
func (s *Store) RevokeCredential(ctx context.Context, c message.Hash, now, until message.Millis) error {
	return s.revoke(ctx, revocationDoc{Name: c[:], Kind: kindCredential, Time: int64(now), Until: int64(until)})
}

// RevokeConsent implements cloud.Revocations.
func (s *Store) RevokeConsent(ctx context.Context, handle message.Hash, now message.Millis) error {
	return s.revoke(ctx, revocationDoc{Name: handle[:], Kind: kindConsent, Time: int64(now)})
}

// revoke keeps the first time if it is asked twice.
func (s *Store) revoke(ctx context.Context, d revocationDoc) error {
	_, err := s.db.Collection(colRevocations).InsertOne(ctx, d)
	if mongo.IsDuplicateKeyError(err) {
		return nil
	}
	return failed("revoke", err)
}

// AnyRevoked implements cloud.Revocations.
func (s *Store) AnyRevoked(ctx context.Context, names []message.Hash) (bool, error) {
	filter := bson.D{{Key: "_id", Value: bson.D{{Key: "$in", Value: byteSlices(names)}}}}
	err := s.db.Collection(colRevocations).FindOne(ctx, filter).Err()
	if errors.Is(err, mongo.ErrNoDocuments) {
		return false, nil
	}
	return err == nil, failed("find revocation", err)
}

// RevokedCredentials implements cloud.Revocations.
func (s *Store) RevokedCredentials(ctx context.Context, now message.Millis) ([]message.Hash, error) {
	filter := bson.D{{Key: "kind", Value: kindCredential}, {Key: "until", Value: bson.D{{Key: "$gt", Value: int64(now)}}}}
	docs, err := mongodb.All[revocationDoc](ctx, s.db.Collection(colRevocations), filter, options.Find().SetSort(bson.D{{Key: "_id", Value: 1}}))
	if err != nil {
		return nil, err
	}
	out := make([]message.Hash, len(docs))
	for i, d := range docs {
		out[i] = hash(d.Name)
	}
	return out, nil
}
