package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"medunion/api/command"
	"medunion/publiccloud/server"
)

type auditCommands struct {
	Export auditExport `cmd:"" help:"Export the registration log, or what operators did, as FHIR AuditEvents, to a file or to syslog."`
	Verify auditVerify `cmd:"" help:"Verify both, and an export of them."`
	Lag    auditLag    `cmd:"" help:"How far an export is behind."`
}

type auditExport struct {
	server.Config
	server.AuditExport
}

// Run exports; with --follow it ends when it is stopped.
func (a *auditExport) Run(ctx context.Context) error {
	if err := a.AuditExport.Check(); err != nil {
		return command.Refuse("%w", err)
	}
	a.Note = func(text string) { fmt.Fprintln(os.Stderr, "audit export:", text) }
	done, err := server.ExportAudit(ctx, a.Config, a.AuditExport)
	fmt.Fprintf(os.Stderr, "verified to entry %d, %d events exported\n", done.Number, done.Exported)
	return err
}

type auditVerify struct {
	server.Config
	Against string `help:"File of an export (NDJSON) by the same version of this program; - is standard input." type:"path"`
}

// Run fails if a trail is broken, or the export differs from it.
func (a *auditVerify) Run(ctx context.Context) error {
	var export io.Reader
	switch a.Against {
	case "":
	case "-":
		export = os.Stdin
	default:
		f, err := os.Open(a.Against)
		if err != nil {
			return err
		}
		defer f.Close()
		export = f
	}
	v, err := server.VerifyAudit(ctx, a.Config, export)
	if err == nil {
		fmt.Printf("the registration log holds, to entry %d; the operations hold, to entry %d\n", v.Registrations, v.Operations)
	}
	return err
}

type auditLag struct {
	server.Config
	Trail  string        `arg:"" enum:"registrations,operations" help:"Which trail the cursor is of."`
	Cursor string        `required:"" help:"Cursor of the export." type:"existingfile"`
	Max    time.Duration `help:"Fail if the oldest event that was not exported is older than this."`
}

// Run says how far the export is behind.
func (a *auditLag) Run(ctx context.Context) error {
	lag, err := server.LagOfAudit(ctx, a.Config, a.Trail, a.Cursor)
	if err != nil {
		return err
	}
	fmt.Printf("%d entries behind, the oldest %.0f s old\n", lag.Entries, lag.Since.Seconds())
	if a.Max > 0 && lag.Since > a.Max {
		return fmt.Errorf("the export is more than %v behind", a.Max)
	}
	return nil
}
