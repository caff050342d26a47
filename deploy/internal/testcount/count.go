package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// maxLine bounds one line of the stream, in bytes; a test that prints a longer
// one breaks the run rather than the machine.
const maxLine = 16 << 20

// Tally counts what became of the tests.
type Tally struct{ Passed, Failed, Skipped int }

// String is the last line of a run.
func (t Tally) String() string {
	return fmt.Sprintf("%d passed, %d failed, %d skipped", t.Passed, t.Failed, t.Skipped)
}

// Add adds what others have counted.
func (t *Tally) Add(u Tally) {
	t.Passed += u.Passed
	t.Failed += u.Failed
	t.Skipped += u.Skipped
}

// event is one line of "go test -json" (see "go doc test2json").
type event struct {
	Action      string
	Package     string
	ImportPath  string
	Test        string
	Elapsed     float64
	Output      string
	FailedBuild string
}

// Count reads the stream to its end and reports to w as packages finish. The
// error says that the stream itself was broken; the tally is valid up to there.
func Count(r io.Reader, w io.Writer) (Tally, error) {
	c := counter{w: w, packages: map[string]*run{}, builds: map[string]*strings.Builder{}}
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 64<<10), maxLine)
	for lines.Scan() {
		c.line(lines.Bytes())
	}
	if err := lines.Err(); err != nil {
		return c.tally, fmt.Errorf("reading the test stream: %w", err)
	}
	if n := len(c.packages); n > 0 {
		return c.tally, fmt.Errorf("the test stream ended with %d packages unfinished", n)
	}
	if c.finished == 0 {
		return c.tally, errors.New("the test stream held no package")
	}
	return c.tally, nil
}

type counter struct {
	w        io.Writer
	tally    Tally
	finished int
	packages map[string]*run
	builds   map[string]*strings.Builder
}

// line takes one line. What is not JSON was printed by the go command itself
// and is passed on.
func (c *counter) line(raw []byte) {
	var e event
	if json.Unmarshal(raw, &e) != nil {
		fmt.Fprintf(c.w, "%s\n", raw)
		return
	}
	switch {
	case e.Action == "build-output":
		c.build(e.ImportPath).WriteString(e.Output)
	case e.Package == "":
		return
	case e.Test == "":
		c.packageEvent(e)
	default:
		c.run(e.Package).testEvent(e)
	}
}

func (c *counter) packageEvent(e event) {
	switch e.Action {
	case "output":
		c.run(e.Package).output.WriteString(e.Output)
	case "pass", "fail", "skip":
		c.finish(e)
	}
}

// finish counts a package and prints its line, after the output of whatever
// failed in it.
func (c *counter) finish(e event) {
	r := c.run(e.Package)
	delete(c.packages, e.Package)
	c.finished++
	got := r.count(c.w)
	if e.Action == "fail" && got.Failed == 0 {
		got.Failed++
		fmt.Fprint(c.w, c.build(e.FailedBuild).String(), r.output.String())
	}
	c.tally.Add(got)
	if got != (Tally{}) {
		fmt.Fprintf(c.w, "%-4s  %-50s %7.1fs  %s\n", e.Action, e.Package, e.Elapsed, got)
	}
}

func (c *counter) run(pkg string) *run {
	if c.packages[pkg] == nil {
		c.packages[pkg] = &run{tests: map[string]*test{}}
	}
	return c.packages[pkg]
}

func (c *counter) build(path string) *strings.Builder {
	if c.builds[path] == nil {
		c.builds[path] = &strings.Builder{}
	}
	return c.builds[path]
}
