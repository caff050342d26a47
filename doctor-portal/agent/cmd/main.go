// Command doctor-agent runs the doctor's role behind a REST API on loopback.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"medunion/doctor-portal/agent"
)

func main() {
	var cfg agent.Config
	kong.Parse(&cfg, kong.Name("doctor-agent"), kong.Description("The headless doctor agent: the doctor's role behind a REST API on loopback."))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := agent.Run(ctx, cfg); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
