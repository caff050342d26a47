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
		err = os.Link(f.Name(), path) // fails where the file exists
	}
	return errors.Join(err, os.Remove(f.Name()), syncFolder(filepath.Dir(path)))
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
