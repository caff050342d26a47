package ecc

import (
	"fmt"
	"io"
	"log/slog"
)

const redaction = "[redacted]"

// redacted is embedded by every type that holds a secret. It answers for the type
// under fmt, slog and encoding/json.
//
// fmt calls no method on a value that it reaches through an unexported field of some
// other package's struct. So the types that embed redacted also keep their bytes behind
// a pointer or an interface, of which fmt then prints an address. Secrets and Opened have
// plain byte fields: they are for handing over, not for keeping.
type redacted struct{}

// String returns "[redacted]".
func (redacted) String() string { return redaction }

// GoString returns "[redacted]".
func (redacted) GoString() string { return redaction }

// Format writes "[redacted]" for every verb and flag.
func (redacted) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redaction) }

// LogValue returns "[redacted]".
func (redacted) LogValue() slog.Value { return slog.StringValue(redaction) }

// MarshalText returns "[redacted]".
func (redacted) MarshalText() ([]byte, error) { return []byte(redaction), nil }

// MarshalJSON returns the JSON string "[redacted]".
func (redacted) MarshalJSON() ([]byte, error) { return []byte(`"` + redaction + `"`), nil }

// secret32 is a 32-byte secret behind a pointer (see redacted). nil is unset.
type secret32 *[32]byte

func newSecret32(b []byte) secret32 {
	s := [32]byte(b)
	return &s
}
