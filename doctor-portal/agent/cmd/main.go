// Command doctor-agent runs the doctor's role behind a REST API on loopback.
package main

import (
	"context"

	"github.com/alecthomas/kong"

	"medunion/api/command"
	"medunion/api/settings"
	"medunion/doctor-portal/agent"
)

type commands struct {
	Serve   serve           `cmd:"" default:"withargs" help:"Serve; what is done without a command."`
	Version command.Version `cmd:"" help:"Print what was built, and from what."`
}

type serve struct {
	agent.Config
	settings.Actions
}

// Run serves until the process is told to stop.
func (s *serve) Run(ctx context.Context, k *kong.Context, from *settings.Sources) error {
	return s.Do(k, from, s.Problems, func() error { return agent.Run(ctx, s.Config) })
}

func main() {
	command.Program{Name: "doctor-agent", Description: "The headless doctor agent: the doctor's role behind a REST API on loopback.",
		Options: []kong.Option{settings.Option()}}.Main(&commands{})
}
