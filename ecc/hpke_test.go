package ecc

import (
	"bytes"
	"crypto/rand"
	"errors"
	"testing"
)

var bothSuites = []Suite{SuiteX25519, SuiteXWing}

func mustKEM(t testing.TB, s Suite) KEMPrivateKey {
	t.Helper()
	k, err := GenerateKEM(s, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestHPKERoundTrip(t *testing.T) {
	for _, suite := range bothSuites {
		k := mustKEM(t, suite)
		s, err := k.Public().Setup(rand.Reader, []byte("info"))
		if err != nil {
			t.Fatal(err)
		}
		c, err := s.Seal([]byte("aad"), []byte("plaintext"))
		if err != nil {
			t.Fatal(err)
		}
		o, err := k.Open([]byte("info"), []byte("aad"), c)
		if err != nil {
			t.Fatal(err)
		}
		if string(o.Plaintext) != "plaintext" || !bytes.Equal(o.Enc, s.Enc()) || !bytes.Equal(o.Export, s.Export()) {
			t.Errorf("%v: the two ends differ", suite)
		}
		if len(o.Enc) != suite.EncSize() || len(o.Export) != ExportSize || len(c) != len("plaintext")+suite.Overhead() {
			t.Errorf("%v: sizes %d, %d, %d", suite, len(o.Enc), len(o.Export), len(c))
		}
		if _, err := s.Seal([]byte("aad"), []byte("second")); !errors.Is(err, ErrKey) {
			t.Errorf("%v: a second message was sealed: %v", suite, err)
		}
	}
}
