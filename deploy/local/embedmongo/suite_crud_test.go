package embedmongo_test

import (
	"errors"
	"fmt"
	"sort"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"
	"go.mongodb.org/mongo-driver/mongo"
	"go.mongodb.org/mongo-driver/mongo/options"
)

func suiteInsertFind(t *testing.T, c *mongo.Collection) {
	when := time.UnixMilli(1_700_000_000_123).UTC()
	doc := bson.D{
		{Key: "_id", Value: "a"}, {Key: "text", Value: "ä"}, {Key: "n", Value: int64(1) << 60}, {Key: "f", Value: 1.5},
		{Key: "bytes", Value: primitive.Binary{Subtype: 0, Data: []byte{0, 1, 255}}}, {Key: "when", Value: primitive.NewDateTimeFromTime(when)},
		{Key: "nested", Value: bson.D{{Key: "list", Value: bson.A{int32(1), "two", nil, bson.D{{Key: "x", Value: true}}}}}},
	}
	_, err := c.InsertOne(ctx, doc)
	must(t, err)
	var got bson.D
	must(t, c.FindOne(ctx, bson.M{"_id": "a"}).Decode(&got))
	equal(t, got, doc)
	r, err := c.InsertOne(ctx, bson.M{"x": 1})
	must(t, err)
	if _, ok := r.InsertedID.(primitive.ObjectID); !ok {
		t.Fatalf("made the _id %T", r.InsertedID)
	}
	if err := c.FindOne(ctx, bson.M{"_id": "none"}).Err(); !errors.Is(err, mongo.ErrNoDocuments) {
		t.Fatalf("missing document: %v", err)
	}
}

func suiteIDs(t *testing.T, c *mongo.Collection) {
	values := []any{
		"text", int32(7), int64(1) << 40, 2.5, true, primitive.Binary{Subtype: 0, Data: []byte("0123456789abcdef")},
		primitive.Binary{Subtype: 4, Data: []byte("0123456789abcdef")}, bson.D{{Key: "a", Value: int32(1)}, {Key: "b", Value: "x"}},
		primitive.NewObjectID(), primitive.DateTime(5), nil,
	}
	for _, id := range values {
		_, err := c.InsertOne(ctx, bson.D{{Key: "_id", Value: id}, {Key: "n", Value: int32(0)}})
		must(t, err)
	}
	for _, id := range values {
		r, err := c.UpdateOne(ctx, bson.D{{Key: "_id", Value: id}}, bson.M{"$set": bson.M{"n": 1}})
		must(t, err)
		equal(t, r.ModifiedCount, int64(1))
		_, err = c.ReplaceOne(ctx, bson.D{{Key: "_id", Value: id}}, bson.D{{Key: "_id", Value: id}, {Key: "n", Value: int32(2)}})
		must(t, err)
		var got bson.D
		must(t, c.FindOne(ctx, bson.D{{Key: "_id", Value: id}}).Decode(&got))
		equal(t, got, bson.D{{Key: "_id", Value: id}, {Key: "n", Value: int32(2)}})
	}
	_, err := c.InsertOne(ctx, bson.M{"_id": 7.0})
	wantCode(t, err, 11000) // equal to int32(7)
	_, err = c.InsertOne(ctx, bson.M{"_id": bson.A{1}})
	if err == nil {
		t.Fatal("an array as _id was stored")
	}
}

func suiteDuplicates(t *testing.T, c *mongo.Collection) {
	insertAll(t, c, bson.M{"_id": 1})
	_, err := c.InsertOne(ctx, bson.M{"_id": 1})
	if !mongo.IsDuplicateKeyError(err) {
		t.Fatalf("second insert: %v", err)
	}
	_, err = c.InsertMany(ctx, []any{bson.M{"_id": 2}, bson.M{"_id": 1}, bson.M{"_id": 3}})
	var bulk mongo.BulkWriteException
	if !errors.As(err, &bulk) || len(bulk.WriteErrors) != 1 || bulk.WriteErrors[0].Index != 1 {
		t.Fatalf("ordered insert: %v", err)
	}
	equal(t, ids(findAll(t, c, bson.M{}, options.Find().SetSort(bson.M{"_id": 1}))), "1 2")
}

