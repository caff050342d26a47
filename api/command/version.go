package command

import (
	"fmt"

	"github.com/alecthomas/kong"

	"medunion/api/version"
)

// Version is the command that prints the program's name and what was built, and from
// what (version.Info), on one line. It needs no configuration.
type Version struct{}

// BeforeReset runs before kong asks for flags that are required.
func (Version) BeforeReset(k *kong.Kong) error {
	if _, err := fmt.Fprintf(k.Stdout, "%s %s\n", k.Model.Name, version.Get()); err != nil {
		return err
	}
	k.Exit(Done)
	return nil
}

// Run is never reached: BeforeReset has ended the program.
func (Version) Run() error { return nil }
