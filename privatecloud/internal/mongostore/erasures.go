package mongostore

import (
	"bytes"
	"context"
	"errors"

	"go.mongodb.org/mongo-driver/bson"

	"medunion/api/message"
	"medunion/privatecloud/hospital"
)

// Erasure implements hospital.Erasures.
func (s *Store) Erasure(ctx context.Context, h hospital.Handle) (hospital.Erasure, error) {
	var d erasureDoc
	err := s.get(ctx, colErasures, byID(h[:]), &d)
	return d.erasure(), err
}

func (d erasureDoc) erasure() hospital.Erasure {
	return hospital.Erasure{Handle: handle(d.Handle), MRN: hash(d.MRN), Version: uint64(d.Version), State: hospital.ErasureState(d.State),
		Time: message.Millis(d.Time), Plan: d.Plan, Receipt: d.Receipt}
}

// ErasureByMRN implements hospital.Erasures.
func (s *Store) ErasureByMRN(ctx context.Context, mrn message.Hash) (hospital.Erasure, error) {
	var d erasureDoc
	filter := bson.D{{Key: "mrn", Value: mrn[:]}, {Key: "state", Value: bson.D{{Key: "$lt", Value: int32(hospital.ErasureDone)}}}}
	err := s.get(ctx, colErasures, filter, &d, newest("time"))
	return d.erasure(), err
}

// PutErasure implements hospital.Erasures.
func (s *Store) PutErasure(ctx context.Context, e hospital.Erasure) error {
	d := erasureDoc{Handle: e.Handle[:], Version: int64(e.Version), State: int32(e.State), Time: int64(e.Time), Plan: e.Plan, Receipt: e.Receipt}
	if e.MRN != (message.Hash{}) {
		d.MRN = e.MRN[:]
	}
	if e.Version == 1 {
		err := s.insert(ctx, colErasures, d)
		if errors.Is(err, hospital.ErrExists) {
			return hospital.ErrLost
		}
		return err
	}
	filter := append(byID(e.Handle[:]), bson.E{Key: "version", Value: int64(e.Version - 1)})
	r, err := s.db.Collection(colErasures).ReplaceOne(ctx, filter, d)
	if err == nil && r.MatchedCount == 0 {
		return hospital.ErrLost
	}
	return failed("write erasure", err)
}

// UnfinishedErasures implements hospital.Erasures.
func (s *Store) UnfinishedErasures(ctx context.Context, after hospital.Handle, limit int) ([]hospital.Erasure, error) {
	var out []hospital.Erasure
	filter := bson.D{{Key: "state", Value: bson.D{{Key: "$lt", Value: int32(hospital.ErasureDone)}}}, {Key: "_id", Value: bson.D{{Key: "$gt", Value: after[:]}}}}
	err := each(ctx, s, colErasures, filter, ascending("_id").SetLimit(int64(limit)), func(d erasureDoc) error {
		out = append(out, d.erasure())
		return nil
	})
	return out, err
}

// EachErasure implements hospital.Erasures.
func (s *Store) EachErasure(ctx context.Context, visit func(hospital.Erasure) error) error {
	return each(ctx, s, colErasures, bson.D{}, ascending("_id"), func(d erasureDoc) error { return visit(d.erasure()) })
}

// DestroyPatient implements hospital.Erasures: the filter holds the head.
func (s *Store) DestroyPatient(ctx context.Context, h hospital.Handle, from hospital.Head) error {
	filter := append(byID(h[:]), bson.E{Key: "number", Value: int64(from.Number)}, bson.E{Key: "hash", Value: from.Hash[:]})
	r, err := s.db.Collection(colPatients).DeleteOne(ctx, filter)
	if err == nil && r.DeletedCount == 0 {
		return hospital.ErrLost
	}
	return failed("destroy patient", err)
}

// EraseTraces implements hospital.Erasures.
func (s *Store) EraseTraces(ctx context.Context, h hospital.Handle) error {
	of := bson.D{{Key: "h", Value: h[:]}}
	revoked := bson.D{{Key: "_id", Value: bson.D{{Key: "$gte", Value: consentID(message.Hash{}, h)},
		{Key: "$lte", Value: append(h[:len(h):len(h)], bytes.Repeat([]byte{0xff}, 32)...)}}}}
	for _, x := range []struct {
		collection string
		filter     bson.D
	}{{colEnrolments, byID(h[:])}, {colDeskCodes, of}, {colVersions, of}, {colReceipts, of}, {colDiagnoses, of}, {colConsents, revoked}} {
		if _, err := s.db.Collection(x.collection).DeleteMany(ctx, x.filter); err != nil {
			return failed("erase from "+x.collection, err)
		}
	}
	return nil
}

// EachPatient implements hospital.Erasures.
func (s *Store) EachPatient(ctx context.Context, after hospital.Handle, visit func(hospital.Patient) error) error {
	filter := bson.D{{Key: "_id", Value: bson.D{{Key: "$gt", Value: after[:]}}}}
	return each(ctx, s, colPatients, filter, ascending("_id"), func(d patientDoc) error { return visit(d.patient()) })
}
