package runbook

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestBlocks(t *testing.T) {
	found, err := Blocks("text\n```sh\nfirst\n```\n\n```http\nHTTP/1.1 200 OK\n```\n```text\nno command\n```\n```sh\nsecond\nthird\n```\n```output\n4\n```\n")
	want := []Block{{Line: 3, Command: "first\n", Kind: "http", Answer: "HTTP/1.1 200 OK\n"}, {Line: 13, Command: "second\nthird\n", Kind: "output", Answer: "4\n"}}
	if err != nil || !slices.Equal(found, want) {
		t.Errorf("%+v, %v", found, err)
	}
	for _, page := range []string{"```http\nx\n```\n", "```sh\nx\n```\n```\ny\n```\n```json\nz\n```\n", "```sh\nx\n```\n```http\ny\n```\n```output\nz\n```\n", "```sh\nx\n"} {
		if _, err := Blocks(page); err == nil {
			t.Errorf("%q: an answer belongs to no command, or a block has no end", page)
		}
	}
}

func TestCompareLines(t *testing.T) {
	for shown, same := range map[string]bool{"a\nb 12\nc": true, "a\n…\nc\n": true, "a\nb …\nc": true, "…": true, "a": false, "a\nc": false, "": false} {
		if err := compareLines(shown, "a\nb 12\nc\n"); (err == nil) != same {
			t.Errorf("%q: %v", shown, err)
		}
	}
}

// recorder is a test whose failure is what is wanted.
type recorder struct {
	testing.TB
	said strings.Builder
}

func (r *recorder) Errorf(format string, args ...any) { fmt.Fprintf(&r.said, format+"\n", args...) }
func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	panic(r)
}

// of runs a page, and returns what the test says of it.
func of(t *testing.T, page string, o Options) (said string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "page.md")
	if err := os.WriteFile(path, []byte(page), 0o600); err != nil {
		t.Fatal(err)
	}
	r := &recorder{TB: t}
	defer func() {
		if p := recover(); p != nil && p != any(r) {
			panic(p)
		}
		said = r.said.String()
	}()
	Test(r, path, o)
	return
}

// A page fails by the line of the command that failed, and what stands behind is not run.
func TestPagesFail(t *testing.T) {
	for page, want := range map[string]string{
		"```sh\nX=1\n```\n```sh\necho $X\n```\n```output\n1\n```\n": "",
		"```sh\necho 1\n```\n```output\n2\n```\n":                   "page.md:2: the output is another",
		"```sh\ntrue\n```\n```sh\nfalse\n```\n":                     "page.md:5: ends with 1",
		"```sh\nfalse | true\n```\n":                                "page.md:2: ends with 1",
		"```sh\necho $UNSET\n```\n":                                 "page.md:2: ends with",
		"```sh\nexit 0\n```\n```sh\ntrue\n```\n":                    "page.md:2: the shell ended in it",
		"```sh\nfalse\ntrue\n```\n":                                 "page.md:2: ends with 1",
		"```sh\nif\n```\n":                                          "page.md:2: bash",
		"no command":                                                "page.md: 0 commands",
		"```sh\nfalse\n```\n```sh\ntouch $MARK\n```\n":              "page.md:2: ends with 1",
	} {
		mark := filepath.Join(t.TempDir(), "mark")
		if got := of(t, page, Options{Env: []string{"MARK=" + mark}}); !strings.HasPrefix(got, want) || (want == "") != (got == "") {
			t.Errorf("%q: %s", page, got)
		}
		if _, err := os.Stat(mark); err == nil {
			t.Errorf("%q: goes on behind a failure", page)
		}
	}
	if got := of(t, "```sh\nsleep 600\n```\n", Options{Limit: 100 * time.Millisecond}); !strings.Contains(got, "takes longer") {
		t.Errorf("a page without an end: %s", got)
	}
}

// What a page starts in the background serves its later commands and ends with it.
func TestBackgroundEnds(t *testing.T) {
	dir := t.TempDir()
	if got := of(t, "```sh\nsleep 600 &\necho $! >pid\n```\n```sh\nkill -0 $!\n```\n", Options{Dir: dir}); got != "" {
		t.Fatal(got)
	}
	b, err := os.ReadFile(filepath.Join(dir, "pid"))
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(20 * time.Second); running(pid); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it goes on")
		}
	}
}

// running says whether a process is there and no zombie.
func running(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return false
	}
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, state, _ := strings.Cut(string(b), ") ")
	return err != nil || !strings.HasPrefix(state, "Z")
}
