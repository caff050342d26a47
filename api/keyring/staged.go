package keyring

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"medunion/api/secretfile"
)

// A step that cannot be taken back is made in two phases. What the file is to hold next is written beside it, sealed like
// it; then the step is committed elsewhere, such as in a store; then it takes the file's place. Services read the file
// only. Whoever dies in between leaves what is staged, and Recover ends it: what was committed is completed, with the
// same secrets, and what was not is dropped, before anybody has seen it.

// stagedEnd is behind the file's name.
const stagedEnd = ".next"

func (f File) staged() File {
	next := f
	next.path += stagedEnd
	return next
}

// UpdateStaged is Update for such a step; commit is called when the new ring is safe on the disk.
func (f File) UpdateStaged(ctx context.Context, step func(Ring) (Ring, error), commit func(Ring) error) (Ring, error) {
	lock, err := secretfile.Lock(f.path)
	if err != nil {
		return Ring{}, fmt.Errorf("key file: %w", err)
	}
	defer lock.Close()
	r, err := f.Load(ctx)
	if err != nil {
		return Ring{}, fmt.Errorf("key file: %w", err)
	}
	if r, err = step(r); err != nil {
		return Ring{}, err
	}
	if err := f.staged().write(ctx, r, secretfile.Replace); err != nil {
		return Ring{}, err
	}
	if err := commit(r); err != nil {
		return Ring{}, err
	}
	return r, f.take()
}

// take puts what is staged into the file's place.
func (f File) take() error {
	raw, err := secretfile.Read(f.staged().path)
	if err == nil {
		err = secretfile.Replace(f.path, raw)
	}
	if err == nil {
		err = os.Remove(f.staged().path)
	}
	if err != nil {
		return fmt.Errorf("key file: %w", err)
	}
	return nil
}

// Recover ends a step of UpdateStaged that was cut off; committed says whether it was committed. Without one it does nothing.
// Until it has succeeded no other step may be made.
func (f File) Recover(ctx context.Context, committed func(from, to Ring) (bool, error)) error {
	if _, err := os.Lstat(f.staged().path); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	lock, err := secretfile.Lock(f.path)
	if err != nil {
		return fmt.Errorf("key file: %w", err)
	}
	defer lock.Close()
	from, err1 := f.Load(ctx)
	to, err2 := f.staged().Load(ctx)
	if errors.Is(err2, fs.ErrNotExist) { // another command has ended it
		return nil
	}
	if err := errors.Join(err1, err2); err != nil {
		return fmt.Errorf("a step of the key file was cut off, and what it has left cannot be read: %w", err)
	}
	done, err := committed(from, to)
	switch {
	case err != nil:
		return err
	case !done:
		return os.Remove(f.staged().path)
	}
	if err := follows(from, to); err != nil {
		return fmt.Errorf("a step of the key file was cut off, and the file is another one now: %w", err)
	}
	return f.take()
}
