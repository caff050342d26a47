package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"text/tabwriter"
	"time"

	"medunion/api/command"
	"medunion/publiccloud/server"
)

type rootKeys struct {
	Status   rootStatus   `cmd:"" help:"Show all roots, which are good, which one signs, and who has loaded the key file."`
	Announce rootAnnounce `cmd:"" help:"Draw a new root and announce the times in which it takes over. It cannot be taken back."`
	Retire   rootRetire   `cmd:"" help:"Destroy the secrets of a root that has ended."`
}

type rootStatus struct {
	server.RootTools
	JSON bool `help:"One JSON object."`
}

// Run prints the status.
func (r *rootStatus) Run(ctx context.Context) error {
	s, err := r.RootStatus(ctx)
	if err != nil {
		return err
	}
	if r.JSON {
		return command.PrintJSON(s)
	}
	fmt.Printf("%d instances, %d have not loaded the key file as it is\n", s.Instances, s.Behind)
	t := tabwriter.NewWriter(os.Stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "ROOT\tPUK_C\tFROM\tUNTIL\tSECRETS\tNOW")
	for _, l := range s.Roots {
		fmt.Fprintf(t, "%d\t%s\t%s\t%s\t%s\t%s\n", l.Number, l.PUKC[:16], command.Stamp(l.From), command.Stamp(l.Until), held(l), state(l))
	}
	return t.Flush()
}

func held(l server.RootLine) string {
	if l.Held {
		return "here"
	}
	return "destroyed"
}

func state(l server.RootLine) string {
	switch {
	case l.Signing:
		return "signs"
	case l.Good:
		return "good"
	}
	return "-"
}

type rootAnnounce struct {
	server.RootTools
	command.Confirmation
	In      time.Duration `help:"How long from now until the new root is good; an hour at least." default:"168h"`
	Overlap time.Duration `help:"How long the old root stays good beside it; a day at least. All credentials of the old root end with it: by default it outlives the last one." default:"17544h"`
	Wait    time.Duration `help:"How long to wait for the instances to load the key file." default:"2m"`
}

// Run announces.
func (r *rootAnnounce) Run(ctx context.Context) error {
	from := time.Now().Add(r.In).Truncate(time.Second)
	until := from.Add(r.Overlap)
	if err := r.CheckAnnounce(ctx, from, until); err != nil {
		return refusedOr(err)
	}
	words := fmt.Sprintf("a new root, good from %s on; the old one until %s, and with it every credential that it issued", command.Stamp(&from), command.Stamp(&until))
	ahead, err := r.Ahead("would announce "+words, "You announce "+words+". All parties will keep to these times; they cannot be changed any more.")
	if !ahead {
		return err
	}
	s, err := r.Announce(ctx, from, until)
	if err != nil {
		return refusedOr(err)
	}
	fmt.Printf("announced root %d: %s\n", s.Number, words)
	if err := r.AwaitRoots(ctx, r.Wait); err != nil {
		return fmt.Errorf("it is in the key file; copy the file to every instance before %s: %w", command.Stamp(&from), err)
	}
	fmt.Println("every instance has it")
	return nil
}

type rootRetire struct {
	server.RootTools
	command.Confirmation
	Wait time.Duration `help:"How long to wait for the instances to load the key file." default:"2m"`
}

// Run destroys.
func (r *rootRetire) Run(ctx context.Context) error {
	root, err := r.CheckRetire(ctx)
	if errors.Is(err, server.ErrNoneEnded) {
		fmt.Println(err)
		return command.Exit{Code: command.Nothing, Err: err}
	}
	if err != nil {
		return refusedOr(err)
	}
	name := fmt.Sprintf("%x", root.PUKC.Bytes()[:8])
	if ahead, err := r.Ahead("would destroy the secrets of root "+name, "The secrets of root "+name+" are destroyed, for good."); !ahead {
		return err
	}
	if err := r.Retire(ctx); err != nil {
		return refusedOr(err)
	}
	fmt.Println("the secrets of root " + name + " are destroyed; destroy the backups of the key file from before, too")
	if err := r.AwaitRoots(ctx, r.Wait); err != nil {
		return fmt.Errorf("copy the key file to every instance: %w", err)
	}
	return nil
}