func suiteUnordered(t *testing.T, c *mongo.Collection) {
	docs := []any{bson.M{"_id": 1}, bson.M{"_id": 1}, bson.M{"_id": 2}, bson.M{"_id": 2}, bson.M{"_id": 3}}
	_, err := c.InsertMany(ctx, docs, options.InsertMany().SetOrdered(false))
	var bulk mongo.BulkWriteException
	if !errors.As(err, &bulk) || len(bulk.WriteErrors) != 2 || bulk.WriteErrors[0].Index != 1 || bulk.WriteErrors[1].Index != 3 {
		t.Fatalf("unordered insert: %v", err)
	}
	equal(t, ids(findAll(t, c, bson.M{}, options.Find().SetSort(bson.M{"_id": 1}))), "1 2 3")
}

func suiteFindOptions(t *testing.T, c *mongo.Collection) {
	for i := range 10 {
		insertAll(t, c, bson.M{"_id": i, "g": i % 3, "d": 100 - i})
	}
	sorted := func(by any) *options.FindOptions { return options.Find().SetSort(by) }
	equal(t, ids(findAll(t, c, bson.M{}, sorted(bson.M{"d": 1}).SetLimit(3))), "9 8 7")
	equal(t, ids(findAll(t, c, bson.M{}, sorted(bson.M{"d": 1}).SetLimit(3).SetSkip(2))), "7 6 5")
	equal(t, ids(findAll(t, c, bson.M{}, sorted(bson.D{{Key: "g", Value: -1}, {Key: "_id", Value: 1}}))), "2 5 8 1 4 7 0 3 6 9")
	equal(t, ids(findAll(t, c, bson.M{"g": 1}, sorted(bson.M{"_id": -1}))), "7 4 1")
	equal(t, ids(findAll(t, c, bson.M{}, sorted(bson.M{"_id": 1}).SetSkip(20))), "")
	var first bson.M
	must(t, c.FindOne(ctx, bson.M{}, options.FindOne().SetSort(bson.M{"_id": -1}).SetSkip(1)).Decode(&first))
	equal(t, first["_id"], int32(8))
}

func suiteFilters(t *testing.T, c *mongo.Collection) {
	insertAll(t, c,
		bson.M{"_id": 1, "n": 5, "s": "a", "list": bson.A{1, 2}, "in": bson.M{"x": 1}},
		bson.M{"_id": 2, "n": 7.5, "s": "b", "list": bson.A{}, "in": bson.M{"x": 2}},
		bson.M{"_id": 3, "n": int64(9), "list": bson.A{bson.M{"k": 1, "v": 2}, bson.M{"k": 2, "v": 1}}},
		bson.M{"_id": 4, "n": "9", "s": nil},
	)
	for want, filters := range map[string][]bson.M{
		"1":     {{"n": 5}, {"n": bson.M{"$lt": 6}}, {"list": 2}, {"in.x": 1}, {"list": bson.M{"$all": bson.A{1, 2}}}, {"list.1": 2}},
		"2":     {{"n": bson.M{"$gt": 5, "$lt": 9}}, {"list": bson.M{"$size": 0}}, {"list": bson.A{}}, {"in": bson.M{"x": 2}}},
		"3":     {{"n": bson.M{"$gte": 9}}, {"list": bson.M{"$elemMatch": bson.M{"k": 1, "v": 2}}}, {"list.v": 1}},
		"1 3":   {{"n": bson.M{"$in": bson.A{5, 9}}}, {"$or": bson.A{bson.M{"s": "a"}, bson.M{"n": 9}}}, {"_id": bson.M{"$in": bson.A{3, 1}}}},
		"3 4":   {{"s": nil}, {"$nor": bson.A{bson.M{"s": "a"}, bson.M{"s": "b"}}}, {"_id": bson.M{"$gt": 2}}, {"s": bson.M{"$nin": bson.A{"a", "b"}}}},
		"1 2 4": {{"s": bson.M{"$exists": true}}, {"n": bson.M{"$ne": 9}}, {"n": bson.M{"$not": bson.M{"$gt": 8}}}},
		"4":     {{"n": bson.M{"$type": "string"}}, {"$and": bson.A{bson.M{"n": "9"}, bson.M{"_id": bson.M{"$gte": 1}}}}},
		"":      {{"list": bson.M{"$elemMatch": bson.M{"k": 1, "v": 1}}}, {"n": bson.M{"$lt": 5}}, {"_id": "1"}},
	} {
		for _, f := range filters {
			if got := ids(findAll(t, c, f, options.Find().SetSort(bson.M{"_id": 1}))); got != want {
				t.Errorf("%v found %q, want %q", f, got, want)
			}
		}
	}
}

