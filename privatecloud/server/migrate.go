package server

import (
	"context"

	"medunion/api/mongodb"
	"medunion/privatecloud/internal/mongostore"
)

// Migrate brings the configured database to this program's schema, and with shard spreads
// its large collections over a cluster. It returns what was done, or with dry what would be.
func Migrate(ctx context.Context, c Config, dry, shard bool) (done []string, err error) {
	c = c.withDefaults()
	if done, err = mongodb.Migrate(ctx, c.MongoURI, c.Database, mongostore.Versions, dry); err != nil || !shard {
		return done, explained(err)
	}
	for _, k := range mongostore.Versions.Sharded {
		if dry {
			done = append(done, "shard "+k.Collection+" by "+k.Field)
		}
	}
	if dry {
		return done, nil
	}
	sharded, err := mongodb.Shard(ctx, c.MongoURI, c.Database, mongostore.Versions)
	return append(done, sharded...), explained(err)
}
