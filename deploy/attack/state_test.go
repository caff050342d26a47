package attack_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"slices"
	"sort"
	"strings"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/mongo"
	"go.mongodb.org/mongo-driver/mongo/options"

	"medunion/api/message"
	"medunion/api/problem"
)

// state is every database of the clouds: the hash of each collection's documents, by
// database and collection. Record heads, versions, receipts, diagnoses, used tickets,
// enrolments, the index, the uses of consents and the revocations are all in it.
type state map[string][32]byte

// collections are all of both schemas but the audit trail, in which refusals leave lines.
var collections = []string{"patients", "versions", "deskCodes", "enrolments", "tickets", "revokedConsents", "receipts", "diagnoses", "prekeys",
	"credentials", "codes", "revocations", "ownPrekeys", "entries", "latest", "consents", "log"}

func (u *union) databases() []string {
	return []string{u.config.Database, u.anna.config.Database, u.bern.config.Database}
}

// state settles what the hospitals do by themselves and reads all databases.
func (u *union) state() state {
	u.Helper()
	for _, h := range []*house{u.anna, u.bern} {
		u.settle(h)
	}
	s := state{}
	for db, docs := range u.dump() {
		h := sha256.New()
		for _, d := range docs {
			sum := sha256.Sum256(d)
			h.Write(sum[:])
		}
		s[db] = [32]byte(h.Sum(nil))
	}
	return s
}

// settle waits until a hospital has published what it has to; another loop of it may
// be at work. What M11 has marked waits for M12 and is not touched before two minutes.
func (u *union) settle(h *house) {
	u.Helper()
	for range 400 {
		_, err := h.node.PublishDue(u.Context())
		ok(u, err)
		due, err := h.node.Enrolments.DueEnrolments(u.Context(), u.clock.millis().Add(20*time.Second), 1)
		ok(u, err)
		if len(due) == 0 {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// dump is what a thief of all databases holds, sorted, by database and collection.
func (u *union) dump() map[string][][]byte {
	u.Helper()
	ctx := context.Background()
	c := thief()
	out := map[string][][]byte{}
	for _, db := range u.databases() {
		for _, name := range collections {
			var docs [][]byte
			cur := must(c.Database(db).Collection(name).Find(ctx, bson.D{}))
			for cur.Next(ctx) {
				docs = append(docs, slices.Clone(cur.Current))
			}
			ok(u, cur.Err())
			sort.Slice(docs, func(i, j int) bool { return bytes.Compare(docs[i], docs[j]) < 0 })
			out[db+" "+name] = docs
		}
	}
	return out
}

// thief reads everything, past the services.
var thief = sync.OnceValue(func() *mongo.Client {
	return must(mongo.Connect(context.Background(), options.Client().ApplyURI(mongoURI)))
})

// changed names the collections that differ.
func (s state) changed(now state) string {
	var out []string
	for k, h := range now {
		if s[k] != h {
			out = append(out, k)
		}
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}

// refused expects an attack to fail with one of the kinds and to change nothing.
func (u *union) refused(what string, attack func() error, kinds ...problem.Kind) error {
	u.Helper()
	if kinds == nil {
		kinds = []problem.Kind{problem.KindRefused}
	}
	before := u.state()
	err := attack()
	switch {
	case err == nil:
		u.Errorf("%s: accepted", what)
	case !slices.Contains(kinds, problem.KindOf(err)):
		u.Errorf("%s: %v (%s), want one of %v", what, err, problem.Reason(err), kinds)
	}
	if c := before.changed(u.state()); c != "" {
		u.Errorf("%s: changed %s", what, c)
	}
	return err
}

// attempt delivers a message whose refusal is expected.
func (u *union) attempt(to node, m message.Message) func() error {
	return func() error {
		_, err := to.deliver(u.Context(), m.Encode())
		return err
	}
}

// face is what a stranger sees of a problem, byte for byte.
// anyKind is for steps that an honest client does not take: which kind of error is its own matter.
var anyKind = []problem.Kind{problem.KindRefused, problem.KindConflict, problem.KindInvalid}

func face(err error) string {
	if err == nil {
		return "none: it was accepted"
	}
	return string(must(json.Marshal(problem.From(err).Document(""))))
}

// kidOf is the name under which a hospital's prekey is stored: the public key's.
func kidOf(doc []byte) message.Hash {
	_, b := bson.Raw(doc).Lookup("_id").Binary()
	return message.Hash(b)
}
