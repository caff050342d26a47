package auditexport

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"medunion/api/message"
	"medunion/api/secretfile"
)

// Cursor is how far an export has come. It lies in a file between runs.
type Cursor struct {
	Link               // the newest entry that was looked at
	Recorded time.Time // when that entry was written
	Exported uint64    // how many events were exported, over all runs
	Output   string    // that file's absolute path, "" where the events went elsewhere
	Size     int64     // of the output file behind them

	kept bool // it lies in a file: an output that is there is this export's
}

type cursorFile struct {
	Number   uint64    `json:"number"`
	Hash     string    `json:"hash"`
	Recorded time.Time `json:"recorded"`
	Exported uint64    `json:"exported"`
	Output   string    `json:"output,omitempty"`
	Size     int64     `json:"size,omitempty"`
}

// ReadCursor reads a cursor's file; the place before the first entry if there is none.
func ReadCursor(path string) (Cursor, error) {
	b, err := secretfile.Read(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Cursor{}, nil
	}
	if err != nil {
		return Cursor{}, fmt.Errorf("cursor: %w", err)
	}
	var f cursorFile
	c := Cursor{}
	if err := json.Unmarshal(b, &f); err != nil {
		return c, fmt.Errorf("cursor: %w", err)
	}
	h, err := hex.DecodeString(f.Hash)
	if err != nil || len(h) != len(c.Hash) {
		return c, errors.New("cursor: no hash in it")
	}
	return Cursor{Link: Link{Number: f.Number, Hash: message.Hash(h)}, Recorded: f.Recorded, Exported: f.Exported, Output: f.Output, Size: f.Size, kept: true}, nil
}

// of says whether an output with an absolute path is the one that the cursor's export wrote last. A
// cursor of before that was noted has a size if it was a file.
func (c Cursor) of(path string) bool {
	return c.kept && (c.Output == path || c.Output == "" && c.Size > 0)
}

func (c Cursor) write(path string) error {
	if path == "" {
		return nil
	}
	b, err := json.Marshal(cursorFile{Number: c.Number, Hash: hex.EncodeToString(c.Hash[:]), Recorded: c.Recorded, Exported: c.Exported, Output: c.Output, Size: c.Size})
	if err == nil {
		err = secretfile.Replace(path, append(b, '\n'))
	}
	if err != nil {
		return fmt.Errorf("cursor: %w", err)
	}
	return nil
}
