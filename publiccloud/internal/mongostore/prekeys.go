package mongostore

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/mongo"
	"go.mongodb.org/mongo-driver/mongo/options"

	"medunion/api/message"
	"medunion/api/mongodb"
	"medunion/api/problem"
	"medunion/ecc"
	"medunion/publiccloud/cloud"
)

// Publish implements cloud.Prekeys: a compare-and-set on notBefore.
func (s *Store) Publish(ctx context.Context, p cloud.PublishedPrekey) error {
	filter := bson.D{{Key: "_id", Value: p.Owner[:]}, {Key: "notBefore", Value: bson.D{{Key: "$lt", Value: int64(p.NotBefore)}}}}
	doc := bson.D{{Key: "signed", Value: p.Signed}, {Key: "notBefore", Value: int64(p.NotBefore)}, {Key: "notAfter", Value: int64(p.NotAfter)}}
	_, err := s.db.Collection(colPrekeys).UpdateOne(ctx, filter, bson.D{{Key: "$set", Value: doc}}, options.Update().SetUpsert(true))
	if !mongo.IsDuplicateKeyError(err) {
		return failed("publish prekey", err)
	}
	stored, err := s.Published(ctx, p.Owner)
	if err != nil {
		return err
	}
	if bytes.Equal(stored.Signed, p.Signed) {
		return nil
	}
	return problem.Conflict("A later prekey is published already.")
}

// Published implements cloud.Prekeys.
func (s *Store) Published(ctx context.Context, owner message.Hash) (cloud.PublishedPrekey, error) {
	var d prekeyDoc
	err := s.db.Collection(colPrekeys).FindOne(ctx, bson.D{{Key: "_id", Value: owner[:]}}).Decode(&d)
	if errors.Is(err, mongo.ErrNoDocuments) {
		return cloud.PublishedPrekey{}, problem.NotFound("There is no current prekey.")
	}
	return cloud.PublishedPrekey{Owner: owner, Signed: d.Signed, NotBefore: message.Millis(d.NotBefore),
		NotAfter: message.Millis(d.NotAfter)}, failed("find prekey", err)
}

// AddOwn implements cloud.OwnPrekeys.
func (s *Store) AddOwn(ctx context.Context, p cloud.OwnPrekey) error {
	id := binary.BigEndian.AppendUint64([]byte{byte(p.Suite)}, p.Slot)
	_, err := s.db.Collection(colOwnPrekeys).InsertOne(ctx, ownPrekeyDoc{ID: id, Signed: p.Signed, Sealed: p.Sealed, Under: int64(p.Under), NotAfter: int64(p.NotAfter)})
	if mongo.IsDuplicateKeyError(err) {
		return problem.Conflict("The slot has a prekey.")
	}
	return failed("add own prekey", err)
}

// Own implements cloud.OwnPrekeys.
func (s *Store) Own(ctx context.Context, now message.Millis) ([]cloud.OwnPrekey, error) {
	docs, err := mongodb.All[ownPrekeyDoc](ctx, s.db.Collection(colOwnPrekeys), bson.D{{Key: "notAfter", Value: bson.D{{Key: "$gt", Value: int64(now)}}}})
	if err != nil {
		return nil, err
	}
	out := make([]cloud.OwnPrekey, 0, len(docs))
	for _, d := range docs {
		if len(d.ID) != 9 {
			return nil, problem.Internal(errors.New("an own prekey has a malformed id"))
		}
		out = append(out, cloud.OwnPrekey{Suite: ecc.Suite(d.ID[0]), Slot: binary.BigEndian.Uint64(d.ID[1:]),
			Signed: d.Signed, Sealed: d.Sealed, Under: uint32(d.Under), NotAfter: message.Millis(d.NotAfter)})
	}
	return out, nil
}

// EraseOwn implements cloud.OwnPrekeys.
func (s *Store) EraseOwn(ctx context.Context, before message.Millis) error {
	_, err := s.db.Collection(colOwnPrekeys).DeleteMany(ctx, bson.D{{Key: "notAfter", Value: bson.D{{Key: "$lt", Value: int64(before)}}}})
	return failed("erase own prekeys", err)
}
