package main

import (
	"context"
	"fmt"

	"medunion/api/backup"
	"medunion/api/command"
	"medunion/privatecloud/server"
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
func (b *backupVerify) Run() error {
	return command.Print(server.VerifyBackup(b.Config, b.In))
}

type backupRestore struct {
	server.Config
	backup.In
	command.Confirmation
	Receipts   string `help:"Folder with the receipts of erasures: what they name is erased again before anything is served." xor:"receipts" required:"" type:"existingdir"`
	NoReceipts bool   `help:"Restore without: a record that was erased after the backup comes back, and is served." xor:"receipts" required:""`
}

// Run restores after a confirmation.
func (b *backupRestore) Run(ctx context.Context) error {
	m, err := server.VerifyBackup(b.Config, b.In)
	if err != nil {
		return err
	}
	again, err := b.again()
	if err != nil {
		return err
	}
	fmt.Printf("%s%s\n", m, again)
	if b.DryRun {
		return nil
	}
	question := "Restore this into " + b.Database + "? Consents of before must be given again, and what was done after the backup is lost. "
	if err := b.Confirm(question + again); err != nil {
		return err
	}
	return command.Print(server.Restore(ctx, b.Config, b.In, b.Receipts))
}

// again says what the restore erases again.
func (b *backupRestore) again() (string, error) {
	if b.NoReceipts {
		return "No receipts: a record that was erased after the backup comes back.", nil
	}
	n, err := server.CountReceipts(b.Config, b.Receipts)
	return fmt.Sprintf("What %d receipts name is erased again.", n), err
}

type republish struct {
	server.Config
}

// Run marks all index entries; the running instances send them.
func (r *republish) Run(ctx context.Context) error {
	n, err := server.Republish(ctx, r.Config)
	if err == nil {
		fmt.Printf("index entries of %d patients will be published again\n", n)
	}
	return err
}
