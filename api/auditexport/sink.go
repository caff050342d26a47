package auditexport

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// lines writes one event a line.
type lines struct {
	w    *bufio.Writer
	file *os.File // nil: not a file of its own
	path string   // of the file, absolute
	size int64
}

// Lines is a sink that writes NDJSON, as to a pipe.
func Lines(w io.Writer) Sink { return &lines{w: bufio.NewWriter(w)} }

// Output is a file of mode 0600 that sinks write NDJSON to, one after the other.
type Output struct {
	path   string
	cursor bool
	made   bool // by this Output, so that it may be gone on with
}

// File is the output with a path. cursor says that its export keeps a cursor, whose lock it holds.
func File(path string, cursor bool) *Output { return &Output{path: path, cursor: cursor} }

// Open opens a sink. The file must not exist, unless it is the one that the cursor names, or
// an earlier Open has made it. Else it is gone on with, and what lies behind the size in the cursor, of a
// run that broke off, is taken away first: no event is in it twice. With a cursor an empty
// file is taken, which a run leaves that died before it could write the cursor.
func (o *Output) Open(_ context.Context, c Cursor) (Sink, error) {
	path, err := filepath.Abs(o.path)
	if err != nil {
		return nil, err
	}
	f, err := o.file(o.made || c.of(path))
	if err != nil {
		return nil, err
	}
	o.made = true
	size, err := trimmed(f, c)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &lines{w: bufio.NewWriter(f), file: f, path: path, size: size}, nil
}

func (o *Output) file(own bool) (*os.File, error) {
	flags := os.O_WRONLY | os.O_CREATE
	if !own {
		flags |= os.O_EXCL
	}
	f, err := os.OpenFile(o.path, flags, 0o600)
	if errors.Is(err, fs.ErrExist) && o.cursor && isEmpty(o.path) {
		f, err = os.OpenFile(o.path, os.O_WRONLY, 0o600)
	}
	return f, err
}

func isEmpty(path string) bool {
	info, err := os.Lstat(path)
	return err == nil && info.Mode().IsRegular() && info.Size() == 0
}

func trimmed(f *os.File, c Cursor) (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return 0, fmt.Errorf("%s: others can read or write it; its mode must be 0600", f.Name())
	}
	if info.Size() > c.Size {
		if err := f.Truncate(c.Size); err != nil {
			return 0, err
		}
	}
	return f.Seek(0, io.SeekEnd)
}

// Output is the file's absolute path, "" without one.
func (l *lines) Output() string { return l.path }

func (l *lines) Write(_ Entry, event []byte) error {
	n, err := l.w.Write(append(event, '\n'))
	l.size += int64(n)
	return err
}

func (l *lines) Flush() (int64, error) {
	if err := l.w.Flush(); err != nil || l.file == nil {
		return 0, err
	}
	return l.size, l.file.Sync()
}

func (l *lines) Close() error {
	if l.file == nil {
		return nil
	}
	return l.file.Close()
}
