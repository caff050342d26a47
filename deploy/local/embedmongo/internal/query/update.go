package query

import (
	"math"
	"strings"

	"go.mongodb.org/mongo-driver/bson"

	"medunion/deploy/local/embedmongo/internal/mongoerr"
)

var updateOperators = map[string]bool{
	"$set": true, "$setOnInsert": true, "$unset": true, "$rename": true, "$inc": true, "$mul": true,
	"$min": true, "$max": true, "$currentDate": true, "$push": true, "$pop": true, "$pull": true,
	"$pullAll": true, "$addToSet": true, "$bit": true,
}

// CheckUpdate refuses an update that names an unknown operator or a positional path. It
// reports whether u replaces the whole document instead of changing fields.
func CheckUpdate(u bson.D) (replaces bool, err error) {
	if len(u) == 0 || !strings.HasPrefix(u[0].Key, "$") {
		return true, checkReplacement(u)
	}
	for _, e := range u {
		if !updateOperators[e.Key] {
			return false, mongoerr.New(mongoerr.FailedToParse, "Unknown modifier: %s", e.Key)
		}
		fields, ok := e.Value.(bson.D)
		if !ok {
			return false, mongoerr.New(mongoerr.FailedToParse, "Modifiers operate on fields but %s has none", e.Key)
		}
		for _, f := range fields {
			if err := checkUpdatePath(f.Key); err != nil {
				return false, err
			}
			if e.Key != "$push" {
				continue
			}
			if err := checkModifiers(f.Value); err != nil {
				return false, err
			}
		}
	}
	return false, nil
}

// checkModifiers refuses a $slice or $position that no array has: as the number of elements to keep from the
// end, the smallest integer has no counterpart.
func checkModifiers(v any) error {
	modifiers, _ := v.(bson.D)
	for _, m := range modifiers {
		if m.Key != "$slice" && m.Key != "$position" {
			continue
		}
		if n, ok := m.Value.(int64); ok && (n > math.MaxInt32 || n < -math.MaxInt32) {
			return mongoerr.New(mongoerr.BadValue, "The value for %s must be an integer value of 32 bits", m.Key)
		}
		if f, ok := m.Value.(float64); ok && !(math.Abs(f) <= math.MaxInt32) {
			return mongoerr.New(mongoerr.BadValue, "The value for %s must be an integer value of 32 bits", m.Key)
		}
	}
	return nil
}

func checkReplacement(u bson.D) error {
	for _, e := range u {
		if strings.HasPrefix(e.Key, "$") {
			return mongoerr.New(mongoerr.FailedToParse, "a replacement document cannot hold the operator %s", e.Key)
		}
	}
	return nil
}

func checkUpdatePath(path string) error {
	for segment := range strings.SplitSeq(path, ".") {
		if segment == "" {
			return mongoerr.New(mongoerr.BadValue, "the update path %q contains an empty field name", path)
		}
		if segment[0] == '$' {
			return mongoerr.New(mongoerr.NotImplemented, "positional operators are not supported: %q", path)
		}
	}
	return nil
}
