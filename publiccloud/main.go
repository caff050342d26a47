// Command publiccloud runs the public cloud: registrar, directory and index.
package main

import (
	"context"

	"github.com/alecthomas/kong"

	"medunion/api/command"
	"medunion/api/keycommands"
	"medunion/api/settings"
	"medunion/publiccloud/server"
)

type commands struct {
	Serve   serve           `cmd:"" default:"withargs" help:"Serve; what is done without a command."`
	Keys    keyCommands     `cmd:"" help:"Look after the keys at rest."`
	Revoke  revoke          `cmd:"" help:"Revoke the credential of a doctor, a hospital or a patient."`
	Backup  backupCommands  `cmd:"" help:"Backups: create, verify, restore."`
	Audit   auditCommands   `cmd:"" help:"What was registered, and what operators did: export it, verify it, watch over an export."`
	Pins    pinsCommand     `cmd:"" help:"Print the pins of this public cloud (JSON), which every other party holds."`
	Migrate migrate         `cmd:"" help:"Bring the database to this program's schema: 3 if it has it."`
	Version command.Version `cmd:"" help:"Print what was built, and from what."`
	Health  command.Health  `cmd:"" help:"Ask the service on this machine whether it lives."`
}

type serve struct {
	server.Config
	settings.Actions
}

// Run serves until the process is told to stop.
func (s *serve) Run(ctx context.Context, k *kong.Context, from *settings.Sources) error {
	return s.Do(k, from, s.Problems, func() error { return server.Run(ctx, s.Config) })
}

func main() {
	command.Program{Name: "publiccloud", Description: "The public cloud: registrar, directory and index.",
		Options: []kong.Option{settings.Option(), keycommands.Vars("sealing or challenge", "sealing or challenge")}}.Main(&commands{})
}
