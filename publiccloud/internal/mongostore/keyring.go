package mongostore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/mongo"
	"go.mongodb.org/mongo-driver/mongo/options"

	"medunion/api/message"
	"medunion/api/problem"
)

// InstanceID names a running instance, at random.
type InstanceID [16]byte

// Running is an instance that has checked in.
type Running struct {
	Generation uint64       // of the key ring that it has loaded
	Digest     message.Hash // of that ring
	Seen       time.Time
}

// forgetAfter is when an instance that is gone is forgotten.
const forgetAfter = 24 * time.Hour

// CheckIn says that the instance runs with the generation of the key ring, and returns
// the generation below which none may.
func (s *Store) CheckIn(ctx context.Context, id InstanceID, generation uint64, digest message.Hash, now time.Time) (fence uint64, err error) {
	set := bson.D{{Key: "generation", Value: int64(generation)}, {Key: "digest", Value: digest[:]}, {Key: "seen", Value: now.UnixMilli()}}
	_, err = s.db.Collection(colKeyring).UpdateOne(ctx, bson.D{{Key: "_id", Value: id[:]}}, bson.D{{Key: "$set", Value: set}}, options.Update().SetUpsert(true))
	if err != nil {
		return 0, failed("check in", err)
	}
	return s.Fence(ctx)
}

// CheckOut says that the instance has ended.
func (s *Store) CheckOut(ctx context.Context, id InstanceID, now time.Time) error {
	old := bson.D{{Key: "seen", Value: bson.D{{Key: "$lt", Value: now.Add(-forgetAfter).UnixMilli()}}}}
	if _, err := s.db.Collection(colKeyring).DeleteMany(ctx, old); err != nil {
		return failed("forget instances", err)
	}
	_, err := s.db.Collection(colKeyring).DeleteOne(ctx, bson.D{{Key: "_id", Value: id[:]}})
	return failed("check out", err)
}

// Instances are those that were seen since.
func (s *Store) Instances(ctx context.Context, since time.Time) ([]Running, error) {
	cursor, err := s.db.Collection(colKeyring).Find(ctx, bson.D{{Key: "seen", Value: bson.D{{Key: "$gte", Value: since.UnixMilli()}}}})
	if err != nil {
		return nil, failed("find instances", err)
	}
	var docs []instanceDoc
	if err := cursor.All(ctx, &docs); err != nil {
		return nil, failed("read instances", err)
	}
	out := make([]Running, len(docs))
	for i, d := range docs {
		out[i] = Running{uint64(d.Generation), hash(d.Digest), time.UnixMilli(d.Seen)}
	}
	return out, nil
}

// Fence is the generation below which no instance may work; 0 if none was set.
func (s *Store) Fence(ctx context.Context) (uint64, error) {
	var d fenceDoc
	err := s.db.Collection(colKeyring).FindOne(ctx, bson.D{{Key: "_id", Value: fenceID}}).Decode(&d)
	if isNone(err) {
		return 0, nil
	}
	return uint64(d.Generation), failed("find the fence", err)
}

// RaiseFence sets the fence, never lower than it is.
func (s *Store) RaiseFence(ctx context.Context, generation uint64) error {
	_, err := s.db.Collection(colKeyring).UpdateOne(ctx, bson.D{{Key: "_id", Value: fenceID}},
		bson.D{{Key: "$max", Value: bson.D{{Key: "generation", Value: int64(generation)}}}}, options.Update().SetUpsert(true))
	if mongo.IsDuplicateKeyError(err) {
		return problem.Unavailable(time.Second, errors.New("two set the first fence at once"))
	}
	return failed("raise the fence", err)
}

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
	cursor, err := s.db.Collection(colKeyring).Find(ctx, bson.D{{Key: "succession", Value: bson.D{{Key: "$gte", Value: int64(1)}}}})
	if err != nil {
		return nil, failed("find successions", err)
	}
	var docs []successionDoc
	if err := cursor.All(ctx, &docs); err != nil {
		return nil, failed("read successions", err)
	}
	out := map[uint64]message.Hash{}
	for _, d := range docs {
		out[uint64(d.Succession)] = hash(d.Statement)
	}
	return out, nil
}

// Unsucceed takes back a succession whose statement was never written anywhere.
func (s *Store) Unsucceed(ctx context.Context, number uint64, statement message.Hash) error {
	_, err := s.db.Collection(colKeyring).DeleteOne(ctx, bson.D{{Key: "succession", Value: int64(number)}, {Key: "statement", Value: statement[:]}})
	return failed("take a succession back", err)
}

func isNone(err error) bool { return errors.Is(err, mongo.ErrNoDocuments) }
