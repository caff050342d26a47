package keyring_test

import (
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"medunion/api/keyring"
)

// rolled is a ring whose key was rolled n times, each replaced version destroyed and leaving a field.
func rolled(t *testing.T, n int) keyring.Ring {
	t.Helper()
	ok := must[keyring.Ring](t)
	r, now := sample(), start
	for i := range n {
		now = now.Add(time.Hour)
		r = ok(ok(r.Add("sealing", rand.Reader, now)).Promote("sealing", now, 0))
		r = ok(r.Destroy("sealing", uint32(i+1), now))
	}
	for i := range n {
		r = r.WithField(fmt.Sprint("audit ", i+1), make([]byte, 32))
	}
	return r
}

// A key that is rolled for as many versions as a ring has room for, each of which leaves a field behind when it is
// destroyed, stays in a key file that can be read. One more is refused, and the file stays as it was.
func TestManyDestroyedVersions(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys")
	f := keyring.NewFile(path, "service", nil, rand.Reader, nil)
	full := rolled(t, 1023)
	if err := f.Create(t.Context(), full); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	back, err := f.Load(t.Context())
	if err != nil || back.Digest() != full.Digest() || len(back.Versions("sealing")) != 1024 {
		t.Fatalf("%d versions, %v", len(back.Versions("sealing")), err)
	}
	if _, err := f.Update(t.Context(), func(r keyring.Ring) (keyring.Ring, error) { return r.Add("sealing", rand.Reader, start) }); err == nil {
		t.Error("a ring was written that holds more than can be read")
	}
	if after, err := os.ReadFile(path); err != nil || string(after) != string(before) {
		t.Errorf("the file has changed: %v", err)
	}
}