func suiteProjection(t *testing.T, c *mongo.Collection) {
	insertAll(t, c, bson.D{{Key: "_id", Value: 1}, {Key: "a", Value: 1}, {Key: "b", Value: bson.D{{Key: "x", Value: 1}, {Key: "y", Value: 2}}},
		{Key: "l", Value: bson.A{bson.D{{Key: "p", Value: 1}, {Key: "q", Value: 2}}, int32(5)}}})
	type d = bson.D
	b := d{{Key: "x", Value: int32(1)}}
	for _, test := range []struct{ projection, want d }{
		{d{{Key: "b", Value: 1}, {Key: "a", Value: 1}}, d{{Key: "_id", Value: int32(1)}, {Key: "a", Value: int32(1)}, {Key: "b", Value: d{{Key: "x", Value: int32(1)}, {Key: "y", Value: int32(2)}}}}},
		{d{{Key: "_id", Value: 0}, {Key: "b.x", Value: 1}}, d{{Key: "b", Value: b}}},
		{d{{Key: "b.y", Value: 0}, {Key: "l", Value: 0}, {Key: "a", Value: 0}}, d{{Key: "_id", Value: int32(1)}, {Key: "b", Value: b}}},
		{d{{Key: "l.p", Value: true}, {Key: "_id", Value: false}}, d{{Key: "l", Value: bson.A{d{{Key: "p", Value: int32(1)}}}}}},
		{d{{Key: "l.p", Value: 0}, {Key: "a", Value: 0}, {Key: "b", Value: 0}}, d{{Key: "_id", Value: int32(1)}, {Key: "l", Value: bson.A{d{{Key: "q", Value: int32(2)}}, int32(5)}}}},
		{d{{Key: "_id", Value: 1}}, d{{Key: "_id", Value: int32(1)}}},
		{d{{Key: "a.z", Value: 1}, {Key: "none", Value: 1}}, d{{Key: "_id", Value: int32(1)}}},
	} {
		var got d
		must(t, c.FindOne(ctx, bson.M{}, options.FindOne().SetProjection(test.projection)).Decode(&got))
		equal(t, got, test.want)
	}
	if err := c.FindOne(ctx, bson.M{}, options.FindOne().SetProjection(bson.M{"a": 1, "b": 0})).Err(); err == nil {
		t.Fatal("inclusion and exclusion were mixed")
	}
}

func suiteBatches(t *testing.T, c *mongo.Collection) {
	var docs []any
	for i := range 1000 {
		docs = append(docs, bson.M{"_id": i})
	}
	insertAll(t, c, docs...)
	for _, size := range []int32{0, 1, 7, 500, 1000, 5000} {
		opts := options.Find().SetSort(bson.M{"_id": 1})
		if size > 0 {
			opts.SetBatchSize(size)
		}
		got := findAll(t, c, bson.M{}, opts)
		equal(t, len(got), 1000)
		equal(t, got[999]["_id"], int32(999))
	}
	equal(t, len(findAll(t, c, bson.M{}, options.Find().SetBatchSize(10).SetLimit(25))), 25)
	cur, err := c.Find(ctx, bson.M{}, options.Find().SetBatchSize(2))
	must(t, err)
	if !cur.Next(ctx) || cur.ID() == 0 {
		t.Fatal("no open cursor")
	}
	id := cur.ID()
	must(t, cur.Close(ctx))
	err = c.Database().RunCommand(ctx, bson.D{{Key: "getMore", Value: id}, {Key: "collection", Value: c.Name()}}).Err()
	wantCode(t, err, 43)
}

