package auditexport

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
)

// ErrDiffers says that an export is not what the trail says.
var ErrDiffers = errors.New("the export differs from the trail")

// maxLine bounds a line of an export in bytes: an event has a few thousand.
const maxLine = 1 << 20

// Comparison holds an export against its trail.
type Comparison struct {
	lines map[string][]byte // by the event's id
	err   error
}

// ReadExport reads NDJSON, nil for none. The same line twice is as good as once.
func ReadExport(r io.Reader) (*Comparison, error) {
	c := &Comparison{lines: map[string][]byte{}}
	if r == nil {
		return c, nil
	}
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxLine)
	for n := 1; lines.Scan(); n++ {
		var event struct{ ResourceType, ID string }
		if err := json.Unmarshal(lines.Bytes(), &event); err != nil || event.ResourceType != "AuditEvent" || event.ID == "" {
			return nil, fmt.Errorf("%w: line %d is no event", ErrDiffers, n)
		}
		if old, known := c.lines[event.ID]; known && !bytes.Equal(old, lines.Bytes()) {
			return nil, fmt.Errorf("%w: %s is in it twice, with two contents", ErrDiffers, event.ID)
		}
		c.lines[event.ID] = bytes.Clone(lines.Bytes())
	}
	return c, lines.Err()
}

// Compare takes the next entry of the trail.
func (c *Comparison) Compare(a Entry) {
	line, exported := c.lines[a.Event.ID]
	if !exported {
		return
	}
	delete(c.lines, a.Event.ID)
	if c.err == nil && !a.says(line) {
		c.err = fmt.Errorf("%w: %s", ErrDiffers, a.Event.ID)
	}
}

// says reports whether the line is what is exported of the entry, now or when the exporter had another credential.
func (a Entry) says(line []byte) bool {
	if same(*a.Event, line) {
		return true
	}
	return a.Earlier != nil && slices.ContainsFunc(a.Earlier(), func(r Resource) bool { return same(r, line) })
}

func same(r Resource, line []byte) bool {
	want, err := json.Marshal(r)
	return err == nil && bytes.Equal(want, line)
}

// Err is what was found when the trail has ended: lines of no entry differ too.
func (c *Comparison) Err() error {
	if c.err == nil && len(c.lines) > 0 {
		return fmt.Errorf("%w: %d of its events are not in the trail", ErrDiffers, len(c.lines))
	}
	return c.err
}
