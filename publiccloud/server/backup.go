package server

import (
	"context"
	"errors"
	"fmt"
	"time"

	"medunion/api/backup"
	"medunion/api/message"
	"medunion/publiccloud/internal/mongostore"
)

func (c Config) plan(k keys) backup.Plan {
	return backup.Plan{Service: "publiccloud", Owner: c.ID, Schema: mongostore.Versions.Version(), Collections: mongostore.BackedUp,
		Sign: backup.Signer(k.signing), Now: c.Now}
}

// explained is explain of an error that may be nil.
func explained(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w (%s)", err, explain(err))
}

// Backup writes the public cloud's database into a file. It works beside running instances.
// The key file is not in it.
func Backup(ctx context.Context, c Config, o backup.Out) (m backup.Manifest, err error) {
	c = c.withDefaults()
	k, err := loadKeys(c.Keys, c.PassphraseFile, false, c.Rand)
	if err != nil {
		return m, err
	}
	s, err := mongostore.Open(ctx, c.MongoURI, c.Database)
	if err != nil {
		return m, explain(err)
	}
	m, err = backup.Make(ctx, s.Database(), c.plan(k), o)
	return m, errors.Join(explained(err), s.Close(ctx))
}

func (c Config) source(in backup.In) (backup.Source, error) {
	k, err := loadKeys(c.Keys, c.PassphraseFile, false, c.Rand)
	if err != nil {
		return backup.Source{}, err
	}
	return in.Open(c.plan(k), k.signing.Public())
}

// VerifyBackup reads all of a backup of this public cloud, without a database.
func VerifyBackup(c Config, in backup.In) (backup.Manifest, error) {
	s, err := c.withDefaults().source(in)
	if err != nil {
		return backup.Manifest{}, err
	}
	return s.Verify(mongostore.NewCheck())
}

// Restored is what a restore has done.
type Restored struct {
	backup.Manifest
	Lines     uint64 // of the registration log, proven again in the database
	Collected time.Duration
}

// Restore puts a backup into the configured database, which must be empty, and refuses
// from then on the consents of before (cloud.Config.Floor). No instance may run on the
// database; whatever fails on the way leaves one that none starts on.
func Restore(ctx context.Context, c Config, in backup.In) (r Restored, err error) {
	c = c.withDefaults()
	source, err := c.source(in)
	if err != nil {
		return r, err
	}
	s, err := mongostore.Open(ctx, c.MongoURI, c.Database)
	if err != nil {
		return r, explain(err)
	}
	defer func() { err = errors.Join(explained(err), s.Close(ctx)) }()
	began := time.Now()
	if r.Manifest, err = source.Restore(ctx, s.Database(), mongostore.NewCheck()); err != nil {
		return r, err
	}
	if r.Lines, err = verifyLog(ctx, s); err != nil {
		return r, err
	}
	r.Collected = time.Since(began)
	return r, s.Database().EndRestore(ctx, int64(message.MillisOf(c.Now())))
}

// logPage is how many lines are read at once.
const logPage = 1000

var errLog = errors.New("the registration log does not hold")

func verifyLog(ctx context.Context, s *mongostore.Store) (n uint64, err error) {
	var previous message.Hash
	for {
		lines, err := s.Read(ctx, n, logPage)
		if err != nil || len(lines) == 0 {
			return n, err
		}
		for _, l := range lines {
			if l.Index != n || l.Previous != previous {
				return n, errLog
			}
			previous = l.Hash()
			n++
		}
	}
}

// String is what was restored, for an operator.
func (r Restored) String() string {
	return fmt.Sprintf("%sthe registration log holds, %d lines\nread and proven in %s\n", r.Manifest, r.Lines, r.Collected.Round(time.Millisecond))
}
