// The doctor portal: it carries sealed messages between doctors, patients and the
// clouds, and reads none of them.
package main

import (
	"context"

	"github.com/alecthomas/kong"

	"medunion/api/command"
	"medunion/api/settings"
	"medunion/doctor-portal/server"
)

type commands struct {
	Serve   serve           `cmd:"" default:"withargs" help:"Serve; what is done without a command."`
	Keys    keyCommands     `cmd:"" help:"Look after the session key."`
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
	command.Program{Name: "doctor-portal", Description: "Carries sealed messages between doctors, patients and the clouds.",
		Options: []kong.Option{settings.Option()}}.Main(&commands{})
}
