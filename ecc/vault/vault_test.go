package vault

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"math"
	"slices"
	"testing"
	"time"

	"golang.org/x/crypto/argon2"

	"medunion/ecc"
)

// cheap are the lowest parameters that the package takes.
var cheap = Params{MemoryKiB: MinMemoryKiB, Time: 1, Lanes: 1}

func seal(t testing.TB, passphrase, plaintext string) []byte {
	t.Helper()
	b, err := Seal(rand.Reader, []byte(passphrase), []byte(plaintext), cheap)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestRoundTrip(t *testing.T) {
	for _, p := range []Params{cheap, {MemoryKiB: 16 << 10, Time: 2, Lanes: 4}, DefaultParams} {
		b, err := Seal(rand.Reader, []byte("correct horse"), []byte("content"), p)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Open([]byte("correct horse"), b)
		if err != nil || string(got) != "content" || len(b) != len("content")+Overhead {
			t.Errorf("%+v: %q, %v", p, got, err)
		}
		if bytes.Contains(b, []byte("content")) {
			t.Error("the content is readable")
		}
	}
	if bytes.Equal(seal(t, "p", "x"), seal(t, "p", "x")) {
		t.Error("two vaults of the same content are equal")
	}
}

func TestWrongPassphrase(t *testing.T) {
	b := seal(t, "correct horse", "content")
	for _, p := range []string{"", "correct hors", "correct horse ", "Correct horse"} {
		if got, err := Open([]byte(p), b); !errors.Is(err, ecc.ErrOpen) || got != nil {
			t.Errorf("%q: %v", p, err)
		}
	}
}

// Every byte counts: in the magic and the parameters, in the salt, nonce and content.
func TestAlteredVault(t *testing.T) {
	b := seal(t, "p", "content")
	for _, i := range []int{0, 7, 12, 15, headerSize - saltSize, headerSize - 1, headerSize, len(b) - 1} {
		b[i] ^= 1
		got, err := Open([]byte("p"), b)
		if (!errors.Is(err, ecc.ErrOpen) && !errors.Is(err, ErrFormat)) || got != nil {
			t.Errorf("byte %d flipped: %v", i, err)
		}
		b[i] ^= 1
	}
	for name, bad := range map[string][]byte{"empty": nil, "short": b[:Overhead-1], "text": bytes.Repeat([]byte("x"), 200)} {
		if _, err := Open([]byte("p"), bad); !errors.Is(err, ErrFormat) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Open([]byte("p"), append(slices.Clone(b), 0)); !errors.Is(err, ecc.ErrOpen) {
		t.Errorf("trailing byte: %v", err)
	}
}

// withParams rewrites the parameters in a vault's header.
func withParams(b []byte, p Params) []byte {
	b = slices.Clone(b)
	binary.BigEndian.PutUint32(b[len(magic):], p.MemoryKiB)
	binary.BigEndian.PutUint32(b[len(magic)+4:], p.Time)
	b[len(magic)+8] = p.Lanes
	return b
}

// A hostile header is refused before Argon2 takes memory or time for it.
func TestHostileParameters(t *testing.T) {
	b := seal(t, "p", "content")
	hostile := []Params{
		{math.MaxUint32, 1, 1}, {MaxMemoryKiB + 1, 1, 1}, {MinMemoryKiB, math.MaxUint32, 1}, {MinMemoryKiB, MaxTime + 1, 1},
		{MinMemoryKiB, 1, 255}, {MinMemoryKiB, 1, MaxLanes + 1}, {MinMemoryKiB, 0, 1}, {MinMemoryKiB, 1, 0}, {0, 0, 0}, {MinMemoryKiB - 1, 1, 1},
	}
	for _, p := range hostile {
		start := time.Now()
		if _, err := Open([]byte("p"), withParams(b, p)); !errors.Is(err, ErrFormat) {
			t.Errorf("Open %+v: %v", p, err)
		}
		if d := time.Since(start); d > 100*time.Millisecond {
			t.Errorf("Open %+v took %v to refuse", p, d)
		}
		if _, err := Seal(rand.Reader, []byte("p"), nil, p); !errors.Is(err, ErrParams) {
			t.Errorf("Seal %+v: %v", p, err)
		}
		if _, err := DeriveSeed([]byte("p"), make([]byte, 16), p); !errors.Is(err, ErrParams) {
			t.Errorf("DeriveSeed %+v: %v", p, err)
		}
	}
	// The parameters are authenticated: allowed ones that are not the vault's do not open it either.
	if _, err := Open([]byte("p"), withParams(b, Params{MinMemoryKiB, 2, 1})); !errors.Is(err, ecc.ErrOpen) {
		t.Errorf("other parameters: %v", err)
	}
}

func TestSealRefuses(t *testing.T) {
	if _, err := Seal(rand.Reader, nil, nil, cheap); !errors.Is(err, ErrParams) {
		t.Errorf("empty passphrase: %v", err)
	}
	for _, n := range []int{0, 8, 16, 30} { // 16 is the salt: then the nonce is missing
		if _, err := Seal(bytes.NewReader(make([]byte, n)), []byte("p"), nil, cheap); !errors.Is(err, ecc.ErrRandom) {
			t.Errorf("%d random bytes: %v", n, err)
		}
	}
	if _, err := Seal(nil, []byte("p"), nil, cheap); !errors.Is(err, ecc.ErrRandom) {
		t.Errorf("no reader: %v", err)
	}
}

func TestDeriveSeed(t *testing.T) {
	salt := bytes.Repeat([]byte{1}, 16)
	derive := func(passphrase string, salt []byte, p Params) string {
		b, err := DeriveSeed([]byte(passphrase), salt, p)
		if err != nil || len(b) != 32 {
			t.Fatalf("%d bytes: %v", len(b), err)
		}
		return string(b)
	}
	first := derive("p", salt, cheap)
	if derive("p", salt, cheap) != first {
		t.Error("the seed is not the same twice")
	}
	other := Params{MinMemoryKiB, 2, 1}
	if derive("q", salt, cheap) == first || derive("p", bytes.Repeat([]byte{2}, 16), cheap) == first || derive("p", salt, other) == first {
		t.Error("passphrase, salt or parameters do not enter the seed")
	}
	if _, err := DeriveSeed([]byte("p"), salt[:15], cheap); !errors.Is(err, ErrParams) {
		t.Errorf("short salt: %v", err)
	}
	if _, err := DeriveSeed(nil, salt, cheap); !errors.Is(err, ErrParams) {
		t.Errorf("empty passphrase: %v", err)
	}
	// Under one salt, the seed is not the key of a vault, nor Argon2's own output.
	if first == string(vaultKey(salt)) || first == string(argon2.IDKey([]byte("p"), salt, 1, MinMemoryKiB, 1, 32)) {
		t.Error("the seed is also a vault's key")
	}
}

func vaultKey(salt []byte) []byte { return derive([]byte("p"), salt, cheap, ecc.LabelVault) }

// The file format and the seed are kept by users: they must not change under them.
func TestGolden(t *testing.T) {
	const sealed = "454d527661756c740000200000000001010707070707070707070707070707070707070707070707" +
		"0707070707070707070707070707070707d38863d4468cc332e355089b4f6a7de4be4b97b9ebbc91"
	b, err := hex.DecodeString(sealed)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := Open([]byte("correct horse"), b); err != nil || string(got) != "content" {
		t.Errorf("a vault of version 1 does not open: %q, %v", got, err)
	}
	again, err := Seal(bytes.NewReader(bytes.Repeat([]byte{7}, saltSize+24)), []byte("correct horse"), []byte("content"), cheap)
	if err != nil || hex.EncodeToString(again) != sealed {
		t.Errorf("sealed %x, %v", again, err)
	}
	const seed = "ff2de36ea861d1c94593a18d1c27e58326a9856b1b2e333a86ab24f5c1097842"
	s, err := DeriveSeed([]byte("correct horse"), bytes.Repeat([]byte{7}, 16), cheap)
	if err != nil || hex.EncodeToString(s) != seed {
		t.Errorf("seed %x, %v", s, err)
	}
}

// FuzzVaultOpen: nothing but the vault opens, nothing panics, and no header costs more than the bounds.
func FuzzVaultOpen(f *testing.F) {
	// From fixed bytes: each fuzzing process runs this anew and must get the same vault.
	b, err := Seal(bytes.NewReader(bytes.Repeat([]byte{7}, saltSize+24)), []byte("p"), []byte("content"), cheap)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add(b[:Overhead])
	f.Add(b[:headerSize])
	f.Add([]byte(magic))
	f.Add(withParams(b, Params{math.MaxUint32, math.MaxUint32, 255}))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, in []byte) {
		p, _, err := parseHeader(in)
		if err == nil && !p.Valid() {
			t.Fatalf("%+v passed", p)
		}
		if err == nil && p != cheap {
			return // within the bounds, only slow
		}
		if got, err := Open([]byte("p"), in); err == nil && (!bytes.Equal(in, b) || string(got) != "content") {
			t.Fatalf("opened %x", in)
		}
	})
}

func BenchmarkOpen(b *testing.B) {
	for name, p := range map[string]Params{"cheapest": cheap, "default": DefaultParams} {
		sealed, err := Seal(rand.Reader, []byte("p"), []byte("content"), p)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := Open([]byte("p"), sealed); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
