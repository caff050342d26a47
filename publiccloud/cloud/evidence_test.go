package cloud_test

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/mongo"
	"go.mongodb.org/mongo-driver/mongo/options"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/ecc"
	"medunion/publiccloud/cloud"
	"medunion/publiccloud/internal/peers"
)

// find reads documents as they lie in the database.
func (w *world) find(collection string, into any) {
	w.Helper()
	ctx := w.Context()
	client := peers.Must(mongo.Connect(ctx, options.Client().ApplyURI(mongoURI)))
	defer client.Disconnect(context.Background())
	w.ok(peers.Must(client.Database(w.database).Collection(collection).Find(ctx, bson.D{})).All(ctx, into))
}

// unseal opens evidence as an operator with the key file does.
func (w *world) unseal(place, sealed []byte) []byte {
	w.Helper()
	key := ecc.HMAC(w.config.AtRest.(cloud.FixedKeys).SealingKey, ecc.LabelAtRest, []byte("evidence"))
	b, err := ecc.OpenAtRest(key[:], place, sealed)
	w.ok(err)
	return b
}

type storedConsent struct {
	Consent    []byte   `bson:"_id"`
	Operations [][]byte `bson:"ops"`
	Grounds    []byte   `bson:"grounds"`
	Evidence   [][]byte `bson:"evidence"`
}

func TestEvidenceOfSearches(t *testing.T) {
	each(t, func(t *testing.T, w *world, s ecc.Suite) {
		d := w.doctor(s, "SURGERY")
		g := peers.Grant(d.Credential.Hash(), "SURGERY", peers.Locators(3), w.now(), nil)
		var tickets []message.Signed
		for _, mode := range []message.Mode{message.ModeRead, message.ModeWrite, message.ModeRead} {
			m5, _, err := w.search(d, g, func(m *message.M4) { m.Mode = mode })
			w.ok(err)
			tickets = append(tickets, m5.Ticket)
			w.clock.advance(time.Minute)
		}
		var docs []storedConsent
		w.find("consents", &docs)
		if len(docs) != 1 || len(docs[0].Evidence) != len(tickets) {
			t.Fatalf("evidence is kept of %d consents", len(docs))
		}
		consent := g.Consent.Hash()
		grounds, err := message.DecodeGrounds(w.unseal(ecc.Encode(ecc.LabelGrounds, consent[:]), docs[0].Grounds))
		w.ok(err)
		for i, sealed := range docs[0].Evidence {
			b := w.unseal(ecc.Encode(ecc.LabelEvidenceSearch, consent[:], docs[0].Operations[i]), sealed)
			e, err := message.DecodeSearchEvidence(b)
			w.ok(err)
			w.ok(e.Verify(w.Pins(), w.config.VerifyCertificate, grounds))
			if !bytes.Equal(e.Ticket.Encode(), tickets[i].Encode()) {
				t.Errorf("use %d: another ticket than the doctor's", i)
			}
			if i == 0 {
				changedSearch(w, b, grounds)
			}
		}
	})
}

// changedSearch fails if any byte of the stored piece may be another (attack 17).
func changedSearch(w *world, b []byte, g message.Grounds) {
	w.Helper()
	for i := range b {
		x := bytes.Clone(b)
		x[i] ^= 1
		if e, err := message.DecodeSearchEvidence(x); err == nil && e.Verify(w.Pins(), w.config.VerifyCertificate, g) == nil {
			w.Fatalf("byte %d may be changed", i)
		}
	}
}

// noCount is a store that cannot count.
type noCount struct{ cloud.Consents }

func (noCount) Count(context.Context, cloud.SearchUse) error {
	return problem.Unavailable(time.Second, errors.New("down"))
}

// Without its evidence on disk no ticket leaves.
func TestEvidenceIsDurableBeforeTheTicketLeaves(t *testing.T) {
	w := newWorld(t)
	d := w.doctor(ecc.SuiteX25519, "SURGERY")
	g := peers.Grant(d.Credential.Hash(), "SURGERY", peers.Locators(1), w.now(), nil)
	w.config.Consents = noCount{w.store}
	broken := newCloud(w)
	w.ok(broken.Rotate(t.Context()))
	m5, err := broken.Search(t.Context(), w.knows(d.Suite).Search(d, g, w.now(), nil).Raw)
	w.wants(problem.KindUnavailable, err)
	if m5 != nil {
		t.Error("an answer leaves without evidence")
	}
}

type storedVersion struct {
	ID       []byte   `bson:"_id"`
	Evidence [][]byte `bson:"evidence"`
}

// forwarded are the versions of which evidence is kept.
func (w *world) forwarded() (out []storedVersion) {
	w.Helper()
	var all []storedVersion
	w.find("entries", &all)
	for _, v := range all {
		if len(v.Evidence) > 0 {
			out = append(out, v)
		}
	}
	return out
}

func (w *world) forward(d *peers.Party, g peers.Granted, i int, e message.Entry) error {
	w.Helper()
	c := w.knows(d.Suite)
	sent := c.Diagnosis(d, g, i, e, w.now(), nil)
	reply, err := w.WriteDiagnosisEntry(w.Context(), sent.Raw)
	if err == nil {
		w.ok(c.OpenIndexed(sent, reply, d.ID, e))
	}
	return err
}

func TestEvidenceOfForwardedEntries(t *testing.T) {
	each(t, func(t *testing.T, w *world, s ecc.Suite) {
		d, h := w.doctor(s, "SURGERY"), w.hospital(s)
		sks := peers.Locators(2)
		g := peers.Grant(d.Credential.Hash(), "SURGERY", sks, w.now(), nil)
		early := peers.Entry(h, sks[0], w.now())
		w.ok(w.forward(d, g, 0, early)) // the doctor is first
		w.ok(w.forward(d, g, 0, early)) // and repeats it
		w.clock.advance(time.Second)
		own := w.put(h, sks[1]) // the hospital is first
		w.ok(w.forward(d, g, 1, own))

		kept := w.forwarded()
		if len(kept) != 2 || len(kept[0].Evidence)+len(kept[1].Evidence) != 3 {
			t.Fatalf("evidence is kept at %d versions", len(kept))
		}
		for _, v := range kept {
			for _, sealed := range v.Evidence {
				e, err := message.DecodeEntryEvidence(w.unseal(entryPlace(v.ID), sealed))
				w.ok(err)
				w.ok(e.Verify(w.Pins(), w.config.VerifyCertificate))
			}
		}
	})
}

func entryPlace(id []byte) []byte {
	return ecc.Encode(ecc.LabelEvidenceEntry, id[:32], id[32:64], id[64:]) // L, c_HPC, T
}

// A doctor cannot fill the store by forwarding one entry for ever.
func TestEvidenceOfOneVersionIsBounded(t *testing.T) {
	w := newWorld(t)
	d, h := w.doctor(ecc.SuiteX25519, "SURGERY"), w.hospital(ecc.SuiteX25519)
	sks := peers.Locators(1)
	g := peers.Grant(d.Credential.Hash(), "SURGERY", sks, w.now(), nil)
	e := peers.Entry(h, sks[0], w.now())
	for range 64 {
		w.ok(w.forward(d, g, 0, e))
	}
	w.wants(problem.KindRefused, w.forward(d, g, 0, e))
	if kept := w.forwarded(); len(kept) != 1 || len(kept[0].Evidence) != 64 {
		t.Error("the bound is another")
	}
}
