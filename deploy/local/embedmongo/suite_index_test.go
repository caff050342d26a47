package embedmongo_test

import (
	"fmt"
	"sort"
	"testing"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/mongo"
	"go.mongodb.org/mongo-driver/mongo/options"
)

func createIndex(t testing.TB, c *mongo.Collection, keys bson.D, opts *options.IndexOptions) string {
	t.Helper()
	name, err := c.Indexes().CreateOne(ctx, mongo.IndexModel{Keys: keys, Options: opts})
	must(t, err)
	return name
}

func asc(fields ...string) (keys bson.D) {
	for _, f := range fields {
		keys = append(keys, bson.E{Key: f, Value: 1})
	}
	return keys
}

func suiteUniqueIndex(t *testing.T, c *mongo.Collection) {
	createIndex(t, c, asc("u"), options.Index().SetUnique(true))
	insertAll(t, c, bson.M{"_id": 1, "u": "a"}, bson.M{"_id": 2, "u": "b"}, bson.M{"_id": 3})
	_, err := c.InsertOne(ctx, bson.M{"_id": 4, "u": "a"})
	wantCode(t, err, 11000)
	_, err = c.InsertOne(ctx, bson.M{"_id": 5}) // missing counts as null, once
	wantCode(t, err, 11000)
	_, err = c.UpdateOne(ctx, bson.M{"_id": 2}, bson.M{"$set": bson.M{"u": "a", "x": 1}})
	wantCode(t, err, 11000)
	equal(t, findAll(t, c, bson.M{"_id": 2}), []bson.M{{"_id": int32(2), "u": "b"}})
	err = c.FindOneAndUpdate(ctx, bson.M{"_id": 2}, bson.M{"$set": bson.M{"u": "a"}}).Err()
	wantCode(t, err, 11000)
	_, err = c.DeleteOne(ctx, bson.M{"_id": 1})
	must(t, err)
	_, err = c.UpdateOne(ctx, bson.M{"_id": 2}, bson.M{"$set": bson.M{"u": "a"}})
	must(t, err)
	insertAll(t, c, bson.M{"_id": 6, "u": "b"})
	equal(t, ids(findAll(t, c, bson.M{"u": "b"})), "6")
	insertAll(t, c, bson.M{"_id": 7, "u": "x", "w": 1}, bson.M{"_id": 8, "u": "y", "w": 1})
	_, err = c.Indexes().CreateOne(ctx, mongo.IndexModel{Keys: asc("w"), Options: options.Index().SetUnique(true)})
	wantCode(t, err, 11000)
}

func suitePartialIndex(t *testing.T, c *mongo.Collection) {
	createIndex(t, c, asc("k"), options.Index().SetUnique(true).SetPartialFilterExpression(bson.M{"live": true}))
	insertAll(t, c, bson.M{"_id": 1, "k": "a", "live": true}, bson.M{"_id": 2, "k": "a", "live": false}, bson.M{"_id": 3, "k": "a"})
	_, err := c.InsertOne(ctx, bson.M{"_id": 4, "k": "a", "live": true})
	wantCode(t, err, 11000)
	_, err = c.UpdateOne(ctx, bson.M{"_id": 2}, bson.M{"$set": bson.M{"live": true}})
	wantCode(t, err, 11000)
	_, err = c.UpdateOne(ctx, bson.M{"_id": 1}, bson.M{"$set": bson.M{"live": false}})
	must(t, err)
	_, err = c.UpdateOne(ctx, bson.M{"_id": 2}, bson.M{"$set": bson.M{"live": true}})
	must(t, err)
	order := options.Find().SetSort(bson.M{"_id": 1})
	equal(t, ids(findAll(t, c, bson.M{"k": "a"}, order)), "1 2 3")
	equal(t, ids(findAll(t, c, bson.M{"k": "a", "live": true}, order)), "2")
}