func suiteUpdate(t *testing.T, c *mongo.Collection) {
	insertAll(t, c, bson.M{"_id": 1, "g": 1}, bson.M{"_id": 2, "g": 1}, bson.M{"_id": 3, "g": 2})
	r, err := c.UpdateOne(ctx, bson.M{"g": 1}, bson.M{"$set": bson.M{"x": 1}})
	must(t, err)
	equal(t, []int64{r.MatchedCount, r.ModifiedCount}, []int64{1, 1})
	r, err = c.UpdateMany(ctx, bson.M{"g": 1}, bson.M{"$set": bson.M{"x": 1}})
	must(t, err)
	equal(t, []int64{r.MatchedCount, r.ModifiedCount}, []int64{2, 1})
	r, err = c.UpdateOne(ctx, bson.M{"g": 9}, bson.M{"$set": bson.M{"x": 1}})
	must(t, err)
	equal(t, []int64{r.MatchedCount, r.ModifiedCount, r.UpsertedCount}, []int64{0, 0, 0})
	_, err = c.UpdateOne(ctx, bson.M{"_id": 1}, bson.M{"$set": bson.M{"_id": 5}})
	wantCode(t, err, 66)
	equal(t, ids(findAll(t, c, bson.M{"x": 1}, options.Find().SetSort(bson.M{"_id": 1}))), "1 2")
}

func suiteOperators(t *testing.T, c *mongo.Collection) {
	for _, test := range []struct{ update, want bson.D }{
		{bson.D{{Key: "$inc", Value: bson.M{"n": 2}}}, bson.D{{Key: "_id", Value: "x"}, {Key: "n", Value: int32(5)}, {Key: "l", Value: bson.A{"a"}}}},
		{bson.D{{Key: "$unset", Value: bson.M{"n": ""}}}, bson.D{{Key: "_id", Value: "x"}, {Key: "l", Value: bson.A{"a"}}}},
		{bson.D{{Key: "$push", Value: bson.M{"l": "b"}}}, bson.D{{Key: "_id", Value: "x"}, {Key: "n", Value: int32(3)}, {Key: "l", Value: bson.A{"a", "b"}}}},
		{bson.D{{Key: "$addToSet", Value: bson.M{"l": "a"}}}, bson.D{{Key: "_id", Value: "x"}, {Key: "n", Value: int32(3)}, {Key: "l", Value: bson.A{"a"}}}},
		{bson.D{{Key: "$pull", Value: bson.M{"l": "a"}}}, bson.D{{Key: "_id", Value: "x"}, {Key: "n", Value: int32(3)}, {Key: "l", Value: bson.A{}}}},
		{bson.D{{Key: "$max", Value: bson.M{"n": 9}}}, bson.D{{Key: "_id", Value: "x"}, {Key: "n", Value: int32(9)}, {Key: "l", Value: bson.A{"a"}}}},
		{bson.D{{Key: "$min", Value: bson.M{"n": 9}}}, bson.D{{Key: "_id", Value: "x"}, {Key: "n", Value: int32(3)}, {Key: "l", Value: bson.A{"a"}}}},
		{bson.D{{Key: "$set", Value: bson.D{{Key: "l.0", Value: "z"}, {Key: "o.p", Value: true}}}}, bson.D{{Key: "_id", Value: "x"}, {Key: "n", Value: int32(3)}, {Key: "l", Value: bson.A{"z"}}, {Key: "o", Value: bson.D{{Key: "p", Value: true}}}}},
	} {
		_, err := c.ReplaceOne(ctx, bson.M{"_id": "x"}, bson.D{{Key: "n", Value: int32(3)}, {Key: "l", Value: bson.A{"a"}}}, options.Replace().SetUpsert(true))
		must(t, err)
		_, err = c.UpdateOne(ctx, bson.M{"_id": "x"}, test.update)
		must(t, err)
		var got bson.D
		must(t, c.FindOne(ctx, bson.M{"_id": "x"}).Decode(&got))
		equal(t, got, test.want)
	}
}

