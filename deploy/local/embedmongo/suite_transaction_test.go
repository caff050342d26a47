package embedmongo_test

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/mongo"
	"go.mongodb.org/mongo-driver/mongo/options"
	"go.mongodb.org/mongo-driver/mongo/writeconcern"
)

// session opens a session with a transaction and hands over its context.
func session(t testing.TB, c *mongo.Collection) (mongo.SessionContext, mongo.Session) {
	t.Helper()
	s, err := c.Database().Client().StartSession()
	must(t, err)
	t.Cleanup(func() { s.EndSession(ctx) })
	must(t, s.StartTransaction(options.Transaction().SetWriteConcern(writeconcern.Majority())))
	return mongo.NewSessionContext(ctx, s), s
}

func isTransient(err error) bool {
	var server mongo.ServerError
	return errors.As(err, &server) && server.HasErrorLabel("TransientTransactionError")
}

func suiteTransactionCommit(t *testing.T, c *mongo.Collection) {
	insertAll(t, c, bson.M{"_id": 1, "n": 1}, bson.M{"_id": 2, "n": 2})
	other := c.Database().Collection(c.Name() + "_other")
	defer other.Drop(ctx)
	insertAll(t, other, bson.M{"_id": 0})
	sc, s := session(t, c)
	_, err := c.InsertOne(sc, bson.M{"_id": 3, "n": 3})
	must(t, err)
	_, err = c.UpdateOne(sc, bson.M{"_id": 1}, bson.M{"$inc": bson.M{"n": 10}})
	must(t, err)
	_, err = c.DeleteOne(sc, bson.M{"_id": 2})
	must(t, err)
	_, err = other.InsertOne(sc, bson.M{"_id": 9})
	must(t, err)
	n, err := c.CountDocuments(sc, bson.M{})
	must(t, err)
	equal(t, n, int64(2)) // its own writes
	equal(t, ids(findAll(t, c, bson.M{}, options.Find().SetSort(bson.M{"_id": 1}))), "1 2")
	must(t, s.CommitTransaction(sc))
	must(t, s.CommitTransaction(sc)) // a driver may ask again
	equal(t, findAll(t, c, bson.M{}, options.Find().SetSort(bson.M{"_id": 1})), []bson.M{{"_id": int32(1), "n": int32(11)}, {"_id": int32(3), "n": int32(3)}})
	equal(t, ids(findAll(t, other, bson.M{"_id": 9})), "9")
}

func suiteTransactionAbort(t *testing.T, c *mongo.Collection) {
	insertAll(t, c, bson.M{"_id": 1, "n": 1})
	sc, s := session(t, c)
	_, err := c.UpdateOne(sc, bson.M{"_id": 1}, bson.M{"$inc": bson.M{"n": 10}})
	must(t, err)
	_, err = c.InsertOne(sc, bson.M{"_id": 2})
	must(t, err)
	must(t, s.AbortTransaction(sc))
	equal(t, findAll(t, c, bson.M{}), []bson.M{{"_id": int32(1), "n": int32(1)}})
	// What the aborted transaction had in hand is free again.
	_, err = c.UpdateOne(ctx, bson.M{"_id": 1}, bson.M{"$inc": bson.M{"n": 1}})
	must(t, err)
	insertAll(t, c, bson.M{"_id": 2})
}

func suiteTransactionIsolation(t *testing.T, c *mongo.Collection) {
	insertAll(t, c, bson.M{"_id": 1, "n": 1})
	sc, s := session(t, c)
	read := func() any {
		var d bson.M
		must(t, c.FindOne(sc, bson.M{"_id": 1}).Decode(&d))
		return d["n"]
	}
	equal(t, read(), int32(1))
	_, err := c.UpdateOne(ctx, bson.M{"_id": 1}, bson.M{"$set": bson.M{"n": 2}})
	must(t, err)
	equal(t, read(), int32(1))
	_, err = c.UpdateOne(sc, bson.M{"_id": 1}, bson.M{"$inc": bson.M{"n": 5}})
	if !isTransient(err) {
		t.Fatalf("update of a document that changed since: %v", err)
	}
	s.AbortTransaction(sc)
	equal(t, findAll(t, c, bson.M{}), []bson.M{{"_id": int32(1), "n": int32(2)}})
}

func suiteTransactionConflict(t *testing.T, c *mongo.Collection) {
	createIndex(t, c, asc("u"), options.Index().SetUnique(true))
	insertAll(t, c, bson.M{"_id": 1, "n": 1, "u": 1})
	sc1, s1 := session(t, c)
	sc2, s2 := session(t, c)
	_, err := c.UpdateOne(sc1, bson.M{"_id": 1}, bson.M{"$inc": bson.M{"n": 1}})
	must(t, err)
	_, err = c.UpdateOne(sc2, bson.M{"_id": 1}, bson.M{"$inc": bson.M{"n": 1}})
	if !isTransient(err) {
		t.Fatalf("second writer: %v", err)
	}
	s2.AbortTransaction(sc2)
	must(t, s1.CommitTransaction(sc1))
	equal(t, findAll(t, c, bson.M{}), []bson.M{{"_id": int32(1), "n": int32(2), "u": int32(1)}})
}

