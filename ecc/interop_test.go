package ecc

import (
	"bytes"
	"crypto/ecdh"
	stdhpke "crypto/hpke"
	"crypto/rand"
	"fmt"
	"testing"
)

func stdKEM(s Suite) stdhpke.KEM {
	if s == SuiteXWing {
		return stdhpke.MLKEM768X25519()
	}
	return stdhpke.DHKEM(ecdh.X25519())
}

// Both suites against an implementation by other hands: what we seal, Go's crypto/hpke opens, and the other way, with equal
// exports. Private keys cross over as bytes.
func TestInteropWithGoHPKE(t *testing.T) {
	for _, suite := range bothSuites {
		for n := range 8 {
			k := mustKEM(t, suite)
			std, err := stdKEM(suite).NewPrivateKey(k.SecretBytes())
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(std.PublicKey().Bytes(), k.Public().Bytes()) {
				t.Fatalf("%v: public keys differ", suite)
			}
			info, aad := fmt.Appendf(nil, "info %d", n), fmt.Appendf(nil, "aad %d", n)
			pt := bytes.Repeat([]byte{byte(n)}, n*100)
			oursToTheirs(t, k, std, info, aad, pt)
			theirsToOurs(t, k, std, info, aad, pt)
		}
	}
}

func oursToTheirs(t *testing.T, k KEMPrivateKey, std stdhpke.PrivateKey, info, aad, pt []byte) {
	t.Helper()
	s, err := k.Public().Setup(rand.Reader, info)
	if err != nil {
		t.Fatal(err)
	}
	c, err := s.Seal(aad, pt)
	if err != nil {
		t.Fatal(err)
	}
	n := k.Suite().EncSize()
	r, err := stdhpke.NewRecipient(c[:n], std, stdhpke.HKDFSHA256(), stdhpke.ChaCha20Poly1305(), info)
	if err != nil {
		t.Fatal(err)
	}
	got, err := r.Open(aad, c[n:])
	if err != nil || !bytes.Equal(got, pt) {
		t.Errorf("%v: Go does not open ours: %v", k.Suite(), err)
	}
	if x, err := r.Export(ExporterContext, ExportSize); err != nil || !bytes.Equal(x, s.Export()) {
		t.Errorf("%v: exports differ: %v", k.Suite(), err)
	}
}

func theirsToOurs(t *testing.T, k KEMPrivateKey, std stdhpke.PrivateKey, info, aad, pt []byte) {
	t.Helper()
	enc, s, err := stdhpke.NewSender(std.PublicKey(), stdhpke.HKDFSHA256(), stdhpke.ChaCha20Poly1305(), info)
	if err != nil {
		t.Fatal(err)
	}
	ct, err := s.Seal(aad, pt)
	if err != nil {
		t.Fatal(err)
	}
	o, err := k.Open(info, aad, append(enc, ct...))
	if err != nil || !bytes.Equal(o.Plaintext, pt) {
		t.Errorf("%v: ours does not open Go's: %v", k.Suite(), err)
	}
	if x, err := s.Export(ExporterContext, ExportSize); err != nil || !bytes.Equal(x, o.Export) {
		t.Errorf("%v: exports differ: %v", k.Suite(), err)
	}
}
