package server

import (
	"context"
	"errors"
	"fmt"
	"time"

	"medunion/api/auditexport"
	"medunion/api/backup"
	"medunion/api/command"
	"medunion/api/message"
	"medunion/ecc"
	"medunion/publiccloud/cloud"
	"medunion/publiccloud/internal/auditevents"
	"medunion/publiccloud/internal/mongostore"
)

// plan is that of a backup signed under the root that signs now.
func (c Config) plan(k keys) (backup.Plan, error) {
	root, err := k.roots.Signing(message.MillisOf(c.Now()))
	return backup.Plan{Service: "publiccloud", Owner: c.ID, Schema: mongostore.Versions.Version(), Collections: mongostore.BackedUp,
		Sign: backup.Signer(root.SigningKey), Now: c.Now}, err
}

// ring reads the keys without making any.
func (c Config) ring(ctx context.Context) (keys, error) {
	c.InitKeys = false
	_, k, err := openKeys(ctx, c)
	return k, err
}

// explained is explain of an error that may be nil.
func explained(err error) error {
	if err == nil {
		return nil
	}
	if cause := explain(err); cause.Error() != err.Error() {
		return fmt.Errorf("%w (%w)", err, cause)
	}
	return err
}

// Backup writes the public cloud's database into a file. It works beside running instances.
// The key file is not in it.
func Backup(ctx context.Context, c Config, o backup.Out) (m backup.Manifest, err error) {
	c = c.withDefaults()
	k, err := c.ring(ctx)
	if err != nil {
		return m, err
	}
	p, err := c.plan(k)
	if err != nil {
		return m, err
	}
	s, err := mongostore.OpenUsed(ctx, c.MongoURI, c.Database)
	if err != nil {
		return m, explain(err)
	}
	made := cloud.Operation{What: cloud.OperationBackup, Operator: command.Operator()}
	err = c.trail(s, k).Do(ctx, made, func() error { m, err = backup.Make(ctx, s.Database(), p, o); return err })
	return m, errors.Join(explained(err), s.Close(ctx))
}

// source is a backup that must be this public cloud's, under any of its roots: an older one
// signed before a succession.
func (c Config) source(ctx context.Context, in backup.In) (backup.Source, error) {
	k, err := c.ring(ctx)
	if err != nil {
		return backup.Source{}, err
	}
	p, err := c.plan(k)
	if err != nil {
		return backup.Source{}, err
	}
	trusted := []ecc.VerifyKey{k.roots.Pins.First.PUKC}
	for _, s := range k.roots.Pins.Successions() {
		trusted = append(trusted, s.Statement().New.PUKC)
	}
	return in.Open(p, trusted...)
}

// VerifyBackup reads all of a backup of this public cloud, without a database.
func VerifyBackup(ctx context.Context, c Config, in backup.In) (backup.Manifest, error) {
	s, err := c.withDefaults().source(ctx, in)
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
	source, err := c.source(ctx, in)
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
	if err = c.opens(ctx, s); err != nil {
		return r, err
	}
	if err = c.restored(ctx, s, r.Started); err != nil {
		return r, err
	}
	r.Collected = time.Since(began)
	return r, s.Database().EndRestore(ctx, int64(message.MillisOf(c.Now())))
}

func (c Config) trail(s *mongostore.Store, k keys) cloud.Trail {
	return cloud.Trail{Store: s, HandleKey: k.handle, Now: c.Now}
}

// restored proves the trail of operations under the keys, and says in it of when the backup is.
func (c Config) restored(ctx context.Context, s *mongostore.Store, started time.Time) error {
	k, err := c.ring(ctx)
	if err != nil {
		return err
	}
	trail := c.trail(s, k)
	if err := auditexport.Walk(ctx, auditevents.Operations{Trail: trail}, auditexport.Link{}, func(auditexport.Entry) {}); err != nil {
		return err
	}
	return trail.Record(ctx, cloud.Operation{What: cloud.OperationRestored, Operator: command.Operator(), Note: started.UTC().Format(time.RFC3339)})
}

// ErrSealing says that evidence in a backup lies under keys that are not in the key file.
var ErrSealing = errors.New("the key file does not open what lies sealed in the backup: use the one of its time, or a newer one")

// sealedSample is how many documents of a collection are opened under each version.
const sealedSample = 16

// opens holds the sealed evidence against the key file: each version that anything lies under must be
// there, and open. One broken document is no reason to give up a backup: of a
// sample, one must open.
func (c Config) opens(ctx context.Context, s *mongostore.Store) error {
	c.InitKeys = false
	w, _, err := openKeys(ctx, c)
	if err != nil {
		return err
	}
	counts, err := s.CountSealed(ctx)
	if err != nil {
		return err
	}
	v := versions(w.Ring(), keySealing)
	for version := range counts {
		if v.Secrets[version] == nil {
			return fmt.Errorf("%w: version %d of %s is not there", ErrSealing, version, keySealing)
		}
		for _, kind := range cloud.SealedKinds {
			if err := openSample(ctx, s, v, kind, version); err != nil {
				return err
			}
		}
	}
	return nil
}

func openSample(ctx context.Context, s *mongostore.Store, v cloud.Versions, kind cloud.SealedKind, version uint32) error {
	sample, err := s.SealedAt(ctx, kind, version, sealedSample)
	if err != nil {
		return err
	}
	tried := 0
	for _, d := range sample {
		if len(d.Pieces) == 0 {
			continue
		}
		if d.Open(v) == nil {
			return nil
		}
		tried++
	}
	if tried == 0 {
		return nil
	}
	return fmt.Errorf("%w: none of %d documents opens under version %d of %s", ErrSealing, tried, version, keySealing)
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
