package ecc

import (
	"bytes"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"slices"
	"strconv"
	"testing"

	"github.com/cloudflare/circl/dh/x25519"
	"golang.org/x/crypto/chacha20poly1305"
)

// One case of any of the files; a field that a file has not stays empty.
type wycheproofCase struct {
	ID     int `json:"tcId"`
	Flags  []string
	Result string

	Key, IV, AAD, Msg, Ct, Tag hexBytes // AEAD, HMAC
	Sig                        hexBytes // Ed25519
	Public, Private, Shared    hexBytes // X25519
	IKM, Salt, Info, OKM       hexBytes // HKDF
	Size                       int
}

type wycheproofGroup struct {
	IVSize, TagSize int
	PublicKey       struct{ Pk, Uncompressed hexBytes }
	Tests           []wycheproofCase
}

// eachWycheproof runs f on every case and fails if the file holds another number of cases than it says.
func eachWycheproof(t *testing.T, file string, f func(t *testing.T, g wycheproofGroup, c wycheproofCase)) {
	t.Helper()
	var v struct {
		NumberOfTests int
		TestGroups    []wycheproofGroup
	}
	loadVectors(t, "wycheproof/"+file+"_test.json", &v)
	n := 0
	for _, g := range v.TestGroups {
		for _, c := range g.Tests {
			n++
			t.Run(strconv.Itoa(c.ID), func(t *testing.T) { f(t, g, c) })
		}
	}
	if n == 0 || n != v.NumberOfTests {
		t.Fatalf("%d cases, the file says %d", n, v.NumberOfTests)
	}
}

// X25519 is what suite 1's KEM and half of suite 2's rest on. circl's function is the one
// that HPKE calls; the shared secret itself is not reachable through HPKE. Beyond
// computing right, DecodeKEMPublicKey must refuse exactly the low-order and the non-canonical keys.
func TestWycheproofX25519(t *testing.T) {
	eachWycheproof(t, "x25519", func(t *testing.T, _ wycheproofGroup, c wycheproofCase) {
		var shared, private, public x25519.Key
		copy(private[:], c.Private)
		copy(public[:], c.Public)
		ok := x25519.Shared(&shared, &private, &public)
		if !bytes.Equal(shared[:], c.Shared) {
			t.Errorf("shared secret %x, want %x", shared[:], c.Shared)
		}
		if zero := allZero(c.Shared); ok == zero {
			t.Errorf("zero shared secret: %v, circl says %v", zero, !ok)
		}
		nonCanonical := slices.Contains(c.Flags, "NonCanonicalPublic") || c.Public[31]&0x80 != 0
		k, err := DecodeKEMPublicKey(SuiteX25519, c.Public)
		if refuse := nonCanonical || allZero(c.Shared); refuse != (err != nil) || k.Valid() == refuse {
			t.Errorf("DecodeKEMPublicKey: %v, flags %v", err, c.Flags)
		}
	})
}

// Ed25519 is every signature of the protocol. The groups hold malleable, truncated, padded and
// out-of-range signatures, all under keys that DecodeVerifyKey must accept.
func TestWycheproofEd25519(t *testing.T) {
	eachWycheproof(t, "ed25519", func(t *testing.T, g wycheproofGroup, c wycheproofCase) {
		k, err := DecodeVerifyKey(g.PublicKey.Pk)
		if err != nil {
			t.Fatalf("key %x: %v", g.PublicKey.Pk, err)
		}
		if err := k.Verify(c.Msg, c.Sig); (err == nil) != (c.Result == "valid") {
			t.Errorf("%s %v: %v", c.Result, c.Flags, err)
		}
	})
}

