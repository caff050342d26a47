package mongostore

import (
	"context"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/mongo/options"

	"medunion/api/message"
	"medunion/privatecloud/hospital"
)

// PatientByMRN implements hospital.Records.
func (s *Store) PatientByMRN(ctx context.Context, mrn message.Hash) (hospital.Patient, error) {
	return s.patient(ctx, bson.D{{Key: "mrn", Value: mrn[:]}})
}

// Patient implements hospital.Records.
func (s *Store) Patient(ctx context.Context, h hospital.Handle) (hospital.Patient, error) {
	return s.patient(ctx, byID(h[:]))
}

func (s *Store) patient(ctx context.Context, filter bson.D) (hospital.Patient, error) {
	var d patientDoc
	err := s.get(ctx, colPatients, filter, &d)
	return d.patient(), err
}

func (d patientDoc) patient() hospital.Patient {
	return hospital.Patient{Handle: handle(d.Handle), Wrapped: d.Wrapped,
		Head: hospital.Head{Number: uint64(d.Number), Hash: hash(d.Hash), Tag: hash(d.Tag)}, Under: uint32(max(d.Under, 1))}
}

// Handles calls visit for every patient, by handle.
func (s *Store) Handles(ctx context.Context, visit func(hospital.Handle) error) error {
	return each(ctx, s, colPatients, bson.D{}, ascending("_id").SetProjection(bson.D{{Key: "_id", Value: 1}}), func(d patientDoc) error {
		return visit(handle(d.Handle))
	})
}

// CreatePatient implements hospital.Records.
func (s *Store) CreatePatient(ctx context.Context, mrn message.Hash, p hospital.Patient) error {
	return s.insert(ctx, colPatients, patientDoc{Handle: p.Handle[:], MRN: mrn[:], Wrapped: p.Wrapped,
		Number: int64(p.Head.Number), Hash: p.Head.Hash[:], Tag: p.Head.Tag[:], Under: int64(max(p.Under, 1))})
}

// MoveHead implements hospital.Records: the filter holds the old head.
func (s *Store) MoveHead(ctx context.Context, h hospital.Handle, from, to hospital.Head) error {
	filter := bson.D{{Key: "_id", Value: h[:]}, {Key: "number", Value: int64(from.Number)}, {Key: "hash", Value: from.Hash[:]}}
	set := bson.D{{Key: "number", Value: int64(to.Number)}, {Key: "hash", Value: to.Hash[:]}, {Key: "tag", Value: to.Tag[:]}}
	// The older of the two versions stays, in the same write: what lies under a version is never counted too low.
	under := bson.D{{Key: "kv", Value: int64(max(to.Under, 1))}}
	r, err := s.db.Collection(colPatients).UpdateOne(ctx, filter, bson.D{{Key: "$set", Value: set}, {Key: "$min", Value: under}})
	if err == nil && r.MatchedCount == 0 {
		return hospital.ErrLost
	}
	return failed("move head", err)
}

// AppendVersions implements hospital.Records. Ordered inserts stop at the first number taken.
func (s *Store) AppendVersions(ctx context.Context, vs []hospital.Version) error {
	docs := make([]any, len(vs))
	for i, v := range vs {
		docs[i] = versionDoc{ID: numbered(v.Handle, v.Number), Handle: v.Handle[:], Number: int64(v.Number), Prev: v.Prev[:],
			Hash: v.Hash[:], Key: v.Key[:], Content: v.Content[:], Blob: v.Blob}
	}
	_, err := s.db.Collection(colVersions).InsertMany(ctx, docs, options.InsertMany().SetOrdered(true))
	return failed("append versions", err)
}

// Versions implements hospital.Records.
func (s *Store) Versions(ctx context.Context, h hospital.Handle, from, to uint64, visit func(hospital.Version) error) error {
	return each(ctx, s, colVersions, span(h, from, to), ascending("n"), func(d versionDoc) error {
		return visit(hospital.Version{Handle: handle(d.Handle), Number: uint64(d.Number), Prev: hash(d.Prev), Hash: hash(d.Hash),
			Key: hash(d.Key), Content: hash(d.Content), Blob: d.Blob})
	})
}

// Outlines implements hospital.Records.
func (s *Store) Outlines(ctx context.Context, h hospital.Handle, from, to uint64, visit func(hospital.Outline) error) error {
	o := ascending("n").SetProjection(bson.D{{Key: "n", Value: 1}, {Key: "key", Value: 1}, {Key: "content", Value: 1}})
	return each(ctx, s, colVersions, span(h, from, to), o, func(d versionDoc) error {
		return visit(hospital.Outline{Number: uint64(d.Number), Key: hash(d.Key), Content: hash(d.Content)})
	})
}
