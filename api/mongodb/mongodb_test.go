package mongodb_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/mongo"
	"golang.org/x/sync/errgroup"

	"medunion/api/mongodb"
	"medunion/api/problem"
	"medunion/deploy/local/embedmongo"
)

func uri(t *testing.T) string {
	t.Helper()
	if u := os.Getenv("MONGODB_URI"); u != "" {
		return u
	}
	s, err := embedmongo.Start(embedmongo.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s.URI()
}

var indexes = []mongodb.Index{mongodb.Unique("things", "name"), mongodb.Ordered("things", "kind", "name")}

var schema = mongodb.Schema{Needs: 1, Migrations: []mongodb.Migration{mongodb.Indexed("indexes", indexes)}}

func TestOpen(t *testing.T) {
	at, name := uri(t), "mongodb_test"
	for range 2 { // the second finds the indexes
		db, err := mongodb.Open(t.Context(), at, name, schema)
		if err != nil {
			t.Fatal(err)
		}
		if err := db.Ping(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := db.Collection("things").Drop(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := db.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// TestOpenTogether opens the same schema from several goroutines, as services in one
// process do. The race detector sees what they share.
func TestOpenTogether(t *testing.T) {
	at := uri(t)
	var group errgroup.Group
	for i := range 4 {
		group.Go(func() error {
			db, err := mongodb.Open(t.Context(), at, fmt.Sprintf("mongodb_test_%d", i), schema)
			if err != nil {
				return err
			}
			return errors.Join(db.Drop(t.Context()), db.Close(t.Context()))
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
}

// TestFailedHidesValues lets the server refuse a document: what it says of the
// document stays out of the error and of its reason.
func TestFailedHidesValues(t *testing.T) {
	db, err := mongodb.Open(t.Context(), uri(t), "mongodb_test", schema)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close(context.Background())
	defer db.Collection("things").Drop(context.Background())
	for range 2 {
		_, err = db.Collection("things").InsertOne(t.Context(), bson.D{{Key: "name", Value: "CANARY"}})
	}
	if !mongo.IsDuplicateKeyError(err) || !strings.Contains(err.Error(), "name") {
		t.Fatalf("the index is not there: %v", err)
	}
	err = mongodb.Failed("insert", err)
	if problem.KindOf(err) != problem.KindUnavailable {
		t.Errorf("kind %v", problem.KindOf(err))
	}
	if reason := problem.Reason(err); strings.Contains(reason, "CANARY") || !strings.Contains(reason, "insert") || !strings.Contains(reason, "11000") {
		t.Errorf("reason %q", reason)
	}
}

func TestNobodyAnswers(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := ln.Addr().String()
	_ = ln.Close()
	_, err = mongodb.Open(t.Context(), "mongodb://user:CANARY@"+address, "mongodb_test", schema)
	if problem.KindOf(err) != problem.KindUnavailable || strings.Contains(problem.Reason(err), "CANARY") {
		t.Errorf("%v: %s", problem.KindOf(err), problem.Reason(err))
	}
	if mongodb.Failed("nothing", nil) != nil || errors.Is(err, context.Canceled) {
		t.Error("Failed of nil must be nil")
	}
}
