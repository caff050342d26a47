package server

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/user"
	"slices"
	"strings"
	"time"

	"medunion/api/problem"
	"medunion/api/secretfile"
	"medunion/api/settings"
	"medunion/privatecloud/hospital"
	"medunion/privatecloud/internal/auditexport"
)

// AuditExport says what of the audit trail is exported, and where to.
type AuditExport struct {
	From        time.Time `help:"Only events from this time on (RFC 3339)." format:"2006-01-02T15:04:05Z07:00"`
	To          time.Time `help:"Only events before this time (RFC 3339)." format:"2006-01-02T15:04:05Z07:00"`
	Patient     string    `help:"Only events of this patient: her ID_P, or the name of her record as an export has it."`
	MRN         string    `help:"Only events of the record with this medical record number."`
	Doctor      string    `help:"Only events of this doctor: her licence, or her c_D in hex."`
	Event       []string  `help:"Only these events, as the trail names them: released, refused, \"session opened\", ..."`
	Outcome     string    `help:"Only success, or only failure." enum:",success,failure" default:""`
	SinceNumber uint64    `help:"Only events from this number of the trail on."`

	Out    string        `help:"NDJSON file, of mode 0600; - is standard output." default:"-"`
	Syslog string        `help:"Send to this receiver instead: tls://HOST[:PORT] (RFC 5425), unix:///PATH, or udp://ADDRESS:PORT on loopback."`
	Cursor string        `help:"File that says how far the export has come; the next one goes on there."`
	Follow bool          `help:"Go on with what is written from now on, until stopped; needs a cursor."`
	Poll   time.Duration `help:"How often Follow looks for new events." default:"2s"`

	SyslogCA   string `help:"Certificates that the receiver's is issued by (PEM file); default: those of the system."`
	SyslogCert string `help:"Certificate with which the export names itself to the receiver (PEM file)."`
	SyslogKey  string `help:"Private key of that certificate (PEM file)."`
	Metrics    string `help:"File for node_exporter's textfile collector: number and time of the newest event exported."`

	Stdout io.Writer         `kong:"-"` // default: os.Stdout
	Note   func(text string) `kong:"-"` // told of failed attempts in Follow; may be nil
}

// Check refuses what makes no sense, before anything is opened.
func (x AuditExport) Check() error {
	if x.Follow && x.Cursor == "" {
		return errors.New("to follow the trail a cursor is needed")
	}
	if x.Syslog != "" && x.Out != "-" && x.Out != "" {
		return errors.New("an export goes to a file or to syslog, not to both")
	}
	if x.MRN != "" && x.Patient != "" {
		return errors.New("a patient is named in one way: by her ID_P or record, or by the number")
	}
	if x.Syslog != "" {
		if _, err := auditexport.ParseReceiver(x.Syslog, &tls.Config{}); err != nil {
			return err
		}
	}
	return x.filter().Check()
}

func (x AuditExport) filter() auditexport.Filter {
	return auditexport.Filter{From: x.From, To: x.To, Patient: x.Patient, Doctor: x.Doctor, Events: x.Event, Outcome: x.Outcome, SinceNumber: x.SinceNumber}
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
	if x.Cursor != "" {
		lock, err := secretfile.Lock(x.Cursor)
		if err != nil {
			return done, fmt.Errorf("cursor: %w", err)
		}
		defer lock.Close()
	}
	err = offline(ctx, c, func(p *parts) error {
		o, err := x.options(ctx, p)
		if err != nil {
			return err
		}
		if err := p.hospital.RecordExport(ctx, Operator(), x.words()); err != nil {
			return err
		}
		at, err := auditexport.Run(ctx, p.hospital, o)
		done = exported(at)
		return err
	})
	return done, err
}

func exported(c auditexport.Cursor) AuditExported {
	return AuditExported{Number: c.Number, Recorded: c.Recorded, Exported: c.Exported}
}

func (x AuditExport) options(ctx context.Context, p *parts) (auditexport.Options, error) {
	o := auditexport.Options{Site: p.site(), Filter: x.filter(), CursorFile: x.Cursor, Follow: x.Follow, Poll: x.Poll, Note: x.note}
	if o.Poll <= 0 {
		o.Poll = 2 * time.Second
	}
	if x.MRN != "" {
		name, err := p.hospital.RecordOf(ctx, x.MRN)
		if err != nil {
			return o, err
		}
		o.Filter.Patient = hex.EncodeToString(name[:])
	}
	var err error
	o.Open, err = x.sink(string(p.hospital.ID()))
	return o, err
}

func (p *parts) site() auditexport.Site {
	c := p.hospital.Identity().Credential
	return auditexport.Site{ID: p.hospital.ID(), Credential: c.Hash(), Address: string(c.Info.Attribute), Record: p.hospital.RecordName}
}

func (x AuditExport) sink(host string) (func(context.Context, auditexport.Cursor) (auditexport.Sink, error), error) {
	if x.Syslog == "" {
		return x.file(), nil
	}
	c, err := x.tls()
	if err != nil {
		return nil, err
	}
	r, err := auditexport.ParseReceiver(x.Syslog, c)
	return func(ctx context.Context, _ auditexport.Cursor) (auditexport.Sink, error) { return r.Open(ctx, host) }, err
}

