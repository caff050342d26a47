package ecc

import (
	"bytes"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/cloudflare/circl/expander"
	"pgregory.net/rapid"

	stdcrypto "crypto"
)

// hexBytes is a hex string in a vector file.
type hexBytes []byte

func (h *hexBytes) UnmarshalText(b []byte) (err error) {
	*h, err = hex.DecodeString(string(b))
	return err
}

func loadVectors(t testing.TB, name string, into any) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "vectors", name))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, into); err != nil {
		t.Fatal(err)
	}
}

// smallScalar is the encoding of n as a scalar.
func smallScalar(n byte) []byte { return append([]byte{n}, make([]byte, 31)...) }

type ristrettoVectors struct {
	Multiples []hexBytes
	Invalid   []struct {
		Encoding hexBytes
		Why      string
	}
}

func TestRFC9496Multiples(t *testing.T) {
	var v ristrettoVectors
	loadVectors(t, "rfc9496_ristretto255.json", &v)
	if len(v.Multiples) != 16 {
		t.Fatalf("%d multiples, want 16", len(v.Multiples))
	}
	if _, err := DecodePoint(v.Multiples[0]); !errors.Is(err, ErrPoint) {
		t.Errorf("the identity decodes: %v", err)
	}
	var sum Point
	for n := 1; n < len(v.Multiples); n++ {
		p, err := DecodePoint(v.Multiples[n])
		if err != nil {
			t.Fatalf("%d P: %v", n, err)
		}
		s, err := DecodeScalar(smallScalar(byte(n)))
		if err != nil {
			t.Fatal(err)
		}
		if !s.Public().Equal(p) || !bytes.Equal(s.Public().Bytes(), v.Multiples[n]) {
			t.Errorf("%d P is %v, want %x", n, s.Public(), v.Multiples[n])
		}
		if n == 1 {
			sum = p
			continue
		}
		one, _ := DecodeScalar(smallScalar(1))
		if sum, err = sum.add(one.Public()); err != nil || !sum.Equal(p) {
			t.Errorf("adding P %d times differs: %v", n, err)
		}
	}
}

func TestRFC9496InvalidEncodings(t *testing.T) {
	var v ristrettoVectors
	loadVectors(t, "rfc9496_ristretto255.json", &v)
	if len(v.Invalid) != 29 {
		t.Fatalf("%d invalid encodings, want 29", len(v.Invalid))
	}
	for _, c := range v.Invalid {
		if p, err := DecodePoint(c.Encoding); !errors.Is(err, ErrPoint) || p.Valid() {
			t.Errorf("%x (%s) decodes", c.Encoding, c.Why)
		}
	}
}

// expandMessageXMD is RFC 9380, section 5.3.1, written from the text, as a second opinion on circl's.
func expandMessageXMD(msg, dst []byte, n int) []byte {
	dstPrime := append(slices.Clone(dst), byte(len(dst)))
	sum := func(parts ...[]byte) []byte {
		h := sha512.Sum512(slices.Concat(parts...))
		return h[:]
	}
	length := binary.BigEndian.AppendUint16(nil, uint16(n))
	b0 := sum(make([]byte, sha512.BlockSize), msg, length, []byte{0}, dstPrime)
	bi := sum(b0, []byte{1}, dstPrime)
	out := bi
	for i := byte(2); len(out) < n; i++ {
		x := make([]byte, len(b0))
		for j := range x {
			x[j] = b0[j] ^ bi[j]
		}
		bi = sum(x, []byte{i}, dstPrime)
		out = append(out, bi...)
	}
	return out[:n]
}

// RFC 9380, K.3: the expander that HashToScalar runs on, and the test's own, which the next test uses.
func TestRFC9380ExpandMessage(t *testing.T) {
	var v struct {
		DST   string
		Tests []struct {
			Msg     string
			Length  int
			Uniform hexBytes `json:"uniform_bytes"`
		}
	}
	loadVectors(t, "rfc9380_expand_message_xmd_sha512.json", &v)
	if len(v.Tests) != 10 {
		t.Fatalf("%d tests, want 10", len(v.Tests))
	}
	for _, c := range v.Tests {
		circl := expander.NewExpanderMD(stdcrypto.SHA512, []byte(v.DST)).Expand([]byte(c.Msg), uint(c.Length))
		if !bytes.Equal(circl, c.Uniform) {
			t.Errorf("circl: %.20q, %d bytes", c.Msg, c.Length)
		}
		if own := expandMessageXMD([]byte(c.Msg), []byte(v.DST), c.Length); !bytes.Equal(own, c.Uniform) {
			t.Errorf("own: %.20q, %d bytes", c.Msg, c.Length)
		}
	}
}

