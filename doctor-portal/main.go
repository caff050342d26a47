// The doctor portal: it carries sealed messages between doctors, patients and the
// clouds, and reads none of them.
package main

import (
	"context"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"medunion/doctor-portal/server"
)

func main() {
	var cfg server.Config
	cli := kong.Parse(&cfg, kong.Name("doctor-portal"), kong.Description("Carries sealed messages between doctors, patients and the clouds."))
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	cli.FatalIfErrorf(server.Run(ctx, cfg))
}