func suiteReplace(t *testing.T, c *mongo.Collection) {
	insertAll(t, c, bson.M{"_id": 1, "a": 1, "b": 2})
	r, err := c.ReplaceOne(ctx, bson.M{"_id": 1}, bson.M{"c": 3})
	must(t, err)
	equal(t, r.ModifiedCount, int64(1))
	equal(t, findAll(t, c, bson.M{}), []bson.M{{"_id": int32(1), "c": int32(3)}})
	r, err = c.ReplaceOne(ctx, bson.M{"_id": 1}, bson.M{"c": 3})
	must(t, err)
	equal(t, []int64{r.MatchedCount, r.ModifiedCount}, []int64{1, 0})
	_, err = c.ReplaceOne(ctx, bson.M{"_id": 1}, bson.M{"_id": 2})
	wantCode(t, err, 66)
	r, err = c.ReplaceOne(ctx, bson.M{"_id": 7}, bson.M{"c": 4})
	must(t, err)
	equal(t, r.MatchedCount, int64(0))
}

func suiteUpsert(t *testing.T, c *mongo.Collection) {
	upsert := options.Update().SetUpsert(true)
	r, err := c.UpdateOne(ctx, bson.M{"_id": "k", "v": 1, "w": bson.M{"$gt": 5}}, bson.M{"$setOnInsert": bson.M{"new": true}, "$inc": bson.M{"n": 1}}, upsert)
	must(t, err)
	equal(t, []any{r.UpsertedID, r.UpsertedCount, r.MatchedCount}, []any{"k", int64(1), int64(0)})
	r, err = c.UpdateOne(ctx, bson.M{"_id": "k"}, bson.M{"$setOnInsert": bson.M{"new": false}, "$inc": bson.M{"n": 1}}, upsert)
	must(t, err)
	equal(t, []int64{r.UpsertedCount, r.ModifiedCount}, []int64{0, 1})
	equal(t, findAll(t, c, bson.M{}), []bson.M{{"_id": "k", "v": int32(1), "new": true, "n": int32(2)}})
	// The filter finds nothing and the insert meets the key that is there: a lost compare-and-set.
	_, err = c.UpdateOne(ctx, bson.M{"_id": "k", "n": 1}, bson.M{"$set": bson.M{"n": 9}}, upsert)
	if !mongo.IsDuplicateKeyError(err) {
		t.Fatalf("upsert over another document: %v", err)
	}
	rr, err := c.ReplaceOne(ctx, bson.M{"name": "z"}, bson.M{"name": "z", "a": 1}, options.Replace().SetUpsert(true))
	must(t, err)
	if _, ok := rr.UpsertedID.(primitive.ObjectID); !ok {
		t.Fatalf("upserted %T", rr.UpsertedID)
	}
}

