// Package mongoroll keeps in the collection mongodb.Keyring what the instances of a service see of
// each other: it implements keyroll.Store. A service may keep other documents there beside.
package mongoroll

import (
	"context"
	"errors"
	"time"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/mongo"
	"go.mongodb.org/mongo-driver/mongo/options"

	"medunion/api/keyroll"
	"medunion/api/mongodb"
	"medunion/api/problem"
	"medunion/ecc"
)

// Store is that collection.
type Store struct{ collection *mongo.Collection }

var _ keyroll.Store = Store{}

// In is the store of a database.
func In(d mongodb.Database) Store { return Store{d.Collection(mongodb.Keyring)} }

// instance is one that runs, with the ring that it has loaded.
type instance struct {
	ID         []byte `bson:"_id"` // a keyroll.InstanceID
	Generation int64  `bson:"generation"`
	Digest     []byte `bson:"digest"` // of the ring, 32 bytes
	Seen       int64  `bson:"seen"`   // in milliseconds since 1970
}

// fenceID is the _id of the one document whose generation is the fence.
const fenceID = "fence"

// CheckIn implements keyroll.Store.
func (s Store) CheckIn(ctx context.Context, id keyroll.InstanceID, generation uint64, digest ecc.Hash, now time.Time) (uint64, error) {
	set := bson.D{{Key: "generation", Value: int64(generation)}, {Key: "digest", Value: digest[:]}, {Key: "seen", Value: now.UnixMilli()}}
	if _, err := s.collection.UpdateOne(ctx, byID(id[:]), bson.D{{Key: "$set", Value: set}}, options.Update().SetUpsert(true)); err != nil {
		return 0, mongodb.Failed("check in", err)
	}
	return s.Fence(ctx)
}

// CheckOut implements keyroll.Store. It forgets those that are long gone, too.
func (s Store) CheckOut(ctx context.Context, id keyroll.InstanceID, now time.Time) error {
	old := bson.D{{Key: "seen", Value: bson.D{{Key: "$lt", Value: now.Add(-keyroll.ForgetAfter).UnixMilli()}}}}
	if _, err := s.collection.DeleteMany(ctx, old); err != nil {
		return mongodb.Failed("forget instances", err)
	}
	_, err := s.collection.DeleteOne(ctx, byID(id[:]))
	return mongodb.Failed("check out", err)
}

// Instances implements keyroll.Store.
func (s Store) Instances(ctx context.Context, since time.Time) ([]keyroll.Running, error) {
	all, err := mongodb.All[instance](ctx, s.collection, bson.D{{Key: "seen", Value: bson.D{{Key: "$gte", Value: since.UnixMilli()}}}})
	if err != nil {
		return nil, err
	}
	out := make([]keyroll.Running, len(all))
	for i, d := range all {
		out[i].Generation = uint64(d.Generation)
		copy(out[i].Digest[:], d.Digest)
	}
	return out, nil
}

// Fence implements keyroll.Store.
func (s Store) Fence(ctx context.Context) (uint64, error) {
	var d struct{ Generation int64 }
	err := s.collection.FindOne(ctx, byID(fenceID)).Decode(&d)
	if errors.Is(err, mongo.ErrNoDocuments) {
		return 0, nil
	}
	return uint64(d.Generation), mongodb.Failed("find the fence", err)
}

// RaiseFence implements keyroll.Store.
func (s Store) RaiseFence(ctx context.Context, generation uint64) error {
	raise := bson.D{{Key: "$max", Value: bson.D{{Key: "generation", Value: int64(generation)}}}}
	_, err := s.collection.UpdateOne(ctx, byID(fenceID), raise, options.Update().SetUpsert(true))
	if mongo.IsDuplicateKeyError(err) {
		return problem.Unavailable(time.Second, errors.New("two set the first fence at once"))
	}
	return mongodb.Failed("raise the fence", err)
}

func byID(id any) bson.D { return bson.D{{Key: "_id", Value: id}} }
