package server_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/mongo"
	"go.mongodb.org/mongo-driver/mongo/options"

	"medunion/publiccloud/internal/peers"
	"medunion/publiccloud/server"
)

// An announcement writes the new key file beside the old one, stores the statement, puts the new file into the old
// one's place, and takes the copy away. Whoever dies between two of these leaves one of the states below; the next
// command ends it: nothing that was stored is lost, nothing that was not is ever seen, and no hand at the database is needed.
func TestAnnouncementsThatWereCutOff(t *testing.T) {
	w := newWorld(t)
	w.ok(w.instance.Close())
	from := time.Now().Add(2 * time.Hour)
	old := peers.Must(os.ReadFile(w.config.Keys))
	_, err := w.roots(0).Announce(t.Context(), from, from.Add(48*time.Hour))
	w.ok(err)
	next := peers.Must(os.ReadFile(w.config.Keys))
	stored := w.stored()
	for name, x := range map[string]struct {
		file, stored any
		want         []byte
		refused      error
	}{
		"beside the file only":            {old, nil, old, nil},
		"stored, and not in its place":    {old, stored, next, nil},
		"in its place, and beside it":     {next, stored, next, nil},
		"another statement was stored":    {old, bson.D{{Key: "_id", Value: "succession 1"}, {Key: "succession", Value: int64(1)}, {Key: "statement", Value: make([]byte, 32)}}, old, server.ErrSucceeded},
		"stored, beside a file like that": {next, nil, next, nil}, // the statement is gone from the store with a restore
	} {
		w.ok(os.WriteFile(w.config.Keys, x.file.([]byte), 0o600))
		w.ok(os.WriteFile(w.config.Keys+".next", next, 0o600))
		w.store(x.stored)
		s, err := w.roots(0).RootStatus(t.Context())
		roots := 1
		if bytes.Equal(x.want, next) {
			roots = 2
		}
		if !errors.Is(err, x.refused) || err == nil && len(s.Roots) != roots {
			t.Errorf("%s: %v, %d roots", name, err, len(s.Roots))
		}
		if !bytes.Equal(peers.Must(os.ReadFile(w.config.Keys)), x.want) {
			t.Errorf("%s: the key file is not what it should be", name)
		}
		if _, err := os.Stat(w.config.Keys + ".next"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: secrets are left beside the file: %v", name, err)
		}
	}
	w.ok(os.WriteFile(w.config.Keys, old, 0o600))
	w.ok(os.WriteFile(w.config.Keys+".next", next, 0o600))
	w.store(nil)
	if _, err := w.roots(0).Announce(t.Context(), from, from.Add(72*time.Hour)); err != nil {
		t.Error("what was dropped is in the way of another announcement:", err)
	}
	w.start()
}

func (w *world) successions() (*mongo.Collection, func()) {
	client := peers.Must(mongo.Connect(w.Context(), options.Client().ApplyURI(mongoURI)))
	return client.Database(w.config.Database).Collection("keyring"), func() { _ = client.Disconnect(context.WithoutCancel(w.Context())) }
}

// stored is the first succession as the store has it.
func (w *world) stored() (d bson.D) {
	c, done := w.successions()
	defer done()
	w.ok(c.FindOne(w.Context(), bson.D{{Key: "succession", Value: 1}}).Decode(&d))
	return d
}

// store leaves one succession in the store, or with nil none, and no fence.
func (w *world) store(d any) {
	c, done := w.successions()
	defer done()
	peers.Must(c.DeleteMany(w.Context(), bson.D{{Key: "succession", Value: bson.D{{Key: "$gte", Value: 1}}}}))
	peers.Must(c.DeleteOne(w.Context(), bson.D{{Key: "_id", Value: "fence"}}))
	if d != nil {
		peers.Must(c.InsertOne(w.Context(), d))
	}
}