func suiteCompoundIndex(t *testing.T, c *mongo.Collection) {
	createIndex(t, c, bson.D{{Key: "a", Value: 1}, {Key: "b", Value: -1}}, options.Index().SetUnique(true))
	for a := range 4 {
		for b := range 4 {
			insertAll(t, c, bson.M{"_id": fmt.Sprint(a, b), "a": a, "b": b})
		}
	}
	_, err := c.InsertOne(ctx, bson.M{"_id": "again", "a": 2, "b": 2})
	wantCode(t, err, 11000)
	type d = bson.D
	for _, test := range []struct {
		filter bson.M
		sort   d
		want   string
	}{
		{bson.M{"a": 2}, d{{Key: "b", Value: 1}}, "2 0 2 1 2 2 2 3"},
		{bson.M{"a": 2}, d{{Key: "b", Value: -1}}, "2 3 2 2 2 1 2 0"},
		{bson.M{"a": 2, "b": bson.M{"$gt": 1}}, d{{Key: "b", Value: 1}}, "2 2 2 3"},
		{bson.M{"a": 2, "b": bson.M{"$gte": 1, "$lt": 3}}, d{{Key: "b", Value: -1}}, "2 2 2 1"},
		{bson.M{"a": bson.M{"$gt": 2}, "b": 1}, d{{Key: "a", Value: 1}}, "3 1"},
		{bson.M{"a": bson.M{"$in": bson.A{3, 0, 3}}, "b": bson.M{"$lte": 0}}, d{{Key: "a", Value: 1}}, "0 0 3 0"},
		{bson.M{"a": bson.M{"$lte": 1}}, d{{Key: "a", Value: -1}, {Key: "b", Value: 1}}, "1 0 1 1 1 2 1 3 0 0 0 1 0 2 0 3"},
		{bson.M{"b": 3}, d{{Key: "a", Value: 1}}, "0 3 1 3 2 3 3 3"},
		{bson.M{"a": 1, "b": 2}, nil, "1 2"},
		{bson.M{"a": 1.0, "b": int64(2)}, nil, "1 2"},
		{bson.M{"$and": bson.A{bson.M{"a": 1}, bson.M{"b": 2}}}, nil, "1 2"},
		{bson.M{"a": 1, "b": nil}, nil, ""},
	} {
		opts := options.Find()
		if test.sort != nil {
			opts.SetSort(test.sort)
		}
		if got := ids(findAll(t, c, test.filter, opts)); got != test.want {
			t.Errorf("%v sorted %v: %q, want %q", test.filter, test.sort, got, test.want)
		}
	}
}

func suiteMultikeyIndex(t *testing.T, c *mongo.Collection) {
	createIndex(t, c, asc("tags"), nil)
	createIndex(t, c, asc("items.code"), options.Index().SetUnique(true).SetPartialFilterExpression(bson.M{"items": bson.M{"$exists": true}}))
	insertAll(t, c,
		bson.M{"_id": 1, "tags": bson.A{1, 10}, "items": bson.A{bson.M{"code": "p"}, bson.M{"code": "q"}}},
		bson.M{"_id": 2, "tags": bson.A{}}, bson.M{"_id": 3, "tags": 5}, bson.M{"_id": 4},
	)
	order := options.Find().SetSort(bson.M{"_id": 1})
	equal(t, ids(findAll(t, c, bson.M{"tags": 10}, order)), "1")
	equal(t, ids(findAll(t, c, bson.M{"tags": bson.M{"$gt": 3, "$lt": 7}}, order)), "1 3") // 10 > 3 and 1 < 7
	equal(t, ids(findAll(t, c, bson.M{"tags": bson.M{"$in": bson.A{1, 10, 5}}}, order)), "1 3")
	equal(t, ids(findAll(t, c, bson.M{"tags": bson.A{1, 10}}, order)), "1")
	equal(t, ids(findAll(t, c, bson.M{"tags": nil}, order)), "4")
	equal(t, ids(findAll(t, c, bson.M{"items.code": "q"}, order)), "1")
	_, err := c.InsertOne(ctx, bson.M{"_id": 5, "items": bson.A{bson.M{"code": "q"}}})
	wantCode(t, err, 11000)
}