// ChaCha20-Poly1305 is the session channel: each case runs through Channel with the case's key, and
// with an iv from which message number 1 gets the case's nonce.
func TestWycheproofChannel(t *testing.T) {
	eachWycheproof(t, "chacha20_poly1305", func(t *testing.T, g wycheproofGroup, c wycheproofCase) {
		if len(c.IV) != chacha20poly1305.NonceSize {
			if c.Result != "invalid" {
				t.Fatalf("nonce of %d bytes is called %s", len(c.IV), c.Result)
			}
			return // a Channel's nonce is an array of 12 bytes: no other length can be given to it
		}
		iv := [12]byte(c.IV)
		iv[11] ^= 1
		ch := Channel{s: hide(channelSecrets{key: [32]byte(c.Key), iv: iv})}
		checkAEAD(t, c, func(pt []byte) ([]byte, error) { return ch.Seal(1, c.AAD, pt) },
			func(ct []byte) ([]byte, error) { return ch.Open(1, c.AAD, ct) }, slices.Concat(c.Ct, c.Tag))
	})
}

// XChaCha20-Poly1305 is everything at rest: through SealAtRest, the nonce being what the reader gives.
func TestWycheproofAtRest(t *testing.T) {
	eachWycheproof(t, "xchacha20_poly1305", func(t *testing.T, g wycheproofGroup, c wycheproofCase) {
		if len(c.IV) != chacha20poly1305.NonceSizeX {
			if c.Result != "invalid" {
				t.Fatalf("nonce of %d bytes is called %s", len(c.IV), c.Result)
			}
			return // SealAtRest reads 24 bytes, OpenAtRest cuts 24 off: no other length exists
		}
		checkAEAD(t, c, func(pt []byte) ([]byte, error) { return SealAtRest(bytes.NewReader(c.IV), c.Key, c.AAD, pt) },
			func(ct []byte) ([]byte, error) { return OpenAtRest(c.Key, c.AAD, ct) }, slices.Concat(c.IV, c.Ct, c.Tag))
	})
}

func checkAEAD(t *testing.T, c wycheproofCase, seal, open func([]byte) ([]byte, error), sealed []byte) {
	t.Helper()
	pt, err := open(sealed)
	if c.Result != "valid" {
		if !errors.Is(err, ErrOpen) || pt != nil {
			t.Errorf("%v opened: %v", c.Flags, err)
		}
		return
	}
	if err != nil || !bytes.Equal(pt, c.Msg) {
		t.Errorf("open: %x, %v", pt, err)
	}
	if got, err := seal(c.Msg); err != nil || !bytes.Equal(got, sealed) {
		t.Errorf("seal: %x, %v; want %x", got, err, sealed)
	}
}

// HKDF-SHA256 makes SEK, the confirmation key and the channels. The package feeds it
// only ⟨L: ...⟩, so the cases run on the same two functions of the standard library that session.go calls.
func TestWycheproofHKDF(t *testing.T) {
	eachWycheproof(t, "hkdf_sha256", func(t *testing.T, _ wycheproofGroup, c wycheproofCase) {
		prk, err := hkdf.Extract(sha256.New, c.IKM, c.Salt)
		if err != nil {
			t.Fatal(err)
		}
		okm, err := hkdf.Expand(sha256.New, prk, string(c.Info), c.Size)
		if c.Result != "valid" {
			if err == nil {
				t.Errorf("%v gave %d bytes", c.Flags, c.Size)
			}
			return
		}
		if err != nil || !bytes.Equal(okm, c.OKM) {
			t.Errorf("%x, %v; want %x", okm, err, c.OKM)
		}
	})
}

// HMAC-SHA256 is the key confirmation and every keyed derivation: through the
// function under HMAC and Confirm. Half the cases have truncated tags, which the protocol does not use.
func TestWycheproofHMAC(t *testing.T) {
	eachWycheproof(t, "hmac_sha256", func(t *testing.T, g wycheproofGroup, c wycheproofCase) {
		sum := hmacSum(c.Key, c.Msg)
		if same := hmac.Equal(sum[:g.TagSize/8], c.Tag); same != (c.Result == "valid") {
			t.Errorf("%s %v: tag %x, computed %x", c.Result, c.Flags, c.Tag, sum[:g.TagSize/8])
		}
	})
}
