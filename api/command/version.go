package command

import (
	"fmt"
	"io"
	"runtime/debug"

	"github.com/alecthomas/kong"
)

// Version is the command that prints the program's name, the revision of the source it
// was built from (-dirty if that was changed, unknown if the build does not say) and the
// version of Go, on one line. It needs no configuration.
type Version struct{}

// BeforeReset runs before kong asks for flags that are required.
func (Version) BeforeReset(k *kong.Kong) error {
	if err := printVersion(k.Stdout, k.Model.Name); err != nil {
		return err
	}
	k.Exit(Done)
	return nil
}

// Run is never reached: BeforeReset has ended the program.
func (Version) Run() error { return nil }

func printVersion(w io.Writer, name string) error {
	revision, dirty, golang := "unknown", "", ""
	if b, ok := debug.ReadBuildInfo(); ok {
		golang = b.GoVersion
		for _, s := range b.Settings {
			switch {
			case s.Key == "vcs.revision":
				revision = s.Value
			case s.Key == "vcs.modified" && s.Value == "true":
				dirty = "-dirty"
			}
		}
	}
	_, err := fmt.Fprintf(w, "%s %s%s %s\n", name, revision, dirty, golang)
	return err
}
