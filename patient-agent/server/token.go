package server

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/labstack/echo/v4"

	"medunion/api/problem"
)

// readSecret reads a file that nobody but its owner may read or write.
func readSecret(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%s can be used by others: its mode must be 0600", path)
	}
	return os.ReadFile(path)
}

// minToken is the fewest characters of a token: 128 bits in hex.
const minToken = 32

// bearerToken reads the token of the local API, or makes one of 32 random bytes.
func bearerToken(path string) (string, error) {
	b, err := readSecret(path)
	if errors.Is(err, fs.ErrNotExist) {
		b, err = newToken(path)
	}
	if err != nil {
		return "", fmt.Errorf("API token: %w", err)
	}
	token := strings.TrimSpace(string(b))
	if len(token) < minToken {
		return "", errors.New("API token: too short")
	}
	return token, nil
}

// newToken never overwrites: two agents that start at once must not each hold
// another token than the file.
func newToken(path string) ([]byte, error) {
	var raw [32]byte
	rand.Read(raw[:])
	b := []byte(hex.EncodeToString(raw[:]) + "\n")
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	_, err = f.Write(b)
	return b, errors.Join(err, f.Sync(), f.Close())
}

// authenticate compares hashes, so that the time shows neither the length of the
// token nor how much of it was right.
func (i *Instance) authenticate(c echo.Context, _ string, _ []string) error {
	given, ok := strings.CutPrefix(c.Request().Header.Get(echo.HeaderAuthorization), "Bearer ")
	got, want := sha256.Sum256([]byte(given)), sha256.Sum256([]byte(i.token))
	if !ok || subtle.ConstantTimeCompare(got[:], want[:]) != 1 {
		return problem.Unauthenticated(errors.New("not the token of this agent"))
	}
	return nil
}
