// Command privatecloud runs a hospital's private cloud, or imports a folder of FHIR
// Bundles into it.
package main

import (
	"context"

	"github.com/alecthomas/kong"

	"medunion/api/command"
	"medunion/api/keycommands"
	"medunion/api/settings"
	"medunion/privatecloud/server"
)

type commands struct {
	Serve     serve             `cmd:"" default:"withargs" help:"Serve the protocol and the administration; what is done without a command."`
	Import    importFiles       `cmd:"" help:"Import every *.json of a folder, each a FHIR R4 Bundle."`
	Audit     auditCommands     `cmd:"" help:"The audit trail: export, verify."`
	Erase     erase             `cmd:"" help:"Destroy the record of a patient by destroying its key, with a signed receipt."`
	Retention retentionCommands `cmd:"" help:"Erase the records whose time is over."`
	Keys      keyCommands       `cmd:"" help:"The key file: status, rotation, destruction."`
	Version   command.Version   `cmd:"" help:"Print what was built, and from what."`
	Health    command.Health    `cmd:"" help:"Ask the service on this machine whether it lives."`
	Backup    backupCommands    `cmd:"" help:"Backups: create, verify, restore."`
	Republish republish         `cmd:"" help:"Have all index entries signed and published again, after the public cloud was restored."`
	Migrate   migrate           `cmd:"" help:"Bring the database to this program's schema: 3 if it has it."`
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
	command.Program{Name: "privatecloud", Description: "A hospital's private cloud.",
		Options: []kong.Option{settings.Option(), keycommands.Vars("storage", "storage, or identity: the keys of a credential")}}.Main(&commands{})
}