func suiteFindAndModify(t *testing.T, c *mongo.Collection) {
	insertAll(t, c, bson.M{"_id": 1, "n": 1}, bson.M{"_id": 2, "n": 2}, bson.M{"_id": 3, "n": 3})
	var d bson.M
	must(t, c.FindOneAndUpdate(ctx, bson.M{"_id": 1}, bson.M{"$inc": bson.M{"n": 10}}).Decode(&d))
	equal(t, d["n"], int32(1))
	after := options.FindOneAndUpdate().SetReturnDocument(options.After).SetSort(bson.M{"n": 1}).SetProjection(bson.M{"_id": 0})
	d = nil
	must(t, c.FindOneAndUpdate(ctx, bson.M{"n": bson.M{"$lt": 10}}, bson.M{"$inc": bson.M{"n": 10}}, after).Decode(&d))
	equal(t, d, bson.M{"n": int32(12)})
	d = nil
	must(t, c.FindOneAndReplace(ctx, bson.M{"_id": 3}, bson.M{"m": 1}, options.FindOneAndReplace().SetReturnDocument(options.After)).Decode(&d))
	equal(t, d, bson.M{"_id": int32(3), "m": int32(1)})
	d = nil
	must(t, c.FindOneAndDelete(ctx, bson.M{}, options.FindOneAndDelete().SetSort(bson.M{"_id": -1})).Decode(&d))
	equal(t, d["_id"], int32(3))
	d = nil
	up := options.FindOneAndUpdate().SetUpsert(true).SetReturnDocument(options.After)
	must(t, c.FindOneAndUpdate(ctx, bson.M{"_id": 9}, bson.M{"$set": bson.M{"n": 9}}, up).Decode(&d))
	equal(t, d, bson.M{"_id": int32(9), "n": int32(9)})
	if err := c.FindOneAndUpdate(ctx, bson.M{"_id": 77}, bson.M{"$set": bson.M{"n": 9}}).Err(); !errors.Is(err, mongo.ErrNoDocuments) {
		t.Fatalf("nothing to update: %v", err)
	}
	if err := c.FindOneAndDelete(ctx, bson.M{"_id": 77}).Err(); !errors.Is(err, mongo.ErrNoDocuments) {
		t.Fatalf("nothing to delete: %v", err)
	}
}

func suiteDelete(t *testing.T, c *mongo.Collection) {
	for i := range 6 {
		insertAll(t, c, bson.M{"_id": i, "g": i % 2})
	}
	r, err := c.DeleteOne(ctx, bson.M{"g": 0})
	must(t, err)
	equal(t, r.DeletedCount, int64(1))
	r, err = c.DeleteMany(ctx, bson.M{"g": 0})
	must(t, err)
	equal(t, r.DeletedCount, int64(2))
	r, err = c.DeleteMany(ctx, bson.M{"g": 0})
	must(t, err)
	equal(t, r.DeletedCount, int64(0))
	equal(t, ids(findAll(t, c, bson.M{}, options.Find().SetSort(bson.M{"_id": 1}))), "1 3 5")
}

// suiteCompareAndSet is how the services move a record from one state to the next.
func suiteCompareAndSet(t *testing.T, c *mongo.Collection) {
	insertAll(t, c, bson.M{"_id": "s", "state": "open", "version": 1})
	step := func() int64 {
		r, err := c.UpdateOne(ctx, bson.M{"_id": "s", "state": "open", "version": 1}, bson.M{"$set": bson.M{"state": "used"}, "$inc": bson.M{"version": 1}})
		must(t, err)
		return r.ModifiedCount
	}
	equal(t, []int64{step(), step()}, []int64{1, 0})
}

func suiteBulkWrite(t *testing.T, c *mongo.Collection) {
	r, err := c.BulkWrite(ctx, []mongo.WriteModel{
		mongo.NewInsertOneModel().SetDocument(bson.M{"_id": 1}),
		mongo.NewInsertOneModel().SetDocument(bson.M{"_id": 2}),
		mongo.NewUpdateOneModel().SetFilter(bson.M{"_id": 1}).SetUpdate(bson.M{"$set": bson.M{"a": 1}}),
		mongo.NewUpdateOneModel().SetFilter(bson.M{"_id": 3}).SetUpdate(bson.M{"$set": bson.M{"a": 1}}).SetUpsert(true),
		mongo.NewDeleteOneModel().SetFilter(bson.M{"_id": 2}),
		mongo.NewReplaceOneModel().SetFilter(bson.M{"_id": 1}).SetReplacement(bson.M{"b": 2}),
	})
	must(t, err)
	equal(t, []int64{r.InsertedCount, r.ModifiedCount, r.UpsertedCount, r.DeletedCount}, []int64{2, 2, 1, 1})
	equal(t, findAll(t, c, bson.M{}, options.Find().SetSort(bson.M{"_id": 1})), []bson.M{{"_id": int32(1), "b": int32(2)}, {"_id": int32(3), "a": int32(1)}})
}

