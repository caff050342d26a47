package auditexport_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"medunion/api/auditexport"
	"medunion/api/message"
)

// chained is a trail in memory, whose hashes chain its numbers.
type chained struct {
	mu      sync.Mutex
	entries []auditexport.Entry
}

func entry(n uint64, failure bool) auditexport.Entry {
	event := &auditexport.Resource{ResourceType: "AuditEvent", ID: fmt.Sprint("audit-", n)}
	return auditexport.Entry{Link: auditexport.Link{Number: n}, Recorded: time.UnixMilli(1_700_000_000_123).UTC(), What: "thing", Failure: failure, Event: event}
}

func (c *chained) adds(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for range n {
		e := entry(uint64(len(c.entries)+1), false)
		if len(c.entries) > 0 {
			e.Prev = c.entries[len(c.entries)-1].Hash
		}
		e.Hash = message.Hash(sha256.Sum256(fmt.Append(e.Prev[:], e.Number)))
		c.entries = append(c.entries, e)
	}
}

// After implements auditexport.Trail.
func (c *chained) After(_ context.Context, after auditexport.Link, limit int) ([]auditexport.Entry, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if after.Number > 0 && (after.Number > uint64(len(c.entries)) || c.entries[after.Number-1].Hash != after.Hash) {
		return nil, auditexport.ErrTrail
	}
	rest := c.entries[after.Number:]
	return append([]auditexport.Entry(nil), rest[:min(limit, len(rest))]...), nil
}

func options(out, cursor string) auditexport.Options {
	return auditexport.Options{CursorFile: cursor, Poll: 5 * time.Millisecond, Open: auditexport.File(out, cursor != "").Open}
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// numbers are those of the events in a file, in their order.
func numbers(t *testing.T, text string) (out []string) {
	t.Helper()
	for line := range strings.Lines(text) {
		_, rest, _ := strings.Cut(line, `"id":"audit-`)
		n, _, _ := strings.Cut(rest, `"`)
		out = append(out, n)
	}
	return out
}

// An export with a cursor that died before its first batch was safe goes on, wherever that
// was: when the file had been made, when the cursor stood beside it, and with a part of a line in it.
func TestDiedBeforeTheFirstBatch(t *testing.T) {
	w := &chained{}
	w.adds(3)
	for name, died := range map[string]func(out, cursor string){
		"file made":   func(out, _ string) { put(t, out, "") },
		"cursor made": func(out, cursor string) { begin(t, out, cursor) },
		"half a line": func(out, cursor string) { begin(t, out, cursor); put(t, out, `{"resourceType":"Audit`) },
		"cursor only": func(out, cursor string) { begin(t, out, cursor); os.Remove(out) },
	} {
		dir := t.TempDir()
		out, cursor := filepath.Join(dir, "events"), filepath.Join(dir, "cursor")
		died(out, cursor)
		if _, err := auditexport.Run(t.Context(), w, options(out, cursor)); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := strings.Join(numbers(t, read(t, out)), " "); got != "1 2 3" {
			t.Errorf("%s: the file holds %s", name, got)
		}
	}
}

// begin is a run whose trail cannot be read: what it leaves is what one leaves that dies.
func begin(t *testing.T, out, cursor string) {
	t.Helper()
	away := &flaky{fails: func(int) bool { return true }}
	if _, err := auditexport.Run(t.Context(), away, options(out, cursor)); !errors.Is(err, errAway) {
		t.Fatal(err)
	}
}

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// A cursor belongs to the output that it was written for: what another file holds is neither
// cut off nor added to, whether the cursor's export went to syslog, to a pipe or to a file before.
// A new file is taken, and from then on is the cursor's.
func TestCursorOfAnotherOutput(t *testing.T) {
	for name, before := range map[string]func(dir string) func(context.Context, auditexport.Cursor) (auditexport.Sink, error){
		"to a pipe": func(string) func(context.Context, auditexport.Cursor) (auditexport.Sink, error) {
			return func(context.Context, auditexport.Cursor) (auditexport.Sink, error) {
				return auditexport.Lines(io.Discard), nil
			}
		},
		"to a file": func(dir string) func(context.Context, auditexport.Cursor) (auditexport.Sink, error) {
			return auditexport.File(filepath.Join(dir, "first"), true).Open
		},
	} {
		w, dir := &chained{}, t.TempDir()
		w.adds(3)
		cursor, other := filepath.Join(dir, "cursor"), filepath.Join(dir, "other")
		if _, err := auditexport.Run(t.Context(), w, auditexport.Options{CursorFile: cursor, Open: before(dir)}); err != nil {
			t.Fatal(err)
		}
		kept := strings.Repeat("another's\n", 1000)
		put(t, other, kept)
		w.adds(1)
		if _, err := auditexport.Run(t.Context(), w, options(other, cursor)); !errors.Is(err, os.ErrExist) {
			t.Errorf("%s before: %v", name, err)
		}
		if got := read(t, other); got != kept {
			t.Errorf("%s before: of %d bytes of another's file there are %d", name, len(kept), len(got))
		}
		fresh := filepath.Join(dir, "fresh")
		for range 2 {
			if _, err := auditexport.Run(t.Context(), w, options(fresh, cursor)); err != nil {
				t.Errorf("%s before: %v", name, err)
			}
			w.adds(1)
		}
		if got := strings.Join(numbers(t, read(t, fresh)), " "); got != "4 5" {
			t.Errorf("%s before: a new file holds %s", name, got)
		}
	}
}

// A cursor of before it named its output is one of the file whose size it has.
func TestCursorThatNamesNoOutput(t *testing.T) {
	w, dir := &chained{}, t.TempDir()
	w.adds(2)
	out, cursor := filepath.Join(dir, "out"), filepath.Join(dir, "cursor")
	if _, err := auditexport.Run(t.Context(), w, options(out, cursor)); err != nil {
		t.Fatal(err)
	}
	text := read(t, cursor)
	old := strings.Replace(text, fmt.Sprintf(`"output":%q,`, out), "", 1)
	if old == text {
		t.Fatal("the cursor does not name its output: " + text)
	}
	put(t, cursor, old)
	w.adds(1)
	if _, err := auditexport.Run(t.Context(), w, options(out, cursor)); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(numbers(t, read(t, out)), " "); got != "1 2 3" {
		t.Error(got)
	}
}

// A file that holds something and is no cursor's is never taken, not even on the second attempt.
func TestFilesOfOthers(t *testing.T) {
	w, dir := &chained{}, t.TempDir()
	w.adds(1)
	out := filepath.Join(dir, "events")
	for _, cursor := range []string{"", filepath.Join(dir, "cursor")} {
		put(t, out, "somebody's\n")
		for range 2 {
			if _, err := auditexport.Run(t.Context(), w, options(out, cursor)); !errors.Is(err, os.ErrExist) {
				t.Errorf("%v", err)
			}
		}
		if read(t, out) != "somebody's\n" {
			t.Error("it was written over")
		}
	}
	put(t, out, "")
	if _, err := auditexport.Run(t.Context(), w, options(out, "")); !errors.Is(err, os.ErrExist) {
		t.Errorf("without a cursor an empty file may be another export's: %v", err)
	}
}
