// Command publiccloud runs the public cloud: registrar, directory and index.
package main

import (
	"context"

	"medunion/api/command"
	"medunion/publiccloud/server"
)

type commands struct {
	Serve   serve           `cmd:"" default:"withargs" help:"Serve; what is done without a command."`
	Keys    keyCommands     `cmd:"" help:"Look after the keys at rest."`
	Backup  backupCommands  `cmd:"" help:"Backups: create, verify, restore."`
	Version command.Version `cmd:"" help:"Print what was built, and from what."`
	Health  command.Health  `cmd:"" help:"Ask the service on this machine whether it lives."`
}

type serve struct {
	server.Config
}

// Run serves until the process is told to stop.
func (s *serve) Run(ctx context.Context) error { return server.Run(ctx, s.Config) }

func main() {
	command.Program{Name: "publiccloud", Description: "The public cloud: registrar, directory and index."}.Main(&commands{})
}