// suiteIndexOrder compares what a filter finds with and without an index on the field.
func suiteIndexOrder(t *testing.T, c *mongo.Collection) {
	values := []any{nil, 3, 1.5, int64(2), "b", "a", true, bson.A{4, 1}, bson.A{}, bson.M{"x": 1}}
	for i, v := range values {
		insertAll(t, c, bson.M{"_id": i, "v": v})
	}
	insertAll(t, c, bson.M{"_id": 99})
	filters := []bson.M{
		{"v": nil}, {"v": 3}, {"v": "a"}, {"v": bson.M{"$gt": 1}}, {"v": bson.M{"$gte": 2, "$lte": 3}}, {"v": bson.M{"$lt": "b"}},
		{"v": bson.M{"$in": bson.A{nil, 4}}}, {"v": bson.A{4, 1}}, {"v": bson.M{"$ne": 3}}, {"v": bson.M{"$exists": false}},
		{"v": bson.M{"$in": bson.A{1.5, "b", 2}}}, {"v": bson.M{"x": 1}}, {"v": bson.M{"$not": bson.M{"$gt": 1}}}, {"v": true},
	}
	look := func() (out []string) {
		for _, f := range filters {
			found := findAll(t, c, f)
			sort.Slice(found, func(i, j int) bool { return found[i]["_id"].(int32) < found[j]["_id"].(int32) })
			out = append(out, fmt.Sprint(f, ids(found)))
		}
		return out
	}
	without := look()
	createIndex(t, c, asc("v"), nil)
	equal(t, look(), without)
}

func suiteIndexConflicts(t *testing.T, c *mongo.Collection) {
	createIndex(t, c, asc("a"), options.Index().SetName("one"))
	createIndex(t, c, asc("a"), options.Index().SetName("one")) // the same again
	_, err := c.Indexes().CreateOne(ctx, mongo.IndexModel{Keys: asc("b"), Options: options.Index().SetName("one")})
	if err == nil {
		t.Fatal("two indexes with one name")
	}
	_, err = c.Indexes().CreateOne(ctx, mongo.IndexModel{Keys: asc("a"), Options: options.Index().SetName("two")})
	if err == nil {
		t.Fatal("two indexes on one key")
	}
	_, err = c.Indexes().CreateOne(ctx, mongo.IndexModel{Keys: asc("a", "b"), Options: options.Index().SetExpireAfterSeconds(5)})
	wantCode(t, err, 67)
}

func suiteListDrop(t *testing.T, c *mongo.Collection) {
	insertAll(t, c, bson.M{"_id": 1})
	names, err := c.Database().ListCollectionNames(ctx, bson.M{"name": c.Name()})
	must(t, err)
	equal(t, names, []string{c.Name()})
	createIndex(t, c, asc("a"), options.Index().SetName("gone"))
	createIndex(t, c, bson.D{{Key: "b", Value: -1}, {Key: "c", Value: 1}}, options.Index().SetUnique(true).SetPartialFilterExpression(bson.M{"d": true}))
	createIndex(t, c, asc("at"), options.Index().SetExpireAfterSeconds(3600))
	_, err = c.Indexes().DropOne(ctx, "gone")
	must(t, err)
	specs, err := c.Indexes().ListSpecifications(ctx)
	must(t, err)
	equal(t, len(specs), 3)
	equal(t, []string{specs[0].Name, specs[1].Name, specs[2].Name}[0], "_id_")
	for _, s := range specs {
		switch s.Name {
		case "b_-1_c_1":
			equal(t, *s.Unique, true)
		case "at_1":
			equal(t, *s.ExpireAfterSeconds, int32(3600))
		}
	}
	_, err = c.Indexes().DropOne(ctx, "nothing")
	wantCode(t, err, 27)
	must(t, c.Drop(ctx))
	must(t, c.Drop(ctx))
	equal(t, len(findAll(t, c, bson.M{})), 0)
	specs, err = c.Indexes().ListSpecifications(ctx)
	must(t, err)
	equal(t, len(specs), 0)
	insertAll(t, c, bson.M{"_id": 1})
}
