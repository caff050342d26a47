package roots_test

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"medunion/api/message"
	"medunion/api/roots"
	"medunion/ecc"
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

type root struct {
	public message.Root
	sign   ecc.SigningKey
}

func newRoot() root {
	issuer := must(ecc.NewIssuer(must(ecc.GenerateScalar(rand.Reader)), bytes.Repeat([]byte{1}, 32)))
	sign := must(ecc.GenerateSigningKey(rand.Reader))
	return root{message.Root{PK: issuer.Public(), PUKC: sign.Public()}, sign}
}

// chain is a first root with two successions, as pins and as they are published.
type chain struct {
	roots     [3]root
	pins      message.Pins // of the first root alone
	published []string
}

func newChain() chain {
	c := chain{roots: [3]root{newRoot(), newRoot(), newRoot()}}
	c.pins = message.Pins{CloudID: "cloud", First: c.roots[0].public}
	for i := range 2 {
		c.published = append(c.published, publish(c.roots[i], c.roots[i+1], uint64(i+1), message.Millis(1000*(i+1))))
	}
	return c
}

func publish(old, successor root, number uint64, from message.Millis) string {
	s := message.SignSuccession(old.sign, successor.sign, message.Succession{CloudID: "cloud", Number: number, Old: old.public, New: successor.public,
		From: from, Until: from + 500})
	return base64.RawURLEncoding.EncodeToString(s.Encode())
}

func newest(k *roots.Keeper) message.Root {
	r, _ := k.Pins().Newest()
	return r
}

// What was learned is there after a restart, although the configuration has not changed.
func TestLearnedOutlastsARestart(t *testing.T) {
	c, file := newChain(), roots.File(filepath.Join(t.TempDir(), "successions"))
	k := must(roots.Open(c.pins, file))
	if learned, err := k.Learn(nil); learned || err != nil {
		t.Error("nothing:", learned, err)
	}
	if _, err := os.Stat(string(file)); err == nil {
		t.Error("a file without need")
	}
	if learned, err := k.Learn(c.published); !learned || err != nil {
		t.Fatal(learned, err)
	}
	again := must(roots.Open(c.pins, file))
	if !again.Pins().Equal(k.Pins()) || !newest(again).Equal(c.roots[2].public) {
		t.Error("a restart forgets")
	}
}

// Neither a file of before, nor a public cloud that leaves something out, nor a
// configuration of before takes a succession back.
func TestAttack22_NothingIsTakenBack(t *testing.T) {
	c, file := newChain(), roots.File(filepath.Join(t.TempDir(), "successions"))
	k := must(roots.Open(c.pins, file))
	must(k.Learn(c.published[:1]))
	old := must(file.Read())
	must(k.Learn(c.published))
	for _, list := range [][]string{nil, c.published[:1]} {
		if learned, err := k.Learn(list); learned || err != nil || !newest(k).Equal(c.roots[2].public) {
			t.Error("a shorter list:", learned, err)
		}
	}
	if err := file.Replace(old); err != nil { // the file, of the first day, under newer pins
		t.Fatal(err)
	}
	if again := must(roots.Open(k.Pins(), file)); !newest(again).Equal(c.roots[2].public) {
		t.Error("an older file takes a succession back")
	}
	if again := must(roots.Open(c.pins, file)); !newest(again).Equal(c.roots[1].public) {
		t.Error("the file's succession does not count")
	}
}

