package auditexport

import (
	"fmt"
	"io"
	"os"
	"time"
)

// Against is what a command to verify is told of an export.
type Against struct {
	Against string `help:"File of an export (NDJSON) by the same version of this program; - is standard input." type:"path"`
}

// Read reads the export, of nothing if none is named.
func (a Against) Read() (*Comparison, error) {
	switch a.Against {
	case "":
		return ReadExport(nil)
	case "-":
		return ReadExport(os.Stdin)
	}
	f, err := os.Open(a.Against)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return ReadExport(f)
}

// LagLimit is what a command about the lag of an export is told.
type LagLimit struct {
	Cursor string        `required:"" help:"Cursor of the export." type:"existingfile"`
	Max    time.Duration `help:"Fail if the oldest event that was not exported is older than this."`
}

// Say prints a lag, and fails if it is above the limit.
func (l LagLimit) Say(w io.Writer, lag Lag) error {
	fmt.Fprintf(w, "%d entries behind, the oldest %.0f s old\n", lag.Entries, lag.Since.Seconds())
	if l.Max > 0 && lag.Since > l.Max {
		return fmt.Errorf("the export is more than %v behind", l.Max)
	}
	return nil
}
