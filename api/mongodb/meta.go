package mongodb

import (
	"context"
	"errors"
	"time"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/mongo"
	"go.mongodb.org/mongo-driver/mongo/options"
)

// Meta is the collection of what a database says of itself, one document each.
const Meta = "meta"

// Keyring is the collection in which instances say which key ring they hold: of those that
// run, so that it is no part of a backup.
const Keyring = "keyring"

const (
	restoreID = "restore"
	backupID  = "backup"
	probeID   = "probe"
)

// ErrUnfinished says that a restore into this database has begun and not ended.
var ErrUnfinished = errors.New("a restore into this database was not finished: drop it and restore again")

type restoreDoc struct {
	ID    string `bson:"_id"`
	Done  bool   `bson:"done"`
	Floor int64  `bson:"floor"` // ms since 1970
}

// BeginRestore marks the database, so that no service starts on half of one.
func (d Database) BeginRestore(ctx context.Context) error {
	_, err := d.Collection(Meta).InsertOne(ctx, restoreDoc{ID: restoreID})
	return Failed("begin the restore", err)
}

// EndRestore takes the mark away and keeps the floor, in ms since 1970: what was signed
// before is not known in full here.
func (d Database) EndRestore(ctx context.Context, floor int64) error {
	set := bson.D{{Key: "$set", Value: bson.D{{Key: "done", Value: true}, {Key: "floor", Value: floor}}}}
	_, err := d.Collection(Meta).UpdateOne(ctx, bson.D{{Key: "_id", Value: restoreID}}, set)
	return Failed("end the restore", err)
}

// Floor is that of the restore by which the database was made, 0 if it was made by none.
// It fails with ErrUnfinished while a restore is under way.
func (d Database) Floor(ctx context.Context) (int64, error) {
	var r restoreDoc
	err := d.Collection(Meta).FindOne(ctx, bson.D{{Key: "_id", Value: restoreID}}).Decode(&r)
	switch {
	case errors.Is(err, mongo.ErrNoDocuments):
		return 0, nil
	case err != nil:
		return 0, Failed("read the floor", err)
	case !r.Done:
		return 0, ErrUnfinished
	}
	return r.Floor, nil
}

// ProbeWrite writes as durably as every write: one document, which says how often it was
// written. A primary that answers may still take none, as without a majority or with a full disk.
func (d Database) ProbeWrite(ctx context.Context) error {
	add := bson.D{{Key: "$inc", Value: bson.D{{Key: "n", Value: int64(1)}}}}
	_, err := d.Collection(Meta).UpdateOne(ctx, bson.D{{Key: "_id", Value: probeID}}, add, options.Update().SetUpsert(true))
	if mongo.IsDuplicateKeyError(err) {
		return nil // another instance wrote it first, at the same moment
	}
	return Failed("probe", err)
}

type backupDoc struct {
	ID string `bson:"_id"`
	At int64  `bson:"at"` // ms since 1970
}

// BackedUp keeps when the newest backup was begun that has been completed: what was written before is
// in it. An older one changes nothing.
func (d Database) BackedUp(ctx context.Context, begun time.Time) error {
	set := bson.D{{Key: "$max", Value: bson.D{{Key: "at", Value: begun.UnixMilli()}}}}
	_, err := d.Collection(Meta).UpdateOne(ctx, bson.D{{Key: "_id", Value: backupID}}, set, options.Update().SetUpsert(true))
	return Failed("note the backup", err)
}

// LastBackup is that time, the zero time if there was no backup since the database was made.
func (d Database) LastBackup(ctx context.Context) (time.Time, error) {
	var b backupDoc
	err := d.Collection(Meta).FindOne(ctx, bson.D{{Key: "_id", Value: backupID}}).Decode(&b)
	if errors.Is(err, mongo.ErrNoDocuments) {
		return time.Time{}, nil
	}
	return time.UnixMilli(b.At), Failed("read when the last backup was", err)
}
