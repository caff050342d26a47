package ecc

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestEncodeLayout(t *testing.T) {
	got := hex.EncodeToString(Encode("ab", []byte{9}, nil))
	if want := "02" + "6162" + "0002" + "00000001" + "09" + "00000000"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if h := H("ab", []byte{9}); h != sha256.Sum256(Encode("ab", []byte{9})) || h != Sum(Encode("ab", []byte{9})) {
		t.Error("H is not SHA-256 of Encode")
	}
}

func drawFields(t *rapid.T, name string) [][]byte {
	return rapid.SliceOfN(rapid.SliceOfN(rapid.Byte(), 0, 20), 0, 6).Draw(t, name)
}

func drawLabel(t *rapid.T, name string) Label {
	return Label(rapid.SampledFrom([]string{"e", "ed", "reg", strings.Repeat("x", 255)}).Draw(t, name))
}

func TestDecodeInvertsEncode(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l, fields := drawLabel(t, "label"), drawFields(t, "fields")
		b := Encode(l, fields...)
		got, err := Decode(l, b, len(fields))
		if err != nil || !slices.EqualFunc(got, fields, bytes.Equal) {
			t.Fatalf("%x: %v", b, err)
		}
		for what, bad := range map[string][]byte{"trailing": append(slices.Clone(b), 0), "short": b[:len(b)-1]} {
			if _, err := DecodeList(l, bad, 10); !errors.Is(err, ErrEncoding) {
				t.Fatalf("%s bytes: %v", what, err)
			}
		}
		if _, err := Decode(l, b, len(fields)+1); !errors.Is(err, ErrEncoding) {
			t.Fatalf("one field too few: %v", err)
		}
		if _, err := DecodeList(l, b, len(fields)-1); !errors.Is(err, ErrEncoding) {
			t.Fatalf("one field too many: %v", err)
		}
		if _, err := Decode(l+"x", b, len(fields)); !errors.Is(err, ErrEncoding) {
			t.Fatalf("under another label: %v", err)
		}
	})
}

// Two inputs with the same encoding are the same input; moving a byte across a border changes it.
func TestEncodeIsInjective(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l1, l2 := drawLabel(t, "l1"), drawLabel(t, "l2")
		f1, f2 := drawFields(t, "f1"), drawFields(t, "f2")
		same := l1 == l2 && slices.EqualFunc(f1, f2, bytes.Equal)
		b1, b2 := Encode(l1, f1...), Encode(l2, f2...)
		if bytes.Equal(b1, b2) != same || (!same && (bytes.HasPrefix(b1, b2) || bytes.HasPrefix(b2, b1))) {
			t.Fatalf("%x and %x", b1, b2)
		}
	})
	if bytes.Equal(Encode("e", []byte("ho"), []byte("sp1")), Encode("e", []byte("hosp1"))) {
		t.Error("ho + sp1 = hosp1")
	}
}

// A field's capacity ends with it: a caller that appends does not write into the next.
func TestFieldsDoNotOverlap(t *testing.T) {
	b := Encode("e", []byte("one"), []byte("two"))
	f := need[[][]byte](t)(Decode("e", b, 2))
	_ = append(f[0], "XXXXXXX"...)
	if string(f[1]) != "two" {
		t.Error("appending to a field changed the next")
	}
}

// A count that the bytes cannot hold is refused before memory is taken for it.
func TestHostileCount(t *testing.T) {
	b := append(Encode("e")[:2], 0xff, 0xff)
	if n := testing.AllocsPerRun(100, func() { _, _ = DecodeList("e", b, 1<<16) }); n != 0 {
		t.Errorf("%v allocations for a count of 65535 in %d bytes", n, len(b))
	}
}

func TestEncodePanicsOnProgramErrors(t *testing.T) {
	for name, f := range map[string]func(){
		"empty label":     func() { Encode("") },
		"long label":      func() { Encode(Label(strings.Repeat("x", 256))) },
		"too many fields": func() { Encode("e", make([][]byte, 1<<16)...) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			f()
		}()
	}
	if _, err := Decode("", []byte{0, 0, 0}, 0); !errors.Is(err, ErrEncoding) {
		t.Error("an empty label decodes")
	}
}

// Every label of the table is ASCII, short enough, and there once.
func TestLabelsAreDistinct(t *testing.T) {
	seen := map[Label]string{}
	for name, l := range labelTable(t) {
		if len(l) == 0 || len(l) > maxLabel || strings.ContainsFunc(string(l), func(r rune) bool { return r < ' ' || r > '~' }) {
			t.Errorf("%s = %q", name, l)
		}
		if other, ok := seen[l]; ok {
			t.Errorf("%s and %s are both %q", name, other, l)
		}
		seen[l] = name
	}
	if len(seen) < 50 {
		t.Errorf("only %d labels found", len(seen))
	}
}
