package mongostore

import (
	"bytes"
	"context"
	"errors"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/mongo"
	"go.mongodb.org/mongo-driver/mongo/options"

	"medunion/api/problem"
	"medunion/publiccloud/cloud"
)

// LastOperation implements cloud.Operations.
func (s *Store) LastOperation(ctx context.Context) (cloud.OperationLine, error) {
	var d operationDoc
	err := s.db.Collection(colOperations).FindOne(ctx, bson.D{}, options.FindOne().SetSort(bson.D{{Key: "_id", Value: -1}})).Decode(&d)
	if errors.Is(err, mongo.ErrNoDocuments) {
		return cloud.OperationLine{}, nil
	}
	return d.line(), failed("find the last operation", err)
}

// AppendOperation implements cloud.Operations. The line's number is its _id: of two writers that
// chain to the same line one meets a duplicate key.
func (s *Store) AppendOperation(ctx context.Context, l cloud.OperationLine) error {
	d := operationDoc{Number: int64(l.Number), Prev: l.Prev[:], Hash: l.Hash[:], Line: l.Line}
	_, err := s.db.Collection(colOperations).InsertOne(ctx, d)
	if !mongo.IsDuplicateKeyError(err) {
		return failed("append an operation", err)
	}
	stored, err := s.OperationsFrom(ctx, l.Number, 1)
	if err != nil {
		return err
	}
	if len(stored) == 1 && stored[0].Number == l.Number && stored[0].Hash == l.Hash && bytes.Equal(stored[0].Line, l.Line) { // this very line, sent twice
		return nil
	}
	return problem.Conflict("The number is taken.").Because(errors.New("another operation was faster"))
}

// ProbeOperations implements cloud.Operations.
func (s *Store) ProbeOperations(ctx context.Context) error { return s.db.ProbeWrite(ctx) }

// OperationsFrom implements cloud.Operations.
func (s *Store) OperationsFrom(ctx context.Context, from uint64, limit int) ([]cloud.OperationLine, error) {
	filter := bson.D{{Key: "_id", Value: bson.D{{Key: "$gte", Value: int64(from)}}}}
	cursor, err := s.db.Collection(colOperations).Find(ctx, filter, options.Find().SetSort(bson.D{{Key: "_id", Value: 1}}).SetLimit(int64(limit)))
	if err != nil {
		return nil, failed("find operations", err)
	}
	var docs []operationDoc
	if err := cursor.All(ctx, &docs); err != nil {
		return nil, failed("read operations", err)
	}
	out := make([]cloud.OperationLine, len(docs))
	for i, d := range docs {
		out[i] = d.line()
	}
	return out, nil
}

func (d operationDoc) line() cloud.OperationLine {
	return cloud.OperationLine{Number: uint64(d.Number), Prev: hash(d.Prev), Hash: hash(d.Hash), Line: d.Line}
}
