package server

import (
	"context"
	"encoding/hex"
	"errors"
	"os"
	"time"

	"medunion/api/auditexport"
	"medunion/api/command"
	"medunion/api/message"
	"medunion/privatecloud/internal/auditevents"
)

// AuditExport says what of the audit trail is exported, and where to.
type AuditExport struct {
	auditexport.Job
	Patient string `help:"Only events of this patient: her ID_P, or the name of her record as an export has it."`
	MRNFile string `name:"mrn-file" help:"Only events of the record whose medical record number is the first line of this file (mode 0600); - is standard input."`
	Doctor  string `help:"Only events of this doctor: her licence, or her c_D in hex."`
}

// Check refuses what makes no sense, before anything is opened.
func (x AuditExport) Check() error {
	if x.MRNFile != "" && x.Patient != "" {
		return errors.New("a patient is named in one way: by her ID_P or record, or by the number")
	}
	return x.Job.Check(auditevents.Events())
}

// AuditExported is how far an export has come.
type AuditExported struct {
	Number   uint64    // the newest entry of the trail that was verified
	Recorded time.Time // when that was written
	Exported uint64    // events, over all runs with the same cursor
}

// ExportAudit exports the audit trail and returns how far it came. Who exports, and what, is
// in the trail before anything leaves. A broken trail is hospital.ErrTrail.
func ExportAudit(ctx context.Context, c Config, x AuditExport) (done AuditExported, err error) {
	if err := x.Check(); err != nil {
		return done, err
	}
	lock, err := x.Lock()
	if err != nil {
		return done, err
	}
	defer lock.Close()
	err = reading(ctx, c, func(p *parts) error {
		t, err := x.trail(ctx, p)
		if err != nil {
			return err
		}
		if err := p.hospital.RecordExport(ctx, command.Operator(), x.words()); err != nil {
			return err
		}
		at, err := x.Run(ctx, t, auditexport.Sender{Host: string(p.hospital.ID()), Program: "privatecloud"})
		done = AuditExported{Number: at.Number, Recorded: at.Recorded, Exported: at.Exported}
		return err
	})
	return done, err
}

// trail is the whole trail of a hospital.
func (p *parts) trail() auditevents.Trail {
	ids := p.hospital.Keys.Identities.Identities()
	t := auditevents.Trail{Source: p.hospital, Site: p.site(ids.Current.Credential)}
	for _, c := range ids.Former {
		t.Former = append(t.Former, p.site(c))
	}
	return t
}

// site is the hospital under one of its credentials.
func (p *parts) site(c message.Credential) auditevents.Site {
	return auditevents.Site{ID: p.hospital.ID(), Credential: c.Hash(), Address: string(c.Info.Attribute), Record: p.hospital.RecordName}
}

// trail is what is asked for of it.
func (x AuditExport) trail(ctx context.Context, p *parts) (auditevents.Trail, error) {
	t := p.trail()
	t.Filter = auditevents.Filter{Filter: x.Filter(), Patient: x.Patient, Doctor: x.Doctor}
	if x.MRNFile == "" {
		return t, nil
	}
	mrn, err := ReadMRN(x.MRNFile, os.Stdin)
	if err != nil {
		return t, err
	}
	name, err := p.hospital.RecordOf(ctx, mrn)
	t.Filter.Patient = hex.EncodeToString(name[:])
	return t, err
}

func (x AuditExport) words() string {
	return x.Words(map[string]bool{"patient": x.Patient != "" || x.MRNFile != "", "doctor": x.Doctor != ""})
}

// LagOfAudit compares a cursor with the trail, whose part behind it is verified.
func LagOfAudit(ctx context.Context, c Config, cursor string) (lag auditexport.Lag, err error) {
	err = reading(ctx, c, func(p *parts) error {
		lag, err = auditexport.LagOf(ctx, p.trail(), cursor, p.config.Now())
		return err
	})
	return lag, err
}

// VerifyAudit verifies all of the trail, and that an export, nil for none, says the same
// as the trail does: each of its lines must be what this hospital exports of that entry. It
// returns the number of the newest entry.
func VerifyAudit(ctx context.Context, c Config, export *auditexport.Comparison) (last uint64, err error) {
	err = reading(ctx, c, func(p *parts) error {
		numbers, err := auditexport.Verify(ctx, export, p.trail())
		last = numbers[0]
		return err
	})
	return last, err
}
