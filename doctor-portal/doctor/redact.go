package doctor

import (
	"fmt"
	"io"
	"log/slog"
)

// redacted is embedded by what holds keys or clinical content, so that none of it
// is printed by accident under fmt, slog or encoding/json.
type redacted struct{}

const redaction = "[redacted]"

// String returns "[redacted]".
func (redacted) String() string { return redaction }

// GoString returns "[redacted]".
func (redacted) GoString() string { return redaction }

// Format writes "[redacted]" for every verb and flag.
func (redacted) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redaction) }

// LogValue returns "[redacted]".
func (redacted) LogValue() slog.Value { return slog.StringValue(redaction) }

// MarshalJSON returns the JSON string "[redacted]".
func (redacted) MarshalJSON() ([]byte, error) { return []byte(`"` + redaction + `"`), nil }
