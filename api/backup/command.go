package backup

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Out is what a command that makes a backup is told.
type Out struct {
	Out        string   `help:"File to make, of mode 0600; never one that exists." required:"" type:"path"`
	Recipient  []string `help:"Public key of whoever may read the backup (age1...)." placeholder:"AGE1..."`
	Recipients string   `help:"File of such keys, one a line." type:"path" placeholder:"FILE"`
}

// In is what a command that reads one is told.
type In struct {
	File     string `arg:"" help:"The backup." type:"existingfile"`
	Identity string `help:"File with the private key that opens it (AGE-SECRET-KEY-1...), mode 0600." required:"" type:"path"`
}

// ToFile makes a file of what write writes: whole, on the disk, or not at all.
func ToFile(path string, write func(io.Writer) error) error {
	f, err := os.OpenFile(path+".partial", os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		return fmt.Errorf("%s.partial exists: another backup is being made, or one broke off; remove it then", path)
	}
	if err != nil {
		return err
	}
	if err = errors.Join(write(f), f.Sync(), f.Close()); err == nil {
		err = publish(f.Name(), path, os.Link)
	}
	return errors.Join(err, removed(f.Name()), syncFolder(filepath.Dir(path)))
}

// publish gives a whole file its name, and fails where there is one of that name. A share of
// Windows and a FAT disk know no links: there the name is taken first, by an empty file, which
// a crash right then leaves and no reader takes for a backup.
func publish(from, path string, link func(from, to string) error) error {
	err := link(from, path)
	if err == nil || errors.Is(err, os.ErrExist) {
		return err
	}
	taken, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if err = errors.Join(taken.Close(), os.Rename(from, path)); err != nil {
		err = errors.Join(err, removed(path))
	}
	return err
}

// removed removes what may have been given another name.
func removed(path string) error {
	if err := os.Remove(path); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// syncFolder makes the names in a folder durable.
func syncFolder(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// String is the manifest for an operator.
func (m Manifest) String() string {
	s := fmt.Sprintf("%s of %s, schema %d, %s to %s, %d documents\n", m.Service, m.Owner, m.Schema,
		m.Started.Format("2006-01-02T15:04:05Z"), m.Finished.Format("2006-01-02T15:04:05Z"), m.Documents())
	for _, c := range m.Collections {
		s += fmt.Sprintf("  %-16s %9d documents %12d bytes  %s\n", c.Name, c.Documents, c.Bytes, c.SHA256[:16])
	}
	return s
}
