package mongostore

import (
	"context"

	"go.mongodb.org/mongo-driver/bson"

	"medunion/api/mongodb"
	"medunion/privatecloud/hospital"
)

// unmarked are the patients from before versions were written down, who lie under the first one.
var unmarked = bson.D{{Key: "kv", Value: bson.D{{Key: "$exists", Value: false}}}}

// MarkVersions implements hospital.Rekeying.
func (s *Store) MarkVersions(ctx context.Context) error {
	_, err := s.db.Collection(colPatients).UpdateMany(ctx, unmarked, bson.D{{Key: "$set", Value: bson.D{{Key: "kv", Value: int64(1)}}}})
	return failed("mark versions", err)
}

// PatientsUnder implements hospital.Rekeying.
func (s *Store) PatientsUnder(ctx context.Context, current uint32, after hospital.Handle, limit int) ([]hospital.Patient, error) {
	var out []hospital.Patient
	filter := bson.D{{Key: "_id", Value: bson.D{{Key: "$gt", Value: after[:]}}}, {Key: "kv", Value: bson.D{{Key: "$lt", Value: int64(current)}}}}
	err := each(ctx, s, colPatients, filter, ascending("_id").SetLimit(int64(limit)), func(d patientDoc) error {
		out = append(out, d.patient())
		return nil
	})
	return out, err
}

// RekeyPatient implements hospital.Rekeying: the filter holds all that is exchanged.
func (s *Store) RekeyPatient(ctx context.Context, p hospital.Patient, wrapped []byte, to hospital.Head, under uint32) error {
	filter := append(byID(p.Handle[:]), bson.E{Key: "number", Value: int64(p.Head.Number)}, bson.E{Key: "hash", Value: p.Head.Hash[:]},
		bson.E{Key: "tag", Value: p.Head.Tag[:]}, bson.E{Key: "dek", Value: p.Wrapped})
	set := bson.D{{Key: "dek", Value: wrapped}, {Key: "tag", Value: to.Tag[:]}, {Key: "kv", Value: int64(under)}}
	r, err := s.db.Collection(colPatients).UpdateOne(ctx, filter, bson.D{{Key: "$set", Value: set}})
	if err == nil && r.MatchedCount == 0 {
		return hospital.ErrLost
	}
	return failed("rekey patient", err)
}

// CountPatients implements hospital.Rekeying.
func (s *Store) CountPatients(ctx context.Context) (map[uint32]int64, error) {
	patients := s.db.Collection(colPatients)
	n, err := patients.CountDocuments(ctx, unmarked)
	if err != nil {
		return nil, failed("count patients", err)
	}
	counts, err := mongodb.CountBy(ctx, patients, "kv")
	if err != nil {
		return nil, err
	}
	out := map[uint32]int64{1: n}
	for version, n := range counts {
		out[uint32(version)] += n
	}
	return out, nil
}
