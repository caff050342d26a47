package auditexport

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Sink takes events, each as one JSON object without a line end.
type Sink interface {
	Write(a Entry, event []byte) error
	// Flush returns when what was written is as safe as this sink can make it, with the size
	// of the output so far, 0 where it has none.
	Flush() (int64, error)
	// Close ends it; nothing is promised for events behind the last Flush.
	Close() error
}

// Options of one export.
type Options struct {
	// Open opens the sink, given how far the last export came; after a failure in Follow it is called again.
	Open func(context.Context, Cursor) (Sink, error)
	// CursorFile is where the export goes on from and notes how far it came, "" for none.
	CursorFile string
	// Follow goes on until the context ends, looking for new events each Poll.
	Follow bool
	Poll   time.Duration
	// Note is called after each step with the cursor and, if an attempt has failed, why. It may be nil.
	Note func(Cursor, error)
}

// maxWait bounds the time between attempts in Follow.
const maxWait = 30 * time.Second

// Run exports what lies behind the cursor and returns how far it came. Without a cursor it
// begins at the first entry: also what the trail leaves out is verified. It fails with ErrTrail
// at a break of the chain, and what lies behind that is not exported.
func Run(ctx context.Context, t Trail, o Options) (Cursor, error) {
	c := Cursor{}
	if o.CursorFile != "" {
		var err error
		if c, err = ReadCursor(o.CursorFile); err != nil {
			return c, err
		}
	}
	e := &export{Options: o, trail: t, at: c, safe: c}
	if !o.Follow {
		return e.once(ctx)
	}
	return e.follow(ctx)
}

type export struct {
	Options
	trail Trail
	sink  Sink
	at    Cursor
	safe  Cursor        // from where to go on after a failure, which the sink may have lost a batch in
	wait  time.Duration // before the next attempt
}

// open opens the sink. From then on the cursor's file is there and names the output, before any
// event is: a run that dies before its first batch leaves an output that the next one knows as its own.
func (e *export) open(ctx context.Context) error {
	var err error
	if e.sink, err = e.Open(ctx, e.at); err != nil || e.CursorFile == "" {
		return err
	}
	output := ""
	if f, is := e.sink.(interface{ Output() string }); is {
		output = f.Output()
	}
	at := e.at
	if at.Output != output {
		at.Output, at.Size = output, 0
	}
	if at.kept && at.Output == e.at.Output {
		return nil
	}
	if err := at.write(e.CursorFile); err != nil {
		return errors.Join(err, e.sink.Close())
	}
	at.kept = true
	e.at, e.safe = at, at
	return nil
}

func (e *export) once(ctx context.Context) (Cursor, error) {
	err := e.open(ctx)
	if err != nil {
		return e.at, err
	}
	before := e.at
	for more := true; more && err == nil; {
		more, err = e.step(ctx)
	}
	if closed := e.sink.Close(); err == nil && closed != nil {
		// A sink that could not be ended in order may have lost anything.
		return before, joinCursor(closed, before.write(e.CursorFile))
	}
	return e.at, err
}

func joinCursor(err, written error) error {
	if written != nil {
		return fmt.Errorf("%w; %w", err, written)
	}
	return err
}

// step exports one batch, and reports whether more may wait.
func (e *export) step(ctx context.Context) (bool, error) {
	entries, err := e.trail.After(ctx, e.at.Link, batch)
	if err != nil || len(entries) == 0 {
		return false, err
	}
	next := e.at
	for _, a := range entries {
		if a.Event != nil {
			if err := e.write(a); err != nil {
				return false, err
			}
			next.Exported++
		}
		next.Link, next.Recorded = a.Link, a.Recorded
	}
	if next.Size, err = e.sink.Flush(); err != nil {
		return false, err
	}
	if err := next.write(e.CursorFile); err != nil {
		return false, err
	}
	e.safe, e.at = e.at, next
	if next.Size > 0 {
		e.safe = next // a file, which keeps what was flushed
	}
	e.note(nil)
	return len(entries) == batch, nil
}

func (e *export) write(a Entry) error {
	b, err := json.Marshal(a.Event)
	if err != nil {
		return err
	}
	return e.sink.Write(a, b)
}

func (e *export) note(err error) {
	if e.Note != nil {
		e.Note(e.at, err)
	}
}

// minWait is the time before the first attempt after one that has succeeded.
const minWait = time.Second

// follow goes on until ctx ends. A sink that fails is opened anew, and gets its newest batch
// once more unless it has kept that; a broken trail, which no further attempt mends, ends it.
func (e *export) follow(ctx context.Context) (Cursor, error) {
	e.wait = minWait
	for {
		err := e.session(ctx)
		if ctx.Err() != nil {
			return e.at, nil
		}
		if errors.Is(err, ErrTrail) {
			return e.at, err
		}
		e.note(err)
		e.at = e.safe
		if !sleep(ctx, e.wait) {
			return e.at, nil
		}
		e.wait = min(2*e.wait, maxWait)
	}
}

// session follows the trail with one sink, until that or the trail fails.
func (e *export) session(ctx context.Context) error {
	if err := e.open(ctx); err != nil {
		return err
	}
	for {
		more, err := e.step(ctx)
		if err != nil || !more && !sleep(ctx, e.Poll) {
			closed := e.sink.Close()
			if err == nil {
				err = closed
			}
			return err
		}
		e.wait = minWait
	}
}

func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
