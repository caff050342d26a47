package embedmongo

import (
	"math"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"
	"pgregory.net/rapid"

	"medunion/deploy/local/embedmongo/internal/wire"
)

// seedCommands between them use every handler and most operators.
func seedCommands() []bson.D {
	type d = bson.D
	e := func(k string, v any) bson.E { return bson.E{Key: k, Value: v} }
	value := d{e("a", bson.A{1, "x", nil, 2.5, d{e("b", true)}})}
	return []bson.D{
		{e("find", "c"), e("filter", d{e("a", d{e("$elemMatch", d{e("$gte", 1)})}), e("$or", bson.A{value})}), e("sort", d{e("a", -1)}), e("projection", d{e("a.b", 0)}), e("limit", 2)},
		{e("find", "c"), e("filter", d{e("_id", d{e("$in", bson.A{1, 2})}), e("a", d{e("$not", d{e("$size", 2)})}), e("b", d{e("$mod", bson.A{2, 1})})})},
		{e("insert", "c"), e("documents", bson.A{value, value}), e("ordered", false)},
		{e("update", "c"), e("updates", bson.A{d{e("q", d{e("_id", 1)}), e("u", d{e("$push", d{e("l", d{e("$each", bson.A{1}), e("$slice", -2), e("$sort", 1)})}), e("$inc", d{e("n", 1)})}), e("upsert", true)}})},
		{e("update", "c"), e("updates", bson.A{d{e("q", d{}), e("u", d{e("$pull", d{e("l", d{e("$gt", 1)})}), e("$rename", d{e("a", "z")}), e("$currentDate", d{e("t", true)}), e("$bit", d{e("m", d{e("and", 1)})})}), e("multi", true)}})},
		{e("delete", "c"), e("deletes", bson.A{d{e("q", d{e("a.0", 1)}), e("limit", 1)}})},
		{e("findAndModify", "c"), e("query", d{e("_id", 1)}), e("update", d{e("$unset", d{e("a", 1)})}), e("new", true), e("fields", d{e("a", 1)})},
		{e("aggregate", "c"), e("pipeline", bson.A{d{e("$match", d{})}, d{e("$group", d{e("_id", d{e("k", "$a")}), e("n", d{e("$sum", "$b")})})}, d{e("$sort", d{e("n", 1)})}}), e("cursor", d{})},
		{e("distinct", "c"), e("key", "a.b"), e("query", d{})},
		{e("createIndexes", "c"), e("indexes", bson.A{d{e("key", d{e("a", 1), e("b", -1)}), e("name", "i"), e("unique", true), e("partialFilterExpression", d{e("a", d{e("$exists", true)})})}})},
		{e("listCollections", 1), e("filter", d{e("name", "c")})},
		{e("killCursors", "c"), e("cursors", bson.A{int64(1)})},
		{e("hello", 1)},
	}
}

// nasty are values that a handler does not expect.
var nasty = []any{
	nil, true, int32(-1), int32(0), int64(math.MaxInt64), int64(math.MinInt64), math.NaN(), math.Inf(1), 1e300, 0.5,
	"", "$", "$$ROOT", "a..b", ".", "a.$", "a.0", "_id", "x\x00y", bson.D{}, bson.A{}, bson.A{bson.A{}}, bson.A{nil, bson.D{}},
	bson.D{{Key: "", Value: 1}}, bson.D{{Key: "$gt", Value: nil}}, bson.D{{Key: "$each", Value: 1}}, bson.D{{Key: "$in", Value: bson.A{bson.A{1}}}},
	primitive.Binary{}, primitive.Binary{Subtype: 4, Data: []byte("0123456789abcdef")}, primitive.Regex{Pattern: "("}, primitive.NilObjectID,
	primitive.DateTime(math.MaxInt64), primitive.Timestamp{T: 1}, primitive.MinKey{}, primitive.MaxKey{}, primitive.JavaScript("1"),
	primitive.Symbol("s"), primitive.Undefined{}, primitive.NewDecimal128(math.MaxUint64, math.MaxUint64), primitive.Decimal128{},
}

var operators = []string{
	"$eq", "$gt", "$in", "$nin", "$not", "$all", "$size", "$elemMatch", "$exists", "$type", "$mod", "$and", "$or", "$set", "$inc", "$mul", "$push", "$pull", "$pullAll",
	"$pop", "$addToSet", "$rename", "$unset", "$min", "$max", "$bit", "$currentDate", "$setOnInsert", "$sum", "$each", "$slice", "a", "_id", "", "$", "x.y", "q", "u",
}

// mutate replaces values and keys here and there.
func mutate(t *rapid.T, v any) any {
	switch rapid.IntRange(0, 12).Draw(t, "what") {
	case 0:
		return rapid.SampledFrom(nasty).Draw(t, "nasty")
	case 1:
		return bson.D{{Key: rapid.SampledFrom(operators).Draw(t, "operator"), Value: v}}
	}
	switch x := v.(type) {
	case bson.D:
		out := bson.D{}
		for _, e := range x {
			if rapid.IntRange(0, 15).Draw(t, "key") == 0 {
				e.Key = rapid.SampledFrom(operators).Draw(t, "operator")
			}
			out = append(out, bson.E{Key: e.Key, Value: mutate(t, e.Value)})
		}
		return out
	case bson.A:
		out := bson.A{}
		for _, item := range x {
			out = append(out, mutate(t, item))
		}
		return out
	}
	return v
}

// TestMutatedCommandsAreAnswered holds that no command makes a handler panic, and that every
// reply can be encoded.
func TestMutatedCommandsAreAnswered(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s, err := Start(Options{})
		if err != nil {
			rt.Fatal(err)
		}
		defer s.Close()
		for range 20 {
			command := bson.D{}
			for i, e := range rapid.SampledFrom(seedCommands()).Draw(rt, "command") {
				if i > 0 {
					e.Value = mutate(rt, e.Value)
				}
				command = append(command, e)
			}
			raw, err := bson.Marshal(append(command, bson.E{Key: "$db", Value: "d"}))
			if err != nil || wire.CheckDocument(raw) != nil {
				continue
			}
			checkAnswer(rt, s, raw)
		}
	})
}

func checkAnswer(t *rapid.T, s *Server, body bson.Raw) {
	m := &wire.Message{Body: body}
	reply := s.answer(m)
	if _, err := m.Encode(1, reply); err != nil {
		t.Fatalf("%v: %v", body, err)
	}
	for _, field := range reply {
		if text, ok := field.Value.(string); ok && strings.Contains(text, "unexpectedly") {
			t.Fatalf("%v: %s", body, text)
		}
	}
}
