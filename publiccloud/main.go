// Command publiccloud runs the public cloud: registrar, directory and index.
package main

import (
	"context"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"medunion/publiccloud/server"
)

func main() {
	var c server.Config
	k := kong.Parse(&c, kong.Name("publiccloud"), kong.Description("The public cloud: registrar, directory and index."))
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	k.FatalIfErrorf(server.Run(ctx, c))
}
