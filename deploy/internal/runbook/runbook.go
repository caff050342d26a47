// Package runbook runs the commands of a page of documentation, so that what the page
// tells people to do is what works.
//
// Fenced blocks of the kind sh are commands. They run in their order in one bash, which
// keeps variables, functions and background jobs from block to block; the first command of
// a block that fails, as bash's errexit understands it, ends the page. A block of another kind behind a command shows its
// answer:
//
//   - http: what `curl -i` prints;
//   - json: a JSON value;
//   - output: lines, as they are.
//
// All three may have holes, see compare.go. Blocks of further kinds, as text, are
// neither run nor compared.
package runbook

import (
	"cmp"
	"fmt"
	"strings"
)

// Block is a command of a page, and the answer that stands behind it.
type Block struct {
	Page    string // its file's name, where Test has read it
	Line    int    // of the page
	Command string
	Kind    string // of the answer: http, json or output; "" if the page shows none
	Answer  string
}

// Blocks are the commands of a page in their order. An answer that follows no command, a
// second answer to one, and a fence that is never closed are errors.
func Blocks(page string) (out []Block, err error) {
	open, last, begun, content := "", "", 0, ""
	for i, line := range strings.Split(page, "\n") {
		kind, fence := strings.CutPrefix(line, "```")
		switch {
		case !fence:
			content += line + "\n"
			continue
		case open == "":
			open, begun, content = cmp.Or(kind, "text"), i+2, ""
			continue
		case open == "sh":
			out = append(out, Block{Line: begun, Command: content})
		case comparisons[open] != nil && last == "sh":
			out[len(out)-1].Kind, out[len(out)-1].Answer = open, content
		case comparisons[open] != nil:
			return nil, fmt.Errorf("line %d: an answer to no command", begun)
		}
		open, last = "", open
	}
	if open != "" {
		return nil, fmt.Errorf("line %d: the block has no end", begun)
	}
	return out, nil
}

// compare says in what an output is another than the answer shown.
func (b Block) compare(got string) error {
	if b.Kind == "" {
		return nil
	}
	return comparisons[b.Kind](b.Answer, got)
}

var comparisons = map[string]func(shown, got string) error{"http": compareHTTP, "json": compareBody, "output": compareLines}

// compareLines takes a line … for any number of lines.
func compareLines(shown, got string) error {
	shown, got = strings.TrimSpace(shown), strings.TrimSpace(got)
	if !fits(shown, got) {
		return fmt.Errorf("the output is another than %q", shown)
	}
	return nil
}
