package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// step makes its outputs from its inputs. Steps run in their order; a later one may
// read what an earlier one has made.
type step struct {
	name    string // the key of the note
	says    string // printed when it runs
	inputs  func(context.Context) (Hash, error)
	outputs []string // files and folders
	run     func(context.Context) error
}

// note is what a step read and made when it last ran.
type note struct{ In, Out Hash }

// builder runs steps and keeps their notes in a folder. One process builds at a time;
// others wait for it.
type builder struct {
	folder string
	lock   *os.File
	notes  map[string]note
	needed func(context.Context) error // asked once before the first step that runs
}

func open(folder string) (*builder, error) {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, err
	}
	lock, err := os.OpenFile(filepath.Join(folder, "lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	return &builder{folder: folder, lock: lock, notes: map[string]note{}, needed: needNode}, nil
}

func (b *builder) run(ctx context.Context, steps []step) error {
	defer b.lock.Close() // lets go of the lock
	if err := syscall.Flock(int(b.lock.Fd()), syscall.LOCK_EX); err != nil {
		return fmt.Errorf("waiting for another build: %w", err)
	}
	if err := b.read(); err != nil {
		return err
	}
	for _, s := range steps {
		if err := b.step(ctx, s); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	return nil
}

// step runs s if it is out of date. A step that fails leaves no note, so that the next
// run does it again.
func (b *builder) step(ctx context.Context, s step) error {
	in, err := s.inputs(ctx)
	if err != nil {
		return err
	}
	if was, ok := b.notes[s.name]; ok && was.In == in {
		if out, err := hashAll(s.outputs...); err == nil && out == was.Out {
			return nil
		}
	}
	if err := b.tools(ctx); err != nil {
		return err
	}
	delete(b.notes, s.name)
	if err := b.write(); err != nil {
		return err
	}
	began := time.Now()
	if err := s.run(ctx); err != nil {
		return err
	}
	out, err := hashAll(s.outputs...)
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "%s (%.0f s)\n", s.says, time.Since(began).Seconds())
	b.notes[s.name] = note{In: in, Out: out}
	return b.write()
}

func (b *builder) tools(ctx context.Context) error {
	if b.needed == nil {
		return nil
	}
	needed := b.needed
	b.needed = nil
	return needed(ctx)
}

func (b *builder) notesFile() string { return filepath.Join(b.folder, "notes.json") }

// read takes notes that cannot be read for none: everything is then built anew.
func (b *builder) read() error {
	text, err := os.ReadFile(b.notesFile())
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err == nil && json.Unmarshal(text, &b.notes) != nil {
		b.notes = map[string]note{}
	}
	return err
}

func (b *builder) write() error {
	text, err := json.MarshalIndent(b.notes, "", "  ")
	if err != nil {
		return err
	}
	next := b.notesFile() + ".new"
	if err := os.WriteFile(next, text, 0o644); err != nil {
		return err
	}
	return os.Rename(next, b.notesFile())
}
