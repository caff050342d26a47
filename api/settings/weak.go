package settings

import (
	"slices"
	"strings"
)

// minPassword is the fewest characters of a password that a machine types.
const minPassword = 12

const remedyWeak = "make one of 12 characters or more, as by openssl rand -base64 24"

// usual are what installations are shipped with, or named after, alone or repeated.
var usual = []string{"password", "passphrase", "changeme", "change-me", "changeit", "secret", "default", "example", "admin", "administrator", "root",
	"mongo", "mongodb", "redis", "medunion", "publiccloud", "privatecloud", "hospital", "letmein", "welcome", "qwerty", "123456", "1234567890", "test", "foobared"}

// weak says whether a password is short, one character repeated, or made of nothing but
// usual words and what people put around them.
func weak(p string) bool {
	if len(p) < minPassword || strings.Count(p, p[:1]) == len(p) {
		return true
	}
	rest := strings.ToLower(p)
	for _, w := range slices.SortedFunc(slices.Values(usual), func(a, b string) int { return len(b) - len(a) }) {
		rest = strings.ReplaceAll(rest, w, "")
	}
	return len(rest) < minPassword/2
}
