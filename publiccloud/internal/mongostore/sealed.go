package mongostore

import (
	"context"
	"encoding/binary"
	"errors"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/mongo/options"

	"medunion/api/message"
	"medunion/api/mongodb"
	"medunion/api/problem"
	"medunion/ecc"
	"medunion/publiccloud/cloud"
)

// The field k of a document is the oldest version of the sealing key that anything in it
// may lie under. Whoever appends lowers it in the same update; whoever seals everything
// anew raises it, if nothing was appended since.

// oldest is the part of an update that appends a piece under the version.
func oldest(under uint32) bson.E {
	return bson.E{Key: "$min", Value: bson.D{{Key: "k", Value: int64(under)}}}
}

var sealedCollections = map[cloud.SealedKind]string{cloud.SealedPrekeys: colOwnPrekeys, cloud.SealedEntries: colEntries, cloud.SealedConsents: colConsents}

// MarkSealed implements cloud.Sealed.
func (s *Store) MarkSealed(ctx context.Context) error {
	for kind, name := range sealedCollections {
		set := bson.D{{Key: "$set", Value: bson.D{{Key: "k", Value: int64(1)}}}}
		if _, err := s.db.Collection(name).UpdateMany(ctx, unmarked(kind), set); err != nil {
			return failed("mark what is sealed", err)
		}
	}
	return nil
}

// unmarked are the documents from before versions were written down, which lie under the first one.
func unmarked(kind cloud.SealedKind) bson.D {
	filter := bson.D{{Key: "k", Value: bson.D{{Key: "$exists", Value: false}}}}
	if kind == cloud.SealedEntries {
		filter = append(filter, bson.E{Key: "forwarded", Value: bson.D{{Key: "$gt", Value: int64(0)}}})
	}
	return filter
}

// sealedDoc has what the three collections have, each its part.
type sealedDoc struct {
	ID         []byte   `bson:"_id"`
	Under      int64    `bson:"k"`
	Sealed     []byte   `bson:"sealed"`
	Grounds    []byte   `bson:"grounds"`
	Evidence   [][]byte `bson:"evidence"`
	Operations [][]byte `bson:"ops"`
}

// SealedUnder implements cloud.Sealed.
func (s *Store) SealedUnder(ctx context.Context, kind cloud.SealedKind, current uint32, after []byte, limit int) ([]cloud.SealedDocument, error) {
	filter := bson.D{{Key: "k", Value: bson.D{{Key: "$lt", Value: int64(current)}}}}
	if after != nil {
		filter = append(filter, bson.E{Key: "_id", Value: bson.D{{Key: "$gt", Value: after}}})
	}
	return s.sealed(ctx, kind, filter, limit)
}

// SealedAt returns up to limit documents whose oldest piece lies under the version.
func (s *Store) SealedAt(ctx context.Context, kind cloud.SealedKind, version uint32, limit int) ([]cloud.SealedDocument, error) {
	return s.sealed(ctx, kind, bson.D{{Key: "k", Value: int64(version)}}, limit)
}

func (s *Store) sealed(ctx context.Context, kind cloud.SealedKind, filter bson.D, limit int) ([]cloud.SealedDocument, error) {
	o := options.Find().SetSort(bson.D{{Key: "_id", Value: 1}}).SetLimit(int64(limit))
	docs, err := mongodb.All[sealedDoc](ctx, s.db.Collection(sealedCollections[kind]), filter, o)
	if err != nil {
		return nil, err
	}
	out := make([]cloud.SealedDocument, len(docs))
	for i, d := range docs {
		if out[i], err = d.document(kind); err != nil {
			return nil, err
		}
	}
	return out, nil
}

var errSealedID = problem.Internal(errors.New("a sealed document has a malformed id"))

func (d sealedDoc) document(kind cloud.SealedKind) (cloud.SealedDocument, error) {
	out := cloud.SealedDocument{Kind: kind, ID: d.ID, Under: uint32(d.Under)}
	switch kind {
	case cloud.SealedPrekeys:
		if len(d.ID) != 9 {
			return out, errSealedID
		}
		out.Suite, out.Slot = ecc.Suite(d.ID[0]), binary.BigEndian.Uint64(d.ID[1:])
		out.Pieces = [][]byte{d.Sealed}
	case cloud.SealedEntries:
		if len(d.ID) != 72 {
			return out, errSealedID
		}
		out.Locator, out.Hospital, out.Time = hash(d.ID[:32]), hash(d.ID[32:64]), message.Millis(binary.BigEndian.Uint64(d.ID[64:]))
		out.Pieces = d.Evidence
	case cloud.SealedConsents:
		out.Pieces = append([][]byte{d.Grounds}, d.Evidence...)
		for _, op := range d.Operations {
			out.Operations = append(out.Operations, [16]byte(append(op, make([]byte, 16)...)))
		}
	}
	return out, nil
}

// ExchangeSealed implements cloud.Sealed. Evidence is only ever appended, so a document
// with as many pieces under the same oldest version is the one that was read.
func (s *Store) ExchangeSealed(ctx context.Context, d cloud.SealedDocument, pieces [][]byte, under uint32) (bool, error) {
	filter := bson.D{{Key: "_id", Value: d.ID}, {Key: "k", Value: int64(d.Under)}}
	set := bson.D{{Key: "k", Value: int64(under)}}
	switch d.Kind {
	case cloud.SealedPrekeys:
		filter = append(filter, bson.E{Key: "sealed", Value: d.Pieces[0]})
		set = append(set, bson.E{Key: "sealed", Value: pieces[0]})
	case cloud.SealedEntries:
		filter = append(filter, bson.E{Key: "l", Value: d.Locator[:]}, bson.E{Key: "evidence", Value: bson.D{{Key: "$size", Value: len(d.Pieces)}}})
		set = append(set, bson.E{Key: "evidence", Value: pieces})
	case cloud.SealedConsents:
		filter = append(filter, bson.E{Key: "evidence", Value: bson.D{{Key: "$size", Value: len(d.Pieces) - 1}}})
		set = append(set, bson.E{Key: "grounds", Value: pieces[0]}, bson.E{Key: "evidence", Value: pieces[1:]})
	}
	r, err := s.db.Collection(sealedCollections[d.Kind]).UpdateOne(ctx, filter, bson.D{{Key: "$set", Value: set}})
	if err != nil {
		return false, failed("seal anew", err)
	}
	return r.MatchedCount == 1, nil
}

// CountSealed implements cloud.Sealed.
func (s *Store) CountSealed(ctx context.Context) (map[uint32]int64, error) {
	out := map[uint32]int64{}
	for kind, name := range sealedCollections {
		n, err := s.db.Collection(name).CountDocuments(ctx, unmarked(kind))
		if err != nil {
			return nil, failed("count what is sealed", err)
		}
		if n > 0 {
			out[1] += n
		}
		counts, err := mongodb.CountBy(ctx, s.db.Collection(name), "k")
		if err != nil {
			return nil, err
		}
		for version, n := range counts {
			out[uint32(version)] += n
		}
	}
	return out, nil
}
