package auditexport

import (
	"context"
	"encoding/hex"
	"errors"
	"slices"
	"strconv"
	"time"

	"medunion/api/message"
)

// Link is a place in a trail: an entry's number, from 1, and hash, which vouch for everything before
// it. The zero Link is the place before the first entry.
type Link struct {
	Number uint64
	Hash   message.Hash
}

// Entry is one entry of a trail.
type Entry struct {
	Link
	Prev     message.Hash // of the entry before
	Recorded time.Time    // UTC, to the millisecond
	What     string       // happened, as the trail names it
	Failure  bool         // it was refused, or has failed
	Event    *Resource    // nil: verified, and left out of the export

	Earlier func() []Resource // what exports say of it that were made under earlier credentials; nil without one
}

// Trail is what the export reads.
type Trail interface {
	// After returns up to limit entries behind a place that was seen before, in their order and without a
	// gap. It fails with ErrTrail if that place is not there any more, or the chain from it does not hold.
	After(ctx context.Context, after Link, limit int) ([]Entry, error)
}

// ErrTrail says that a trail is not the one that was written.
var ErrTrail = errors.New("the audit trail is broken")

// batch is how many entries are read at a time: a bound of memory, and of what is sent again
// after a failure.
const batch = 500

// Walk shows all entries behind a place, verified.
func Walk(ctx context.Context, t Trail, from Link, visit func(Entry)) error {
	for {
		entries, err := t.After(ctx, from, batch)
		if err != nil || len(entries) == 0 {
			return err
		}
		for _, a := range entries {
			visit(a)
			from = a.Link
		}
	}
}

// Lag is how far an export is behind its trail.
type Lag struct {
	Entries uint64        // of the trail that the export has not come to
	Since   time.Duration // the age of the oldest of them, 0 if there is none
}

// LagOf compares the cursor in a file with the trail, whose part behind it is verified.
func LagOf(ctx context.Context, t Trail, cursor string, now time.Time) (lag Lag, err error) {
	at, err := ReadCursor(cursor)
	if err != nil {
		return lag, err
	}
	err = Walk(ctx, t, at.Link, func(a Entry) {
		if lag.Entries++; lag.Entries == 1 {
			lag.Since = now.Sub(a.Recorded)
		}
	})
	return lag, err
}

// Verify verifies all of each trail, and that an export of them, nil for none, says the same as they do. It returns the
// numbers of their newest entries. The trails must leave nothing out.
func Verify(ctx context.Context, export *Comparison, trails ...Trail) ([]uint64, error) {
	last := make([]uint64, len(trails))
	if export == nil {
		export = &Comparison{}
	}
	for i, t := range trails {
		if err := Walk(ctx, t, Link{}, func(a Entry) { last[i] = a.Number; export.Compare(a) }); err != nil {
			return last, err
		}
	}
	return last, export.Err()
}

// Filter says which entries are exported; the zero Filter takes all. All of it must hold.
type Filter struct {
	From, To    time.Time // of the event: From itself is in, To is not
	Events      []string  // as the trail names them
	Outcome     string    // "success" or "failure"
	SinceNumber uint64    // the first number
}

// Takes says whether the filter takes the entry.
func (f Filter) Takes(a Entry) bool {
	switch {
	case a.Number < f.SinceNumber, a.Recorded.Before(f.From), !f.To.IsZero() && !a.Recorded.Before(f.To):
		return false
	case len(f.Events) > 0 && !slices.Contains(f.Events, a.What):
		return false
	}
	return f.Outcome == "" || (f.Outcome == "failure") == a.Failure
}

// Chain is the entry's place in its trail, as an extension of its event. The hashes are keyed
// where the trail's are: without the keys they show that lines follow each other, with them that
// nothing of a line was altered.
func (a Entry) Chain() Extension {
	return Extension{URL: extensionChain, Extension: []Extension{
		{URL: "number", ValueString: strconv.FormatUint(a.Number, 10)}, {URL: "hash", ValueString: hex.EncodeToString(a.Hash[:])},
		{URL: "previous", ValueString: hex.EncodeToString(a.Prev[:])}, {URL: "event", ValueString: a.What}}}
}

// Stamp is the entry's time as FHIR has it.
func (a Entry) Stamp() string { return a.Recorded.Format("2006-01-02T15:04:05.000Z07:00") }