func suiteTransactionFailedStatement(t *testing.T, c *mongo.Collection) {
	insertAll(t, c, bson.M{"_id": 1})
	sc, s := session(t, c)
	_, err := c.InsertOne(sc, bson.M{"_id": 2})
	must(t, err)
	_, err = c.InsertOne(sc, bson.M{"_id": 1})
	wantCode(t, err, 11000)
	if err := s.CommitTransaction(sc); err == nil {
		t.Fatal("a transaction with a failed statement was committed")
	}
	equal(t, ids(findAll(t, c, bson.M{})), "1")
}

// suiteTransactionsRetried moves units between accounts from many clients at once.
func suiteTransactionsRetried(t *testing.T, c *mongo.Collection) {
	const accounts, clients, moves = 5, 6, 8
	for i := range accounts {
		insertAll(t, c, bson.M{"_id": i, "units": 100})
	}
	var wg sync.WaitGroup
	for k := range clients {
		wg.Add(1)
		go func() {
			defer wg.Done()
			s, err := c.Database().Client().StartSession()
			if err != nil {
				t.Error(err)
				return
			}
			defer s.EndSession(ctx)
			for i := range moves {
				from, to := (k+i)%accounts, (k+2*i+1)%accounts
				_, err := s.WithTransaction(ctx, func(sc mongo.SessionContext) (any, error) {
					if _, err := c.UpdateOne(sc, bson.M{"_id": from}, bson.M{"$inc": bson.M{"units": -1}}); err != nil {
						return nil, err
					}
					_, err := c.UpdateOne(sc, bson.M{"_id": to}, bson.M{"$inc": bson.M{"units": 1}, "$push": bson.M{"moves": fmt.Sprint(k, i)}})
					return nil, err
				})
				if err != nil {
					t.Error(err)
				}
			}
		}()
	}
	wg.Wait()
	total, done := 0, 0
	for _, d := range findAll(t, c, bson.M{}) {
		total += int(d["units"].(int32))
		if m, ok := d["moves"].(bson.A); ok {
			done += len(m)
		}
	}
	equal(t, []int{total, done}, []int{accounts * 100, clients * moves})
}

func suiteIncrements(t *testing.T, c *mongo.Collection) {
	insertAll(t, c, bson.M{"_id": 1, "n": 0})
	parallel(20, func(int) {
		for range 10 {
			if _, err := c.UpdateOne(ctx, bson.M{"_id": 1}, bson.M{"$inc": bson.M{"n": 1}}); err != nil {
				t.Error(err)
			}
		}
	})
	equal(t, findAll(t, c, bson.M{})[0]["n"], int32(200))
}

func suiteOneWinner(t *testing.T, c *mongo.Collection) {
	createIndex(t, c, asc("ticket"), options.Index().SetUnique(true))
	insertAll(t, c, bson.M{"_id": "state", "ticket": "-", "used": false})
	var inserted, moved, upserted atomic.Int32
	parallel(20, func(i int) {
		if _, err := c.InsertOne(ctx, bson.M{"_id": i, "ticket": "t"}); err == nil {
			inserted.Add(1)
		} else if !mongo.IsDuplicateKeyError(err) {
			t.Error(err)
		}
		r, err := c.UpdateOne(ctx, bson.M{"_id": "state", "used": false}, bson.M{"$set": bson.M{"used": true}})
		if err != nil {
			t.Error(err)
		} else {
			moved.Add(int32(r.ModifiedCount))
		}
		r, err = c.UpdateOne(ctx, bson.M{"_id": "up"}, bson.M{"$setOnInsert": bson.M{"ticket": "up", "by": i}}, options.Update().SetUpsert(true))
		if err != nil && !mongo.IsDuplicateKeyError(err) {
			t.Error(err)
		} else if err == nil {
			upserted.Add(int32(r.UpsertedCount))
		}
	})
	equal(t, []int32{inserted.Load(), moved.Load(), upserted.Load()}, []int32{1, 1, 1})
}

func parallel(n int, f func(int)) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Add(1)
		go func() { defer wg.Done(); f(i) }()
	}
	wg.Wait()
}

func suiteErrors(t *testing.T, c *mongo.Collection) {
	insertAll(t, c, bson.M{"_id": 1, "s": "text"})
	_, err := c.Find(ctx, bson.M{"a": bson.M{"$nonsense": 1}})
	wantCode(t, err, 2)
	_, err = c.UpdateOne(ctx, bson.M{}, bson.M{"$nonsense": bson.M{"a": 1}})
	wantCode(t, err, 9)
	if _, err = c.UpdateOne(ctx, bson.M{"_id": 1}, bson.M{"$inc": bson.M{"s": 1}}); err == nil {
		t.Fatal("incremented a text")
	}
	wantCode(t, c.Database().RunCommand(ctx, bson.D{{Key: "nonsense", Value: 1}}).Err(), 59)
	wantCode(t, c.Database().RunCommand(ctx, bson.D{{Key: "find", Value: c.Name()}, {Key: "nonsense", Value: 1}}).Err(), 40415)
	wantCode(t, c.Database().RunCommand(ctx, bson.D{{Key: "find", Value: c.Name()}, {Key: "filter", Value: 1}}).Err(), 14)
	_, err = c.Aggregate(ctx, mongo.Pipeline{{{Key: "$nonsense", Value: 1}}})
	wantCode(t, err, 40324)
	equal(t, findAll(t, c, bson.M{}), []bson.M{{"_id": int32(1), "s": "text"}})
}
