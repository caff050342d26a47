package mongostore

import (
	"bytes"
	"context"
	"errors"
	"math"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/mongo"
	"go.mongodb.org/mongo-driver/mongo/options"

	"medunion/api/message"
	"medunion/privatecloud/hospital"
)

// UseTicket implements hospital.Tickets.
func (s *Store) UseTicket(ctx context.Context, ticket message.Hash, expires message.Millis) error {
	return s.insert(ctx, colTickets, ticketDoc{Ticket: ticket[:], Expires: int64(expires)})
}

func consentID(consent message.Hash, h hospital.Handle) []byte { return append(h[:], consent[:]...) }

// RevokeConsent implements hospital.Consents.
func (s *Store) RevokeConsent(ctx context.Context, consent message.Hash, h hospital.Handle) error {
	err := s.insert(ctx, colConsents, consentDoc{ID: consentID(consent, h)})
	if errors.Is(err, hospital.ErrExists) {
		return nil
	}
	return err
}

// ConsentRevoked implements hospital.Consents.
func (s *Store) ConsentRevoked(ctx context.Context, consent message.Hash, h hospital.Handle) (bool, error) {
	var d consentDoc
	err := s.get(ctx, colConsents, byID(consentID(consent, h)), &d)
	if errors.Is(err, hospital.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

func newest(field string) *options.FindOneOptions {
	return options.FindOne().SetSort(bson.D{{Key: field, Value: -1}})
}

// LastReceipt implements hospital.Receipts.
func (s *Store) LastReceipt(ctx context.Context, h hospital.Handle) (uint64, error) {
	var d receiptDoc
	err := s.get(ctx, colReceipts, bson.D{{Key: "h", Value: h[:]}}, &d, newest("n").SetProjection(bson.D{{Key: "n", Value: 1}}))
	if errors.Is(err, hospital.ErrNotFound) {
		return 0, nil
	}
	return uint64(d.Number), err
}

// AddReceipt implements hospital.Receipts.
func (s *Store) AddReceipt(ctx context.Context, r hospital.Receipt) error {
	return s.insert(ctx, colReceipts, receiptDoc{ID: numbered(r.Handle, r.Number), Handle: r.Handle[:], Number: int64(r.Number), Sealed: r.Sealed,
		Access: r.Access, Answer: r.Answer})
}

// CompleteReceipt implements hospital.Receipts.
func (s *Store) CompleteReceipt(ctx context.Context, h hospital.Handle, number uint64, answer []byte) error {
	id := bson.D{{Key: "_id", Value: numbered(h, number)}, {Key: "h", Value: h[:]}}
	filter := append(bson.D{{Key: "answer", Value: nil}}, id...)
	r, err := s.db.Collection(colReceipts).UpdateOne(ctx, filter, bson.D{{Key: "$set", Value: bson.D{{Key: "answer", Value: answer}}}})
	if err == nil && r.MatchedCount == 0 {
		var d receiptDoc
		if s.get(ctx, colReceipts, id, &d) == nil && bytes.Equal(d.Answer, answer) {
			return nil // this very answer: it was sent twice
		}
		return hospital.ErrLost
	}
	return failed("complete receipt", err)
}

// lines leaves the evidence out of receipts.
var lines = bson.D{{Key: "access", Value: 0}, {Key: "answer", Value: 0}}

// Receipts implements hospital.Receipts.
func (s *Store) Receipts(ctx context.Context, h hospital.Handle, from uint64, limit int) ([]hospital.Receipt, error) {
	var out []hospital.Receipt
	o := ascending("n").SetLimit(int64(limit)).SetProjection(lines)
	err := each(ctx, s, colReceipts, span(h, from, math.MaxInt64), o, func(d receiptDoc) error {
		out = append(out, hospital.Receipt{Handle: handle(d.Handle), Number: uint64(d.Number), Sealed: d.Sealed})
		return nil
	})
	return out, err
}

// Diagnosis implements hospital.Diagnoses.
func (s *Store) Diagnosis(ctx context.Context, operation message.Hash) (hospital.Diagnosis, error) {
	var d diagnosisDoc
	err := s.get(ctx, colDiagnoses, byID(operation[:]), &d)
	return d.diagnosis(), err
}

func (d diagnosisDoc) diagnosis() hospital.Diagnosis {
	return hospital.Diagnosis{Operation: hash(d.Operation), Handle: handle(d.Handle), Record: uint64(d.Record), Sealed: d.Sealed}
}

// AddDiagnosis implements hospital.Diagnoses.
func (s *Store) AddDiagnosis(ctx context.Context, d hospital.Diagnosis) error {
	return s.insert(ctx, colDiagnoses, diagnosisDoc{Operation: d.Operation[:], Handle: d.Handle[:], Record: int64(d.Record), Sealed: d.Sealed})
}

// Diagnoses implements hospital.Diagnoses.
func (s *Store) Diagnoses(ctx context.Context, h hospital.Handle, from uint64, limit int) ([]hospital.Diagnosis, error) {
	var out []hospital.Diagnosis
	err := each(ctx, s, colDiagnoses, span(h, from, math.MaxInt64), ascending("n").SetLimit(int64(limit)), func(d diagnosisDoc) error {
		out = append(out, d.diagnosis())
		return nil
	})
	return out, err
}

// LastAudit implements hospital.AuditLog.
func (s *Store) LastAudit(ctx context.Context) (hospital.AuditEntry, error) {
	var d auditDoc
	err := s.get(ctx, colAudit, bson.D{}, &d, newest("_id"))
	return d.entry(), err
}

func (d auditDoc) entry() hospital.AuditEntry {
	return hospital.AuditEntry{Number: uint64(d.Number), Prev: hash(d.Prev), Hash: hash(d.Hash), Sealed: d.Sealed}
}

// AppendAudit implements hospital.AuditLog.
func (s *Store) AppendAudit(ctx context.Context, entries []hospital.AuditEntry) error {
	docs := make([]any, len(entries))
	for i, e := range entries {
		docs[i] = auditDoc{Number: int64(e.Number), Prev: e.Prev[:], Hash: e.Hash[:], Sealed: e.Sealed}
	}
	_, err := s.db.Collection(colAudit).InsertMany(ctx, docs, options.InsertMany().SetOrdered(true))
	return failed("append to the audit trail", err)
}

// ProbeAudit implements hospital.AuditLog: one document, written with the majority.
func (s *Store) ProbeAudit(ctx context.Context) error {
	set := bson.D{{Key: "$inc", Value: bson.D{{Key: "n", Value: int64(1)}}}}
	_, err := s.db.Collection(colProbes).UpdateOne(ctx, bson.D{{Key: "_id", Value: colAudit}}, set, options.Update().SetUpsert(true))
	if mongo.IsDuplicateKeyError(err) {
		return nil // another instance wrote it first, at the same moment
	}
	return failed("probe the audit trail", err)
}

// AuditFrom implements hospital.AuditLog.
func (s *Store) AuditFrom(ctx context.Context, from uint64, limit int) ([]hospital.AuditEntry, error) {
	var out []hospital.AuditEntry
	filter := bson.D{{Key: "_id", Value: bson.D{{Key: "$gte", Value: int64(from)}}}}
	err := each(ctx, s, colAudit, filter, ascending("_id").SetLimit(int64(limit)), func(d auditDoc) error {
		out = append(out, d.entry())
		return nil
	})
	return out, err
}

// AddPrekey implements hospital.Prekeys.
func (s *Store) AddPrekey(ctx context.Context, k hospital.StoredPrekey) error {
	return s.insert(ctx, colPrekeys, prekeyDoc{ID: k.ID[:], Owner: k.Owner[:], NotBefore: int64(k.NotBefore), NotAfter: int64(k.NotAfter), Sealed: k.Sealed})
}

// Prekey implements hospital.Prekeys.
func (s *Store) Prekey(ctx context.Context, id message.Hash) (hospital.StoredPrekey, error) {
	var d prekeyDoc
	err := s.get(ctx, colPrekeys, byID(id[:]), &d)
	return d.prekey(), err
}

// NewestPrekey implements hospital.Prekeys.
func (s *Store) NewestPrekey(ctx context.Context, owner message.Hash) (hospital.StoredPrekey, error) {
	var d prekeyDoc
	err := s.get(ctx, colPrekeys, bson.D{{Key: "owner", Value: owner[:]}}, &d, newest("notBefore"))
	return d.prekey(), err
}

func (d prekeyDoc) prekey() hospital.StoredPrekey {
	return hospital.StoredPrekey{ID: hash(d.ID), Owner: hash(d.Owner), NotBefore: message.Millis(d.NotBefore), NotAfter: message.Millis(d.NotAfter), Sealed: d.Sealed}
}

// ExchangePrekey implements hospital.Prekeys.
func (s *Store) ExchangePrekey(ctx context.Context, k hospital.StoredPrekey, sealed []byte) error {
	filter := append(byID(k.ID[:]), bson.E{Key: "sealed", Value: k.Sealed})
	r, err := s.db.Collection(colPrekeys).UpdateOne(ctx, filter, bson.D{{Key: "$set", Value: bson.D{{Key: "sealed", Value: sealed}}}})
	if err == nil && r.MatchedCount == 0 {
		return hospital.ErrLost
	}
	return failed("exchange prekey", err)
}

// EachPrekey implements hospital.Prekeys.
func (s *Store) EachPrekey(ctx context.Context, visit func(hospital.StoredPrekey) error) error {
	return each(ctx, s, colPrekeys, bson.D{}, ascending("_id"), func(d prekeyDoc) error { return visit(d.prekey()) })
}

// ErasePrekeys implements hospital.Prekeys.
func (s *Store) ErasePrekeys(ctx context.Context, before message.Millis) error {
	_, err := s.db.Collection(colPrekeys).DeleteMany(ctx, bson.D{{Key: "notAfter", Value: bson.D{{Key: "$lt", Value: int64(before)}}}})
	return failed("erase prekeys", err)
}
