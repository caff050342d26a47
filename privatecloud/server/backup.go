package server

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/mongo/options"

	"medunion/api/auditexport"
	"medunion/api/backup"
	"medunion/api/command"
	"medunion/api/keyroll"
	"medunion/api/message"
	"medunion/privatecloud/hospital"
	"medunion/privatecloud/internal/mongostore"
)

// restoreSkew is added to the time of a restore: the public cloud's clock may be ahead.
const restoreSkew = 2 * time.Second

func (c Config) plan(k keys) backup.Plan {
	return backup.Plan{Service: "privatecloud", Owner: string(k.draft.ID), Schema: mongostore.Versions.Version(), Collections: mongostore.BackedUp,
		Sign: backup.Signer(k.draft.Sign), Now: c.Now}
}

// registered reads the keys of a hospital that has been registered.
func (c Config) registered(ctx context.Context) (keys, error) {
	f, err := openKeyFile(c)
	if err != nil {
		return keys{}, err
	}
	k, err := loadKeys(ctx, f)
	if err == nil && !k.registered {
		err = errors.New("the hospital is not registered yet: there is nothing to back up")
	}
	return k, err
}

// Backup writes the hospital's database into a file. It works beside running instances. The
// key file is not in it.
func Backup(ctx context.Context, c Config, o backup.Out) (backup.Manifest, error) {
	return c.backup(ctx, o)
}

func (c Config) backup(ctx context.Context, o backup.Out, more ...func(*options.ClientOptions)) (m backup.Manifest, err error) {
	c = c.withDefaults()
	k, err := c.registered(ctx)
	if err != nil {
		return m, err
	}
	s, err := mongostore.OpenUsed(ctx, c.MongoURI, c.Database, more...)
	if err != nil {
		return m, explain(err)
	}
	m, err = backup.Make(ctx, s.Database(), c.plan(k), o)
	return m, errors.Join(explained(err), s.Close(ctx))
}

// source is a backup that must be this hospital's.
func (c Config) source(ctx context.Context, in backup.In) (keys, backup.Source, error) {
	k, err := c.registered(ctx)
	if err != nil {
		return k, backup.Source{}, err
	}
	s, err := in.Open(c.plan(k), k.trusted()...)
	return k, s, err
}

// VerifyBackup reads all of a backup of this hospital, without a database.
func VerifyBackup(c Config, in backup.In) (backup.Manifest, error) {
	_, s, err := c.withDefaults().source(context.Background(), in)
	if err != nil {
		return backup.Manifest{}, err
	}
	return s.Verify(mongostore.NewCheck())
}

// Restored is what a restore has done.
type Restored struct {
	backup.Manifest
	Records   int    // that were proven, version by version
	Trail     uint64 // the newest entry that was proven
	Erased    int    // again, by the receipts
	Enrolled  int    // whose index entries will be published again
	Collected time.Duration
	Proven    time.Duration
}

// Restore puts a backup into the configured database, which must be empty, proves all chains
// with the hospital's keys, refuses from then on what was allowed before (hospital.Config.Floor),
// erases again every record of which a receipt lies in the folder ("" for no folder), and makes all index
// entries due. No instance may run on the database; whatever fails on
// the way leaves one that none starts on.
func Restore(ctx context.Context, c Config, in backup.In, receipts string) (r Restored, err error) {
	c = c.withDefaults()
	c.restoring = true
	erased, err := c.receipts(receipts)
	if err != nil {
		return r, err
	}
	k, source, err := c.source(ctx, in)
	if err != nil {
		return r, err
	}
	w, err := c.wire()
	if err != nil {
		return r, err
	}
	p, err := open(ctx, c, w, k)
	if err != nil {
		return r, err
	}
	stop := p.keepLease(ctx)
	err = explained(p.restore(ctx, source, erased, &r))
	stop()
	return r, errors.Join(err, p.close())
}

// keepLease checks in until stop is called: a restore may take longer than a check-in holds, and
// seals a line of the trail at its end. Unlike followKeys it writes nothing of a new key ring into the
// trail, as the database must be empty when the backup is put into it.
func (p *parts) keepLease(ctx context.Context) (stop func()) {
	following, cancel := context.WithCancel(ctx)
	var keeping sync.WaitGroup
	keeping.Go(func() { p.lease.Run(following, p.config.KeyPoll, p.config.Logger, keyroll.Follow{}) })
	return func() { cancel(); keeping.Wait() }
}

func (p *parts) restore(ctx context.Context, source backup.Source, erased map[message.Hash]bool, r *Restored) error {
	if err := p.collected(ctx, source, r); err != nil {
		return err
	}
	if err := p.hospital.RecordRestore(ctx, command.Operator(), r.Started.Format(time.RFC3339)); err != nil {
		return err
	}
	var err error
	if r.Erased, err = p.eraseNamed(ctx, erased, command.Operator()); err != nil {
		return err
	}
	if r.Enrolled, err = p.hospital.Republish(ctx); err != nil {
		return err
	}
	floor := message.MillisOf(p.config.Now().Add(restoreSkew))
	return p.store.Database().EndRestore(ctx, int64(floor))
}

// collected puts the backup into the database and proves it.
func (p *parts) collected(ctx context.Context, source backup.Source, r *Restored) (err error) {
	began := time.Now()
	if r.Manifest, err = source.Restore(ctx, p.store.Database(), mongostore.NewCheck()); err != nil {
		return err
	}
	if _, err := p.store.EraseAgain(ctx); err != nil {
		return err
	}
	r.Collected = time.Since(began)
	if err := p.prove(ctx, r); err != nil {
		return err
	}
	r.Proven = time.Since(began) - r.Collected
	return nil
}

// prove opens every seal and follows every chain.
func (p *parts) prove(ctx context.Context, r *Restored) error {
	if err := auditexport.Walk(ctx, p.trail(), auditexport.Link{}, func(a auditexport.Entry) { r.Trail = a.Number }); err != nil {
		return err
	}
	return p.store.Handles(ctx, func(h hospital.Handle) error {
		r.Records++
		return p.hospital.VerifyRecord(ctx, h)
	})
}

// String is what was restored, for an operator.
func (r Restored) String() string {
	return fmt.Sprintf("%s%d records and the trail to entry %d are proven; %d erased again by their receipts; index entries of %d patients will be published again\nread in %s, proven in %s\n",
		r.Manifest, r.Records, r.Trail, r.Erased, r.Enrolled, r.Collected.Round(time.Millisecond), r.Proven.Round(time.Millisecond))
}

// Republish has all index entries signed and sent again, by whatever instance runs: after
// a restore of the public cloud.
func Republish(ctx context.Context, c Config) (n int, err error) {
	err = offline(ctx, c, func(p *parts) (err error) { n, err = p.hospital.Republish(ctx); return err })
	return n, err
}