// A fork is refused, changes nothing on disk, and the party goes on with the first one.
func TestAttack22_ForksAreNotLearned(t *testing.T) {
	c, file := newChain(), roots.File(filepath.Join(t.TempDir(), "successions"))
	k := must(roots.Open(c.pins, file))
	must(k.Learn(c.published[:1]))
	before := must(file.Read())
	for name, list := range map[string][]string{
		"another successor":                 {publish(c.roots[0], newRoot(), 1, 1000)},
		"another successor behind the good": {c.published[0], publish(c.roots[0], newRoot(), 1, 1000)},
	} {
		if _, err := k.Learn(list); !errors.Is(err, message.ErrFork) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, text := range []string{"", "?", "AAAA", c.published[1] + "AA"} {
		if _, err := k.Learn([]string{c.published[0], text}); !errors.Is(err, message.ErrFormat) {
			t.Errorf("%q: %v", text, err)
		}
	}
	if !newest(k).Equal(c.roots[1].public) || !bytes.Equal(must(file.Read()), before) {
		t.Error("something was taken")
	}
}

// What could not be made durable does not count.
func TestWhatIsNotDurableDoesNotCount(t *testing.T) {
	c := newChain()
	k := must(roots.Open(c.pins, roots.File(filepath.Join(t.TempDir(), "no folder", "successions"))))
	if learned, err := k.Learn(c.published); learned || err == nil || !k.Pins().Equal(c.pins) {
		t.Error(learned, err)
	}
}

// A damaged file stops the start: it may have held what nobody else has told yet.
func TestDamagedFile(t *testing.T) {
	c, file := newChain(), roots.File(filepath.Join(t.TempDir(), "successions"))
	must(must(roots.Open(c.pins, file)).Learn(c.published))
	b := must(file.Read())
	for name, bad := range map[string][]byte{"cut": b[:len(b)/2], "empty": {}, "changed": bytes.Replace(b, []byte(`"pk": "`), []byte(`"pk": "A`), 1)} {
		if err := file.Replace(bad); err != nil {
			t.Fatal(err)
		}
		if _, err := roots.Open(c.pins, file); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

// After an emergency new pins come from outside: what was learned of the old root is
// passed over, and written over by what the new one brings.
func TestNewPinsAfterAnEmergency(t *testing.T) {
	c, file := newChain(), roots.File(filepath.Join(t.TempDir(), "successions"))
	must(must(roots.Open(c.pins, file)).Learn(c.published))
	fresh, later := newRoot(), newRoot()
	pins := message.Pins{CloudID: "cloud", First: fresh.public}
	k := must(roots.Open(pins, file))
	if !k.Pins().Equal(pins) {
		t.Fatal("the old chain counts beside the new pins")
	}
	must(k.Learn([]string{publish(fresh, later, 1, 1000)}))
	if again := must(roots.Open(pins, file)); !newest(again).Equal(later.public) {
		t.Error("the new chain was not kept")
	}
}

// Pins that name a later root of a chain that is on disk keep what follows from it.
func TestPinsOfALaterRoot(t *testing.T) {
	c, file := newChain(), roots.File(filepath.Join(t.TempDir(), "successions"))
	must(must(roots.Open(c.pins, file)).Learn(c.published))
	k := must(roots.Open(message.Pins{CloudID: "cloud", First: c.roots[1].public}, file))
	if !newest(k).Equal(c.roots[2].public) {
		t.Error("what follows was lost")
	}
}

// A service whose keys are mounted read-only learns all the same, for as long as it runs.
func TestServiceWithoutAFolderToWriteIn(t *testing.T) {
	c := newChain()
	store, durable := roots.Service(filepath.Join(t.TempDir(), "no folder", "successions"))
	k := must(roots.Open(c.pins, store))
	if learned, err := k.Learn(c.published); !learned || err != nil || durable || !newest(k).Equal(c.roots[2].public) {
		t.Error(learned, err, durable)
	}
	path := filepath.Join(t.TempDir(), "successions")
	store, durable = roots.Service(path)
	must(must(roots.Open(c.pins, store)).Learn(c.published))
	if again := must(roots.Open(c.pins, roots.File(path))); !durable || !newest(again).Equal(c.roots[2].public) {
		t.Error("in a folder that can be written:", durable)
	}
	if names := must(os.ReadDir(filepath.Dir(path))); len(names) != 1 {
		t.Error("something else lies there:", names)
	}
}

// A folder that can be read and not written, as a mounted one (here that of this process's open
// files): what the file holds counts, and a restart does not fall back to an older root.
func TestAttack22_FolderThatIsOnlyRead(t *testing.T) {
	c, path := newChain(), filepath.Join(t.TempDir(), "successions")
	must(must(roots.Open(c.pins, roots.File(path))).Learn(c.published[:1]))
	f := must(os.Open(path))
	defer f.Close()
	mounted := fmt.Sprintf("/proc/self/fd/%d", f.Fd())
	if _, err := os.Stat(mounted); err != nil {
		t.Skip("this system shows no open files as a folder")
	}
	store, durable := roots.Service(mounted)
	k := must(roots.Open(c.pins, store))
	if durable || !newest(k).Equal(c.roots[1].public) {
		t.Error("the file beside the keys was passed over:", durable)
	}
	if learned, err := k.Learn(c.published); !learned || err != nil || !newest(k).Equal(c.roots[2].public) {
		t.Error(learned, err)
	}
}
