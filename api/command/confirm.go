package command

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// Confirmation is embedded in every command that destroys something.
type Confirmation struct {
	Yes    bool `help:"Do not ask."`
	DryRun bool `help:"Say what would be done, and do nothing."`
}

// Confirm asks at the terminal, and returns nil only after "yes" or where --yes was
// given. Without a terminal and --yes it refuses: code 2. question says what will be
// lost, and for good if it is.
func (c Confirmation) Confirm(question string) error {
	if c.Yes {
		return nil
	}
	if !term.IsTerminal(int(os.Stdin.Fd())) {
		return Refuse("not confirmed: there is no terminal to ask at; give --yes to mean it")
	}
	return ask(os.Stdin, os.Stderr, question)
}

// Ahead says whether to go on. With --dry-run it prints what would be done and stops; else it asks the
// question, as Confirm does.
func (c Confirmation) Ahead(would, question string) (bool, error) {
	if c.DryRun {
		fmt.Println(would)
		return false, nil
	}
	err := c.Confirm(question)
	return err == nil, err
}

func ask(in io.Reader, out io.Writer, question string) error {
	fmt.Fprintf(out, "%s\nType yes to go on: ", question)
	line, _ := bufio.NewReader(in).ReadString('\n')
	if strings.TrimSpace(line) != "yes" {
		return Refuse("not confirmed: nothing was done")
	}
	return nil
}
