// The whole suite in one process on this machine, for trying it and for tests: all
// parties, their stores embedded, over real drivers and HTTP on loopback.
package main

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/alecthomas/kong"

	"medunion/deploy/local/source"
	"medunion/deploy/local/suite"
	"medunion/ecc"
)

//go:embed testdata/synthea/*.json testdata/signals/mitdb-100-60s-360hz.csv testdata/signals/ring_data.csv
var testdata embed.FS

// options are common to both commands.
type options struct {
	FHIR      string `help:"Folder of FHIR R4 bundles to import, one patient each; default: twelve synthetic patients." placeholder:"DIR"`
	Hospitals int    `help:"How many hospitals." default:"2"`
	Suite     int    `help:"HPKE suite: 1 is X25519, 2 the post-quantum hybrid X-Wing." default:"1" enum:"1,2"`
	Data      string `help:"Keep all state in this folder across restarts; default: a temporary one." placeholder:"DIR"`
	Verbose   bool   `help:"Write the services' logs to standard error."`
}

type cli struct {
	options `embed:""`
	Serve   serveCmd `cmd:"" default:"withargs" help:"Start everything and stay until Ctrl-C."`
	Visit   visitCmd `cmd:"" help:"Run one whole visit, compare what the doctor received with the source files, and stop."`
}

func main() {
	// Folders given as options are the caller's, also when a script has changed ours.
	if dir := os.Getenv("MEDUNION_CALLER_DIR"); dir != "" {
		if err := os.Chdir(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
	}
	var c cli
	k := kong.Parse(&c, kong.Name("deploy/up"), kong.Description("The whole suite in one process on this machine."), kong.UsageOnError())
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	k.BindTo(ctx, (*context.Context)(nil))
	if err := k.Run(&c.options); err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintln(os.Stderr, "deploy/up:", err)
		stop()
		os.Exit(1)
	}
}

// source reads the folder to import and says what is left out of it.
func (o options) source(notes io.Writer) (source.Source, error) {
	var dir fs.FS
	var err error
	if o.FHIR != "" {
		dir = os.DirFS(o.FHIR)
	} else if dir, err = fs.Sub(testdata, "testdata/synthea"); err != nil {
		return source.Source{}, err
	}
	if o.Hospitals < 1 || o.Hospitals > 64 {
		return source.Source{}, errors.New("1 to 64 hospitals")
	}
	s, err := source.Read(dir, o.Hospitals)
	for _, n := range s.Notes {
		fmt.Fprintln(notes, "note:", n)
	}
	return s, err
}

// dir returns the folder of all state and what to do with it at the end.
func (o options) dir() (path string, remove func() error, err error) {
	if o.Data != "" {
		path, err = filepath.Abs(o.Data)
		return path, func() error { return nil }, err
	}
	path, err = os.MkdirTemp("", "medunion-")
	return path, func() error { return os.RemoveAll(path) }, err
}

func (o options) logger() *slog.Logger {
	if o.Verbose {
		return slog.New(slog.NewJSONHandler(os.Stderr, nil))
	}
	return slog.New(slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
}

// start starts the suite in the folder.
func (o options) start(ctx context.Context, dir string, so suite.Options) (*suite.Suite, error) {
	so.Dir, so.Suite, so.Hospitals, so.Logger = dir, ecc.Suite(o.Suite), o.Hospitals, o.logger()
	return suite.Start(ctx, so)
}
