package server

import (
	"context"
	"errors"

	"medunion/api/auditexport"
	"medunion/api/command"
	"medunion/api/message"
	"medunion/publiccloud/cloud"
	"medunion/publiccloud/internal/auditevents"
	"medunion/publiccloud/internal/mongostore"
)

// The public cloud's trails.
const (
	TrailRegistrations = "registrations" // the registration log, which is open to everybody
	TrailOperations    = "operations"    // what operators did
)

// AuditExport says what of which trail is exported, and where to.
type AuditExport struct {
	Trail string `arg:"" enum:"registrations,operations" help:"registrations: the registration log; operations: what operators did."`
	auditexport.Job
}

// Check refuses what makes no sense, before anything is opened.
func (x AuditExport) Check() error {
	switch x.Trail {
	case TrailRegistrations:
		return x.Job.Check([]string{auditevents.Registered})
	case TrailOperations:
		return x.Job.Check(auditevents.OfOperations())
	}
	return errors.New("there is no such trail")
}

// books is what the commands about the trails read.
type books struct {
	site  auditevents.Site
	store *mongostore.Store
	trail cloud.Trail
}

// books opens the keys and the store beside running instances. It makes no keys.
func (c Config) books(ctx context.Context, do func(books) error) error {
	c = c.withDefaults()
	k, err := c.ring(ctx)
	if err != nil {
		return err
	}
	s, err := mongostore.OpenUsed(ctx, c.MongoURI, c.Database)
	if err != nil {
		return explain(err)
	}
	err = do(books{auditevents.Site{ID: message.ID(c.ID)}, s, c.trail(s, k)})
	return errors.Join(err, s.Close(context.WithoutCancel(ctx)))
}

func (b books) named(trail string, f auditexport.Filter) auditexport.Trail {
	if trail == TrailRegistrations {
		return auditevents.Registrations{Log: b.store, Site: b.site, Filter: f}
	}
	return auditevents.Operations{Trail: b.trail, Site: b.site, Filter: f}
}

// ExportAudit exports a trail and returns how far it came. Who exports, and what, is among
// the operations before anything leaves. A trail that does not hold is auditexport.ErrTrail.
func ExportAudit(ctx context.Context, c Config, x AuditExport) (done auditexport.Cursor, err error) {
	if err := x.Check(); err != nil {
		return done, err
	}
	lock, err := x.Lock()
	if err != nil {
		return done, err
	}
	defer lock.Close()
	err = c.books(ctx, func(b books) error {
		o := cloud.Operation{What: cloud.OperationExported, Operator: command.Operator(), Note: x.Trail + ": " + x.Words(nil)}
		if err := b.trail.Record(ctx, o); err != nil {
			return err
		}
		sender := auditexport.Sender{Host: string(b.site.ID), Program: "publiccloud", Trail: x.Trail}
		done, err = x.Run(ctx, b.named(x.Trail, x.Filter()), sender)
		return err
	})
	return done, err
}

// LagOfAudit compares a cursor with its trail, whose part behind it is verified.
func LagOfAudit(ctx context.Context, c Config, trail, cursor string) (lag auditexport.Lag, err error) {
	err = c.books(ctx, func(b books) error {
		lag, err = auditexport.LagOf(ctx, b.named(trail, auditexport.Filter{}), cursor, b.trail.Now())
		return err
	})
	return lag, err
}

// VerifiedAudit is how long the trails are.
type VerifiedAudit struct{ Registrations, Operations uint64 }

// VerifyAudit verifies both trails, and that an export of either, nil for none, says the same
// as they do: each of its lines must be what this public cloud exports of that entry.
func VerifyAudit(ctx context.Context, c Config, export *auditexport.Comparison) (v VerifiedAudit, err error) {
	err = c.books(ctx, func(b books) error {
		n, err := auditexport.Verify(ctx, export, b.named(TrailRegistrations, auditexport.Filter{}), b.named(TrailOperations, auditexport.Filter{}))
		v = VerifiedAudit{n[0], n[1]}
		return err
	})
	return v, err
}
