package main

import (
	"context"
	"fmt"
	"os"

	"medunion/api/auditexport"
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
	auditexport.Against
}

// Run fails if a trail is broken, or the export differs from it.
func (a *auditVerify) Run(ctx context.Context) error {
	export, err := a.Read()
	if err != nil {
		return err
	}
	v, err := server.VerifyAudit(ctx, a.Config, export)
	if err == nil {
		fmt.Printf("the registration log holds, to entry %d; the operations hold, to entry %d\n", v.Registrations, v.Operations)
	}
	return err
}

type auditLag struct {
	server.Config
	auditexport.LagLimit
	Trail string `arg:"" enum:"registrations,operations" help:"Which trail the cursor is of."`
}

// Run says how far the export is behind.
func (a *auditLag) Run(ctx context.Context) error {
	lag, err := server.LagOfAudit(ctx, a.Config, a.Trail, a.Cursor)
	if err != nil {
		return err
	}
	return a.Say(os.Stdout, lag)
}
