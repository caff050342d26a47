package mongostore

import (
	"context"
	"errors"
	"time"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/mongo"
	"go.mongodb.org/mongo-driver/mongo/options"

	"medunion/api/keyroll"
	"medunion/api/message"
	"medunion/api/problem"
	"medunion/privatecloud/hospital"
)

var _ keyroll.Store = (*Store)(nil)

// CheckIn implements keyroll.Store.
func (s *Store) CheckIn(ctx context.Context, id keyroll.InstanceID, generation uint64, digest message.Hash, now time.Time) (uint64, error) {
	set := bson.D{{Key: "generation", Value: int64(generation)}, {Key: "digest", Value: digest[:]}, {Key: "seen", Value: now.UnixMilli()}}
	_, err := s.db.Collection(colKeyring).UpdateOne(ctx, byID(id[:]), bson.D{{Key: "$set", Value: set}}, options.Update().SetUpsert(true))
	if err != nil {
		return 0, failed("check in", err)
	}
	return s.Fence(ctx)
}

// CheckOut implements keyroll.Store.
func (s *Store) CheckOut(ctx context.Context, id keyroll.InstanceID, now time.Time) error {
	old := bson.D{{Key: "seen", Value: bson.D{{Key: "$lt", Value: now.Add(-keyroll.ForgetAfter).UnixMilli()}}}}
	if _, err := s.db.Collection(colKeyring).DeleteMany(ctx, old); err != nil {
		return failed("forget instances", err)
	}
	_, err := s.db.Collection(colKeyring).DeleteOne(ctx, byID(id[:]))
	return failed("check out", err)
}

// Instances implements keyroll.Store.
func (s *Store) Instances(ctx context.Context, since time.Time) ([]keyroll.Running, error) {
	var out []keyroll.Running
	filter := bson.D{{Key: "seen", Value: bson.D{{Key: "$gte", Value: since.UnixMilli()}}}}
	err := each(ctx, s, colKeyring, filter, options.Find(), func(d instanceDoc) error {
		out = append(out, keyroll.Running{Generation: uint64(d.Generation), Digest: hash(d.Digest)})
		return nil
	})
	return out, err
}

// Fence implements keyroll.Store.
func (s *Store) Fence(ctx context.Context) (uint64, error) {
	var d fenceDoc
	err := s.get(ctx, colKeyring, bson.D{{Key: "_id", Value: fenceID}}, &d)
	if errors.Is(err, hospital.ErrNotFound) {
		return 0, nil
	}
	return uint64(d.Generation), err
}

// RaiseFence implements keyroll.Store.
func (s *Store) RaiseFence(ctx context.Context, generation uint64) error {
	_, err := s.db.Collection(colKeyring).UpdateOne(ctx, bson.D{{Key: "_id", Value: fenceID}},
		bson.D{{Key: "$max", Value: bson.D{{Key: "generation", Value: int64(generation)}}}}, options.Update().SetUpsert(true))
	if mongo.IsDuplicateKeyError(err) {
		return problem.Unavailable(time.Second, errors.New("two set the first fence at once"))
	}
	return failed("raise the fence", err)
}
