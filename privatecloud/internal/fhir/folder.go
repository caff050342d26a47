package fhir

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
)

// Progress says how far the import of a folder is. It names no file, since
// file names name patients.
type Progress struct {
	File  int // number of the file done last, in sorted order, from 1
	Files int
	Bytes int64 // read so far
	Total int64 // bytes of all files
	Found int   // resources found so far
}

// ImportFolder reads every *.json below dir, sorted by path, one bundle in
// memory at a time, and hands each accepted bundle to fn, which counts what it
// stored in the report. After each file it calls progress, which may be nil.
//
// A bundle that is refused is reported and the next one read. ImportFolder
// stops with an error if ctx ends, the folder or a file cannot be read, or fn
// fails; what was imported until then stays, and the report returned says what
// that is. Links that lead out of dir are not followed.
func ImportFolder(ctx context.Context, dir string, limits Limits,
	fn func(context.Context, Bundle, *Report) error, progress func(Progress)) (Report, error) {
	var report Report
	root, err := os.OpenRoot(dir)
	if err != nil {
		return report, fmt.Errorf("the folder cannot be opened: %w", bareError(err))
	}
	defer root.Close()
	files, total, err := bundleFiles(root)
	if err != nil {
		return report, fmt.Errorf("the folder cannot be read: %w", bareError(err))
	}
	for i, name := range files {
		if err := ctx.Err(); err != nil {
			return report, err
		}
		one, err := importFile(ctx, root, name, i+1, limits, fn)
		report.Add(one)
		if err != nil {
			return report, fmt.Errorf("file %d of %d: %w", i+1, len(files), err)
		}
		if progress != nil {
			progress(Progress{i + 1, len(files), report.Bytes, total, report.Total().Found})
		}
	}
	return report, nil
}

func bundleFiles(root *os.Root) (files []string, total int64, err error) {
	err = fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path.Ext(name) != ".json" {
			return err
		}
		info, err := fs.Stat(root.FS(), name)
		if err != nil || !info.Mode().IsRegular() {
			return err
		}
		files = append(files, name)
		total += info.Size()
		return nil
	})
	slices.Sort(files)
	return files, total, err
}

// importFile returns an error only for what must stop the import.
func importFile(ctx context.Context, root *os.Root, name string, number int, limits Limits,
	fn func(context.Context, Bundle, *Report) error) (report Report, err error) {
	file, err := root.Open(name)
	if err != nil {
		return report, bareError(err)
	}
	defer file.Close()
	bundle, report, err := Parse(reader{ctx, file}, limits)
	report.Files = 1
	switch {
	case err == nil:
		err = fn(ctx, bundle, &report)
	case refusal(err):
		err = nil
	default:
		err = bareError(err)
	}
	for i := range report.Problems {
		report.Problems[i].File = number
	}
	return report, err
}

// bareError takes the path, which may name a patient, out of a file's error.
func bareError(err error) error {
	var withPath *fs.PathError
	if errors.As(err, &withPath) {
		return withPath.Err
	}
	return err
}

// reader ends with the context, so that a large file does not outlive it.
type reader struct {
	ctx context.Context
	io.Reader
}

func (r reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.Reader.Read(p)
}
