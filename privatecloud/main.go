// Command privatecloud runs a hospital's private cloud, or imports a folder of FHIR
// Bundles into it.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"medunion/privatecloud/internal/fhir"
	"medunion/privatecloud/server"
)

type commands struct {
	Serve  serve       `cmd:"" help:"Serve the protocol and the administration."`
	Import importFiles `cmd:"" help:"Import every *.json of a folder, each a FHIR R4 Bundle."`
}

type serve struct {
	server.Config
}

// Run serves until the process is told to stop.
func (s *serve) Run(ctx context.Context) error { return server.Run(ctx, s.Config) }

type importFiles struct {
	server.Config
	Dir    string `arg:"" help:"The folder." type:"existingdir"`
	DryRun bool   `help:"Validate and report, store nothing."`
	JSON   bool   `help:"The report as one JSON object."`
	Quiet  bool   `help:"No progress."`
}

// Run imports the folder and fails if anything in it was not stored.
func (i *importFiles) Run(ctx context.Context) error {
	progress := func(p fhir.Progress) {
		fmt.Fprintf(os.Stderr, "\rfile %d of %d, %.1f of %.1f MB, %d resources", p.File, p.Files, float64(p.Bytes)/1e6, float64(p.Total)/1e6, p.Found)
		if p.File == p.Files {
			fmt.Fprintln(os.Stderr)
		}
	}
	if i.Quiet {
		progress = nil
	}
	report, err := server.Import(ctx, i.Config, i.Dir, i.DryRun, progress)
	write := report.Text
	if i.JSON {
		write = report.JSON
	}
	if werr := write(os.Stdout); err == nil {
		err = werr
	}
	if n := report.Total(); err == nil && report.Refused+n.Invalid+n.Unknown+n.TooLarge+n.Unplaced > 0 {
		err = fmt.Errorf("%d bundles and %d resources were not stored: see the report", report.Refused, n.Invalid+n.Unknown+n.TooLarge+n.Unplaced)
	}
	return err
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var c commands
	k := kong.Parse(&c, kong.Description("A hospital's private cloud."), kong.BindTo(ctx, (*context.Context)(nil)))
	k.FatalIfErrorf(k.Run())
}
