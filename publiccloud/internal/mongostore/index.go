package mongostore

import (
	"bytes"
	"context"
	"errors"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/mongo"
	"go.mongodb.org/mongo-driver/mongo/options"

	"medunion/api/message"
	"medunion/api/mongodb"
	"medunion/api/problem"
	"medunion/publiccloud/cloud"
)

// Put implements cloud.Index: first the version, then the latest document by
// compare-and-set. After a crash in between, the same write again completes it.
func (s *Store) Put(ctx context.Context, e cloud.StoredEntry) error {
	switch done, err := s.compare(ctx, e); {
	case err != nil:
		return err
	case done:
		return s.addEvidence(ctx, e)
	}
	if err := s.appendVersion(ctx, e); err != nil {
		return err
	}
	id := latestID(e.Locator, e.Hospital)
	filter := bson.D{{Key: "_id", Value: id}, {Key: "l", Value: e.Locator[:]}, {Key: "t", Value: bson.D{{Key: "$lt", Value: int64(e.Time)}}}}
	set := bson.D{{Key: "t", Value: int64(e.Time)}, {Key: "v", Value: e.Value},
		{Key: "sig", Value: e.SigIndex}, {Key: "cred", Value: e.Credential}}
	_, err := s.db.Collection(colLatest).UpdateOne(ctx, filter, bson.D{{Key: "$set", Value: set}}, options.Update().SetUpsert(true))
	if !mongo.IsDuplicateKeyError(err) {
		return failed("write latest entry", err)
	}
	// Another write was faster, or two made the document at once: look again.
	switch done, err := s.compare(ctx, e); {
	case err != nil || done:
		return err
	}
	r, err := s.db.Collection(colLatest).UpdateOne(ctx, filter, bson.D{{Key: "$set", Value: set}})
	if err == nil && r.MatchedCount == 0 {
		return errOlder
	}
	return failed("write latest entry", err)
}

var errOlder = problem.Conflict("A later entry of this hospital is stored.")

// compare holds the entry against the latest: done if it is that, an error if it
// is older or says something else at the same time.
func (s *Store) compare(ctx context.Context, e cloud.StoredEntry) (done bool, err error) {
	var d latestDoc
	err = s.db.Collection(colLatest).FindOne(ctx, bson.D{{Key: "_id", Value: latestID(e.Locator, e.Hospital)}, {Key: "l", Value: e.Locator[:]}}).Decode(&d)
	switch {
	case errors.Is(err, mongo.ErrNoDocuments):
		return false, nil
	case err != nil:
		return false, failed("find latest entry", err)
	case d.Time < int64(e.Time):
		return false, nil
	case d.Time == int64(e.Time) && bytes.Equal(d.Value, e.Value):
		return true, nil
	}
	return false, errOlder
}

func (s *Store) appendVersion(ctx context.Context, e cloud.StoredEntry) error {
	id := entryID(e)
	doc := entryDoc{ID: id, Locator: e.Locator[:], Value: e.Value, SigIndex: e.SigIndex, Evidence: [][]byte{}}
	if e.Evidence != nil {
		doc.Forwarded, doc.Evidence, doc.Under = 1, [][]byte{e.Evidence}, int64(e.Under)
	}
	_, err := s.db.Collection(colEntries).InsertOne(ctx, doc)
	if !mongo.IsDuplicateKeyError(err) {
		return failed("append entry", err)
	}
	var d entryDoc
	if err := s.db.Collection(colEntries).FindOne(ctx, bson.D{{Key: "_id", Value: id}}).Decode(&d); err != nil {
		return failed("find entry", err)
	}
	if !bytes.Equal(d.Value, e.Value) {
		return errOlder
	}
	return s.addEvidence(ctx, e)
}

// maxForwarded bounds the evidence about one version: a doctor cannot fill the
// store by forwarding one entry for ever.
const maxForwarded = 64

var errForwarded = errors.New("the entry has been forwarded too often")

// addEvidence keeps what an M12 brought beside a version that was there before it.
func (s *Store) addEvidence(ctx context.Context, e cloud.StoredEntry) error {
	if e.Evidence == nil {
		return nil
	}
	filter := bson.D{{Key: "_id", Value: entryID(e)}, {Key: "forwarded", Value: bson.D{{Key: "$lt", Value: int64(maxForwarded)}}}}
	update := bson.D{{Key: "$inc", Value: bson.D{{Key: "forwarded", Value: int64(1)}}}, {Key: "$push", Value: bson.D{{Key: "evidence", Value: e.Evidence}}}, oldest(e.Under)}
	r, err := s.db.Collection(colEntries).UpdateOne(ctx, filter, update)
	if err == nil && r.MatchedCount == 0 {
		return problem.Refused(errForwarded)
	}
	return failed("keep evidence", err)
}

// Latest implements cloud.Index.
func (s *Store) Latest(ctx context.Context, locators []message.Hash, skip, limit int) ([]cloud.StoredEntry, error) {
	filter := bson.D{{Key: "l", Value: bson.D{{Key: "$in", Value: byteSlices(locators)}}}}
	o := options.Find().SetSort(bson.D{{Key: "l", Value: 1}, {Key: "_id", Value: 1}}).SetSkip(int64(skip)).SetLimit(int64(limit)).SetBatchSize(int32(limit))
	docs, err := mongodb.All[latestDoc](ctx, s.db.Collection(colLatest), filter, o)
	if err != nil {
		return nil, err
	}
	out := make([]cloud.StoredEntry, 0, len(docs))
	for _, d := range docs {
		if len(d.ID) != 64 {
			return nil, problem.Internal(errors.New("an index entry has a malformed id"))
		}
		out = append(out, cloud.StoredEntry{Locator: hash(d.Locator), Hospital: hash(d.ID[32:]), Time: message.Millis(d.Time),
			Value: d.Value, SigIndex: d.SigIndex, Credential: d.Credential})
	}
	return out, nil
}
