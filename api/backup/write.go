package backup

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"hash"
	"io"
	"time"

	"filippo.io/age"
	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/mongo/options"

	"medunion/api/mongodb"
	"medunion/ecc"
)

// Plan says what is backed up, and as whose.
type Plan struct {
	Service, Owner string
	Schema         int
	Collections    []string // in the order of reading: what refers to others first
	Sign           func(tbs []byte) []byte
	Now            func() time.Time
}

// record is one document of the file.
type record struct {
	Kind       string   `bson:"k"` // head, doc or end
	Format     int32    `bson:"f,omitempty"`
	Collection string   `bson:"c,omitempty"`
	Document   bson.Raw `bson:"d,omitempty"`
	Manifest   []byte   `bson:"m,omitempty"`
	Signature  []byte   `bson:"s,omitempty"`
}

// Kinds of records.
const (
	kindHead = "head"
	kindDoc  = "doc"
	kindEnd  = "end"
)

// Create writes a backup of the database to w. What w holds after an error is no backup,
// and no reader takes it for one.
func Create(ctx context.Context, db mongodb.Database, p Plan, w io.Writer, recipients []age.Recipient) (Manifest, error) {
	m := Manifest{Format: Format, Service: p.Service, Owner: p.Owner, Database: db.Name(), Schema: p.Schema, Started: p.Now().UTC()}
	sealed, err := age.Encrypt(w, recipients...)
	if err != nil {
		return m, err
	}
	if err := write(sealed, record{Kind: kindHead, Format: Format}); err != nil {
		return m, err
	}
	for _, name := range p.Collections {
		c, err := collection(ctx, db, name, sealed)
		if err != nil {
			return m, err
		}
		m.Collections = append(m.Collections, c)
	}
	m.Finished = p.Now().UTC()
	b, err := json.Marshal(m)
	if err != nil {
		return m, err
	}
	if err := write(sealed, record{Kind: kindEnd, Manifest: b, Signature: p.Sign(tbs(b))}); err != nil {
		return m, err
	}
	return m, sealed.Close()
}

func write(w io.Writer, r record) error {
	b, err := bson.Marshal(r)
	if err == nil {
		_, err = w.Write(b)
	}
	return err
}

// batch is how many documents of a collection come at once.
const batch = 500

func collection(ctx context.Context, db mongodb.Database, name string, w io.Writer) (Collection, error) {
	c := counter{Collection: Collection{Name: name}, sum: sha256.New()}
	o := options.Find().SetSort(bson.D{{Key: "_id", Value: 1}}).SetBatchSize(batch)
	cursor, err := db.Collection(name).Find(ctx, bson.D{}, o)
	if err != nil {
		return c.Collection, mongodb.Failed("read "+name, err)
	}
	defer cursor.Close(context.WithoutCancel(ctx))
	for cursor.Next(ctx) {
		c.add(cursor.Current)
		if err := write(w, record{Kind: kindDoc, Collection: name, Document: cursor.Current}); err != nil {
			return c.Collection, err
		}
	}
	return c.done(), mongodb.Failed("read "+name, cursor.Err())
}

// counter makes the line of the manifest.
type counter struct {
	Collection
	sum hash.Hash
}

func (c *counter) add(doc bson.Raw) {
	c.Documents++
	c.Bytes += int64(len(doc))
	c.sum.Write(doc)
	c.Last = hex.EncodeToString(doc.Lookup("_id").Value)
}

func (c *counter) done() Collection {
	c.SHA256 = hex.EncodeToString(c.sum.Sum(nil))
	return c.Collection
}

// Signer makes Plan.Sign of a signing key.
func Signer(k ecc.SigningKey) func([]byte) []byte { return k.Sign }
