package auditexport

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"medunion/api/problem"
	"medunion/api/secretfile"
)

// Job is what an operator's command says of an export: what of the trail, and where to.
type Job struct {
	From        time.Time `help:"Only events from this time on (RFC 3339)." format:"2006-01-02T15:04:05Z07:00"`
	To          time.Time `help:"Only events before this time (RFC 3339); not with a cursor." format:"2006-01-02T15:04:05Z07:00"`
	Event       []string  `help:"Only these events, as the trail names them, such as refused."`
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

// Sender names the service to a receiver, and its trail in the metrics.
type Sender struct {
	Host    string // HOSTNAME of RFC 5424
	Program string // APP-NAME
	Trail   string // label of the metrics; "" where a service has one trail
}

// Check refuses what makes no sense, before anything is opened. known are all events of the trail.
func (j Job) Check(known []string) error {
	if j.Follow && j.Cursor == "" {
		return errors.New("to follow the trail a cursor is needed")
	}
	if j.Cursor != "" && !j.To.IsZero() {
		return errors.New("what is written from the time until which on would be left out for good, since the cursor goes past it; leave out the time or the cursor")
	}
	if j.Syslog != "" && j.Out != "-" && j.Out != "" {
		return errors.New("an export goes to a file or to syslog, not to both")
	}
	if j.Syslog != "" {
		if _, err := ParseReceiver(j.Syslog, &tls.Config{}); err != nil {
			return err
		}
	}
	for _, e := range j.Event {
		if !slices.Contains(known, e) {
			return fmt.Errorf("there is no event %q; there are: %s", e, strings.Join(known, ", "))
		}
	}
	if j.Outcome != "" && j.Outcome != "success" && j.Outcome != "failure" {
		return fmt.Errorf("an outcome is success or failure, not %q", j.Outcome)
	}
	if !j.From.IsZero() && !j.To.IsZero() && !j.From.Before(j.To) {
		return errors.New("the time from which is not before the time until which")
	}
	return nil
}

// Filter is what of the trail the job asks for.
func (j Job) Filter() Filter {
	return Filter{From: j.From, To: j.To, Events: j.Event, Outcome: j.Outcome, SinceNumber: j.SinceNumber}
}

// Lock keeps other exports from the cursor until it is closed.
func (j Job) Lock() (io.Closer, error) {
	if j.Cursor == "" {
		return io.NopCloser(nil), nil
	}
	lock, err := secretfile.Lock(j.Cursor)
	if err != nil {
		return nil, fmt.Errorf("cursor: %w", err)
	}
	return lock, nil
}

// Run exports a trail that leaves out what the job does not ask for, and returns how far it came.
func (j Job) Run(ctx context.Context, t Trail, s Sender) (Cursor, error) {
	o := Options{CursorFile: j.Cursor, Follow: j.Follow, Poll: j.Poll, Note: func(c Cursor, err error) { j.note(s, c, err) }}
	if o.Poll <= 0 {
		o.Poll = 2 * time.Second
	}
	var err error
	if o.Open, err = j.sink(s); err != nil {
		return Cursor{}, err
	}
	return Run(ctx, t, o)
}

func (j Job) sink(s Sender) (func(context.Context, Cursor) (Sink, error), error) {
	if j.Syslog == "" {
		return j.file(), nil
	}
	c, err := j.tls()
	if err != nil {
		return nil, err
	}
	r, err := ParseReceiver(j.Syslog, c)
	return func(ctx context.Context, _ Cursor) (Sink, error) { return r.Open(ctx, s.Host, s.Program) }, err
}

func (j Job) file() func(context.Context, Cursor) (Sink, error) {
	if j.Out != "" && j.Out != "-" {
		return File(j.Out, j.Cursor != "").Open
	}
	var w io.Writer = os.Stdout
	if j.Stdout != nil {
		w = j.Stdout
	}
	return func(context.Context, Cursor) (Sink, error) { return Lines(w), nil }
}

func (j Job) tls() (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS13}
	if j.SyslogCA != "" {
		b, err := os.ReadFile(j.SyslogCA)
		if err != nil {
			return nil, fmt.Errorf("authority of the receiver: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(b) {
			return nil, errors.New("authority of the receiver: no certificate in the file")
		}
	}
	if j.SyslogCert == "" && j.SyslogKey == "" {
		return c, nil
	}
	pair, err := tls.LoadX509KeyPair(j.SyslogCert, j.SyslogKey)
	c.Certificates = []tls.Certificate{pair}
	return c, err
}

// Words are the filters that were set, without what they were set to: the trail names the
// export, not whom it was about. more are those of the service.
func (j Job) Words(more map[string]bool) string {
	set := map[string]bool{"from": !j.From.IsZero(), "to": !j.To.IsZero(), "event": len(j.Event) > 0, "outcome": j.Outcome != "", "since number": j.SinceNumber > 0}
	var w []string
	for _, m := range []map[string]bool{set, more} {
		for name, is := range m {
			if is {
				w = append(w, name)
			}
		}
	}
	if len(w) == 0 {
		return "all of it"
	}
	return "a part of it, by " + strings.Join(slices.Sorted(slices.Values(w)), ", ")
}

// note writes the metrics, and passes failures on.
func (j Job) note(s Sender, c Cursor, err error) {
	if err == nil && j.Metrics != "" {
		if err = os.WriteFile(j.Metrics+".new", metrics(s.Trail, c), 0o644); err == nil {
			err = os.Rename(j.Metrics+".new", j.Metrics)
		}
	}
	if err != nil && j.Note != nil {
		j.Note(problem.Reason(err))
	}
}

// metrics are the cursor in Prometheus' text format: the difference between the trail's own
// newest entry and these is the lag.
func metrics(trail string, c Cursor) []byte {
	label := ""
	if trail != "" {
		label = fmt.Sprintf("{trail=%q}", trail)
	}
	return fmt.Appendf(nil, `# HELP medunion_audit_exported_entry Number of the newest entry of the audit trail that the export has come to.
# TYPE medunion_audit_exported_entry gauge
medunion_audit_exported_entry%[1]s %[2]d
# HELP medunion_audit_exported_entry_timestamp_seconds When that entry was written.
# TYPE medunion_audit_exported_entry_timestamp_seconds gauge
medunion_audit_exported_entry_timestamp_seconds%[1]s %.3[3]f
# HELP medunion_audit_exported_events_total Events exported, over all runs.
# TYPE medunion_audit_exported_events_total counter
medunion_audit_exported_events_total%[1]s %[4]d
`, label, c.Number, float64(c.Recorded.UnixMilli())/1000, c.Exported)
}
