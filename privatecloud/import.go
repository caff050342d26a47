package main

import (
	"context"
	"fmt"
	"os"

	"medunion/privatecloud/internal/fhir"
	"medunion/privatecloud/server"
)

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
