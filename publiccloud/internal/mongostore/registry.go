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
	"medunion/publiccloud/cloud"
)

// AddCode implements cloud.Registry.
func (s *Store) AddCode(ctx context.Context, code message.Hash, now, expires message.Millis) error {
	old := bson.D{{Key: "expires", Value: bson.D{{Key: "$lte", Value: int64(now)}}}}
	if _, err := s.db.Collection(colCodes).DeleteMany(ctx, old); err != nil {
		return failed("forget expired codes", err)
	}
	_, err := s.db.Collection(colCodes).InsertOne(ctx, codeDoc{Code: code[:], Expires: int64(expires)})
	if mongo.IsDuplicateKeyError(err) { // codes are random: this very one, sent twice
		return nil
	}
	return failed("add code", err)
}

// HasCode implements cloud.Registry.
func (s *Store) HasCode(ctx context.Context, code message.Hash, now message.Millis) (bool, error) {
	filter := bson.D{{Key: "_id", Value: code[:]}, {Key: "expires", Value: bson.D{{Key: "$gt", Value: int64(now)}}}}
	err := s.db.Collection(colCodes).FindOne(ctx, filter).Err()
	if errors.Is(err, mongo.ErrNoDocuments) {
		return false, nil
	}
	return err == nil, failed("find code", err)
}

var errAdmissionUsed = errors.New("the code is used up")

// Add implements cloud.Registry. One insert is everything: the two unique
// indexes decide, so that of two requests with one code only one gets in.
func (s *Store) Add(ctx context.Context, r cloud.Record) error {
	_, err := s.db.Collection(colCredentials).InsertOne(ctx, credentialDoc{
		Credential: r.Credential[:], Role: string(r.Role), Name: r.Name[:], Admission: r.Admission[:], Line: r.Line[:],
		Body: r.Body, Certificate: r.Certificate, NotAfter: int64(r.NotAfter)})
	if mongo.IsDuplicateKeyError(err) {
		if stored, found := s.Find(ctx, r.Credential); found == nil && stored.Name == r.Name && stored.Admission == r.Admission {
			return nil // this very record: it was sent twice
		}
		return s.Free(ctx, r) // says which of the two it was
	}
	if err != nil {
		return failed("add credential", err)
	}
	// The code's document has done its service: the unique admission stands for it.
	_, _ = s.db.Collection(colCodes).DeleteOne(ctx, bson.D{{Key: "_id", Value: r.Admission[:]}})
	return nil
}

// Free implements cloud.Registry.
func (s *Store) Free(ctx context.Context, r cloud.Record) error {
	taken, err := s.has(ctx, "name", r.Name)
	if err != nil {
		return err
	}
	if taken {
		return errTaken()
	}
	taken, err = s.has(ctx, "admission", r.Admission)
	switch {
	case err != nil || !taken:
		return err
	// Of a renewal both are of its number, of a hospital both of its ID: another request took them since the name was looked for.
	case r.Line != (message.Hash{}) && r.Line != r.Credential, r.Role == message.Hospital:
		return errTaken()
	case r.Role == message.Doctor:
		return problem.Conflict("The licence is registered already.")
	}
	return problem.Refused(errAdmissionUsed)
}

func errTaken() error { return problem.Conflict("The identity is registered already.") }

func (s *Store) has(ctx context.Context, field string, handle message.Hash) (bool, error) {
	err := s.db.Collection(colCredentials).FindOne(ctx, bson.D{{Key: field, Value: handle[:]}}).Err()
	if errors.Is(err, mongo.ErrNoDocuments) {
		return false, nil
	}
	return err == nil, failed("find "+field, err)
}

// Find implements cloud.Registry.
func (s *Store) Find(ctx context.Context, c message.Hash) (cloud.Record, error) {
	return s.credential(ctx, "_id", c)
}

// Admitted implements cloud.Registry.
func (s *Store) Admitted(ctx context.Context, admission message.Hash) (cloud.Record, error) {
	return s.credential(ctx, "admission", admission)
}

func (s *Store) credential(ctx context.Context, field string, h message.Hash) (cloud.Record, error) {
	var d credentialDoc
	err := s.db.Collection(colCredentials).FindOne(ctx, bson.D{{Key: field, Value: h[:]}}).Decode(&d)
	if errors.Is(err, mongo.ErrNoDocuments) {
		return cloud.Record{}, problem.NotFound("There is no such credential.")
	}
	return d.record(), failed("find credential", err)
}

// Line implements cloud.Registry. Programs from before lines wrote the first without one.
func (s *Store) Line(ctx context.Context, line message.Hash) ([]cloud.Record, error) {
	return s.credentials(ctx, bson.D{{Key: "$or", Value: bson.A{
		bson.D{{Key: "line", Value: line[:]}}, bson.D{{Key: "_id", Value: line[:]}}}}})
}

// Hospitals implements cloud.Registry.
func (s *Store) Hospitals(ctx context.Context, now message.Millis) ([]cloud.Record, error) {
	return s.credentials(ctx, bson.D{{Key: "role", Value: string(message.Hospital)}, {Key: "notAfter", Value: bson.D{{Key: "$gt", Value: int64(now)}}}})
}

// credentials returns those of the filter by c_X.
func (s *Store) credentials(ctx context.Context, filter bson.D) ([]cloud.Record, error) {
	docs, err := mongodb.All[credentialDoc](ctx, s.db.Collection(colCredentials), filter, options.Find().SetSort(bson.D{{Key: "_id", Value: 1}}))
	if err != nil {
		return nil, err
	}
	out := make([]cloud.Record, len(docs))
	for i, d := range docs {
		out[i] = d.record()
	}
	return out, nil
}

func (d credentialDoc) record() cloud.Record {
	r := cloud.Record{Credential: hash(d.Credential), Role: message.Role(d.Role), Name: hash(d.Name), Admission: hash(d.Admission),
		Line: hash(d.Line), Body: d.Body, Certificate: d.Certificate, NotAfter: message.Millis(d.NotAfter)}
	if len(d.Line) == 0 {
		r.Line = r.Credential
	}
	return r
}
