// Package command is the frame of every service's program: a tree of commands read by
// kong, of which serve is the default, and one way to end.
//
// A tree is a struct whose fields are commands. A command is a struct with its flags and
// a method Run, which may take the context (it ends on SIGINT and SIGTERM) and whatever
// the program binds:
//
//	type commands struct {
//		Serve   serve           `cmd:"" default:"withargs" help:"Serve; what is done without a command."`
//		Version command.Version `cmd:"" help:"Print what was built, and from what."`
//	}
package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

// Codes with which every program ends.
const (
	Done    = 0
	Failed  = 1 // tried, and it did not work
	Refused = 2 // not tried: wrong flags or configuration, or not confirmed
	Nothing = 3 // there was nothing to do, where a command says so
)

// Exit is an error that ends the program with a code of its own.
type Exit struct {
	Code int
	Err  error
}

// Error implements error.
func (e Exit) Error() string { return e.Err.Error() }

// Unwrap gives the error that is behind it.
func (e Exit) Unwrap() error { return e.Err }

// ExitCode implements kong.ExitCoder.
func (e Exit) ExitCode() int { return e.Code }

// Refuse says that nothing was tried: code 2.
func Refuse(format string, args ...any) error {
	return Exit{Refused, fmt.Errorf(format, args...)}
}

// Program is one service's program.
type Program struct {
	Name        string // as it stands in PATH
	Description string
	Explain     func(error) string // words the error of a command; default: its own text
	Options     []kong.Option      // such as bindings of what methods Run may take beside the context
}

// Main reads the process's arguments into the tree, a pointer to a struct of commands,
// runs the command and ends the process.
func (p Program) Main(tree any) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := p.Run(ctx, tree, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// ended is thrown where kong would end the process: after the help, for one.
type ended int

// Run is Main without the process: it returns the code instead of ending with it.
// What kong itself says, the help, goes to out, an error to errs.
func (p Program) Run(ctx context.Context, tree any, args []string, out, errs io.Writer) (code int) {
	defer func() {
		switch e := recover().(type) {
		case nil:
		case ended:
			code = int(e)
		default:
			panic(e)
		}
	}()
	k, err := kong.New(tree, append([]kong.Option{kong.Name(p.Name), kong.Description(p.Description), kong.Writers(out, errs),
		kong.Exit(func(code int) { panic(ended(code)) }), kong.BindTo(ctx, (*context.Context)(nil))}, p.Options...)...)
	if err != nil {
		panic(err) // the tree itself is wrong
	}
	c, err := k.Parse(args)
	if err != nil {
		fmt.Fprintf(errs, "%s: %v\nSee %s --help.\n", p.Name, err, p.Name)
		return Refused
	}
	return p.end(c.Run(), errs)
}

func (p Program) end(err error, errs io.Writer) int {
	if err == nil {
		return Done
	}
	text := err.Error()
	if p.Explain != nil {
		text = p.Explain(err)
	}
	if text != "" {
		fmt.Fprintf(errs, "%s: %s\n", p.Name, text)
	}
	var coded kong.ExitCoder
	if errors.As(err, &coded) {
		return coded.ExitCode()
	}
	return Failed
}
