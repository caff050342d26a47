package token

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/labstack/echo/v4"

	"medunion/api/problem"
	"medunion/api/secretfile"
)

// minLocal is the fewest characters of a local token: 128 bits in hex.
const minLocal = 32

// errNotLocal says that a request has another token than this API's.
var errNotLocal = errors.New("token: not that of this API")

// Local is the bearer token of an API on loopback: one secret, in a file that only
// its user may read. It prints as "[redacted]".
type Local struct{ text string }

// OpenLocal reads the token file (api/secretfile), or makes it with 32 random bytes
// in hex. It fails if others may read the file, or the token is shorter than 32
// characters.
func OpenLocal(path string) (Local, error) {
	b, err := secretfile.ReadOrCreate(path, func() ([]byte, error) {
		var raw [32]byte
		rand.Read(raw[:])
		return []byte(hex.EncodeToString(raw[:]) + "\n"), nil
	})
	if err != nil {
		return Local{}, fmt.Errorf("API token: %w", err)
	}
	text := strings.TrimSpace(string(b))
	if len(text) < minLocal {
		return Local{}, errors.New("API token: too short")
	}
	return Local{text}, nil
}

// Secret is the token itself.
func (l Local) Secret() string { return l.text }

// String keeps the token out of every log, as do the methods beside it.
func (Local) String() string { return "[redacted]" }

// GoString hides the token from %#v.
func (Local) GoString() string { return "[redacted]" }

// MarshalJSON hides the token from encoding/json.
func (Local) MarshalJSON() ([]byte, error) { return []byte(`"[redacted]"`), nil }

// Authenticate lets a request in that has the token (it is an
// httpserver.Authenticator, of whatever scheme).
func (l Local) Authenticate(c echo.Context, _ string, _ []string) error {
	text, err := Bearer(c)
	if err != nil {
		return problem.Unauthenticated(err)
	}
	if !l.Is(text) {
		return problem.Unauthenticated(errNotLocal)
	}
	return nil
}

// Is says whether text is the token; nothing is that of the zero value. It compares
// hashes, so that the time shows neither the length of the token nor how much of it was right.
func (l Local) Is(text string) bool {
	got, want := sha256.Sum256([]byte(text)), sha256.Sum256([]byte(l.text))
	return l.text != "" && subtle.ConstantTimeCompare(got[:], want[:]) == 1
}
