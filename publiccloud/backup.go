package main

import (
	"context"
	"fmt"

	"medunion/api/backup"
	"medunion/api/command"
	"medunion/publiccloud/server"
)

type backupCommands struct {
	Create  backupCreate  `cmd:"" help:"Back the database up, beside running instances. The key file is not in it: keep that apart."`
	Verify  backupVerify  `cmd:"" help:"Read a whole backup and say whether it is sound."`
	Restore backupRestore `cmd:"" help:"Put a backup into the configured database, which must be empty."`
}

type backupCreate struct {
	server.Config
	backup.Out
}

// Run makes the file and prints what is in it.
func (b *backupCreate) Run(ctx context.Context) error {
	return command.Print(server.Backup(ctx, b.Config, b.Out))
}

type backupVerify struct {
	server.Config
	backup.In
}

// Run needs the key file and the private key, and no database.
func (b *backupVerify) Run(ctx context.Context) error {
	return command.Print(server.VerifyBackup(ctx, b.Config, b.In))
}

type backupRestore struct {
	server.Config
	backup.In
	command.Confirmation
}

// Run restores after a confirmation.
func (b *backupRestore) Run(ctx context.Context) error {
	m, err := server.VerifyBackup(ctx, b.Config, b.In)
	if err != nil {
		return err
	}
	fmt.Print(m)
	if b.DryRun {
		return nil
	}
	question := "Restore this into " + b.Database + "? Consents of before must be given again; registrations, revocations and index entries that came after the backup are lost."
	if err := b.Confirm(question); err != nil {
		return err
	}
	return command.Print(server.Restore(ctx, b.Config, b.In))
}
