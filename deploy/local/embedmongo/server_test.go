package embedmongo_test

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/mongo"
	"go.mongodb.org/mongo-driver/mongo/options"
	"go.mongodb.org/mongo-driver/mongo/readconcern"
	"go.mongodb.org/mongo-driver/mongo/writeconcern"

	"medunion/deploy/local/embedmongo"
)

func TestRestartKeepsDocumentsAndIndexes(t *testing.T) {
	dir := t.TempDir()
	first, err := embedmongo.Start(embedmongo.Options{Dir: dir})
	must(t, err)
	c := connect(t, first.URI()).Database("d").Collection("c")
	createIndex(t, c, asc("u"), options.Index().SetUnique(true))
	createIndex(t, c, bson.D{{Key: "a", Value: -1}, {Key: "u", Value: 1}}, options.Index().SetPartialFilterExpression(bson.M{"live": true}))
	createIndex(t, c, asc("at"), options.Index().SetExpireAfterSeconds(0))
	for i := range 300 {
		insertAll(t, c, bson.M{"_id": 300 - i, "u": fmt.Sprint(i), "a": i % 7, "live": i%2 == 0})
	}
	_, err = c.UpdateMany(ctx, bson.M{"a": 3}, bson.M{"$set": bson.M{"changed": true}})
	must(t, err)
	_, err = c.DeleteMany(ctx, bson.M{"a": 4})
	must(t, err)
	gone := c.Database().Collection("gone")
	insertAll(t, gone, bson.M{"_id": 1})
	must(t, gone.Drop(ctx))
	before, indexes := findAll(t, c, bson.M{}), indexesOf(t, c)
	must(t, first.Close())
	must(t, first.Close())

	second := start(t, embedmongo.Options{Dir: dir})
	c = connect(t, second.URI()).Database("d").Collection("c")
	equal(t, findAll(t, c, bson.M{}), before) // in the same natural order
	equal(t, indexesOf(t, c), indexes)
	_, err = c.InsertOne(ctx, bson.M{"u": "0"})
	wantCode(t, err, 11000)
	insertAll(t, c, bson.M{"_id": "new"})
	equal(t, findAll(t, c, bson.M{})[len(before)]["_id"], "new")
	names, err := c.Database().ListCollectionNames(ctx, bson.M{})
	must(t, err)
	equal(t, names, []string{"c"})
}

func indexesOf(t *testing.T, c *mongo.Collection) []bson.M {
	t.Helper()
	cur, err := c.Indexes().List(ctx)
	must(t, err)
	var out []bson.M
	must(t, cur.All(ctx, &out))
	return out
}

func TestOneServerPerFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "made", "on", "demand")
	start(t, embedmongo.Options{Dir: dir})
	if s, err := embedmongo.Start(embedmongo.Options{Dir: dir}); err == nil {
		s.Close()
		t.Fatal("two servers share a folder")
	} else if !strings.Contains(err.Error(), "another process uses this folder") {
		t.Errorf("the reason is not told: %v", err)
	}
}

func TestRefusesOtherAddresses(t *testing.T) {
	for _, addr := range []string{"0.0.0.0:0", ":0", "localhost:0", "192.0.2.1:0", "nonsense"} {
		if s, err := embedmongo.Start(embedmongo.Options{Addr: addr}); err == nil {
			s.Close()
			t.Errorf("listened on %q", addr)
		}
	}
}

