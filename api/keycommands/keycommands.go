// Package keycommands holds the commands about keys that are the same in each service: status, rotate
// and destroy where instances share a store (api/keyroll), and rewrap.
package keycommands

import (
	"context"
	"fmt"
	"os"
	"text/tabwriter"
	"time"

	"github.com/alecthomas/kong"

	"medunion/api/command"
	"medunion/api/keyroll"
)

// Tools are a service's flags that name its key file and its store.
type Tools interface {
	// With opens both for one command.
	With(ctx context.Context, do func(*keyroll.Roll) error) error
}

// Tree are the commands that need the store. A program that has more to show or to destroy embeds one
// of them in a command of its own. Vars name the keys.
type Tree[T Tools] struct {
	Status  Status[T]  `cmd:"" help:"Show the versions of each key, who has loaded them, and what lies under them."`
	Rotate  Rotate[T]  `cmd:"" help:"Roll a key: ${rolled}. An interrupted roll goes on where it was."`
	Destroy Destroy[T] `cmd:"" help:"Destroy a version that nothing lies under any more."`
}

// Vars are for the help: the keys that are rolled, and those whose versions are destroyed.
func Vars(rolled, destroyed string) kong.Vars {
	return kong.Vars{"rolled": rolled, "destroyed": destroyed}
}

// with opens the tools. What was not tried ends with code 2.
func with(ctx context.Context, t Tools, do func(*keyroll.Roll) error) error {
	return command.RefuseFor(t.With(ctx, do), keyroll.Refusals...)
}

// Status is the command that shows the ring.
type Status[T Tools] struct {
	Tools T    `embed:""`
	JSON  bool `help:"One JSON object."`
}

// Run prints the status.
func (k *Status[T]) Run(ctx context.Context) error {
	return with(ctx, k.Tools, func(w *keyroll.Roll) error {
		s, err := w.Status(ctx)
		switch {
		case err != nil:
			return err
		case k.JSON:
			return command.PrintJSON(s)
		}
		return PrintStatus(s)
	})
}

// PrintStatus prints a table for people.
func PrintStatus(s keyroll.Status) error {
	fmt.Printf("generation %d, %d instances, %d behind; the file is sealed by: %s\n", s.Generation, s.Instances, s.Behind, s.Provider)
	if s.Newest > s.Wrapped {
		fmt.Printf("the provider has version %d, the file lies under %d: rewrap\n", s.Newest, s.Wrapped)
	}
	t := tabwriter.NewWriter(os.Stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "KEY\tVERSION\tSTATE\tSINCE\tKEPT UNTIL\tDOCUMENTS")
	for _, v := range s.Keys {
		documents := "-"
		if v.Documents != nil {
			documents = fmt.Sprint(*v.Documents)
		}
		fmt.Fprintf(t, "%s\t%d\t%s\t%s\t%s\t%s\n", v.Key, v.Version, v.State, command.Stamp(v.Since), command.Stamp(v.Until), documents)
	}
	return t.Flush()
}

// Rotate is the command that rolls a key.
type Rotate[T Tools] struct {
	Tools T `embed:""`
	command.Confirmation
	Key  string        `arg:"" help:"${rolled}."`
	Wait time.Duration `help:"How long to wait for the instances, and for what lies under older versions." default:"5m"`
}

// Run rolls the key. A roll that has begun and is not over when the time is ends with code 1.
func (k *Rotate[T]) Run(ctx context.Context) error {
	return with(ctx, k.Tools, func(w *keyroll.Roll) error {
		would, err := w.Next(ctx, k.Key)
		if err != nil {
			return err
		}
		if ahead, err := k.Ahead(would, "The key "+k.Key+" is rolled. The old version stays until it is destroyed."); !ahead {
			return err
		}
		if err := w.Rotate(ctx, k.Key, k.Wait, Say); err != nil {
			return command.Exit{Code: command.Failed, Err: err}
		}
		return nil
	})
}

// Say prints a step on a line of its own.
func Say(format string, args ...any) { fmt.Printf(format+"\n", args...) }

// Destroy is the command that destroys a version.
type Destroy[T Tools] struct {
	Tools T `embed:""`
	command.Confirmation
	Key     string `arg:"" help:"${destroyed}."`
	Version uint32 `required:"" help:"Number of the version."`
}

// Run destroys the version.
func (k *Destroy[T]) Run(ctx context.Context) error {
	name := fmt.Sprintf("version %d of %s", k.Version, k.Key)
	return with(ctx, k.Tools, func(w *keyroll.Roll) error {
		if err := w.CheckDestroy(ctx, k.Key, k.Version); err != nil {
			return err
		}
		ahead, err := k.Ahead("would destroy "+name, "You destroy "+name+
			", for good: what lies under it in backups of the database can then be read with a backup of the key file only.")
		if !ahead {
			return err
		}
		if err := w.Destroy(ctx, k.Key, k.Version); err != nil {
			return err
		}
		fmt.Println(name + " is destroyed")
		return nil
	})
}