func (x AuditExport) file() func(context.Context, auditexport.Cursor) (auditexport.Sink, error) {
	if x.Out != "" && x.Out != "-" {
		return auditexport.File(x.Out).Open
	}
	var w io.Writer = os.Stdout
	if x.Stdout != nil {
		w = x.Stdout
	}
	return func(context.Context, auditexport.Cursor) (auditexport.Sink, error) { return auditexport.Lines(w), nil }
}

func (x AuditExport) tls() (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS13}
	if x.SyslogCA != "" {
		b, err := settings.ReadFile("authority of the receiver", x.SyslogCA)
		if err != nil {
			return nil, err
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(b) {
			return nil, errors.New("authority of the receiver: no certificate in the file")
		}
	}
	if x.SyslogCert == "" && x.SyslogKey == "" {
		return c, nil
	}
	pair, err := tls.LoadX509KeyPair(x.SyslogCert, x.SyslogKey)
	c.Certificates = []tls.Certificate{pair}
	return c, err
}

// words are the filters that were set, without what they were set to: the trail names the
// export, not whom it was about.
func (x AuditExport) words() string {
	var w []string
	for name, set := range map[string]bool{"from": !x.From.IsZero(), "to": !x.To.IsZero(), "patient": x.Patient != "" || x.MRN != "", "doctor": x.Doctor != "",
		"event": len(x.Event) > 0, "outcome": x.Outcome != "", "since number": x.SinceNumber > 0} {
		if set {
			w = append(w, name)
		}
	}
	if len(w) == 0 {
		return "all of it"
	}
	return "a part of it, by " + strings.Join(slices.Sorted(slices.Values(w)), ", ")
}

// note writes the metrics, and passes failures on.
func (x AuditExport) note(c auditexport.Cursor, err error) {
	if err == nil && x.Metrics != "" {
		if err = os.WriteFile(x.Metrics+".new", metrics(c), 0o644); err == nil {
			err = os.Rename(x.Metrics+".new", x.Metrics)
		}
	}
	if err != nil && x.Note != nil {
		x.Note(problem.Reason(err))
	}
}

// metrics are the cursor in Prometheus' text format: the difference between the trail's own
// newest entry and these is the lag.
func metrics(c auditexport.Cursor) []byte {
	return fmt.Appendf(nil, `# HELP medunion_audit_exported_entry Number of the newest entry of the audit trail that the export has come to.
# TYPE medunion_audit_exported_entry gauge
medunion_audit_exported_entry %d
# HELP medunion_audit_exported_entry_timestamp_seconds When that entry was written.
# TYPE medunion_audit_exported_entry_timestamp_seconds gauge
medunion_audit_exported_entry_timestamp_seconds %.3f
# HELP medunion_audit_exported_events_total Events exported, over all runs.
# TYPE medunion_audit_exported_events_total counter
medunion_audit_exported_events_total %d
`, c.Number, float64(c.Recorded.UnixMilli())/1000, c.Exported)
}

// AuditLag is how far an export is behind the trail.
type AuditLag struct {
	Entries uint64        // of the trail that the export has not come to
	Since   time.Duration // the age of the oldest of them, 0 if there is none
}

// LagOfAudit compares a cursor with the trail, whose part behind it is verified.
func LagOfAudit(ctx context.Context, c Config, cursor string) (lag AuditLag, err error) {
	err = offline(ctx, c, func(p *parts) error {
		at, err := auditexport.ReadCursor(cursor)
		if err != nil {
			return err
		}
		return p.verify(ctx, at.Link, func(a hospital.Audited) {
			if lag.Entries++; lag.Entries == 1 {
				lag.Since = p.config.Now().Sub(a.Time.Time())
			}
		})
	})
	return lag, err
}

// VerifyAudit verifies all of the trail, and that an export, if one is given, says the same
// as the trail does: each of its lines must be what this hospital exports of that entry. It
// returns the number of the newest entry.
func VerifyAudit(ctx context.Context, c Config, export io.Reader) (last uint64, err error) {
	err = offline(ctx, c, func(p *parts) error {
		against, err := auditexport.ReadExport(export)
		if err != nil {
			return err
		}
		if err := p.verify(ctx, hospital.Link{}, func(a hospital.Audited) { last = a.Number; against.Compare(p.site(), a) }); err != nil {
			return err
		}
		return against.Err()
	})
	return last, err
}

func (p *parts) verify(ctx context.Context, from hospital.Link, visit func(hospital.Audited)) error {
	for {
		entries, err := p.hospital.TrailAfter(ctx, from, 500)
		if err != nil || len(entries) == 0 {
			return err
		}
		for _, a := range entries {
			visit(a)
			from = hospital.Link{Number: a.Number, Hash: a.Hash}
		}
	}
}

// Operator is who runs the process, as the system names him.
func Operator() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return fmt.Sprint("uid ", os.Getuid())
}
