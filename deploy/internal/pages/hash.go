package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// Hash is a SHA-256 in hexadecimal.
type Hash string

// hashAll hashes the names and contents of files and of all files below folders. A
// path that does not exist is an error.
func hashAll(paths ...string) (Hash, error) {
	return hashTree(nil, paths...)
}

// hashTree is hashAll without the files and folders of the given base names.
func hashTree(without []string, paths ...string) (Hash, error) {
	h := sha256.New()
	for _, root := range paths {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case path != root && slices.Contains(without, d.Name()):
				if d.IsDir() {
					return filepath.SkipDir
				}
				return nil
			case d.IsDir():
				return nil
			}
			return hashFile(h, path)
		})
		if err != nil {
			return "", err
		}
	}
	return Hash(hex.EncodeToString(h.Sum(nil))), nil
}

// hashFile adds one file: the lengths keep names and contents apart.
func hashFile(h io.Writer, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	fmt.Fprintf(h, "%d %s %d ", len(path), path, info.Size())
	_, err = io.Copy(h, f)
	return err
}

// join hashes what is known already.
func join(parts ...Hash) Hash {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d %s ", len(p), p)
	}
	return Hash(hex.EncodeToString(h.Sum(nil)))
}
