package ecc

import (
	"bytes"
	"crypto/rand"
	"errors"
	"sync"
	"sync/atomic"
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

func sealTo(t testing.TB, k KEMPrivateKey, info, aad, pt []byte) []byte {
	t.Helper()
	return need[[]byte](t)(need[*Sender](t)(k.Public().Setup(rand.Reader, info)).Seal(aad, pt))
}

func TestHPKERefuses(t *testing.T) {
	for _, suite := range bothSuites {
		k, info, aad := mustKEM(t, suite), []byte("info"), []byte("aad")
		c := sealTo(t, k, info, aad, []byte("plaintext"))
		open := func(k KEMPrivateKey, info, aad, c []byte) error { _, err := k.Open(info, aad, c); return err }
		refused := map[string]error{
			"other key": open(mustKEM(t, suite), info, aad, c), "other info": open(k, aad, aad, c), "other aad": open(k, info, info, c),
			"empty": open(k, info, aad, nil), "only enc": open(k, info, aad, c[:suite.EncSize()]), "one byte short": open(k, info, aad, c[:len(c)-1]),
			"below overhead": open(k, info, aad, c[:suite.Overhead()-1]), "trailing byte": open(k, info, aad, append(bytes.Clone(c), 0)),
		}
		for name, err := range refused {
			if !errors.Is(err, ErrOpen) {
				t.Errorf("%v, %s: %v", suite, name, err)
			}
		}
		for i := 0; i < len(c); i += 7 {
			c[i] ^= 1
			if err := open(k, info, aad, c); !errors.Is(err, ErrOpen) {
				t.Errorf("%v: byte %d flipped: %v", suite, i, err)
			}
			c[i] ^= 1
		}
	}
}

// An ephemeral key of small order makes X25519's secret zero: suite 1 refuses the message.
func TestHPKESmallOrderEnc(t *testing.T) {
	k := mustKEM(t, SuiteX25519)
	c := sealTo(t, k, nil, nil, []byte("pt"))
	for _, u := range smallOrderU {
		copy(c, u[:])
		if _, err := k.Open(nil, nil, c); !errors.Is(err, ErrOpen) {
			t.Errorf("enc %x: %v", u, err)
		}
	}
}

func TestKEMKeysRoundTrip(t *testing.T) {
	for _, suite := range bothSuites {
		k := mustKEM(t, suite)
		again := need[KEMPrivateKey](t)(DecodeKEMPrivateKey(suite, k.SecretBytes()))
		pub := need[KEMPublicKey](t)(DecodeKEMPublicKey(suite, k.Public().Bytes()))
		if !again.Public().Equal(k.Public()) || !pub.Equal(k.Public()) || pub.ID() != k.Public().ID() || pub.Suite() != suite {
			t.Errorf("%v: a key changed in coding", suite)
		}
		for _, n := range []int{0, 31, 33, suite.PublicKeySize() - 1, suite.PublicKeySize() + 1} {
			b := bytes.Repeat([]byte{9}, n)
			if _, err := DecodeKEMPublicKey(suite, b); !errors.Is(err, ErrKey) {
				t.Errorf("%v: public key of %d bytes: %v", suite, n, err)
			}
			if n == KEMPrivateKeySize {
				continue
			}
			if _, err := DecodeKEMPrivateKey(suite, b); !errors.Is(err, ErrKey) {
				t.Errorf("%v: private key of %d bytes: %v", suite, n, err)
			}
		}
	}
}

// ML-KEM's modulus check: coefficients must be below 3329 (FIPS 203, section 7.2).
func TestXWingKeyModulusCheck(t *testing.T) {
	b := mustKEM(t, SuiteXWing).Public().Bytes()
	b[0], b[1] = 0xff, 0xff
	if _, err := DecodeKEMPublicKey(SuiteXWing, b); !errors.Is(err, ErrKey) {
		t.Errorf("coefficient 4095 accepted: %v", err)
	}
}

// One private key opens messages in many goroutines, and of one Sender's concurrent Seals one
// succeeds (meant for the race detector).
func TestHPKEConcurrently(t *testing.T) {
	for _, suite := range bothSuites {
		k := need[KEMPrivateKey](t)(DecodeKEMPrivateKey(suite, mustKEM(t, suite).SecretBytes()))
		sender := need[*Sender](t)(k.Public().Setup(rand.Reader, nil))
		c := sealTo(t, k, nil, nil, []byte("pt"))
		var sealed atomic.Int32
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				if _, err := sender.Seal(nil, []byte("once")); err == nil {
					sealed.Add(1)
				}
				if o, err := k.Open(nil, nil, c); err != nil || string(o.Plaintext) != "pt" {
					t.Errorf("%v: %v", suite, err)
				}
			})
		}
		wg.Wait()
		if sealed.Load() != 1 {
			t.Errorf("%v: one Sender sealed %d messages", suite, sealed.Load())
		}
	}
}
