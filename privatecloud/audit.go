package main

import (
	"context"
	"fmt"
	"os"

	"medunion/api/auditexport"
	"medunion/api/command"
	"medunion/privatecloud/server"
)

type auditCommands struct {
	Export auditExport `cmd:"" help:"Export the audit trail as FHIR AuditEvents, to a file or to syslog. What comes out is personal data."`
	Verify auditVerify `cmd:"" help:"Verify the whole trail, and an export of it."`
	Lag    auditLag    `cmd:"" help:"How far an export is behind the trail."`
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
	auditexport.Against
}

// Run fails if the trail is broken, or the export differs from it.
func (a *auditVerify) Run(ctx context.Context) error {
	export, err := a.Read()
	if err != nil {
		return err
	}
	last, err := server.VerifyAudit(ctx, a.Config, export)
	if err == nil {
		fmt.Printf("the trail holds, to entry %d\n", last)
	}
	return err
}

type auditLag struct {
	server.Config
	auditexport.LagLimit
}

// Run says how far the export is behind.
func (a *auditLag) Run(ctx context.Context) error {
	lag, err := server.LagOfAudit(ctx, a.Config, a.Cursor)
	if err != nil {
		return err
	}
	return a.Say(os.Stdout, lag)
}
