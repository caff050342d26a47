package keystore

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"medunion/api/message"
	"medunion/ecc"
	"medunion/ecc/vault"
)

var cheap = vault.Params{MemoryKiB: vault.MinMemoryKiB, Time: 1, Lanes: 1}

var secret = []byte("correct horse battery staple")

func options(dir string) Options {
	return Options{Path: filepath.Join(dir, "patient.store"), Rand: rand.Reader, Cost: cheap}
}

func begin(c *Content) error { c.Identity = []byte("identity"); return nil }

func fresh() New { return New{Openers: []Opener{Passphrase(secret)}, Begin: begin} }

func create(t *testing.T) (*Store, Options) {
	t.Helper()
	o := options(t.TempDir())
	s, err := Create(o, fresh())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s, o
}

// full is a content with a value in every field.
func full() Content {
	h := ecc.Sum([]byte("x"))
	st := Statement{TBS: []byte{1}, Signature: []byte{2}}
	at := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	return Content{
		Identity: []byte("identity"), Former: [][]byte{{1}}, Elsewhere: at, Passkey: &VerificationPasskey{CredentialID: []byte{1}, Key: []byte{2}, RPID: "localhost"},
		Profile: Profile{Name: "A", BirthDate: "1961-04-12", Sex: "female"}, Verification: Verification{Salt: make([]byte, saltSize), Cost: cheap},
		Enrolments: []Enrolment{{Hospital: "st-anna", Credential: []byte{3}, Time: 4, Receipt: st}},
		Consents: []Consent{{Hash: h, CON: []byte{5}, Doctor: []byte{6}, Name: "Dr A", Licence: "L",
			Revoked: []Revoked{{At: "st-anna", Answer: st}}, Requested: at}},
		Visits: []Visit{{ID: "1", State: Shared, Says: "w", Doctor: "Dr A", Licence: "L", Department: "SURGERY", Started: at, Updated: at,
			Consent: &h, Diagnosis: &h, Credential: []byte{7}, Certificate: []byte{8}, SigP1: &st, SigD1: &st, SigP2: &st, Code: "shared",
			Uses: []Use{{Time: 1, Write: true}}, Again: &Again{Link: "l", Department: "SURGERY", Purpose: "TREATMENT", Life: time.Hour, MaxUses: 3,
				Grants: []message.Grant{{Hospital: "st-anna", Departments: []message.Code{"A"}, Classes: []message.Code{"LAB"}}}, WriteTo: "st-anna", MSD: []byte("{}")}}},
		Diagnoses: []Diagnosis{{Hash: h, Doctor: []byte{9}, Name: "Dr A", Licence: "L", Consent: h, Time: 10, Salted: []byte{11}, SigD5: st,
			FromVisit: true, StoredAt: []Stored{{Hospital: "st-anna", Record: 12}}}},
		Hospitals: []Known{{Hospital: "st-anna", Releases: []byte{13}, Last: 14, Answers: []Statement{st}, Disputed: []Statement{st}, Contents: [][]byte{{15}}}},
	}
}

func TestReopenKeepsEverything(t *testing.T) {
	s, o := create(t)
	want := full()
	if err := s.Update(func(c *Content) error { *c = want; return nil }); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := Open(o, Passphrase(secret))
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	check(t, again, want)
}

func check(t *testing.T, s *Store, want Content) {
	t.Helper()
	var got Content
	if err := s.View(func(c Content) error { got = c; return nil }); err != nil {
		t.Fatal(err)
	}
	a, _ := got.encode()
	b, _ := want.encode()
	if !bytes.Equal(a, b) {
		t.Errorf("content differs:\n%s\n%s", a, b)
	}
}

func TestWrongPassphrase(t *testing.T) {
	s, o := create(t)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{"", "wrong", string(secret) + " "} {
		if _, err := Open(o, Passphrase([]byte(p))); !errors.Is(err, ErrPassphrase) {
			t.Errorf("%q: %v", p, err)
		}
	}
	again, err := Open(o, Passphrase(secret))
	if err != nil {
		t.Fatalf("the right passphrase after wrong ones: %v", err)
	}
	_ = again.Close()
}

