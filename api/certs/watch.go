package certs

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// Source is something in files that a running service reads anew.
type Source interface {
	Name() string
	// Reload says whether something else is in force than before. After an error what was
	// in force still is.
	Reload() (changed bool, err error)
}

// Every is how often files are looked at. It bounds how long a changed file is unknown where
// nobody sends SIGHUP.
const Every = 10 * time.Second

// Watch reads the sources anew at intervals and at once on SIGHUP, until ctx ends. While it
// runs, SIGHUP does not end the process, even with no sources: who reloads a service that has
// nothing to reload does not mean to stop it. Contents are compared and not times, so that a
// mounted secret that is exchanged by a symbolic link is noticed.
func Watch(ctx context.Context, log *slog.Logger, every time.Duration, sources ...Source) {
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	defer signal.Stop(hup)
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-hup:
		case <-tick.C:
		}
		for _, s := range sources {
			reload(log, s)
		}
	}
}

func reload(log *slog.Logger, s Source) {
	changed, err := s.Reload()
	switch {
	case err != nil:
		log.Error("a changed file is not taken: what was read before stays in force", "file", s.Name(), "reason", err.Error())
	case changed:
		log.Info("a changed file is in force", "file", s.Name())
	}
}
