package mongodb

import (
	"context"
	"errors"
	"fmt"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/mongo"
	"go.mongodb.org/mongo-driver/mongo/options"
)

// A Schema is what a program makes of a database, in numbered versions.
//
// A migration first expands: it adds indexes, fields and collections that the programs of
// before do not look at, so that both work on the database side by side while instances are
// exchanged one by one. What takes something away from the programs of before comes in a
// later version, when none of them runs any more: that migration says which programs still
// fit (Oldest).
type Schema struct {
	// Needs is the oldest version of a database that this program works with. Version, the
	// newest, is that of the last migration.
	Needs      int
	Migrations []Migration // by version, from 1 without a gap
	Sharded    []ShardKey  // of a sharded cluster; a collection that is not named is not sharded

	used bool // an empty database is refused
}

// Used is the schema for an operator's command about what is there: Open refuses an empty database with ErrEmpty, and leaves
// it empty.
func (s Schema) Used() Schema {
	s.used = true
	return s
}

// Migration brings a database from the version before to this one. Run may be interrupted
// anywhere and run again, also by two at once.
type Migration struct {
	What   string // for the operator
	Oldest int    // version of the oldest program that works with the database after it; 1 or more
	Run    func(ctx context.Context, db Database) error
}

// ShardKey is that of one collection: a field, ascending. Every unique index of the
// collection must begin with it, because a server enforces it on its own part only.
type ShardKey struct{ Collection, Field string }

// ErrSchema says that a database and a program do not fit.
var ErrSchema = errors.New("the database's schema does not fit this program")

// ErrEmpty says that no program has served from a database.
var ErrEmpty = errors.New("the database is empty, no service has used it: is it the right one?")

// Version is what the migrations lead to.
func (s Schema) Version() int { return len(s.Migrations) }

const schemaID = "schema"

type schemaDoc struct {
	ID      string `bson:"_id"`
	Version int    `bson:"version"`
	Oldest  int    `bson:"oldest"`
}

// schema reads the database's version; none is version 0.
func (d Database) schema(ctx context.Context) (s schemaDoc, err error) {
	err = d.Collection(Meta).FindOne(ctx, bson.D{{Key: "_id", Value: schemaID}}).Decode(&s)
	if errors.Is(err, mongo.ErrNoDocuments) {
		return schemaDoc{}, nil
	}
	return s, Failed("read the schema's version", err)
}

// fit says whether the program may work on the database.
func (s Schema) fit(ctx context.Context, db Database) error {
	at, err := db.schema(ctx)
	if err != nil {
		return err
	}
	if at.Version == 0 && s.used {
		return fmt.Errorf("%w (%s)", ErrEmpty, db.Name())
	}
	if at.Version == 0 {
		_, err := s.migrate(ctx, db, at, s.Version())
		return err
	}
	switch {
	case at.Version < s.Needs:
		return fmt.Errorf("%w: it has version %d and the program needs %d: run migrate first", ErrSchema, at.Version, s.Needs)
	case at.Oldest > s.Version():
		return fmt.Errorf("%w: version %d is for programs of version %d and newer, and this one has %d: use a newer program", ErrSchema, at.Version, at.Oldest, s.Version())
	}
	return nil
}

// Migrate brings a database to the program's version and returns what was done, or with
// dry what would be. Instances may run meanwhile: those that do not fit the version that it
// leads to are not started any more, and an operator stops them before.
func Migrate(ctx context.Context, uri, name string, s Schema, dry bool) (done []string, err error) {
	db, err := connect(ctx, uri, name)
	if err != nil {
		return nil, err
	}
	defer db.Close(context.WithoutCancel(ctx))
	at, err := db.schema(ctx)
	if err != nil {
		return nil, err
	}
	if dry {
		for v := at.Version; v < s.Version(); v++ {
			done = append(done, s.Migrations[v].What)
		}
		return done, nil
	}
	return s.migrate(ctx, db, at, s.Version())
}

// Bring is Migrate and, with shard, Shard: what an operator's command does. With dry it returns what
// both would do.
func (s Schema) Bring(ctx context.Context, uri, name string, dry, shard bool) (done []string, err error) {
	if done, err = Migrate(ctx, uri, name, s, dry); err != nil || !shard {
		return done, err
	}
	if dry {
		for _, k := range s.Sharded {
			done = append(done, "shard "+k.Collection+" by "+k.Field)
		}
		return done, nil
	}
	sharded, err := Shard(ctx, uri, name, s)
	return append(done, sharded...), err
}

func (s Schema) migrate(ctx context.Context, db Database, at schemaDoc, to int) (done []string, err error) {
	for v := at.Version; v < to; v++ {
		m := s.Migrations[v]
		if err := m.Run(ctx, db); err != nil {
			return done, err
		}
		// Two that migrate at once do the same, and neither takes a version back.
		up := bson.D{{Key: "$max", Value: bson.D{{Key: "version", Value: v + 1}, {Key: "oldest", Value: max(m.Oldest, 1)}}}}
		_, err := db.Collection(Meta).UpdateOne(ctx, bson.D{{Key: "_id", Value: schemaID}}, up, options.Update().SetUpsert(true))
		if mongo.IsDuplicateKeyError(err) { // the other one made the document
			_, err = db.Collection(Meta).UpdateOne(ctx, bson.D{{Key: "_id", Value: schemaID}}, up)
		}
		if err != nil {
			return done, Failed("write the schema's version", err)
		}
		done = append(done, m.What)
	}
	return done, nil
}

// Shard spreads the schema's large collections over the shards of a cluster; the URI must
// be that of its mongos. It may be done again. It returns what is sharded now.
func Shard(ctx context.Context, uri, name string, s Schema) (done []string, err error) {
	db, err := connect(ctx, uri, name)
	if err != nil {
		return nil, err
	}
	defer db.Close(context.WithoutCancel(ctx))
	admin := db.Client().Database("admin")
	if err := admin.RunCommand(ctx, bson.D{{Key: "enableSharding", Value: name}}).Err(); err != nil {
		return nil, notSharded(err)
	}
	for _, k := range s.Sharded {
		command := bson.D{{Key: "shardCollection", Value: name + "." + k.Collection}, {Key: "key", Value: bson.D{{Key: k.Field, Value: 1}}}}
		if err := admin.RunCommand(ctx, command).Err(); err != nil {
			return done, Failed("shard "+k.Collection, err)
		}
		done = append(done, k.Collection+" by "+k.Field)
	}
	return done, nil
}

const commandNotFound = 59

func notSharded(err error) error {
	var c mongo.CommandError
	if errors.As(err, &c) && c.Code == commandNotFound {
		return errors.New("the server is no mongos: only a sharded cluster can shard")
	}
	return Failed("enable sharding", err)
}

// CheckShardKeys fails if a unique index of a sharded collection does not begin with the
// shard key, or if a collection is named twice.
func (s Schema) CheckShardKeys(indexes []Index) error {
	keys := map[string]string{}
	for _, k := range s.Sharded {
		if keys[k.Collection] != "" {
			return fmt.Errorf("%s has two shard keys", k.Collection)
		}
		keys[k.Collection] = k.Field
	}
	for _, x := range indexes {
		if key := keys[x.collection]; x.unique && key != "" && x.fields[0] != key {
			return fmt.Errorf("the unique index %v of %s does not begin with its shard key %s", x.fields, x.collection, key)
		}
	}
	return nil
}

// Indexed is the migration that makes indexes.
func Indexed(what string, indexes []Index) Migration {
	return Migration{What: what, Oldest: 1, Run: func(ctx context.Context, db Database) error { return db.CreateIndexes(ctx, indexes) }}
}
