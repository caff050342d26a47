package keystore_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"time"

	"medunion/api/problem"
	"medunion/doctor-portal/keystore"
	"medunion/ecc"
)

// shelf is files in memory that can fail, as a disk or a browser's quota does.
type shelf struct {
	files map[string][]byte
	full  bool
}

func (s *shelf) Read(name string) ([]byte, error) {
	b, ok := s.files[name]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return slices.Clone(b), nil
}

func (s *shelf) Replace(name string, b []byte) error {
	if s.full {
		return errors.New("no space left")
	}
	s.files[name] = slices.Clone(b)
	return nil
}

func (s *shelf) Remove(name string) error {
	delete(s.files, name)
	return nil
}

func (s *shelf) List() ([]string, error) {
	var names []string
	for n := range s.files {
		names = append(names, n)
	}
	return names, nil
}

var (
	passphrase = keystore.Opener{Passphrase: []byte("correct horse battery")}
	passkey    = keystore.Opener{PRF: bytes.Repeat([]byte{7}, keystore.PRFSize), CredentialID: "AAEC_-"}
	binding    = ecc.Sum([]byte("pins"))
	noon       = time.UnixMilli(1_800_000_000_000)
)

const identity = "the whole identity, Quetzalcoatlus"

func config(s *shelf) keystore.Config {
	return keystore.Config{Files: s, Rand: rand.Reader, Now: func() time.Time { return noon }, Binding: binding}
}

// made is a store with an identity in it.
func made(t testing.TB, o keystore.Opener) (*keystore.Store, *shelf) {
	t.Helper()
	s := &shelf{files: map[string][]byte{}}
	store, err := keystore.Create(config(s), o)
	if err != nil {
		t.Fatal(err)
	}
	store.Keep(func() []byte { return []byte(identity) })
	if err := store.Save(); err != nil {
		t.Fatal(err)
	}
	return store, s
}

func opens(s *shelf, o keystore.Opener) error {
	store, got, err := keystore.Open(config(s), o)
	if err != nil {
		return err
	}
	defer store.Close()
	if string(got) != identity {
		return fmt.Errorf("another identity: %q", got)
	}
	return nil
}

func TestTwoOpeners(t *testing.T) {
	store, s := made(t, passphrase)
	if err := opens(s, passkey); !errors.Is(err, keystore.ErrOpener) {
		t.Errorf("a passkey that was not added: %v", err)
	}
	if err := store.AddOpener(passkey); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(opens(s, passphrase), opens(s, passkey)); err != nil {
		t.Fatal(err)
	}
	if err := store.AddOpener(passkey); problem.KindOf(err) != problem.KindConflict {
		t.Errorf("the same passkey twice: %v", err)
	}
	want := []keystore.Name{{Kind: keystore.Passphrase}, {Kind: keystore.Passkey, CredentialID: "AAEC_-"}}
	if got, err := keystore.Inspect(s); err != nil || !slices.Equal(got, want) {
		t.Errorf("openers %v, %v", got, err)
	}
	if err := store.RemoveOpener(want[0]); err != nil {
		t.Fatal(err)
	}
	if err := opens(s, passphrase); !errors.Is(err, keystore.ErrOpener) {
		t.Errorf("a removed passphrase: %v", err)
	}
	if err := store.RemoveOpener(want[1]); !errors.Is(err, keystore.ErrLastOpener) || opens(s, passkey) != nil {
		t.Errorf("the last opener: %v", err)
	}
}

func TestNewPassphraseReplacesTheOld(t *testing.T) {
	store, s := made(t, passphrase)
	next := keystore.Opener{Passphrase: []byte("another long passphrase")}
	if err := store.AddOpener(next); err != nil {
		t.Fatal(err)
	}
	if err := opens(s, passphrase); !errors.Is(err, keystore.ErrOpener) {
		t.Errorf("the old one: %v", err)
	}
	if err := opens(s, next); err != nil {
		t.Error(err)
	}
}