func suiteAggregate(t *testing.T, c *mongo.Collection) {
	for i := range 10 {
		insertAll(t, c, bson.M{"_id": i, "dept": []string{"surgery", "general"}[i%2], "n": i})
	}
	run := func(stages ...bson.D) []bson.D {
		cur, err := c.Aggregate(ctx, mongo.Pipeline(stages))
		must(t, err)
		out := []bson.D{}
		must(t, cur.All(ctx, &out))
		return out
	}
	stage := func(name string, v any) bson.D { return bson.D{{Key: name, Value: v}} }
	equal(t, run(stage("$match", bson.M{"n": bson.M{"$gte": 5}}), stage("$sort", bson.M{"_id": -1}), stage("$skip", 1), stage("$limit", 2), stage("$project", bson.M{"n": 1, "_id": 0})),
		[]bson.D{{{Key: "n", Value: int32(8)}}, {{Key: "n", Value: int32(7)}}})
	equal(t, run(stage("$group", bson.D{{Key: "_id", Value: "$dept"}, {Key: "count", Value: bson.M{"$sum": 1}}, {Key: "total", Value: bson.M{"$sum": "$n"}}, {Key: "most", Value: bson.M{"$max": "$n"}}}), stage("$sort", bson.M{"_id": 1})),
		[]bson.D{
			{{Key: "_id", Value: "general"}, {Key: "count", Value: int32(5)}, {Key: "total", Value: int32(25)}, {Key: "most", Value: int32(9)}},
			{{Key: "_id", Value: "surgery"}, {Key: "count", Value: int32(5)}, {Key: "total", Value: int32(20)}, {Key: "most", Value: int32(8)}},
		})
	equal(t, run(stage("$limit", 3), stage("$match", bson.M{"n": bson.M{"$gt": 0}}), stage("$count", "k")), []bson.D{{{Key: "k", Value: int32(2)}}})
	equal(t, run(stage("$group", bson.D{{Key: "_id", Value: bson.D{{Key: "d", Value: "$dept"}}}, {Key: "low", Value: bson.M{"$min": "$n"}}}), stage("$sort", bson.M{"low": -1}), stage("$limit", 1)),
		[]bson.D{{{Key: "_id", Value: bson.D{{Key: "d", Value: "general"}}}, {Key: "low", Value: int32(1)}}})
}

func suiteCountDistinct(t *testing.T, c *mongo.Collection) {
	for i := range 10 {
		insertAll(t, c, bson.M{"_id": i, "g": i % 3, "tags": bson.A{"all", i % 2}})
	}
	n, err := c.CountDocuments(ctx, bson.M{"g": 0})
	must(t, err)
	equal(t, n, int64(4))
	n, err = c.CountDocuments(ctx, bson.M{}, options.Count().SetSkip(3).SetLimit(5))
	must(t, err)
	equal(t, n, int64(5))
	n, err = c.CountDocuments(ctx, bson.M{"g": 9})
	must(t, err)
	equal(t, n, int64(0))
	n, err = c.EstimatedDocumentCount(ctx)
	must(t, err)
	equal(t, n, int64(10))
	values, err := c.Distinct(ctx, "g", bson.M{"_id": bson.M{"$lt": 8}})
	must(t, err)
	equal(t, inOrder(values), "0 1 2")
	values, err = c.Distinct(ctx, "tags", bson.M{"g": 1})
	must(t, err)
	equal(t, inOrder(values), "0 1 all")
}

func inOrder(values []any) string {
	var out []string
	for _, v := range values {
		out = append(out, fmt.Sprint(v))
	}
	sort.Strings(out)
	return strings.Join(out, " ")
}
