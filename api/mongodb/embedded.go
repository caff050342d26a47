package mongodb

import (
	"context"
	"errors"
	"slices"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/mongo"
	"go.mongodb.org/mongo-driver/mongo/options"
)

// EmbeddedModule is what the embedded server of the one-command run calls itself in its
// answer to buildInfo.
const EmbeddedModule = "embedded"

// ErrEmbedded says that a server is for development only.
var ErrEmbedded = errors.New("mongodb: it is the embedded server, which is for development only; name a real one in --mongo-uri (--dev allows it for development)")

// RefuseEmbedded asks the server what it is: ErrEmbedded if it is that of the one-command
// run, Unavailable if it does not answer. A server that tells its users nothing of itself
// is none.
func RefuseEmbedded(ctx context.Context, uri string) error {
	client, err := mongo.Connect(ctx, options.Client().ApplyURI(uri).SetServerSelectionTimeout(selectTimeout))
	if err != nil {
		return Failed("connect", err)
	}
	defer func() { _ = client.Disconnect(context.WithoutCancel(ctx)) }()
	var info struct{ Modules []string }
	err = client.Database("admin").RunCommand(ctx, bson.D{{Key: "buildInfo", Value: 1}}).Decode(&info)
	var refused mongo.CommandError
	switch {
	case errors.As(err, &refused):
		return nil
	case err != nil:
		return Failed("buildInfo", err)
	case slices.Contains(info.Modules, EmbeddedModule):
		return ErrEmbedded
	}
	return nil
}
