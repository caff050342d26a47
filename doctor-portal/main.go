// The doctor portal: it carries sealed messages between doctors, patients and the
// clouds, and reads none of them.
package main

import (
	"context"

	"medunion/api/command"
	"medunion/doctor-portal/server"
)

type commands struct {
	Serve   serve           `cmd:"" default:"withargs" help:"Serve; what is done without a command."`
	Version command.Version `cmd:"" help:"Print what was built, and from what."`
	Health  command.Health  `cmd:"" help:"Ask the service on this machine whether it lives."`
}

type serve struct {
	server.Config
}

// Run serves until the process is told to stop.
func (s *serve) Run(ctx context.Context) error { return server.Run(ctx, s.Config) }

func main() {
	command.Program{Name: "doctor-portal", Description: "Carries sealed messages between doctors, patients and the clouds."}.Main(&commands{})
}