func TestExpiredDocumentsAreDeleted(t *testing.T) {
	dir := t.TempDir()
	s, err := embedmongo.Start(embedmongo.Options{Dir: dir})
	must(t, err)
	c := connect(t, s.URI()).Database("d").Collection("c")
	createIndex(t, c, bson.D{{Key: "at", Value: -1}}, options.Index().SetExpireAfterSeconds(0))
	createIndex(t, c, asc("made"), options.Index().SetExpireAfterSeconds(3600))
	now := time.Now()
	insertAll(t, c,
		bson.M{"_id": "past", "at": now.Add(-time.Second)}, bson.M{"_id": "soon", "at": now.Add(1500 * time.Millisecond)},
		bson.M{"_id": "later", "at": now.Add(time.Hour)}, bson.M{"_id": "no date", "at": 5}, bson.M{"_id": "without"},
		bson.M{"_id": "old", "made": now.Add(-2 * time.Hour)}, bson.M{"_id": "young", "made": now.Add(-time.Minute)},
		bson.M{"_id": "earliest counts", "at": bson.A{now.Add(time.Hour), now.Add(-time.Hour)}},
	)
	var many []any
	for i := range 2500 {
		many = append(many, bson.M{"_id": i, "at": now.Add(-time.Hour)})
	}
	insertAll(t, c, many...)
	const kept = "later no date without young"
	for end := time.Now().Add(20 * time.Second); ids(findAll(t, c, bson.M{})) != kept; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("still there: %.200s", ids(findAll(t, c, bson.M{})))
		}
		if time.Since(now) < time.Second && len(findAll(t, c, bson.M{"_id": "soon"})) == 0 {
			t.Fatal("expired early")
		}
	}
	must(t, s.Close())
	c = connect(t, start(t, embedmongo.Options{Dir: dir}).URI()).Database("d").Collection("c")
	equal(t, ids(findAll(t, c, bson.M{})), kept)
}

// TestReadersSeeWholeTransactions reads sums while transactions move units around.
func TestReadersSeeWholeTransactions(t *testing.T) {
	client := connect(t, start(t, embedmongo.Options{Dir: t.TempDir()}).URI())
	c := collection(t, client)
	insertAll(t, c, bson.M{"_id": 0, "n": 500}, bson.M{"_id": 1, "n": 500})
	var stop atomic.Bool
	done := make(chan int)
	go func() {
		reads := 0
		for ; !stop.Load(); reads++ {
			sum := int32(0)
			for _, d := range findAll(t, c, bson.M{}) {
				sum += d["n"].(int32)
			}
			if sum != 1000 {
				t.Errorf("a reader saw %d of 1000 units", sum)
			}
		}
		done <- reads
	}()
	for i := range 50 {
		sc, s := session(t, c)
		for k, delta := range []int{-1, 1} {
			_, err := c.UpdateOne(sc, bson.M{"_id": (i + k) % 2}, bson.M{"$inc": bson.M{"n": delta}})
			must(t, err)
		}
		must(t, s.CommitTransaction(sc))
		s.EndSession(ctx)
	}
	stop.Store(true)
	if reads := <-done; reads < 10 {
		t.Errorf("only %d reads went beside the transactions", reads)
	}
}

// TestWriteOutsideGoesBeforeAnOpenTransaction shows the difference that the package names.
func TestWriteOutsideGoesBeforeAnOpenTransaction(t *testing.T) {
	client := connect(t, start(t, embedmongo.Options{}).URI())
	c := collection(t, client)
	createIndex(t, c, asc("u"), options.Index().SetUnique(true))
	insertAll(t, c, bson.M{"_id": 1, "n": 0, "u": "1"})
	sc, s := session(t, c)
	_, err := c.UpdateOne(sc, bson.M{"_id": 1}, bson.M{"$inc": bson.M{"n": 100}})
	must(t, err)
	_, err = c.UpdateOne(ctx, bson.M{"_id": 1}, bson.M{"$inc": bson.M{"n": 1}})
	must(t, err)
	if err := s.CommitTransaction(sc); !isTransient(err) {
		t.Fatalf("commit over a newer write: %v", err)
	}
	equal(t, findAll(t, c, bson.M{})[0]["n"], int32(1))

	sc, s = session(t, c)
	_, err = c.InsertOne(sc, bson.M{"_id": 2, "u": "same"})
	must(t, err)
	insertAll(t, c, bson.M{"_id": 3, "u": "same"})
	if err := s.CommitTransaction(sc); !isTransient(err) {
		t.Fatalf("commit of a key that was taken since: %v", err)
	}
	equal(t, ids(findAll(t, c, bson.M{})), "1 3")
}