// TestTampered changes every part of the file: none of them opens.
func TestTampered(t *testing.T) {
	s, o := create(t)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	honest, err := os.ReadFile(o.Path)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(honest); i += 17 {
		b := bytes.Clone(honest)
		b[i] ^= 1
		refuses(t, o, b, fmt.Sprintf("byte %d", i))
	}
	refuses(t, o, honest[:len(honest)-1], "truncated")
	refuses(t, o, append(bytes.Clone(honest), 0), "trailing byte")
	refuses(t, o, nil, "empty")
}

func refuses(t *testing.T, o Options, b []byte, what string) {
	t.Helper()
	if err := os.WriteFile(o.Path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := Open(o, Passphrase(secret))
	if err == nil {
		_ = s.Close()
	}
	if !errors.Is(err, ErrFormat) && !errors.Is(err, ErrPassphrase) {
		t.Errorf("%s: %v", what, err)
	}
}

// TestVaultOfAnother puts the content of one store under the vault of another.
func TestVaultOfAnother(t *testing.T) {
	a, oa := create(t)
	b, ob := create(t)
	_ = a.Close()
	_ = b.Close()
	ra, _ := os.ReadFile(oa.Path)
	rb, _ := os.ReadFile(ob.Path)
	fa, _ := ecc.Decode(ecc.LabelPatientFile, ra, 3)
	fb, _ := ecc.Decode(ecc.LabelPatientFile, rb, 3)
	refuses(t, oa, ecc.Encode(ecc.LabelPatientFile, fa[0], fa[1], fb[2]), "content of another store")
}

func TestPermissions(t *testing.T) {
	s, o := create(t)
	if err := s.Update(begin); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(o.Path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	_ = s.Close()
	if err := os.Chmod(o.Path, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(o, Passphrase(secret)); !errors.Is(err, ErrMode) {
		t.Errorf("a file that the group can read: %v", err)
	}
}

func TestOneProcess(t *testing.T) {
	s, o := create(t)
	if _, err := Open(o, Passphrase(secret)); !errors.Is(err, ErrInUse) {
		t.Errorf("opened twice: %v", err)
	}
	if _, err := Create(o, fresh()); !errors.Is(err, ErrInUse) {
		t.Errorf("made over an open store: %v", err)
	}
	_ = s.Close()
	if _, err := Create(o, fresh()); !errors.Is(err, ErrExists) {
		t.Errorf("made over a store: %v", err)
	}
	if _, err := Open(options(t.TempDir()), Passphrase(secret)); !errors.Is(err, ErrAbsent) {
		t.Errorf("no store: %v", err)
	}
}

func TestNothingReadable(t *testing.T) {
	s, o := create(t)
	if err := s.Update(func(c *Content) error { *c = full(); c.Visits[0].Doctor = "CANARYDOCTOR"; return nil }); err != nil {
		t.Fatal(err)
	}
	b, _ := os.ReadFile(o.Path)
	if bytes.Contains(b, []byte("CANARYDOCTOR")) || bytes.Contains(b, []byte("st-anna")) {
		t.Error("the file shows its content")
	}
	if text := fmt.Sprintf("%v %+v %#v %s", s, s, s, s); strings.Contains(text, "CANARYDOCTOR") {
		t.Error("a store prints its content")
	}
}

func TestFailedUpdateChangesNothing(t *testing.T) {
	s, o := create(t)
	boom := errors.New("boom")
	if err := s.Update(func(c *Content) error { c.Identity = []byte("other"); return boom }); !errors.Is(err, boom) {
		t.Fatal(err)
	}
	// A disk that fails: the file's name is taken by a folder that is not empty.
	if err := errors.Join(os.Rename(o.Path, o.Path+".old"), os.MkdirAll(filepath.Join(o.Path, "x"), 0o700)); err != nil {
		t.Fatal(err)
	}
	if err := s.Update(func(c *Content) error { c.Identity = []byte("other"); return nil }); err == nil {
		t.Fatal("written over a folder")
	}
	_ = s.View(func(c Content) error {
		if string(c.Identity) != "identity" {
			t.Error("the content in memory has changed")
		}
		return nil
	})
	if err := errors.Join(os.RemoveAll(o.Path), os.Rename(o.Path+".old", o.Path)); err != nil {
		t.Fatal(err)
	}
	_ = s.Close()
	again, err := Open(o, Passphrase(secret))
	if err != nil {
		t.Fatal(err)
	}
	_ = again.Close()
}

// TestViewIsACopy: what a viewer changes is not in the store.
func TestViewIsACopy(t *testing.T) {
	s, _ := create(t)
	_ = s.Update(func(c *Content) error { *c = full(); return nil })
	_ = s.View(func(c Content) error {
		c.Consents[0].Name, c.Consents[0].Revoked[0].At = "x", "x"
		c.Known("st-anna").Last = 99
		c.Diagnosis(c.Diagnoses[0].Hash).StoredAt[0].Record = 99
		c.Visit("1").State = Failed
		return nil
	})
	check(t, s, full())
}

func TestClosed(t *testing.T) {
	s, _ := create(t)
	_ = s.Close()
	if err := s.Update(begin); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
	if err := s.View(func(Content) error { return nil }); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestVerificationKey(t *testing.T) {
	v := Verification{Salt: make([]byte, saltSize), Cost: cheap}
	a, err := v.Key(secret)
	if err != nil {
		t.Fatal(err)
	}
	b, _ := v.Key(secret)
	c, _ := v.Key([]byte("another"))
	v.Salt = bytes.Repeat([]byte{1}, saltSize)
	d, _ := v.Key(secret)
	if !a.Public().Equal(b.Public()) || a.Public().Equal(c.Public()) || a.Public().Equal(d.Public()) {
		t.Error("the key must follow from passphrase and salt alone")
	}
}

// TestKilled kills a process that updates in a loop. Whatever it had acknowledged
// is there afterwards, whole.
func TestKilled(t *testing.T) {
	if dir := os.Getenv("KEYSTORE_TEST_CHILD"); dir != "" {
		updateForever(dir)
	}
	dir := t.TempDir()
	s, err := Create(options(dir), fresh())
	if err != nil {
		t.Fatal(err)
	}
	_ = s.Close()
	for round := range 5 {
		acknowledged := runAndKill(t, dir, 20+7*round)
		s, err := Open(options(dir), Passphrase(secret))
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		_ = s.View(func(c Content) error {
			if got := c.Known("h").Last; got < acknowledged {
				t.Errorf("round %d: %d acknowledged, %d found", round, acknowledged, got)
			}
			return nil
		})
		_ = s.Close()
	}
}

// updateForever is the child: each update counts up and prints what is durable.
func updateForever(dir string) {
	s, err := Open(options(dir), Passphrase(secret))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	for {
		var n uint64
		if err := s.Update(func(c *Content) error {
			k := c.Known("h")
			k.Last++
			n = k.Last
			k.Releases = bytes.Repeat([]byte{byte(n)}, 100_000)
			return nil
		}); err != nil {
			os.Exit(3)
		}
		fmt.Println(n)
	}
}

func runAndKill(t *testing.T, dir string, lines int) (last uint64) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestKilled$")
	cmd.Env = append(os.Environ(), "KEYSTORE_TEST_CHILD="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	r := bufio.NewScanner(out)
	for range lines {
		if !r.Scan() {
			t.Fatal("the child ended by itself")
		}
		if last, err = strconv.ParseUint(r.Text(), 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	for r.Scan() { // what was acknowledged before the kill took effect
		if n, err := strconv.ParseUint(r.Text(), 10, 64); err == nil {
			last = n
		}
	}
	_ = cmd.Wait()
	return last
}

func TestKnown(t *testing.T) {
	var c Content
	c.Known("a").Last = 3
	if c.Known("a").Last != 3 || len(c.Hospitals) != 1 {
		t.Error("Known must find what it made")
	}
	if l, err := message.DecodeReleases(c.Known("b").Releases); err != nil || len(l) != 0 {
		t.Error("a new hospital has an empty list")
	}
	for range 2 * maxDisputed {
		c.Known("a").Dispute(Statement{TBS: []byte{1}}, nil)
	}
	if len(c.Known("a").Disputed) != maxDisputed || len(c.Known("a").Contents) != maxDisputed {
		t.Error("disputes must be bounded")
	}
	if c.Consent(ecc.Hash{}) != nil || c.Enrolment("x") != nil {
		t.Error("found what is not there")
	}
}

func TestUnreadableFolder(t *testing.T) {
	o := options(filepath.Join(t.TempDir(), "missing"))
	if _, err := Create(o, fresh()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no folder: %v", err)
	}
}
