package cloud_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/mongo"
	"go.mongodb.org/mongo-driver/mongo/options"

	"medunion/api/message"
	"medunion/ecc"
	"medunion/publiccloud/cloud"
	"medunion/publiccloud/internal/peers"
)

func (w *world) trail() cloud.Trail {
	return cloud.Trail{Store: w.store, HandleKey: w.config.HandleKey, Now: w.clock.now}
}

func (w *world) operations() []cloud.Operated {
	w.Helper()
	return peers.Must(w.trail().After(w.Context(), 0, message.Hash{}, 1000))
}

// A revocation stands in the trail with who did it and whose credential it was, and nothing is
// revoked whose line could not be written.
func TestRevocationsAreRecorded(t *testing.T) {
	w := newWorld(t)
	d := w.doctor(ecc.SuiteX25519, "SURGERY")
	c := d.Credential.Hash()
	w.ok(w.RevokeCredential(t.Context(), "kim", c))
	got := w.operations()
	if len(got) != 1 || got[0].What != cloud.OperationRevoked || got[0].Subject != "kim" || got[0].Credential != c || got[0].Failed || got[0].Time != message.MillisOf(w.clock.now()) {
		t.Errorf("%+v", got)
	}
	config := w.config
	config.Operations = away{w.store}
	mute := peers.Must(cloud.New(config))
	other := w.doctor(ecc.SuiteX25519, "SURGERY").Credential.Hash()
	if err := mute.RevokeCredential(t.Context(), "kim", other); !errors.Is(err, errAway) {
		t.Errorf("%v", err)
	}
	if revoked := peers.Must(w.store.AnyRevoked(t.Context(), []message.Hash{other})); revoked {
		t.Error("it was revoked without a line")
	}
}

var errAway = errors.New("the trail cannot be written")

type away struct{ cloud.Operations }

func (away) AppendOperation(context.Context, cloud.OperationLine) error { return errAway }
func (away) ProbeOperations(context.Context) error                      { return errAway }

// The trail is not ready where the database takes no writes, and where its newest line was not
// made under the key; asking adds no line.
func TestTrailReadiness(t *testing.T) {
	w := newWorld(t)
	for range 2 {
		w.ok(w.trail().Ready(t.Context()))
	}
	w.ok(w.trail().Record(t.Context(), cloud.Operation{What: cloud.OperationKeyAdded}))
	w.ok(w.trail().Ready(t.Context()))
	if got := w.operations(); len(got) != 1 {
		t.Errorf("the probes left %d lines", len(got)-1)
	}
	mute, forged := w.trail(), w.trail()
	mute.Store, forged.HandleKey = away{w.store}, make([]byte, 32)
	if err := mute.Ready(t.Context()); !errors.Is(err, errAway) {
		t.Errorf("ready without writes: %v", err)
	}
	if err := forged.Ready(t.Context()); !errors.Is(err, cloud.ErrOperations) {
		t.Errorf("ready on a trail of another key: %v", err)
	}
}

// An act that fails leaves the line that told of it, and one that says so.
func TestFailedOperations(t *testing.T) {
	w := newWorld(t)
	broken := errors.New("no space")
	err := w.trail().Do(t.Context(), cloud.Operation{What: cloud.OperationKeyAdded, Operator: "kim", Key: "sealing", Version: 2}, func() error { return broken })
	if got := w.operations(); !errors.Is(err, broken) || len(got) != 2 || got[0].Failed || !got[1].Failed || got[1].Version != 2 {
		t.Errorf("%v %+v", err, got)
	}
}

// Writers that race write all of their lines, in one chain.
func TestOperationsRace(t *testing.T) {
	w := newWorld(t)
	var all sync.WaitGroup
	for n := range 8 {
		all.Go(func() {
			w.ok(w.trail().Record(context.Background(), cloud.Operation{What: cloud.OperationKeyAdded, Version: uint32(n)}))
		})
	}
	all.Wait()
	seen := map[uint32]bool{}
	for _, o := range w.operations() {
		seen[o.Version] = true
	}
	if len(seen) != 8 {
		t.Errorf("%d lines of 8", len(seen))
	}
}

// Whoever can write into the database, but has not the keys, cannot alter, remove, exchange or add a
// line unseen; nor cut off what was seen before.
func TestOperationsTampered(t *testing.T) {
	w := newWorld(t)
	for n := range 3 {
		w.ok(w.trail().Record(t.Context(), cloud.Operation{What: cloud.OperationKeyAdded, Version: uint32(n)}))
	}
	last := w.operations()[2]
	client := peers.Must(mongo.Connect(t.Context(), options.Client().ApplyURI(mongoURI)))
	defer client.Disconnect(context.Background())
	lines := client.Database(w.database).Collection("operations")
	find := func(n int64) (d bson.D) {
		w.ok(lines.FindOne(t.Context(), bson.D{{Key: "_id", Value: n}}).Decode(&d))
		return d
	}
	one, two := find(1), find(2)
	put := func(n int64, d bson.D) {
		d = append(bson.D{{Key: "_id", Value: n}}, d[1:]...)
		peers.Must(lines.ReplaceOne(t.Context(), bson.D{{Key: "_id", Value: n}}, d, options.Replace().SetUpsert(true)))
	}
	for name, spoil := range map[string]func(){
		"altered": func() { put(2, append(two[:3:3], bson.E{Key: "line", Value: []byte(`{"what":"nothing"}`)})) },
		"copied":  func() { put(2, one) }, "removed": func() { peers.Must(lines.DeleteOne(t.Context(), bson.D{{Key: "_id", Value: 2}})) },
	} {
		spoil()
		if got, err := w.trail().After(t.Context(), 0, message.Hash{}, 10); !errors.Is(err, cloud.ErrOperations) {
			t.Errorf("%s: %+v %v", name, got, err)
		}
		put(2, two)
	}
	if len(w.operations()) != 3 {
		t.Fatal("it is not whole again")
	}
	peers.Must(lines.DeleteOne(t.Context(), bson.D{{Key: "_id", Value: 3}}))
	if _, err := w.trail().After(t.Context(), last.Number, last.Hash, 10); !errors.Is(err, cloud.ErrOperations) {
		t.Errorf("cut off: %v", err)
	}
	other := w.trail()
	other.HandleKey = secret()
	if _, err := other.After(t.Context(), 0, message.Hash{}, 10); !errors.Is(err, cloud.ErrOperations) {
		t.Errorf("another key: %v", err)
	}
}