// TestUniqueKeyMovesInsideTransaction passes a unique key on, in the order that a commit
// must not repeat step by step.
func TestUniqueKeyMovesInsideTransaction(t *testing.T) {
	client := connect(t, start(t, embedmongo.Options{Dir: t.TempDir()}).URI())
	c := collection(t, client)
	createIndex(t, c, asc("u"), options.Index().SetUnique(true))
	insertAll(t, c, bson.M{"_id": "a", "u": 1}, bson.M{"_id": "b", "u": 2})
	sc, s := session(t, c)
	for _, step := range []struct {
		id string
		u  int
	}{{"a", 9}, {"b", 1}, {"a", 2}} {
		_, err := c.UpdateOne(sc, bson.M{"_id": step.id}, bson.M{"$set": bson.M{"u": step.u}})
		must(t, err)
	}
	must(t, s.CommitTransaction(sc))
	equal(t, findAll(t, c, bson.M{}), []bson.M{{"_id": "a", "u": int32(2)}, {"_id": "b", "u": int32(1)}})
}

// TestWhatIsNotSupportedFails holds that nothing is silently ignored.
func TestWhatIsNotSupportedFails(t *testing.T) {
	client := connect(t, start(t, embedmongo.Options{}).URI())
	c := collection(t, client)
	insertAll(t, c, bson.M{"_id": 1, "l": bson.A{1, 2}})
	type d = bson.D
	db, name := c.Database(), c.Name()
	e := func(k string, v any) bson.E { return bson.E{Key: k, Value: v} }
	for _, command := range []d{
		{e("find", name), e("filter", d{e("s", d{e("$regex", "^a")})})},
		{e("find", name), e("filter", d{e("$expr", true)})},
		{e("find", name), e("filter", d{e("$where", "1")})},
		{e("find", "no such collection"), e("filter", d{e("s", d{e("$size", "x")})})},
		{e("find", name), e("collation", d{e("locale", "de")})},
		{e("find", name), e("hint", "_id_")},
		{e("find", name), e("tailable", true)},
		{e("find", name), e("limit", -1)},
		{e("find", name), e("limit", 1.5)},
		{e("find", name), e("sort", d{e("a", d{e("$meta", "x")})})},
		{e("find", name), e("projection", d{e("l", d{e("$slice", 1)})})},
		{e("find", name), e("projection", d{e("x", "$y")})},
		{e("find", name), e("readConcern", d{e("level", "local"), e("afterClusterTime", 1)})},
		{e("update", name), e("updates", bson.A{d{e("q", d{}), e("u", bson.A{d{e("$set", d{e("a", 1)})}})}})},
		{e("update", name), e("updates", bson.A{d{e("q", d{}), e("u", d{e("$set", d{e("l.$[]", 1)})})}})},
		{e("update", name), e("updates", bson.A{d{e("q", d{e("l", 1)}), e("u", d{e("$set", d{e("l.$", 9)})})}})},
		{e("update", name), e("updates", bson.A{d{e("q", d{}), e("u", d{e("$set", d{e("a", 1)})}), e("arrayFilters", bson.A{})}})},
		{e("update", name), e("updates", bson.A{d{e("q", d{}), e("u", d{e("a", 1), e("$set", 1)})}})},
		{e("update", name), e("updates", bson.A{d{e("q", d{}), e("u", d{e("$push", d{e("l", d{e("$each", bson.A{1}), e("$slice", math.MinInt64)})})})}})},
		{e("update", name), e("updates", bson.A{d{e("q", d{}), e("u", d{e("$push", d{e("l", d{e("$each", bson.A{1}), e("$slice", -0x1p63)})})})}})},
		{e("insert", name), e("documents", bson.A{})},
		{e("insert", name), e("documents", bson.A{d{e("a", 1)}}), e("writeConcern", d{e("w", 3)})},
		{e("insert", ""), e("documents", bson.A{d{e("a", 1)}})},
		{e("insert", "a$b"), e("documents", bson.A{d{e("a", 1)}})},
		{e("insert", name), e("documents", bson.A{d{e("a", 1)}}), e("txnNumber", 1), e("startTransaction", true)},
		{e("aggregate", name), e("pipeline", bson.A{d{e("$lookup", d{})}}), e("cursor", d{})},
		{e("aggregate", name), e("pipeline", bson.A{d{e("$project", d{e("x", d{e("$add", bson.A{1, 2})})})}}), e("cursor", d{})},
		{e("aggregate", name), e("pipeline", bson.A{d{e("$group", d{e("_id", nil), e("x", d{e("$avg", "$a")})})}}), e("cursor", d{})},
		{e("aggregate", name), e("pipeline", bson.A{d{e("$group", d{e("_id", "$$ROOT")})}}), e("cursor", d{})},
		{e("aggregate", name), e("pipeline", bson.A{}), e("cursor", d{}), e("let", d{})},
		{e("createIndexes", name), e("indexes", bson.A{d{e("key", d{e("a", "text")}), e("name", "t")}})},
		{e("createIndexes", name), e("indexes", bson.A{d{e("key", d{e("a", 1)}), e("name", "t"), e("sparse", true)}})},
		{e("createIndexes", name), e("indexes", bson.A{d{e("key", d{e("$**", 1)}), e("name", "t")}})},
		{e("create", "capped"), e("capped", true), e("size", 100)},
		{e("mapReduce", name)}, {e("saslStart", 1)}, {e("eval", "1")},
	} {
		var reply bson.M
		err := db.RunCommand(ctx, command).Decode(&reply)
		if errs, ok := reply["writeErrors"]; err == nil && !ok {
			t.Errorf("%v succeeded: %v %v", command, reply, errs)
		}
		if err != nil && strings.Contains(err.Error(), "unexpectedly") {
			t.Errorf("%v: %v", command, err)
		}
	}
	equal(t, findAll(t, c, bson.M{}), []bson.M{{"_id": int32(1), "l": bson.A{int32(1), int32(2)}}})
	equal(t, len(indexesOf(t, c)), 1)
}

