package embedmongo_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"
	"go.mongodb.org/mongo-driver/mongo"
	"go.mongodb.org/mongo-driver/mongo/options"

	"medunion/deploy/local/embedmongo"
)

var sizes = []int{1_000, 10_000, 100_000}

// entryOf is like an entry of the clouds' search index: random identifiers and a sealed value.
func entryOf(i int) bson.D {
	id := fmt.Appendf(nil, "%032d", i*7919)
	return bson.D{
		{Key: "_id", Value: primitive.Binary{Data: id}}, {Key: "locator", Value: primitive.Binary{Data: id}},
		{Key: "seq", Value: int64(i)}, {Key: "value", Value: primitive.Binary{Data: make([]byte, 200)}},
	}
}

// filled is a durable collection of n entries with a unique index on locator.
func filled(b *testing.B, n int) *mongo.Collection {
	client := connect(b, start(b, embedmongo.Options{Dir: b.TempDir()}).URI())
	c := client.Database("bench").Collection("entries")
	createIndex(b, c, asc("locator"), options.Index().SetUnique(true))
	createIndex(b, c, asc("seq"), nil)
	for from := 0; from < n; from += 10_000 {
		var docs []any
		for i := from; i < min(n, from+10_000); i++ {
			docs = append(docs, entryOf(i))
		}
		insertAll(b, c, docs...)
	}
	b.ResetTimer()
	return c
}

func BenchmarkFindByID(b *testing.B) { benchmarkFind(b, "_id") }

func BenchmarkFindByUniqueField(b *testing.B) { benchmarkFind(b, "locator") }

func benchmarkFind(b *testing.B, field string) {
	for _, n := range sizes {
		b.Run(fmt.Sprintf("documents=%d", n), func(b *testing.B) {
			c := filled(b, n)
			for i := range b.N {
				if err := c.FindOne(ctx, bson.D{{Key: field, Value: entryOf(i * 31 % n)[0].Value}}).Err(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkFindLast reads the newest entry, as the head of a log.
func BenchmarkFindLast(b *testing.B) {
	for _, n := range sizes {
		b.Run(fmt.Sprintf("documents=%d", n), func(b *testing.B) {
			c := filled(b, n)
			for range b.N {
				if err := c.FindOne(ctx, bson.D{}, options.FindOne().SetSort(bson.M{"seq": -1})).Err(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkInsert stores one document after the other, each with an fsync.
func BenchmarkInsert(b *testing.B) {
	for _, n := range sizes {
		b.Run(fmt.Sprintf("documents=%d", n), func(b *testing.B) {
			c := filled(b, n)
			for i := range b.N {
				if _, err := c.InsertOne(ctx, entryOf(n+i)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkInsertParallel has 20 clients share the fsyncs.
func BenchmarkInsertParallel(b *testing.B) {
	for _, n := range sizes {
		b.Run(fmt.Sprintf("documents=%d", n), func(b *testing.B) {
			c := filled(b, n)
			var next atomic.Int64
			var wg sync.WaitGroup
			for range 20 {
				wg.Go(func() {
					for i := next.Add(1); i <= int64(b.N); i = next.Add(1) {
						if _, err := c.InsertOne(ctx, entryOf(n+int(i))); err != nil {
							b.Error(err)
						}
					}
				})
			}
			wg.Wait()
		})
	}
}

// BenchmarkInsertMany is the time per document of one command with 10 000 of them.
func BenchmarkInsertMany(b *testing.B) {
	c := filled(b, 0)
	for from := 0; from < b.N; from += 10_000 {
		var docs []any
		for i := from; i < min(b.N, from+10_000); i++ {
			docs = append(docs, entryOf(i))
		}
		insertAll(b, c, docs...)
	}
}

func BenchmarkIncrement(b *testing.B) {
	for _, n := range sizes {
		b.Run(fmt.Sprintf("documents=%d", n), func(b *testing.B) {
			c := filled(b, n)
			for i := range b.N {
				r, err := c.UpdateOne(ctx, bson.D{{Key: "locator", Value: entryOf(i % n)[0].Value}}, bson.M{"$inc": bson.M{"uses": 1}})
				if err != nil || r.ModifiedCount != 1 {
					b.Fatal(r, err)
				}
			}
		})
	}
}
