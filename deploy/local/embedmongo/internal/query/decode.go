// Package query reads filters, updates and projections, and refuses what the embedded
// server cannot evaluate exactly as MongoDB does: an operator that is silently ignored
// would show a service data that the real server withholds.
package query

import (
	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"

	"medunion/deploy/local/embedmongo/internal/mongoerr"
)

// Decode turns checked BSON into the tree that is matched and stored. It refuses the types
// that have no order here (MinKey, code, symbols and other legacy ones).
func Decode(raw bson.Raw) (bson.D, error) {
	d := bson.D{}
	if err := bson.Unmarshal(raw, &d); err != nil {
		return nil, mongoerr.New(mongoerr.BadValue, "document cannot be decoded: %v", err)
	}
	return d, checkTypes(d)
}

func checkTypes(v any) error {
	switch x := v.(type) {
	case nil, bool, int32, int64, float64, string, primitive.ObjectID, primitive.DateTime, primitive.Binary,
		primitive.Timestamp, primitive.Decimal128, primitive.Regex:
		return nil
	case bson.D:
		for _, e := range x {
			if err := checkTypes(e.Value); err != nil {
				return err
			}
		}
		return nil
	case bson.A:
		for _, e := range x {
			if err := checkTypes(e); err != nil {
				return err
			}
		}
		return nil
	}
	return mongoerr.New(mongoerr.NotImplemented, "values of type %T are not supported", v)
}