func TestWrongOpeners(t *testing.T) {
	store, s := made(t, passphrase)
	if err := store.AddOpener(passkey); err != nil {
		t.Fatal(err)
	}
	other := passkey
	other.PRF = bytes.Repeat([]byte{8}, keystore.PRFSize)
	moved := passkey
	moved.CredentialID = "BBEC_-"
	for name, o := range map[string]keystore.Opener{
		"another passphrase": {Passphrase: []byte("correct horse batterz")}, "another PRF output": other, "another credential": moved,
	} {
		if err := opens(s, o); !errors.Is(err, keystore.ErrOpener) || problem.KindOf(err) != problem.KindRefused {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, o := range map[string]keystore.Opener{
		"nothing": {}, "both": {Passphrase: []byte("correct horse battery"), PRF: passkey.PRF, CredentialID: "AA"},
		"a short PRF output": {PRF: passkey.PRF[:31], CredentialID: "AA"}, "no credential": {PRF: passkey.PRF},
		"a credential that is not base64url": {PRF: passkey.PRF, CredentialID: "A+"},
	} {
		if err := opens(s, o); problem.KindOf(err) != problem.KindInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := store.AddOpener(keystore.Opener{Passphrase: []byte("short")}); !errors.Is(err, keystore.ErrPassphrase) {
		t.Errorf("a short new passphrase: %v", err)
	}
}

// TestStolenFile: whoever has the files reads nothing of it.
func TestStolenFile(t *testing.T) {
	store, s := made(t, passphrase)
	if err := store.KeepEvidence("00ff", []byte("Quetzalcoatlus was seen")); err != nil {
		t.Fatal(err)
	}
	for name, b := range s.files {
		if bytes.Contains(b, []byte("Quetzalcoatlus")) {
			t.Errorf("%s is readable", name)
		}
	}
	for _, v := range []any{passphrase, passkey, store} {
		for _, text := range []string{fmt.Sprint(v), fmt.Sprintf("%+v", v), fmt.Sprintf("%#v", v)} {
			if strings.Contains(text, "horse") || strings.Contains(text, "7 7") || strings.Contains(text, "0x7") {
				t.Errorf("printed: %s", text)
			}
		}
	}
}

// TestAlteredFile: any byte changed fails, of the openers and the binding too.
func TestAlteredFile(t *testing.T) {
	_, s := made(t, passkey) // no Argon2 in the loop
	whole := s.files["store"]
	for i := range whole {
		s.files["store"] = slices.Clone(whole)
		s.files["store"][i] ^= 1
		if err := opens(s, passkey); err == nil || problem.KindOf(err) == problem.KindInternal {
			t.Fatalf("byte %d of %d changed: %v", i, len(whole), err)
		}
	}
	for _, b := range [][]byte{{}, whole[:len(whole)-1], append(slices.Clone(whole), 0)} {
		s.files["store"] = b
		if err := opens(s, passkey); !errors.Is(err, keystore.ErrFormat) {
			t.Errorf("%d bytes: %v", len(b), err)
		}
	}
}

// TestOpenersAreBound: openers of an older file do not fit the newer content.
func TestOpenersAreBound(t *testing.T) {
	store, s := made(t, passkey)
	before := s.files["store"]
	if err := store.AddOpener(passphrase); err != nil {
		t.Fatal(err)
	}
	old, err1 := ecc.Decode(ecc.LabelDoctorStore, before, 4)
	now, err2 := ecc.Decode(ecc.LabelDoctorStore, s.files["store"], 4)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	s.files["store"] = ecc.Encode(ecc.LabelDoctorStore, now[0], now[1], old[2], now[3])
	if err := opens(s, passkey); !errors.Is(err, keystore.ErrAltered) {
		t.Errorf("mixed: %v", err)
	}
}

func TestWrongPins(t *testing.T) {
	store, s := made(t, passkey)
	cfg := config(s)
	cfg.Binding = ecc.Sum([]byte("other pins"))
	if _, _, err := keystore.Open(cfg, passkey); !errors.Is(err, keystore.ErrBinding) {
		t.Errorf("other pins: %v", err)
	}
	// Rewriting the binding in the file does not help.
	f, err := ecc.Decode(ecc.LabelDoctorStore, s.files["store"], 4)
	if err != nil {
		t.Fatal(err)
	}
	s.files["store"] = ecc.Encode(ecc.LabelDoctorStore, f[0], cfg.Binding[:], f[2], f[3])
	if _, _, err := keystore.Open(cfg, passkey); !errors.Is(err, keystore.ErrAltered) {
		t.Errorf("rewritten: %v", err)
	}
	store.Close()
}

func TestCreateNeverOverwrites(t *testing.T) {
	_, s := made(t, passkey)
	if _, err := keystore.Create(config(s), passkey); !errors.Is(err, keystore.ErrExists) {
		t.Errorf("over a store: %v", err)
	}
	s.files["store"] = []byte("what is this")
	if _, err := keystore.Create(config(s), passkey); !errors.Is(err, keystore.ErrExists) {
		t.Errorf("over what cannot be read: %v", err)
	}
	if _, err := keystore.Inspect(&shelf{}); !errors.Is(err, keystore.ErrAbsent) {
		t.Errorf("no store: %v", err)
	}
}

// TestSeen: an id is durable when Accept returns, and forgotten after its time.
func TestSeen(t *testing.T) {
	store, s := made(t, passkey)
	ctx, id := context.Background(), [16]byte{1}
	if err := store.Accept(ctx, id, noon.Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	store.Close() // as after a crash: nothing more is written
	cfg := config(s)
	again, _, err := keystore.Open(cfg, passkey)
	if err != nil {
		t.Fatal(err)
	}
	again.Keep(func() []byte { return []byte(identity) })
	if err := again.Accept(ctx, id, noon.Add(time.Minute)); !errors.Is(err, keystore.ErrSeen) {
		t.Errorf("after a crash: %v", err)
	}
	s.full = true
	if err := again.Accept(ctx, [16]byte{2}, noon.Add(time.Minute)); problem.KindOf(err) != problem.KindUnavailable {
		t.Errorf("what is not durable is accepted: %v", err)
	}
	s.full = false
	if err := again.Accept(ctx, [16]byte{2}, noon.Add(time.Minute)); err != nil {
		t.Errorf("a second try: %v", err)
	}
	cfg.Now = func() time.Time { return noon.Add(2 * time.Minute) }
	later, _, err := keystore.Open(cfg, passkey)
	if err != nil {
		t.Fatal(err)
	}
	later.Keep(func() []byte { return []byte(identity) })
	if err := later.Accept(ctx, id, noon.Add(time.Hour)); err != nil {
		t.Errorf("after its time: %v", err)
	}
}

func TestEvidence(t *testing.T) {
	store, s := made(t, passkey)
	if err := errors.Join(store.KeepEvidence("0a", []byte("one")), store.KeepEvidence("0b", []byte("two"))); err != nil {
		t.Fatal(err)
	}
	if b, err := store.Evidence("0a"); err != nil || string(b) != "one" {
		t.Errorf("%q, %v", b, err)
	}
	s.files["evidence-0a"] = s.files["evidence-0b"] // one visit's for another's
	if _, err := store.Evidence("0a"); !errors.Is(err, keystore.ErrAltered) {
		t.Errorf("swapped: %v", err)
	}
	for _, id := range []string{"", "..", "0A", "0a/0b", strings.Repeat("0", 33), "0c"} {
		if _, err := store.Evidence(id); problem.KindOf(err) != problem.KindNotFound {
			t.Errorf("evidence %q: %v", id, err)
		}
	}
}

// TestClosed: nothing is read or written after Close.
func TestClosed(t *testing.T) {
	store, s := made(t, passkey)
	before := slices.Clone(s.files["store"])
	store.Close()
	_, err := store.Evidence("0a")
	for name, err := range map[string]error{"save": store.Save(), "accept": store.Accept(context.Background(), [16]byte{}, noon),
		"add": store.AddOpener(passphrase), "remove": store.RemoveOpener(keystore.Name{}), "keep": store.KeepEvidence("0a", nil), "read": err} {
		if !errors.Is(err, keystore.ErrClosed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if !store.Closed() || !bytes.Equal(before, s.files["store"]) {
		t.Error("the store is not closed, or was written")
	}
	if err := opens(s, passkey); err != nil {
		t.Error(err)
	}
}

func TestExport(t *testing.T) {
	secret := []byte("a passphrase for the drawer")
	file, err := keystore.Export(rand.Reader, binding, []byte(identity), secret)
	if err != nil || bytes.Contains(file, []byte("Quetzalcoatlus")) {
		t.Fatal("readable, or", err)
	}
	if got, err := keystore.OpenExport(file, secret, binding); err != nil || string(got) != identity {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := keystore.OpenExport(file, []byte("another passphrase"), binding); !errors.Is(err, keystore.ErrOpener) {
		t.Errorf("another passphrase: %v", err)
	}
	if _, err := keystore.OpenExport(file, secret, ecc.Hash{}); !errors.Is(err, keystore.ErrBinding) {
		t.Errorf("other pins: %v", err)
	}
	bent := slices.Clone(file)
	bent[len(bent)-1] ^= 1
	if _, err := keystore.OpenExport(bent, secret, binding); !errors.Is(err, keystore.ErrOpener) {
		t.Errorf("altered: %v", err)
	}
	for name, b := range map[string][]byte{"nothing": nil, "a store": ecc.Encode(ecc.LabelDoctorStore, nil), "cut": file[:40],
		"too long": make([]byte, keystore.MaxExport+1)} {
		if _, err := keystore.OpenExport(b, secret, binding); !errors.Is(err, keystore.ErrFormat) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := keystore.Export(rand.Reader, binding, []byte(identity), []byte("short")); !errors.Is(err, keystore.ErrPassphrase) {
		t.Errorf("a short passphrase: %v", err)
	}
}
