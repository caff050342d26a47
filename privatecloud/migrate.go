package main

import (
	"context"

	"medunion/api/command"
	"medunion/privatecloud/server"
)

type migrate struct {
	server.Config
	command.Migration
}

// Run ends with 3 if there is nothing to do.
func (m *migrate) Run(ctx context.Context) error {
	return m.Say(server.Migrate(ctx, m.Config, m.DryRun, m.Shard))
}
