package backup

import (
	"context"
	"fmt"
	"io"
	"os"

	"filippo.io/age"
	"go.mongodb.org/mongo-driver/bson"

	"medunion/api/mongodb"
	"medunion/ecc"
)

// Check looks at the documents of one backup in their order, without a key.
type Check interface {
	See(collection string, doc bson.Raw) error
	End() error
}

// Make makes the file of o.
func Make(ctx context.Context, db mongodb.Database, p Plan, o Out) (m Manifest, err error) {
	recipients, err := Recipients(o.Recipient, o.Recipients)
	if err != nil {
		return m, err
	}
	if _, err := db.Floor(ctx); err != nil { // half of a restore is nothing to keep
		return m, err
	}
	err = ToFile(o.Out, func(w io.Writer) (err error) {
		m, err = Create(ctx, db, p, w, recipients)
		return err
	})
	if err != nil {
		return m, err
	}
	if err := db.BackedUp(ctx, m.Started); err != nil {
		return m, fmt.Errorf("the backup is complete, but its time could not be noted in the database: %w", err)
	}
	return m, nil
}

// Source is a backup on disk with what opens and proves it.
type Source struct {
	Plan       Plan // whose it must be
	File       string
	Identities []age.Identity
	Trusted    []ecc.VerifyKey // one of them must have signed it
}

// Open reads the identity of i.
func (i In) Open(p Plan, trusted ...ecc.VerifyKey) (Source, error) {
	ids, err := Identities(i.Identity)
	return Source{Plan: p, File: i.File, Identities: ids, Trusted: trusted}, err
}

func (s Source) read(visit func(string, bson.Raw) error) (Manifest, error) {
	f, err := os.Open(s.File)
	if err != nil {
		return Manifest{}, err
	}
	defer f.Close()
	return Read(f, s.Identities, s.Trusted, visit)
}

// Verify reads the whole backup: that it is whole, this service's, and of a schema that
// this program knows, and that its chains hold.
func (s Source) Verify(c Check) (Manifest, error) {
	m, err := s.read(c.See)
	switch {
	case err != nil:
		return m, err
	case m.Service != s.Plan.Service || m.Owner != s.Plan.Owner:
		return m, fmt.Errorf("%w: it is of %s %s", ErrOther, m.Service, m.Owner)
	case m.Schema != s.Plan.Schema:
		return m, fmt.Errorf("%w: schema %d, and this program has %d; restore with the version that made it, then migrate", ErrOther, m.Schema, s.Plan.Schema)
	}
	return m, c.End()
}

// Restore verifies the backup and then puts it into an empty database. The mark of a
// restore under way stays until the caller, who proves what the keys can prove, takes it
// away by EndRestore.
func (s Source) Restore(ctx context.Context, db mongodb.Database, c Check) (Manifest, error) {
	m, err := s.Verify(c)
	if err != nil {
		return m, err
	}
	if err := Empty(ctx, db); err != nil {
		return m, err
	}
	if err := db.BeginRestore(ctx); err != nil {
		return m, err
	}
	into := NewInserter(db, s.Plan.Collections)
	again, err := s.read(func(name string, doc bson.Raw) error { return into.Add(ctx, name, doc) })
	if err == nil {
		err = into.Flush(ctx)
	}
	if err == nil && again.Started != m.Started {
		err = fmt.Errorf("%w: the file was exchanged", ErrOther)
	}
	return m, err
}
