package examples_test

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// block is a command of the page, and the answer that stands behind it.
type block struct {
	line    int // of the page
	command string
	answer  string // as `curl -i` prints it; "" if the page shows none
}

// blocks are the commands of a page in their order: fenced blocks of the kind sh, each with
// the block of the kind http that follows it, if one does. Blocks of other kinds are text. An
// answer that follows no command is an error.
func blocks(page string) (out []block, err error) {
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
			out = append(out, block{line: begun, command: content})
		case open == "http" && last == "sh":
			out[len(out)-1].answer = content
		case open == "http":
			return nil, fmt.Errorf("line %d: an answer to no command", begun)
		}
		open, last = "", open
	}
	return out, nil
}

// The commands of the page work as they stand there, one after the other in one shell, and
// bring the answers that are shown.
func TestREST(t *testing.T) {
	page, err := os.ReadFile("../../api/doc/rest.md")
	if err != nil {
		t.Fatal(err)
	}
	commands, err := blocks(string(page))
	if err != nil || len(commands) < 20 {
		t.Fatalf("%d commands are found, %v", len(commands), err)
	}
	dir := t.TempDir()
	said := shell(t, dir, commands)
	for i, b := range commands {
		out, err := os.ReadFile(filepath.Join(dir, strconv.Itoa(i)+".out"))
		if err != nil {
			t.Fatalf("rest.md:%d: the shell ended before:\n%s", b.line, said)
		}
		if code, err := os.ReadFile(filepath.Join(dir, strconv.Itoa(i)+".code")); err != nil || string(code) != "0\n" {
			t.Errorf("rest.md:%d: ends with %s%s%s", b.line, code, out, said)
		} else if err := compare(b.answer, string(out)); err != nil {
			t.Errorf("rest.md:%d: %v; the answer is\n%s", b.line, err, out)
		}
	}
}

// shell runs the commands and returns what they say on standard error. Output and exit code
// of command N lie in N.out and N.code of the folder.
func shell(t *testing.T, dir string, commands []block) []byte {
	t.Helper()
	var script strings.Builder
	script.WriteString("set -uo pipefail\n")
	for i, b := range commands {
		if out, err := exec.Command("bash", "-n", "-c", b.command).CombinedOutput(); err != nil {
			t.Fatalf("rest.md:%d: %s", b.line, out)
		}
		fmt.Fprintf(&script, "{\n%s} >%d.out\necho $? >%d.code\n", b.command, i, i)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-c", script.String())
	cmd.Dir = dir
	cmd.WaitDelay = time.Second
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		t.Errorf("a command of rest.md waits for ever: %v", err)
	}
	return out
}
