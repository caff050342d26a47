package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/term"

	"medunion/api/command"
	"medunion/api/message"
	"medunion/privatecloud/hospital"
	"medunion/privatecloud/server"
)

type erase struct {
	server.Config
	command.Confirmation
	MRNFile  string `name:"mrn-file" help:"File (mode 0600) whose first line is the medical record number of the record to destroy; - is standard input." xor:"what" required:""`
	Replay   string `help:"After a restore: erase again whatever receipts of this folder say was erased. The hospital must not serve." xor:"what" required:"" type:"existingdir"`
	Check    string `help:"Verify the receipt in this file, and destroy nothing." xor:"what" required:"" type:"existingfile"`
	Ground   string `help:"Why, in words without an identifier; it stands in the receipt and in the trail." default:"asked by the patient"`
	Receipts string `help:"Folder for the receipt. Keep it where the backups of the database do not reach." type:"path"`
}

// Run destroys a record, or replays or verifies receipts.
func (e *erase) Run(ctx context.Context) error {
	switch {
	case e.Check != "":
		return e.check()
	case e.Replay != "":
		return e.replay(ctx)
	}
	return e.record(ctx)
}

func (e *erase) record(ctx context.Context) error {
	o := hospital.Order{Ground: e.Ground, Operator: operator()}
	if !message.ValidErasureTexts(o.Ground, o.Operator) {
		return command.Refuse("the ground is text on one line, up to %d bytes", message.MaxErasureGround)
	}
	if e.Receipts == "" && !e.DryRun {
		return command.Refuse("--receipts is needed: a record is not destroyed without a receipt")
	}
	mrn, err := server.ReadMRN(e.MRNFile, os.Stdin)
	if err != nil {
		return err
	}
	if e.DryRun {
		return e.preview(ctx, mrn)
	}
	if !e.Yes {
		if err := e.preview(ctx, mrn); err != nil {
			return err
		}
		if err := typed("All of this is destroyed for good. Type the medical record number: ", mrn); err != nil {
			return err
		}
	}
	r, err := server.EraseRecord(ctx, e.Config, mrn, o, e.Receipts)
	if err == nil {
		printReceipt(r)
	}
	return err
}

func (e *erase) preview(ctx context.Context, mrn string) error {
	p, err := server.PreviewErasure(ctx, e.Config, mrn)
	if err == nil {
		fmt.Printf("%d versions of resources, %d bytes, %d releases, %d diagnoses; enrolled: %v; %d index entries\n", p.Versions, p.Bytes, p.Releases,
			p.Diagnoses, p.Enrolled, p.Entries)
	}
	return err
}

func (e *erase) replay(ctx context.Context) error {
	n, err := server.ReplayErasures(ctx, e.Config, e.Replay, operator(), true)
	if err != nil {
		return err
	}
	fmt.Printf("%d records are here that were erased before\n", n)
	if n == 0 || e.DryRun {
		return nil
	}
	if err := e.Confirm("They are destroyed again."); err != nil {
		return err
	}
	n, err = server.ReplayErasures(ctx, e.Config, e.Replay, operator(), false)
	fmt.Printf("%d records erased again\n", n)
	return err
}

func (e *erase) check() error {
	r, err := server.VerifyErasureReceipt(e.Config, e.Check)
	if err == nil {
		printReceipt(r)
	}
	return err
}

func printReceipt(r server.ErasureReceipt) {
	fmt.Printf("erased by %s at %s: record %s, %d versions, %d bytes; %s (%s)\n", r.Hospital, r.Time.Format(time.RFC3339), r.Record, r.Versions, r.Bytes, r.Ground,
		r.Operator)
}

// operator is who runs the program, within the bounds of a receipt.
func operator() string {
	name := command.Operator()
	return name[:min(len(name), message.MaxErasureOperator)]
}

// typed asks for a word at the terminal. Without one it refuses: there --yes confirms.
func typed(question, word string) error {
	if !term.IsTerminal(int(os.Stdin.Fd())) {
		return command.Refuse("not confirmed: there is no terminal to ask at; give --yes to mean it")
	}
	fmt.Fprint(os.Stderr, question)
	line, _ := bufio.NewReader(os.Stdin).ReadString('\n')
	if strings.TrimSpace(line) != word {
		return command.Refuse("not confirmed: nothing was done")
	}
	return nil
}

type retentionCommands struct {
	List  retentionList  `cmd:"" help:"List the records whose time is over."`
	Apply retentionApply `cmd:"" help:"Erase them; without --yes only list them."`
}

type retentionList struct {
	server.Config
	server.Retention
}

// Run lists.
func (r *retentionList) Run(ctx context.Context) error {
	return listRetention(ctx, r.Config, r.Retention)
}

func listRetention(ctx context.Context, c server.Config, r server.Retention) error {
	if err := r.Check(); err != nil {
		return command.Refuse("%w", err)
	}
	n, held := 0, 0
	err := server.ListRetention(ctx, c, r, func(o server.OldRecord) {
		n++
		mark := ""
		if o.Held {
			held++
			mark = " on hold"
		}
		fmt.Printf("%s %s%s\n", o.Record, o.Last.Format(time.DateOnly), mark)
	})
	if err == nil {
		fmt.Printf("%d records are older than %d years, %d of them on hold\n", n, r.Years, held)
	}
	return err
}

type retentionApply struct {
	server.Config
	server.Retention
	Receipts string `required:"" help:"Folder for the receipts." type:"existingdir"`
	Yes      bool   `help:"Erase them."`
}

// Run erases, or says what it would.
func (r *retentionApply) Run(ctx context.Context) error {
	if !r.Yes {
		return listRetention(ctx, r.Config, r.Retention)
	}
	if err := r.Check(); err != nil {
		return command.Refuse("%w", err)
	}
	n := 0
	err := server.ApplyRetention(ctx, r.Config, r.Retention, operator(), r.Receipts, func(s server.ErasureReceipt) { n++; printReceipt(s) })
	fmt.Printf("%d records erased\n", n)
	return err
}
