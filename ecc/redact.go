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
// other package's struct. So the types that embed redacted also keep their bytes hidden. Secrets and
// Opened have plain byte fields: they are for handing over, not for keeping.
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

// hidden keeps a value where fmt cannot look: in a closure, of which it prints an address. A
// pointer would not do, since under a verb that does not fit (%s) fmt prints what it points to. nil is unset.
type hidden[T any] func() T

func hide[T any](v T) hidden[T] { return func() T { return v } }
