package e2e_test

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	portal "medunion/doctor-portal/server"
)

// servePortal is the portal in a process of its own, told by its environment, as its
// operator runs it.
func servePortal() error {
	var cfg portal.Config
	k, err := kong.New(&cfg)
	if err != nil {
		return err
	}
	if _, err := k.Parse(nil); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return portal.Run(ctx, cfg)
}
