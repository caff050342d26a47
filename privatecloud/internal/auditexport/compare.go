package auditexport

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"medunion/privatecloud/hospital"
)

// ErrDiffers says that an export is not what the trail says.
var ErrDiffers = errors.New("the export differs from the trail")

// maxLine bounds a line of an export in bytes: an event has a few thousand.
const maxLine = 1 << 20

// Comparison holds an export against the trail.
type Comparison struct {
	lines map[uint64][]byte // by number
	err   error
}

// ReadExport reads NDJSON, nil for none. The same line twice is as good as once.
func ReadExport(r io.Reader) (*Comparison, error) {
	c := &Comparison{lines: map[uint64][]byte{}}
	if r == nil {
		return c, nil
	}
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxLine)
	for n := 1; lines.Scan(); n++ {
		number, err := numberOf(lines.Bytes())
		if err != nil {
			return nil, fmt.Errorf("%w: line %d is no event", ErrDiffers, n)
		}
		if old, known := c.lines[number]; known && !bytes.Equal(old, lines.Bytes()) {
			return nil, fmt.Errorf("%w: entry %d is in it twice, with two contents", ErrDiffers, number)
		}
		c.lines[number] = bytes.Clone(lines.Bytes())
	}
	return c, lines.Err()
}

func numberOf(line []byte) (uint64, error) {
	var r Resource
	if err := json.Unmarshal(line, &r); err != nil {
		return 0, err
	}
	digits, _ := strings.CutPrefix(r.ID, "audit-")
	return strconv.ParseUint(digits, 10, 64)
}

// Compare takes the next entry of the trail.
func (c *Comparison) Compare(s Site, a hospital.Audited) {
	line, exported := c.lines[a.Number]
	if !exported {
		return
	}
	delete(c.lines, a.Number)
	want, err := json.Marshal(Event(s, a))
	if c.err == nil && (err != nil || !bytes.Equal(want, line)) {
		c.err = fmt.Errorf("%w: entry %d", ErrDiffers, a.Number)
	}
}

// Err is what was found when the trail has ended: lines of no entry differ too.
func (c *Comparison) Err() error {
	if c.err == nil && len(c.lines) > 0 {
		return fmt.Errorf("%w: %d of its events are not in the trail", ErrDiffers, len(c.lines))
	}
	return c.err
}
