package server_test

import (
	"bytes"
	"context"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/mongo"
	"go.mongodb.org/mongo-driver/mongo/options"

	"medunion/api/message"
	"medunion/ecc"
	"medunion/publiccloud/internal/peers"
)

// Attack 15: everything in the database, as its thief would read it.
func TestAttack15_Dump(t *testing.T) {
	w := newWorld(t)
	s := ecc.SuiteX25519
	d, h := w.doctor(s), w.hospital(s)
	type enrolled struct {
		party *peers.Party
		sks   []ecc.SigningKey
	}
	var patients []enrolled
	c := w.knows(s)
	for range 5 {
		p := enrolled{w.patient(s), peers.Locators(3)}
		patients = append(patients, p)
		for _, sk := range p.sks {
			_, refusal := w.send("/v1/index-entries", "", c.WriteEntry(h, peers.Entry(h, sk, time.Now()), sk.Public(), time.Now()).Raw)
			w.taken(refusal)
		}
		g := peers.Grant(d.Credential.Hash(), "SURGERY", p.sks, time.Now(), nil)
		_, refusal := w.send("/v1/searches", "", c.Search(d, g, time.Now(), nil).Raw)
		w.taken(refusal)
		e := peers.Entry(h, p.sks[1], time.Now().Add(time.Millisecond))
		_, refusal = w.send("/v1/diagnosis-entries", "", c.Diagnosis(d, g, 1, e, time.Now(), nil).Raw)
		w.taken(refusal)
		_, refusal = w.send("/v1/questions", "", c.Ask(p.sks[0], message.Question{Kind: message.AskRevoke, Consent: g.Consent.Hash()}, time.Now()).Raw)
		w.taken(refusal)
	}
	docs := w.dump()
	if len(docs) < 5*3*2+5 {
		t.Fatalf("the dump has %d documents only", len(docs))
	}
	holds := func(doc, x []byte) bool { return bytes.Contains(doc, x) }
	for _, p := range patients { // the evidence of a search names all of her locators, sealed
		for _, sk := range p.sks {
			for _, doc := range docs {
				if holds(doc, sk.Public().Bytes()) {
					t.Error("a vk_L is in the database")
				}
			}
		}
	}
	for _, p := range patients {
		id, cP := []byte(p.party.ID), p.party.Credential.Hash()
		hid := ecc.Sum(id)
		found := 0
		for _, doc := range docs {
			if holds(doc, id) || holds(doc, hid[:]) {
				t.Error("ID_P, or its hash, is in the database")
			}
			named := 0
			for _, sk := range p.sks {
				l := message.Locator(sk.Public())
				if holds(doc, l[:]) {
					found++
					named++
					if holds(doc, cP[:]) || holds(doc, p.party.Sign.Public().Bytes()) {
						t.Error("a document links a patient's credential to her locator")
					}
				}
			}
			if named > 1 {
				t.Error("a document links two locators of a patient")
			}
		}
		if found == 0 {
			t.Error("the test does not see the locators at all")
		}
	}
	// A dictionary: everything that can be computed from an ID and a department without a key.
	for _, p := range patients {
		for _, dep := range message.DefaultDepartments {
			for _, guess := range guesses(string(p.party.ID), dep) {
				for _, doc := range docs {
					if holds(doc, guess) {
						t.Fatal("an entry can be found from an ID")
					}
				}
			}
		}
	}
}

// guesses are the locators that an ID would have if they were made from it.
func guesses(id, department string) [][]byte {
	plain := ecc.Sum([]byte(id + department))
	labelled := ecc.H(ecc.LabelLocator, []byte(id), []byte(department))
	named := ecc.H(ecc.LabelHandle, []byte("name"), []byte("P"), []byte(id), []byte{0, 0, 0, 0, 0, 0, 0, 1})
	seed := ecc.HMAC([]byte(id), ecc.LabelLocatorKey, []byte(department))
	l := message.Locator(peers.Must(ecc.SigningKeyFromSeed(seed[:])).Public())
	return [][]byte{plain[:], labelled[:], named[:], l[:]}
}

// dump reads every document of every collection.
func (w *world) dump() [][]byte {
	w.Helper()
	ctx := context.Background()
	client := peers.Must(mongo.Connect(ctx, options.Client().ApplyURI(mongoURI)))
	defer client.Disconnect(ctx)
	db := client.Database(w.config.Database)
	var out [][]byte
	for _, name := range peers.Must(db.ListCollectionNames(ctx, bson.D{})) {
		cursor := peers.Must(db.Collection(name).Find(ctx, bson.D{}))
		for cursor.Next(ctx) {
			out = append(out, bytes.Clone(cursor.Current))
		}
		w.ok(cursor.Err())
	}
	return out
}
