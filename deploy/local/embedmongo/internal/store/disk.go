package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"go.etcd.io/bbolt"
	bbolterrors "go.etcd.io/bbolt/errors"
	"go.mongodb.org/mongo-driver/bson"
)

// disk is the bbolt file: bucket "collections" holds one bucket per namespace, with the
// key "indexes" and the bucket "documents" (seq, big-endian -> BSON); bucket "sessions"
// holds the last answer of each session that wrote.
type disk struct{ db *bbolt.DB }

const formatVersion = "embedmongo 1"

var (
	bucketMeta        = []byte("meta")
	bucketCollections = []byte("collections")
	bucketSessions    = []byte("sessions")
	bucketDocuments   = []byte("documents")
	keyFormat         = []byte("format")
	keyIndexes        = []byte("indexes")
)

var errInUse = errors.New("another process uses this folder")

func openDisk(dir string) (*disk, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	path := filepath.Join(dir, "embedmongo.db")
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: 2 * time.Second, FreelistType: bbolt.FreelistMapType})
	if errors.Is(err, bbolterrors.ErrTimeout) {
		err = errInUse
	}
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	d := &disk{db}
	if err := db.Update(initialise); err != nil {
		d.close()
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	return d, syncDir(dir)
}

func initialise(tx *bbolt.Tx) error {
	for _, name := range [][]byte{bucketMeta, bucketCollections, bucketSessions} {
		if _, err := tx.CreateBucketIfNotExists(name); err != nil {
			return err
		}
	}
	meta := tx.Bucket(bucketMeta)
	if v := meta.Get(keyFormat); v != nil && string(v) != formatVersion {
		return fmt.Errorf("format %q, want %q", v, formatVersion)
	}
	return meta.Put(keyFormat, []byte(formatVersion))
}

// syncDir makes the file's name as durable as its content.
func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}

func (d *disk) close() error { return d.db.Close() }

// write makes the changes durable as one.
func (d *disk) write(changes []change) error {
	return d.db.Update(func(tx *bbolt.Tx) error {
		w := writer{tx: tx, documents: map[string]*bbolt.Bucket{}}
		for _, c := range changes {
			if err := w.apply(c); err != nil {
				return err
			}
		}
		return nil
	})
}

type writer struct {
	tx        *bbolt.Tx
	documents map[string]*bbolt.Bucket
}

func (w *writer) apply(c change) error {
	switch c.kind {
	case putIndexes:
		b, err := w.tx.Bucket(bucketCollections).CreateBucketIfNotExists([]byte(c.namespace))
		if err != nil {
			return err
		}
		return b.Put(keyIndexes, c.value)
	case dropCollection:
		delete(w.documents, c.namespace)
		return w.tx.Bucket(bucketCollections).DeleteBucket([]byte(c.namespace))
	case putSession:
		return w.tx.Bucket(bucketSessions).Put([]byte(c.namespace), c.value)
	case deleteSession:
		return w.tx.Bucket(bucketSessions).Delete([]byte(c.namespace))
	}
	b, err := w.bucket(c.namespace)
	if err != nil {
		return err
	}
	key := binary.BigEndian.AppendUint64(nil, c.seq)
	if c.kind == deleteDocument {
		return b.Delete(key)
	}
	return b.Put(key, c.value)
}

func (w *writer) bucket(namespace string) (*bbolt.Bucket, error) {
	if b := w.documents[namespace]; b != nil {
		return b, nil
	}
	c := w.tx.Bucket(bucketCollections).Bucket([]byte(namespace))
	if c == nil {
		return nil, fmt.Errorf("no collection %q on disk", namespace)
	}
	b, err := c.CreateBucketIfNotExists(bucketDocuments)
	if err != nil {
		return nil, err
	}
	b.FillPercent = 0.9 // new documents go to the end
	w.documents[namespace] = b
	return b, nil
}

// load fills s with what is on disk.
func (d *disk) load(s *Store) error {
	return d.db.View(func(tx *bbolt.Tx) error {
		err := tx.Bucket(bucketCollections).ForEachBucket(func(name []byte) error {
			c, last, err := loadCollection(tx.Bucket(bucketCollections).Bucket(name))
			if err != nil {
				return fmt.Errorf("load collection %s: %w", name, err)
			}
			s.latest[string(name)] = c
			s.seq.Store(max(s.seq.Load(), last))
			return nil
		})
		if err != nil {
			return err
		}
		return tx.Bucket(bucketSessions).ForEach(func(id, raw []byte) error {
			a, err := decodeAnswered(raw)
			s.sessions[string(id)] = a
			return err
		})
	})
}

func loadCollection(b *bbolt.Bucket) (c *collection, last uint64, err error) {
	c = newCollection()
	if documents := b.Bucket(bucketDocuments); documents != nil {
		err = documents.ForEach(func(key, raw []byte) error {
			last = binary.BigEndian.Uint64(key)
			d, err := loadDocument(last, bytes.Clone(raw))
			if err != nil {
				return err
			}
			return c.replace(nil, d)
		})
	}
	if err != nil {
		return nil, 0, err
	}
	return c, last, c.loadIndexes(b.Get(keyIndexes))
}

func (c *collection) loadIndexes(raw []byte) error {
	var stored storedIndexes
	if err := bson.Unmarshal(raw, &stored); err != nil {
		return err
	}
	for _, spec := range stored.Indexes {
		x, err := newIndex(spec)
		if err != nil {
			return err
		}
		if err := x.build(c); err != nil {
			return err
		}
		c.indexes[spec.Name] = x
	}
	return nil
}

// storedAnswer is the form on disk of answered.
type storedAnswer struct {
	Number int64     `bson:"number"`
	Reply  bson.Raw  `bson:"reply"`
	At     time.Time `bson:"at"`
}

func (a answered) encode() []byte {
	raw, err := bson.Marshal(storedAnswer{a.number, a.reply, a.at})
	if err != nil {
		panic(err) // the reply is BSON already
	}
	return raw
}

func decodeAnswered(raw []byte) (answered, error) {
	var stored storedAnswer
	err := bson.Unmarshal(bytes.Clone(raw), &stored)
	return answered{stored.Number, stored.Reply, stored.At}, err
}
