package mongostore

import (
	"context"
	"errors"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/mongo"
	"go.mongodb.org/mongo-driver/mongo/options"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/publiccloud/cloud"
)

// maxRecorded bounds the uses of one consent in each mode, whatever the patient
// allowed: a doctor cannot fill the store by renewing a ticket for ever.
const maxRecorded = 1024

var errUsedUp = errors.New("the consent is used up, or the search is known")

// Count implements cloud.Consents. One update is everything: its filter holds
// only while uses are left and the operation is new. When it does not hold, the
// upsert meets the existing document's _id; so does the later of two first uses, which is
// why a duplicate key is tried once more without upsert.
func (s *Store) Count(ctx context.Context, u cloud.SearchUse) error {
	counted, other, limit := "reads", "writes", int64(min(u.MaxUses, maxRecorded))
	if u.Use.Mode == message.ModeWrite {
		counted, other, limit = "writes", "reads", maxRecorded
	}
	filter := bson.D{{Key: "_id", Value: u.Consent[:]}, {Key: counted, Value: bson.D{{Key: "$lt", Value: limit}}},
		{Key: "ops", Value: bson.D{{Key: "$ne", Value: u.Operation[:]}}}}
	use := useDoc{Time: int64(u.Use.Time), Mode: int32(u.Use.Mode), Request: u.Use.Request[:]}
	update := bson.D{
		{Key: "$inc", Value: bson.D{{Key: counted, Value: int64(1)}}},
		{Key: "$push", Value: bson.D{{Key: "ops", Value: u.Operation[:]}, {Key: "uses", Value: use}, {Key: "evidence", Value: u.Evidence}}},
		{Key: "$setOnInsert", Value: bson.D{{Key: other, Value: int64(0)}, {Key: "tags", Value: byteSlices(u.Tags)},
			{Key: "grounds", Value: u.Grounds}}},
		oldest(u.Under),
	}
	_, err := s.db.Collection(colConsents).UpdateOne(ctx, filter, update, options.Update().SetUpsert(true))
	if !mongo.IsDuplicateKeyError(err) {
		return failed("count use", err)
	}
	r, err := s.db.Collection(colConsents).UpdateOne(ctx, filter, update)
	if err == nil && r.MatchedCount == 0 {
		return problem.Refused(errUsedUp)
	}
	return failed("count use", err)
}

// Uses implements cloud.Consents. A consent that was never used and one whose
// locators are others' look alike.
func (s *Store) Uses(ctx context.Context, consent, tag message.Hash, from, limit int) ([]message.Use, error) {
	var d consentDoc
	filter := bson.D{{Key: "_id", Value: consent[:]}, {Key: "tags", Value: tag[:]}}
	o := options.FindOne().SetProjection(bson.D{{Key: "grounds", Value: 0}, {Key: "evidence", Value: 0}})
	err := s.db.Collection(colConsents).FindOne(ctx, filter, o).Decode(&d)
	if errors.Is(err, mongo.ErrNoDocuments) {
		return nil, nil
	}
	if err != nil {
		return nil, failed("find uses", err)
	}
	from = min(from, len(d.Uses))
	page := d.Uses[from:min(from+limit, len(d.Uses))]
	out := make([]message.Use, len(page))
	for i, u := range page {
		out[i] = message.Use{Time: message.Millis(u.Time), Mode: message.Mode(u.Mode), Request: hash(u.Request)}
	}
	return out, nil
}
