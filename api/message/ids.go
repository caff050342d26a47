package message

import (
	"slices"
	"time"
)

// Role is the part that a credential lets its holder play.
type Role string

// The roles of the protocol.
const (
	Patient     Role = "P"
	Doctor      Role = "D"
	Hospital    Role = "HPC"
	PublicCloud Role = "PC"
)

// ID names a party: 1 to 64 bytes of a-z, 0-9, '.', '-', '_'. A patient's is
// random (32 hexadecimal digits), never a national number.
type ID string

// Valid reports whether the ID has the allowed length and characters.
func (id ID) Valid() bool {
	return len(id) >= 1 && len(id) <= 64 && all(string(id), func(c byte) bool {
		return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '.' || c == '-' || c == '_'
	})
}

// Code is an entry of a code list of the public parameters (a department ID_DE,
// a record class) or a purpose: 1 to 16 bytes of A-Z, 0-9, '_'.
type Code string

// Valid reports whether the code has the allowed length and characters.
func (c Code) Valid() bool {
	return len(c) >= 1 && len(c) <= 16 && all(string(c), func(b byte) bool {
		return b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' || b == '_'
	})
}

func all(s string, ok func(byte) bool) bool {
	for i := range len(s) {
		if !ok(s[i]) {
			return false
		}
	}
	return true
}

// SortCodes returns the codes in the canonical order of a list: ascending,
// without repetition.
func SortCodes(codes []Code) []Code {
	out := slices.Clone(codes)
	slices.Sort(out)
	return slices.Compact(out)
}

// Millis is a time in milliseconds since 1970-01-01 UTC.
type Millis uint64

// MillisOf converts a time; times before 1970 become 0.
func MillisOf(t time.Time) Millis {
	if t.UnixMilli() < 0 {
		return 0
	}
	return Millis(t.UnixMilli())
}

// Time converts back, in UTC.
func (m Millis) Time() time.Time { return time.UnixMilli(int64(m)).UTC() }

// Add returns the time d later.
func (m Millis) Add(d time.Duration) Millis { return MillisOf(m.Time().Add(d)) }

// Type names a message in its header: 1 to 16 bytes of ASCII.
type Type string

// The message types. A reply has a type of its own.
const (
	TypeM1       Type = "M1"
	TypeM2       Type = "M2"
	TypeM3       Type = "M3"
	TypeM4       Type = "M4"
	TypeM5       Type = "M5"
	TypeM6       Type = "M6"
	TypeM7       Type = "M7"
	TypeM8       Type = "M8"
	TypeM9       Type = "M9"
	TypeM10      Type = "M10"
	TypeM11      Type = "M11"
	TypeStored   Type = "M11R"
	TypeM12      Type = "M12"
	TypeIndexed  Type = "M12R"
	TypeEnrol    Type = "enrol"
	TypeEnrolled Type = "enrolled"
	TypeIndex    Type = "index"
	TypeAsk      Type = "ask"
	TypeAnswer   Type = "answer"
)

// TypeM0 names a registration to an observer. M0 travels over TLS without a header,
// so no header may carry it.
const TypeM0 Type = "M0"

var types = []Type{TypeM1, TypeM2, TypeM3, TypeM4, TypeM5, TypeM6, TypeM7, TypeM8, TypeM9, TypeM10, TypeM11,
	TypeStored, TypeM12, TypeIndexed, TypeEnrol, TypeEnrolled, TypeIndex, TypeAsk, TypeAnswer}

// Valid reports whether the type is one of the table.
func (t Type) Valid() bool { return slices.Contains(types, t) }

// Limit is the largest size in bytes of a whole message of this type.
func (t Type) Limit() int {
	switch t {
	case TypeM3, TypeM5, TypeM9, TypeM10, TypeM11, TypeAnswer:
		return 4 << 20
	}
	return 64 << 10
}
