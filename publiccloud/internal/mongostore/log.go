package mongostore

import (
	"context"
	"errors"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/mongo"
	"go.mongodb.org/mongo-driver/mongo/options"

	"medunion/api/message"
	"medunion/api/mongodb"
	"medunion/api/problem"
)

// maxAttempts bounds how often Append loses against other instances.
const maxAttempts = 64

// Append implements cloud.Log. The line's number is its _id: of two instances
// that chain to the same line one meets a duplicate key, looks for the new tail
// and chains to that.
func (s *Store) Append(ctx context.Context, c message.Hash, role message.Role, t message.Millis) error {
	s.logMu.Lock()
	defer s.logMu.Unlock()
	for range maxAttempts {
		if s.tail == nil {
			if err := s.findTail(ctx); err != nil {
				return err
			}
		}
		line := message.LogEntry{Index: s.tail.Index + 1, Credential: c, Role: role, Time: t, Previous: s.tail.Hash()}
		if *s.tail == (message.LogEntry{}) { // an empty log
			line.Index, line.Previous = 0, message.Hash{}
		}
		_, err := s.db.Collection(colLog).InsertOne(ctx, logDoc{Index: int64(line.Index), Credential: c[:],
			Role: string(role), Time: int64(t), Previous: line.Previous[:]})
		switch {
		case err == nil:
			s.tail = &line
			return nil
		case mongo.IsDuplicateKeyError(err) && s.isLine(ctx, line): // this very line, sent twice
			s.tail = &line
			return nil
		case !mongo.IsDuplicateKeyError(err):
			s.tail = nil // whether the line is there is not known
			return failed("append log line", err)
		}
		s.tail = nil
	}
	return problem.Unavailable(0, errors.New("the log is too busy"))
}

// isLine reports whether the line stands in the log.
func (s *Store) isLine(ctx context.Context, line message.LogEntry) bool {
	var d logDoc
	err := s.db.Collection(colLog).FindOne(ctx, bson.D{{Key: "_id", Value: int64(line.Index)}}).Decode(&d)
	return err == nil && d.line() == line
}

// findTail reads the last line; the zero line stands for an empty log.
func (s *Store) findTail(ctx context.Context) error {
	var d logDoc
	err := s.db.Collection(colLog).FindOne(ctx, bson.D{}, options.FindOne().SetSort(bson.D{{Key: "_id", Value: -1}})).Decode(&d)
	if errors.Is(err, mongo.ErrNoDocuments) {
		s.tail = &message.LogEntry{}
		return nil
	}
	if err != nil {
		return failed("find the log's tail", err)
	}
	line := d.line()
	s.tail = &line
	return nil
}

// Read implements cloud.Log.
func (s *Store) Read(ctx context.Context, from uint64, limit int) ([]message.LogEntry, error) {
	filter := bson.D{{Key: "_id", Value: bson.D{{Key: "$gte", Value: int64(from)}}}}
	docs, err := mongodb.All[logDoc](ctx, s.db.Collection(colLog), filter, options.Find().SetSort(bson.D{{Key: "_id", Value: 1}}).SetLimit(int64(limit)))
	if err != nil {
		return nil, err
	}
	out := make([]message.LogEntry, len(docs))
	for i, d := range docs {
		out[i] = d.line()
	}
	return out, nil
}

func (d logDoc) line() message.LogEntry {
	return message.LogEntry{Index: uint64(d.Index), Credential: hash(d.Credential), Role: message.Role(d.Role),
		Time: message.Millis(d.Time), Previous: hash(d.Previous)}
}