func TestConcernsAndUnacknowledgedWrites(t *testing.T) {
	client := connect(t, start(t, embedmongo.Options{Dir: t.TempDir()}).URI())
	base := collection(t, client)
	with := func(o *options.CollectionOptions) *mongo.Collection {
		return base.Database().Collection(base.Name(), o)
	}
	majority := with(options.Collection().SetWriteConcern(writeconcern.Majority()).SetReadConcern(readconcern.Majority()))
	insertAll(t, majority, bson.M{"_id": 1})
	equal(t, ids(findAll(t, majority, bson.M{})), "1")
	_, err := with(options.Collection().SetWriteConcern(writeconcern.Unacknowledged())).InsertOne(ctx, bson.M{"_id": 2})
	if err != nil && err != mongo.ErrUnacknowledgedWrite {
		t.Fatal(err)
	}
	for end := time.Now().Add(5 * time.Second); len(findAll(t, base, bson.M{})) != 2; {
		if time.Now().After(end) {
			t.Fatal("the unacknowledged write never arrived")
		}
	}
}

func TestCloseEndsClients(t *testing.T) {
	s, err := embedmongo.Start(embedmongo.Options{})
	must(t, err)
	c := connect(t, s.URI()).Database("d").Collection("c")
	insertAll(t, c, bson.M{"_id": 1})
	must(t, s.Close())
	short, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
	defer cancel()
	if _, err := c.InsertOne(short, bson.M{"_id": 2}); err == nil {
		t.Fatal("a closed server took a write")
	}
}

func TestLargeDocuments(t *testing.T) {
	client := connect(t, start(t, embedmongo.Options{Dir: t.TempDir()}).URI())
	c := collection(t, client)
	big := strings.Repeat("x", 5<<20)
	for i := range 5 { // more than one reply holds
		insertAll(t, c, bson.M{"_id": i, "big": big})
	}
	equal(t, len(findAll(t, c, bson.M{})), 5)
	_, err := c.UpdateOne(ctx, bson.M{"_id": 1}, bson.M{"$set": bson.M{"b": big, "c": big, "d": big}})
	wantCode(t, err, 10334)
	equal(t, len(findAll(t, c, bson.M{"b": bson.M{"$exists": true}})), 0)
}
