package embedmongo_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/mongo"
	"go.mongodb.org/mongo-driver/mongo/options"

	"medunion/deploy/local/embedmongo"
)

var ctx = context.Background()

// TestSuite shows that the embedded server does what Suite asks of a MongoDB server.
func TestSuite(t *testing.T) {
	Suite(t, start(t, embedmongo.Options{}).URI())
}

// TestSuiteOnDisk does so with durable writes.
func TestSuiteOnDisk(t *testing.T) {
	Suite(t, start(t, embedmongo.Options{Dir: t.TempDir()}).URI())
}

// TestSuiteOnRealServer runs the same on a real replica set, which proves the suite right.
func TestSuiteOnRealServer(t *testing.T) {
	uri := os.Getenv("MONGODB_URI")
	if uri == "" {
		t.Skip("MONGODB_URI is not set")
	}
	Suite(t, uri)
}

// Suite is what the services rely on, and what both the embedded and a real server do.
func Suite(t *testing.T, uri string) {
	client := connect(t, uri)
	tests := []struct {
		name string
		run  func(*testing.T, *mongo.Collection)
	}{
		{"insert and find", suiteInsertFind},
		{"ids of every type", suiteIDs},
		{"duplicate keys", suiteDuplicates},
		{"unordered insert", suiteUnordered},
		{"find options", suiteFindOptions},
		{"filters", suiteFilters},
		{"projection", suiteProjection},
		{"batches", suiteBatches},
		{"update", suiteUpdate},
		{"update operators", suiteOperators},
		{"replace", suiteReplace},
		{"upsert", suiteUpsert},
		{"find and modify", suiteFindAndModify},
		{"delete", suiteDelete},
		{"compare and set", suiteCompareAndSet},
		{"bulk write", suiteBulkWrite},
		{"aggregate", suiteAggregate},
		{"count and distinct", suiteCountDistinct},
		{"unique index", suiteUniqueIndex},
		{"partial unique index", suitePartialIndex},
		{"compound index", suiteCompoundIndex},
		{"multikey index", suiteMultikeyIndex},
		{"index order", suiteIndexOrder},
		{"index conflicts", suiteIndexConflicts},
		{"list and drop", suiteListDrop},
		{"transaction commit", suiteTransactionCommit},
		{"transaction abort", suiteTransactionAbort},
		{"transaction isolation", suiteTransactionIsolation},
		{"transaction conflict", suiteTransactionConflict},
		{"transaction failed statement", suiteTransactionFailedStatement},
		{"transactions retried", suiteTransactionsRetried},
		{"atomic increments", suiteIncrements},
		{"one winner", suiteOneWinner},
		{"errors", suiteErrors},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) { test.run(t, collection(t, client)) })
	}
}

func start(t testing.TB, o embedmongo.Options) *embedmongo.Server {
	t.Helper()
	s, err := embedmongo.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func connect(t testing.TB, uri string) *mongo.Client {
	t.Helper()
	client, err := mongo.Connect(ctx, options.Client().ApplyURI(uri).SetServerSelectionTimeout(5*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Disconnect(ctx) })
	if err := client.Ping(ctx, nil); err != nil {
		t.Fatal(err)
	}
	return client
}

// collection is a fresh one, dropped at the end.
func collection(t testing.TB, client *mongo.Client) *mongo.Collection {
	t.Helper()
	name := strings.NewReplacer("/", "_", " ", "_", "#", "_", "=", "_").Replace(t.Name())
	if len(name) > 60 {
		name = name[len(name)-60:]
	}
	c := client.Database("embedmongo_test").Collection(fmt.Sprintf("%s_%d", name, time.Now().UnixNano()))
	t.Cleanup(func() { c.Drop(ctx) })
	return c
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// insertAll inserts documents given as bson.D or bson.M.
func insertAll(t testing.TB, c *mongo.Collection, docs ...any) {
	t.Helper()
	_, err := c.InsertMany(ctx, docs)
	must(t, err)
}

func findAll(t testing.TB, c *mongo.Collection, filter any, opts ...*options.FindOptions) []bson.M {
	t.Helper()
	cur, err := c.Find(ctx, filter, opts...)
	must(t, err)
	out := []bson.M{}
	must(t, cur.All(ctx, &out))
	return out
}

// ids are the _id values in order, as text.
func ids(docs []bson.M) string {
	var out []string
	for _, d := range docs {
		out = append(out, fmt.Sprint(d["_id"]))
	}
	return strings.Join(out, " ")
}

func equal(t testing.TB, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("got %#v, want %#v", got, want)
	}
}

// wantCode checks the error's code in a command error or in the first write error.
func wantCode(t testing.TB, err error, code int) {
	t.Helper()
	var server mongo.ServerError
	if !errors.As(err, &server) || !server.HasErrorCode(code) {
		t.Fatalf("error %v, want one with code %d", err, code)
	}
}
