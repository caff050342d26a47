package main

import (
	"context"
	"errors"
	"fmt"

	"medunion/api/command"
	"medunion/privatecloud/server"
)

type migrate struct {
	server.Config
	DryRun bool `help:"Say what would be done, and do nothing."`
	Shard  bool `help:"Also spread the large collections over the shards; the URI is that of a mongos."`
}

// Run ends with 3 if there is nothing to do.
func (m *migrate) Run(ctx context.Context) error {
	done, err := server.Migrate(ctx, m.Config, m.DryRun, m.Shard)
	for _, what := range done {
		fmt.Println(what)
	}
	if err == nil && len(done) == 0 {
		return command.Exit{Code: command.Nothing, Err: errors.New("the database has this program's schema")}
	}
	return err
}
