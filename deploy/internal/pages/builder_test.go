package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// copyStep copies a file and counts how often it did.
func copyStep(dir string, runs *int) step {
	from, to := filepath.Join(dir, "in"), filepath.Join(dir, "out")
	return step{name: "copy", says: "copied", outputs: []string{to},
		inputs: func(context.Context) (Hash, error) { return hashAll(from) },
		run: func(context.Context) error {
			*runs++
			b, err := os.ReadFile(from)
			return errors.Join(err, os.WriteFile(to, b, 0o600))
		}}
}

func build(t *testing.T, dir string, needed func(context.Context) error, steps ...step) error {
	t.Helper()
	b, err := open(filepath.Join(dir, "notes"))
	if err != nil {
		t.Fatal(err)
	}
	b.needed = needed
	return b.run(t.Context(), steps)
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// Only what is out of date is built: by the content of what was read and of what was made.
func TestBuildsWhatIsOutOfDate(t *testing.T) {
	dir, runs := t.TempDir(), 0
	s := copyStep(dir, &runs)
	in, out := filepath.Join(dir, "in"), filepath.Join(dir, "out")
	write(t, in, "a")
	for _, c := range []struct {
		name   string
		change func()
		want   int
	}{
		{"the first time", func() {}, 1},
		{"nothing changed", func() {}, 1},
		{"written anew with the same content", func() { write(t, in, "a") }, 1},
		{"another input", func() { write(t, in, "b") }, 2},
		{"the output is gone", func() { _ = os.Remove(out) }, 3},
		{"the output was changed", func() { write(t, out, "x") }, 4},
		{"the notes cannot be read", func() { write(t, filepath.Join(dir, "notes", "notes.json"), "{") }, 5},
		{"nothing changed since", func() {}, 5},
	} {
		c.change()
		if err := build(t, dir, nil, s); err != nil || runs != c.want {
			t.Errorf("%s: built %d times, want %d: %v", c.name, runs, c.want, err)
		}
	}
}

// A build that fails is tried again, also when its input is what it was at a success.
func TestFailureIsForgotten(t *testing.T) {
	dir, runs := t.TempDir(), 0
	s := copyStep(dir, &runs)
	in := filepath.Join(dir, "in")
	write(t, in, "a")
	if err := build(t, dir, nil, s); err != nil {
		t.Fatal(err)
	}
	broken := s
	broken.run = func(context.Context) error { return errors.New("no space") }
	write(t, in, "b")
	if err := build(t, dir, nil, broken); err == nil || !strings.Contains(err.Error(), "copy: no space") {
		t.Errorf("the failure reads %v", err)
	}
	write(t, in, "a")
	if err := build(t, dir, nil, s); err != nil || runs != 2 {
		t.Errorf("built %d times after a failure: %v", runs, err)
	}
}

// Whoever has nothing to build needs no tools.
func TestToolsAreAskedForWhenTheyAreNeeded(t *testing.T) {
	dir, runs := t.TempDir(), 0
	s := copyStep(dir, &runs)
	write(t, filepath.Join(dir, "in"), "a")
	missing := func(context.Context) error { return errors.New("there is no node here") }
	if err := build(t, dir, missing, s); err == nil || runs != 0 {
		t.Errorf("built %d times without the tools: %v", runs, err)
	}
	if err := build(t, dir, nil, s); err != nil {
		t.Fatal(err)
	}
	if err := build(t, dir, missing, s); err != nil {
		t.Errorf("nothing to build, but %v", err)
	}
}

// Of several at once one builds; the others wait and find it done.
func TestOneBuildsAtATime(t *testing.T) {
	dir, runs := t.TempDir(), 0
	s := copyStep(dir, &runs)
	write(t, filepath.Join(dir, "in"), "a")
	var wg sync.WaitGroup
	for range 4 {
		b, err := open(filepath.Join(dir, "notes"))
		if err != nil {
			t.Fatal(err)
		}
		b.needed = nil
		wg.Go(func() {
			if err := b.run(t.Context(), []step{s}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if runs != 1 {
		t.Errorf("built %d times", runs)
	}
}

func TestHashTree(t *testing.T) {
	dir := t.TempDir()
	for _, d := range []string{"src", "node_modules"} {
		if err := os.Mkdir(filepath.Join(dir, d), 0o700); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, d, "a"), "1")
	}
	hash := func() Hash {
		h, err := hashTree([]string{"node_modules"}, dir)
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	seen := map[Hash]bool{hash(): true}
	write(t, filepath.Join(dir, "node_modules", "a"), "2")
	if !seen[hash()] {
		t.Error("what is left out counts")
	}
	for _, change := range []func(){
		func() { write(t, filepath.Join(dir, "src", "a"), "2") },
		func() { write(t, filepath.Join(dir, "src", "b"), "") },
		func() { _ = os.Rename(filepath.Join(dir, "src", "b"), filepath.Join(dir, "src", "c")) },
	} {
		change()
		if seen[hash()] {
			t.Error("a change has the hash of before")
		}
		seen[hash()] = true
	}
	if _, err := hashAll(filepath.Join(dir, "absent")); err == nil {
		t.Error("a path that does not exist has a hash")
	}
}

func TestNodeVersions(t *testing.T) {
	for v, want := range map[[2]int]bool{{18, 20}: false, {20, 18}: false, {20, 19}: true, {21, 7}: false, {22, 11}: false, {22, 12}: true, {24, 0}: true} {
		if enough(v[0], v[1]) != want {
			t.Errorf("%v: %v", v, !want)
		}
	}
}
