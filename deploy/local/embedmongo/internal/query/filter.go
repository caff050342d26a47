package query

import (
	"strings"

	"github.com/256dpi/lungo/mongokit"
	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"

	"medunion/deploy/local/embedmongo/internal/mongoerr"
)

// comparisons take any value but a pattern.
var comparisons = map[string]bool{"$eq": true, "$ne": true, "$gt": true, "$gte": true, "$lt": true, "$lte": true}

// CheckFilter refuses a filter with an operator that is unknown or not supported. It looks
// at the whole filter, also where matching would stop early or the collection is empty.
func CheckFilter(filter bson.D) error {
	for _, e := range filter {
		switch {
		case e.Key == "$and" || e.Key == "$or" || e.Key == "$nor":
			if err := checkBranches(e.Key, e.Value); err != nil {
				return err
			}
		case strings.HasPrefix(e.Key, "$"):
			return mongoerr.New(mongoerr.BadValue, "unknown top level operator: %s", e.Key)
		default:
			if err := checkCondition(e.Value); err != nil {
				return err
			}
		}
	}
	return nil
}

func checkBranches(operator string, v any) error {
	branches, ok := v.(bson.A)
	if !ok || len(branches) == 0 {
		return mongoerr.New(mongoerr.BadValue, "%s must be a nonempty array", operator)
	}
	for _, b := range branches {
		d, ok := b.(bson.D)
		if !ok {
			return mongoerr.New(mongoerr.BadValue, "%s entries must be documents", operator)
		}
		if err := CheckFilter(d); err != nil {
			return err
		}
	}
	return nil
}

// IsOperators tells {$gt: 1} from the value {gt: 1}.
func IsOperators(v any) (bson.D, bool) {
	d, ok := v.(bson.D)
	return d, ok && len(d) > 0 && strings.HasPrefix(d[0].Key, "$")
}

func checkCondition(v any) error {
	operators, ok := IsOperators(v)
	if !ok {
		return checkOperand(v)
	}
	for _, e := range operators {
		if err := checkOperator(e.Key, e.Value); err != nil {
			return err
		}
	}
	return nil
}

func checkOperator(operator string, v any) error {
	switch operator {
	case "$in", "$nin", "$all":
		return checkOperands(operator, v)
	case "$not":
		d, ok := IsOperators(v)
		if !ok {
			return mongoerr.New(mongoerr.BadValue, "$not needs a document of operators")
		}
		return checkCondition(d)
	case "$elemMatch":
		d, ok := v.(bson.D)
		if !ok {
			return mongoerr.New(mongoerr.BadValue, "$elemMatch needs an Object")
		}
		if _, ok := IsOperators(d); ok {
			return checkCondition(d)
		}
		return CheckFilter(d)
	case "$exists", "$type", "$size", "$mod":
		return checkByTrying(operator, v)
	}
	if comparisons[operator] {
		return checkOperand(v)
	}
	return mongoerr.New(mongoerr.BadValue, "unknown operator: %s", operator)
}

// checkByTrying lets an operator that reads its operand first meet an empty document.
func checkByTrying(operator string, v any) error {
	if _, err := mongokit.Match(&bson.D{}, &bson.D{{Key: "x", Value: bson.D{{Key: operator, Value: v}}}}); err != nil {
		return mongoerr.New(mongoerr.BadValue, "%v", err)
	}
	return nil
}

func checkOperands(operator string, v any) error {
	values, ok := v.(bson.A)
	if !ok {
		return mongoerr.New(mongoerr.BadValue, "%s needs an array", operator)
	}
	for _, value := range values {
		if _, ok := IsOperators(value); ok {
			return mongoerr.New(mongoerr.BadValue, "cannot nest $ under %s", operator)
		}
		if err := checkOperand(value); err != nil {
			return err
		}
	}
	return nil
}

func checkOperand(v any) error {
	if _, ok := v.(primitive.Regex); ok {
		return mongoerr.New(mongoerr.NotImplemented, "regular expressions are not supported")
	}
	return nil
}
