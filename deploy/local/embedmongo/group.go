package embedmongo

import (
	"math"
	"strings"

	"github.com/256dpi/lungo/bsonkit"
	"go.mongodb.org/mongo-driver/bson"

	"medunion/deploy/local/embedmongo/internal/mongoerr"
	"medunion/deploy/local/embedmongo/internal/query"
)

// accumulators fold a group's values, the first into nil.
var accumulators = map[string]func(sum, v any) any{
	"$sum": func(sum, v any) any {
		if sum == nil {
			sum = int32(0)
		}
		if class, _ := bsonkit.Inspect(v); class != bsonkit.Number {
			return sum
		}
		return bsonkit.Add(sum, v)
	},
	"$min": func(best, v any) any { return better(best, v, -1) },
	"$max": func(best, v any) any { return better(best, v, +1) },
}

// better keeps the smaller or larger value; null and missing ones do not count.
func better(best, v any, sign int) any {
	if v == nil || v == any(bsonkit.Missing) || best != nil && bsonkit.Compare(v, best)*sign <= 0 {
		return best
	}
	return v
}

// accumulator is one output field of $group.
type accumulator struct {
	field      string
	fold       func(sum, v any) any
	expression any
}

// groupStage groups by _id: a constant, a "$path", or a document of these.
func groupStage(rows []bson.D, spec any) ([]bson.D, error) {
	d, err := specDocument("$group", spec)
	if err != nil {
		return nil, err
	}
	id, fields, err := parseGroup(d)
	if err != nil {
		return nil, err
	}
	var out []bson.D
	places := map[string]int{}
	for _, row := range rows {
		key := evaluate(row, id)
		if key == any(bsonkit.Missing) {
			key = nil
		}
		place, known := places[groupKey(key)]
		if !known {
			place = len(out)
			places[groupKey(key)] = place
			out = append(out, newGroup(key, fields))
		}
		for i, f := range fields {
			e := &out[place][i+1]
			e.Value = f.fold(e.Value, evaluate(row, f.expression))
		}
	}
	return out, nil
}

func newGroup(key any, fields []accumulator) bson.D {
	g := bson.D{{Key: "_id", Value: key}}
	for _, f := range fields {
		g = append(g, bson.E{Key: f.field})
	}
	return g
}

func parseGroup(d bson.D) (id any, fields []accumulator, err error) {
	hasID := false
	for _, e := range d {
		if e.Key == "_id" {
			id, hasID = e.Value, true
			if err := checkExpression(id); err != nil {
				return nil, nil, err
			}
			continue
		}
		f, err := parseAccumulator(e)
		if err != nil {
			return nil, nil, err
		}
		fields = append(fields, f)
	}
	if !hasID {
		return nil, nil, mongoerr.New(mongoerr.FailedToParse, "a group specification must include an _id")
	}
	return id, fields, nil
}

func parseAccumulator(e bson.E) (accumulator, error) {
	d, ok := e.Value.(bson.D)
	if !ok || len(d) != 1 || accumulators[d[0].Key] == nil || strings.ContainsAny(e.Key, ".$") {
		return accumulator{}, mongoerr.New(mongoerr.NotImplemented, "$group field %q: only $sum, $min and $max are supported", e.Key)
	}
	return accumulator{e.Key, accumulators[d[0].Key], d[0].Value}, checkExpression(d[0].Value)
}

// checkExpression refuses operators and variables.
func checkExpression(x any) error {
	switch v := x.(type) {
	case string:
		if strings.HasPrefix(v, "$$") || v == "$" {
			return mongoerr.New(mongoerr.NotImplemented, "the expression %q is not supported", v)
		}
	case bson.A:
		return mongoerr.New(mongoerr.NotImplemented, "array expressions are not supported")
	case bson.D:
		if _, ok := query.IsOperators(v); ok {
			return mongoerr.New(mongoerr.NotImplemented, "the expression %s is not supported", v[0].Key)
		}
		for _, e := range v {
			if err := checkExpression(e.Value); err != nil {
				return err
			}
		}
	}
	return nil
}

// evaluate computes a checked expression: a path, a document of expressions, or a constant.
func evaluate(row bson.D, x any) any {
	switch v := x.(type) {
	case string:
		if path, ok := strings.CutPrefix(v, "$"); ok {
			value, _ := bsonkit.All(&row, path, true, false)
			return value
		}
	case bson.D:
		out := bson.D{}
		for _, e := range v {
			if value := evaluate(row, e.Value); value != any(bsonkit.Missing) {
				out = append(out, bson.E{Key: e.Key, Value: value})
			}
		}
		return out
	}
	return x
}

// groupKey is equal for equal values, whole numbers of any type among them.
func groupKey(v any) string {
	raw, err := bson.Marshal(bson.D{{Key: "", Value: sameNumbers(v)}})
	if err != nil {
		panic(err) // the value came out of BSON
	}
	return string(raw)
}

func sameNumbers(v any) any {
	switch x := v.(type) {
	case int32:
		return int64(x)
	case float64:
		if x == math.Trunc(x) && math.Abs(x) < 1<<53 {
			return int64(x)
		}
	case bson.D:
		out := make(bson.D, len(x))
		for i, e := range x {
			out[i] = bson.E{Key: e.Key, Value: sameNumbers(e.Value)}
		}
		return out
	}
	return v
}
