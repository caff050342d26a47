package mongostore

import (
	"context"
	"errors"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/mongo/options"

	"medunion/api/message"
	"medunion/privatecloud/hospital"
)

// AddDeskCode implements hospital.DeskCodes.
func (s *Store) AddDeskCode(ctx context.Context, c hospital.DeskCode) error {
	return s.insert(ctx, colDeskCodes, deskCodeDoc{Code: c.Code[:], Handle: c.Handle[:], Expires: int64(c.Expires)})
}

// UseDeskCode implements hospital.DeskCodes: whoever deletes the document has the code.
func (s *Store) UseDeskCode(ctx context.Context, code message.Hash, now message.Millis) (hospital.Handle, error) {
	var d deskCodeDoc
	filter := bson.D{{Key: "_id", Value: code[:]}, {Key: "expires", Value: bson.D{{Key: "$gt", Value: int64(now)}}}}
	err := s.db.Collection(colDeskCodes).FindOneAndDelete(ctx, filter).Decode(&d)
	return handle(d.Handle), failed("use desk code", err)
}

// CountTry implements hospital.DeskCodes.
func (s *Store) CountTry(ctx context.Context, who message.Hash, now, expires message.Millis) (int, error) {
	old := bson.D{{Key: "_id", Value: who[:]}, {Key: "expires", Value: bson.D{{Key: "$lte", Value: int64(now)}}}}
	if _, err := s.db.Collection(colTries).DeleteOne(ctx, old); err != nil {
		return 0, failed("forget tries", err)
	}
	update := bson.D{{Key: "$inc", Value: bson.D{{Key: "n", Value: int64(1)}}},
		{Key: "$setOnInsert", Value: bson.D{{Key: "expires", Value: int64(expires)}}}}
	for {
		var d triesDoc
		o := options.FindOneAndUpdate().SetUpsert(true).SetReturnDocument(options.After)
		err := failed("count try", s.db.Collection(colTries).FindOneAndUpdate(ctx, byID(who[:]), update, o).Decode(&d))
		if errors.Is(err, hospital.ErrExists) { // two first tries at once: the other one made the document
			continue
		}
		return int(d.Count), err
	}
}

// EnrolmentOf implements hospital.Enrolments.
func (s *Store) EnrolmentOf(ctx context.Context, who message.Hash) (hospital.Enrolment, error) {
	return s.enrolment(ctx, bson.D{{Key: "who", Value: who[:]}})
}

// EnrolmentByHandle implements hospital.Enrolments.
func (s *Store) EnrolmentByHandle(ctx context.Context, h hospital.Handle) (hospital.Enrolment, error) {
	return s.enrolment(ctx, byID(h[:]))
}

func (s *Store) enrolment(ctx context.Context, filter bson.D) (hospital.Enrolment, error) {
	var d enrolmentDoc
	err := s.get(ctx, colEnrolments, filter, &d)
	return d.enrolment(), err
}

func (d enrolmentDoc) enrolment() hospital.Enrolment {
	return hospital.Enrolment{Handle: handle(d.Handle), Who: hash(d.Who), Version: uint64(d.Version), Marks: uint64(d.Marks),
		Due: message.Millis(d.Due), Epoch: uint64(d.Epoch), Sealed: d.Sealed}
}

// PutEnrolment implements hospital.Enrolments.
func (s *Store) PutEnrolment(ctx context.Context, e hospital.Enrolment) error {
	if e.Version == 1 {
		return s.newEnrolment(ctx, e)
	}
	filter := bson.D{{Key: "_id", Value: e.Handle[:]}, {Key: "version", Value: int64(e.Version - 1)}, {Key: "marks", Value: int64(e.Marks)}}
	set := bson.D{{Key: "who", Value: e.Who[:]}, {Key: "version", Value: int64(e.Version)}, {Key: "due", Value: int64(e.Due)},
		{Key: "epoch", Value: int64(e.Epoch)}, {Key: "sealed", Value: e.Sealed}}
	r, err := s.db.Collection(colEnrolments).UpdateOne(ctx, filter, bson.D{{Key: "$set", Value: set}})
	if err == nil && r.MatchedCount == 0 {
		return hospital.ErrLost
	}
	return failed("write enrolment", err)
}

// newEnrolment tells the two unique keys apart: the record's own is a lost race, the
// identity's is another record.
func (s *Store) newEnrolment(ctx context.Context, e hospital.Enrolment) error {
	err := s.insert(ctx, colEnrolments, enrolmentDoc{Handle: e.Handle[:], Who: e.Who[:], Version: 1, Marks: int64(e.Marks),
		Due: int64(e.Due), Epoch: int64(e.Epoch), Sealed: e.Sealed})
	if !errors.Is(err, hospital.ErrExists) {
		return err
	}
	if _, found := s.EnrolmentByHandle(ctx, e.Handle); found == nil {
		return hospital.ErrLost
	}
	return err
}

// MarkDue implements hospital.Enrolments.
func (s *Store) MarkDue(ctx context.Context, h hospital.Handle, t message.Millis) error {
	update := bson.D{{Key: "$min", Value: bson.D{{Key: "due", Value: int64(t)}}}, {Key: "$inc", Value: bson.D{{Key: "marks", Value: int64(1)}}}}
	_, err := s.db.Collection(colEnrolments).UpdateOne(ctx, byID(h[:]), update)
	return failed("mark due", err)
}

// EnrolmentsAfter implements hospital.Enrolments.
func (s *Store) EnrolmentsAfter(ctx context.Context, after hospital.Handle, limit int) ([]hospital.Enrolment, error) {
	var out []hospital.Enrolment
	filter := bson.D{{Key: "_id", Value: bson.D{{Key: "$gt", Value: after[:]}}}}
	err := each(ctx, s, colEnrolments, filter, ascending("_id").SetLimit(int64(limit)), func(d enrolmentDoc) error {
		out = append(out, d.enrolment())
		return nil
	})
	return out, err
}

// DueEnrolments implements hospital.Enrolments.
func (s *Store) DueEnrolments(ctx context.Context, now message.Millis, limit int) ([]hospital.Enrolment, error) {
	var out []hospital.Enrolment
	filter := bson.D{{Key: "due", Value: bson.D{{Key: "$lte", Value: int64(now)}}}}
	err := each(ctx, s, colEnrolments, filter, ascending("due").SetLimit(int64(limit)), func(d enrolmentDoc) error {
		out = append(out, d.enrolment())
		return nil
	})
	return out, err
}

// before are the enrolments of a lower epoch, or of none: from before epochs were written down.
func before(epoch uint64) bson.E {
	return bson.E{Key: "epoch", Value: bson.D{{Key: "$not", Value: bson.D{{Key: "$gte", Value: int64(epoch)}}}}}
}

// EnrolmentsBefore implements hospital.Enrolments.
func (s *Store) EnrolmentsBefore(ctx context.Context, epoch uint64, after message.Millis, limit int) (out []hospital.Handle, err error) {
	filter := bson.D{{Key: "due", Value: bson.D{{Key: "$gt", Value: int64(after)}}}, before(epoch)}
	err = each(ctx, s, colEnrolments, filter, options.Find().SetLimit(int64(limit)), func(d enrolmentDoc) error {
		out = append(out, handle(d.Handle))
		return nil
	})
	return out, err
}

// CountBefore implements hospital.Enrolments.
func (s *Store) CountBefore(ctx context.Context, epoch uint64) (int64, error) {
	n, err := s.db.Collection(colEnrolments).CountDocuments(ctx, bson.D{before(epoch)})
	return n, failed("count enrolments", err)
}
