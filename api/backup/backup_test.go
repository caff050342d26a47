package backup_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"filippo.io/age"
	"go.mongodb.org/mongo-driver/bson"

	"medunion/api/backup"
	"medunion/api/mongodb"
	"medunion/deploy/local/embedmongo"
	"medunion/ecc"
)

type world struct {
	*testing.T
	uri string
	key ecc.SigningKey
	id  *age.X25519Identity
}

func newWorld(t *testing.T) world {
	t.Helper()
	w := world{T: t, uri: os.Getenv("MONGODB_URI"), key: must(ecc.GenerateSigningKey(rand.Reader)), id: must(age.GenerateX25519Identity())}
	if w.uri == "" {
		s := must(embedmongo.Start(embedmongo.Options{Dir: t.TempDir()}))
		t.Cleanup(func() { _ = s.Close() })
		w.uri = s.URI()
	}
	return w
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func (w world) open() mongodb.Database {
	w.Helper()
	db := must(mongodb.Open(w.Context(), w.uri, "backup_"+rand.Text()[:10], mongodb.Schema{}))
	w.Cleanup(func() { _ = db.Drop(context.Background()); _ = db.Close(context.Background()) })
	return db
}

func (w world) plan() backup.Plan {
	return backup.Plan{Service: "test", Owner: "owner", Schema: 3, Collections: []string{"a", "empty", "b"}, Sign: backup.Signer(w.key), Now: time.Now}
}

func (w world) fill(db mongodb.Database) {
	w.Helper()
	for _, name := range []string{"a", "b", "left out"} {
		var docs []any
		for i := range 700 { // more than one batch
			docs = append(docs, bson.D{{Key: "_id", Value: i}, {Key: "x", Value: bytes.Repeat([]byte{byte(i)}, 50)}})
		}
		_, err := db.Collection(name).InsertMany(w.Context(), docs)
		w.ok(err)
	}
}

func (w world) ok(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w world) create(db mongodb.Database) []byte {
	w.Helper()
	var b bytes.Buffer
	_, err := backup.Create(w.Context(), db, w.plan(), &b, []age.Recipient{w.id.Recipient()})
	w.ok(err)
	return b.Bytes()
}

func (w world) source(b []byte) backup.Source {
	w.Helper()
	path := filepath.Join(w.TempDir(), "backup")
	w.ok(os.WriteFile(path, b, 0o600))
	return backup.Source{Plan: w.plan(), File: path, Identities: []age.Identity{w.id}, Trusted: []ecc.VerifyKey{w.key.Public()}}
}

type noCheck struct{}

func (noCheck) See(string, bson.Raw) error { return nil }
func (noCheck) End() error                 { return nil }

// What comes back is what was there, byte for byte, of the plan's collections alone, and
// the database is marked until the restore is ended.
func TestRestore(t *testing.T) {
	w := newWorld(t)
	from, to := w.open(), w.open()
	w.fill(from)
	source := w.source(w.create(from))
	m, err := source.Restore(t.Context(), to, noCheck{})
	w.ok(err)
	if m.Documents() != 1400 || len(m.Collections) != 3 || m.Collections[1].Documents != 0 {
		t.Errorf("%s", m)
	}
	for name, want := range map[string]int{"a": 700, "b": 700, "left out": 0} {
		if got := w.documents(to, name); len(got) != want || want > 0 && !bytes.Equal(bytes.Join(got, nil), bytes.Join(w.documents(from, name), nil)) {
			t.Errorf("%s: %d documents, or others", name, len(got))
		}
	}
	if _, err := to.Floor(t.Context()); !errors.Is(err, mongodb.ErrUnfinished) {
		t.Errorf("a restore that has not ended: %v", err)
	}
	w.ok(to.EndRestore(t.Context(), 77))
	if floor, err := to.Floor(t.Context()); err != nil || floor != 77 {
		t.Errorf("%d %v", floor, err)
	}
	if _, err := source.Restore(t.Context(), to, noCheck{}); !errors.Is(err, backup.ErrNotEmpty) {
		t.Errorf("into a database that is not empty: %v", err)
	}
}

func (w world) documents(db mongodb.Database, name string) (out [][]byte) {
	w.Helper()
	cursor, err := db.Collection(name).Find(w.Context(), bson.D{})
	w.ok(err)
	for cursor.Next(w.Context()) {
		out = append(out, bytes.Clone(cursor.Current))
	}
	return out
}

// A file that was cut off anywhere, or changed anywhere, restores nothing; nor does one that
// somebody else has signed, or made of another service.
func TestForged(t *testing.T) {
	w := newWorld(t)
	from, to := w.open(), w.open()
	w.fill(from)
	b := w.create(from)
	refused := func(what string, b []byte, want error, edit func(*backup.Source)) {
		t.Helper()
		s := w.source(b)
		if edit != nil {
			edit(&s)
		}
		if _, err := s.Restore(t.Context(), to, noCheck{}); !errors.Is(err, want) {
			t.Errorf("%s: %v", what, err)
		}
		w.ok(backup.Empty(t.Context(), to))
	}
	for i := 0; i < len(b); i += len(b) / 17 {
		refused("cut off", b[:i], backup.ErrFormat, nil)
		changed := bytes.Clone(b)
		changed[i] ^= 1
		refused("changed", changed, backup.ErrFormat, nil)
	}
	refused("something behind it", append(bytes.Clone(b), 1), backup.ErrFormat, nil)
	other := must(ecc.GenerateSigningKey(rand.Reader))
	refused("another key", b, backup.ErrForged, func(s *backup.Source) { s.Trusted = []ecc.VerifyKey{other.Public()} })
	refused("another's", b, backup.ErrOther, func(s *backup.Source) { s.Plan.Owner = "x" })
	refused("another schema", b, backup.ErrOther, func(s *backup.Source) { s.Plan.Schema = 4 })
	refused("another identity", b, backup.ErrFormat, func(s *backup.Source) { s.Identities = []age.Identity{must(age.GenerateX25519Identity())} })
}

// Whoever knows the recipient can seal documents, and leave one of ours out; the manifest
// tells.
func TestLeftOut(t *testing.T) {
	w := newWorld(t)
	from := w.open()
	w.fill(from)
	plain := must(io.ReadAll(must(age.Decrypt(bytes.NewReader(w.create(from)), w.id))))
	var records [][]byte
	for rest := plain; len(rest) > 0; {
		n := int(rest[0]) | int(rest[1])<<8 | int(rest[2])<<16
		records, rest = append(records, rest[:n]), rest[n:]
	}
	without := append(append([][]byte{}, records[:5]...), records[6:]...)
	twice := append(append([][]byte{}, records[:6]...), records[5:]...)
	for name, list := range map[string][][]byte{"one less": without, "one twice": twice, "no end": records[:len(records)-1]} {
		var b bytes.Buffer
		sealed := must(age.Encrypt(&b, w.id.Recipient()))
		must(sealed.Write(bytes.Join(list, nil)))
		w.ok(sealed.Close())
		if _, err := w.source(b.Bytes()).Verify(noCheck{}); !errors.Is(err, backup.ErrFormat) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A file is whole or not there, and never written over.
func TestToFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "b")
	broken := errors.New("broken")
	if err := backup.ToFile(path, func(io.Writer) error { return broken }); !errors.Is(err, broken) {
		t.Error(err)
	}
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Error("half of a backup is there")
	}
	put := func() error {
		return backup.ToFile(path, func(w io.Writer) error { _, err := w.Write([]byte("x")); return err })
	}
	if err := put(); err != nil {
		t.Error(err)
	}
	if err := put(); !errors.Is(err, os.ErrExist) {
		t.Errorf("written over: %v", err)
	}
	if left, _ := filepath.Glob(path + "*"); len(left) != 1 {
		t.Errorf("files are left: %v", left)
	}
}
