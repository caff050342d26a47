package system_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/mongo"
	"go.mongodb.org/mongo-driver/mongo/options"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/ecc"
)

// indexLoad writes index entries at the public cloud as a registered hospital: new
// versions under a few locators, each with its receipt verified.
type indexLoad struct {
	name     message.ID // ID_HPC
	at       site
	hospital *registrant
	keys     []ecc.SigningKey // sk_L

	peer     cloudPeer
	newest   map[message.Hash]message.Entry   // acknowledged, by locator
	tried    map[message.Hash][]message.Entry // sent, not acknowledged
	versions []message.Entry                  // all that were acknowledged
	turn     int
	replay   []byte // a question that was answered
}

func newIndexLoad(hospital message.ID, locators int) *indexLoad {
	l := &indexLoad{name: hospital, newest: map[message.Hash]message.Entry{}, tried: map[message.Hash][]message.Entry{}}
	kLoc := make([]byte, 32)
	rand.Read(kLoc)
	for i := range locators {
		l.keys = append(l.keys, must(message.LocatorKey(kLoc, message.Code("DEPARTMENT_"+string(rune('A'+i))))))
	}
	return l
}

func (l *indexLoad) acknowledged() int { return len(l.versions) }

func (l *indexLoad) meet(ctx context.Context, s site) (err error) {
	l.at = s
	if l.peer, err = meet(ctx, s); err != nil || l.hospital != nil {
		return err
	}
	l.hospital, err = registerHospital(ctx, s, l.name, "http://127.0.0.1:1")
	return err
}

func (l *indexLoad) step(ctx context.Context) error {
	sk := l.keys[l.turn%len(l.keys)]
	l.turn++
	e := l.hospital.entry(sk, l.next(sk))
	if err := l.peer.writeEntry(ctx, l.hospital, e, sk.Public()); err != nil {
		l.tried[e.Locator] = append(l.tried[e.Locator], e)
		return err
	}
	l.newest[e.Locator] = e
	l.versions = append(l.versions, e)
	return nil
}

// next is a time later than all sent under the locator.
func (l *indexLoad) next(sk ecc.SigningKey) message.Millis {
	at := message.MillisOf(time.Now())
	loc := message.Locator(sk.Public())
	for _, e := range append(slices.Clone(l.tried[loc]), l.newest[loc]) {
		at = max(at, e.Time+1)
	}
	return at
}

// verify asks under each locator: what comes is the newest acknowledged version, or a
// later one that was sent and cut off. No acknowledged version is missing in the
// history, and no question of before the kill is answered again.
func (l *indexLoad) verify(t *testing.T, ctx context.Context) {
	if l.replay != nil {
		_, err := post(ctx, l.at.Cloud+"/v1/questions", "", l.replay)
		if k := problem.KindOf(err); err == nil || k != problem.KindRefused && k != problem.KindStale {
			t.Errorf("a question answered before the kill is replayed after it: %v", err)
		}
	}
	for _, sk := range l.keys {
		var got []message.Entry
		err := patiently(ctx, func() (err error) { got, l.replay, err = l.peer.entries(ctx, sk); return err })
		if err != nil {
			t.Errorf("entries: %v", err)
			continue
		}
		l.compare(t, message.Locator(sk.Public()), got)
	}
	l.history(t, ctx)
}

func (l *indexLoad) compare(t *testing.T, loc message.Hash, got []message.Entry) {
	want, written := l.newest[loc]
	if len(got) == 0 {
		if written {
			t.Error("an acknowledged entry is lost")
		}
		return
	}
	same := func(e message.Entry) bool { return e.Time == got[0].Time && bytes.Equal(e.Value, got[0].Value) }
	switch {
	case len(got) > 1:
		t.Errorf("%d entries under one locator of one hospital", len(got))
	case same(want):
	case got[0].Time > want.Time && slices.ContainsFunc(l.tried[loc], same):
		l.newest[loc] = got[0] // it was cut off behind the commit
	default:
		t.Errorf("the entry of %d is returned, that of %d was acknowledged", got[0].Time, want.Time)
	}
	if err := got[0].Verify(l.peer.pins, l.key(loc).Public(), message.MillisOf(time.Now())); err != nil {
		t.Error(err)
	}
}

func (l *indexLoad) key(loc message.Hash) ecc.SigningKey {
	i := slices.IndexFunc(l.keys, func(sk ecc.SigningKey) bool { return message.Locator(sk.Public()) == loc })
	return l.keys[i]
}

// history looks for each acknowledged version in the database itself.
func (l *indexLoad) history(t *testing.T, ctx context.Context) {
	client, err := mongo.Connect(ctx, options.Client().ApplyURI(l.at.Mongo))
	ok(t, err)
	defer client.Disconnect(ctx)
	c := client.Database("publiccloud").Collection("entries")
	lost := 0
	hospital := l.hospital.credential.Hash()
	for _, e := range l.versions {
		id := binary.BigEndian.AppendUint64(append(e.Locator[:], hospital[:]...), uint64(e.Time))
		var d struct {
			Value []byte `bson:"v"`
		}
		if err := c.FindOne(ctx, bson.D{{Key: "_id", Value: id}}).Decode(&d); err != nil || !bytes.Equal(d.Value, e.Value) {
			lost++
		}
	}
	if lost > 0 {
		t.Errorf("%d of %d acknowledged versions are lost", lost, len(l.versions))
	}
}

// logged reads the whole public log of credentials and checks its chain.
func logged(ctx context.Context, s site) (map[string]bool, error) {
	all := map[string]bool{}
	prev := ""
	for from := 1; ; {
		var page struct {
			Entries []struct {
				Index                      int
				Credential, Previous, Hash string
			}
		}
		if err := ask(ctx, http.MethodGet, s.Cloud+"/v1/log?from="+strconv.Itoa(from), "", nil, &page); err != nil {
			return nil, err
		}
		for _, e := range page.Entries {
			if prev != "" && e.Previous != prev || e.Index != from {
				return nil, errors.New("the public log's chain does not hold")
			}
			all[e.Credential], prev = true, e.Hash
			from++
		}
		if len(page.Entries) == 0 {
			return all, nil
		}
	}
}