// groupOrder is 2^252 + 27742317777372353535851937790883648493 (RFC 9496, section 4).
var groupOrder, _ = new(big.Int).SetString("7237005577332262213973186563042994240857116359379907606001950938285454250989", 10)

func scalarBytes(n *big.Int) []byte {
	b := n.FillBytes(make([]byte, 32))
	slices.Reverse(b)
	return b
}

// HashToScalar against the test's own expander, big.Int and the protocol's DST, spelled out.
func TestHashToScalarIsTheProtocols(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		msg := rapid.SliceOf(rapid.Byte()).Draw(t, "msg")
		uniform := expandMessageXMD(msg, []byte("EMR-AUTH-V1-ristretto255_XMD:SHA-512-partialkey"), 64)
		slices.Reverse(uniform)
		n := new(big.Int).SetBytes(uniform)
		if got, want := HashToScalar(msg).SecretBytes(), scalarBytes(n.Mod(n, groupOrder)); !bytes.Equal(got, want) {
			t.Fatalf("got %x, want %x", got, want)
		}
	})
}

type hpkeVector struct {
	Info, IkmE, IkmR, PkRm, SkRm, Enc hexBytes
	ExporterSecret                    hexBytes `json:"exporter_secret"`
	Encryptions                       []struct{ Aad, Ct, Pt hexBytes }
}

// RFC 9180, A.2.1 through the package's own wrapper, both ways: key derivation, enc, the
// first ciphertext, and the export, whose expected value is computed from the vector's exporter secret.
func TestRFC9180Base(t *testing.T) {
	var v hpkeVector
	loadVectors(t, "rfc9180_base_x25519_chacha20poly1305.json", &v)
	k, err := GenerateKEM(SuiteX25519, bytes.NewReader(v.IkmR))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(k.SecretBytes(), v.SkRm) || !bytes.Equal(k.Public().Bytes(), v.PkRm) {
		t.Error("DeriveKeyPair differs")
	}
	first := v.Encryptions[0]
	s, err := k.Public().Setup(bytes.NewReader(v.IkmE), v.Info)
	if err != nil {
		t.Fatal(err)
	}
	want := slices.Concat(v.Enc, first.Ct)
	c, err := s.Seal(first.Aad, first.Pt)
	if err != nil || !bytes.Equal(c, want) {
		t.Errorf("sealed %x, want %x", c, want)
	}
	decoded, err := DecodeKEMPrivateKey(SuiteX25519, v.SkRm)
	if err != nil {
		t.Fatal(err)
	}
	o, err := decoded.Open(v.Info, first.Aad, want)
	if err != nil || !bytes.Equal(o.Plaintext, first.Pt) || !bytes.Equal(o.Enc, v.Enc) {
		t.Errorf("opened %x, %v", o.Plaintext, err)
	}
	x := exportOf(t, v.ExporterSecret)
	if !bytes.Equal(o.Export, x) || !bytes.Equal(s.Export(), x) {
		t.Error("Export(emr/x, 32) differs")
	}
	// Messages 2 and 3 of the same context are not for this package: one context, one message.
	for i, e := range v.Encryptions[1:] {
		if _, err := decoded.Open(v.Info, e.Aad, slices.Concat(v.Enc, e.Ct)); !errors.Is(err, ErrOpen) {
			t.Errorf("message %d of the context opened as the first", i+2)
		}
	}
}

// exportOf is Context.Export(exporter_context = "emr/x", L = 32) of RFC 9180, section 5.3.
func exportOf(t *testing.T, exporterSecret []byte) []byte {
	t.Helper()
	suiteID := []byte("HPKE\x00\x20\x00\x01\x00\x03")
	info := slices.Concat([]byte{0, 32}, []byte("HPKE-v1"), suiteID, []byte("sec"), []byte("emr/x"))
	x, err := hkdf.Expand(sha256.New, exporterSecret, string(info), 32)
	if err != nil {
		t.Fatal(err)
	}
	return x
}
