package server

import (
	"context"

	"medunion/privatecloud/internal/mongostore"
)

// Migrate brings the configured database to this program's schema, and with shard spreads
// its large collections over a cluster. It returns what was done, or with dry what would be.
func Migrate(ctx context.Context, c Config, dry, shard bool) (done []string, err error) {
	c = c.withDefaults()
	done, err = mongostore.Versions.Bring(ctx, c.MongoURI, c.Database, dry, shard)
	return done, explained(err)
}
