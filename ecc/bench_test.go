package ecc

import (
	"bytes"
	"crypto/rand"
	"testing"
)

// The bare operations, so that a handler's time can be set beside what it cannot do without.
func BenchmarkPrimitives(b *testing.B) {
	s, point := mustScalar(b), mustScalar(b).Public()
	raw := point.Bytes()
	run := func(name string, f func() error) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := f(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	run("ScalarBaseMult", func() error { _ = s.Public(); return nil })
	run("ScalarMult", func() error { _, err := point.mul(s); return err })
	run("DecodePoint", func() error { _, err := DecodePoint(raw); return err })
	run("GenerateScalar", func() error { _, err := GenerateScalar(rand.Reader); return err })
	run("HashToScalar", func() error { _ = HashToScalar(raw); return nil })
	sk := need[SigningKey](b)(GenerateSigningKey(rand.Reader))
	sig, pub := sk.Sign(raw), sk.Public().Bytes()
	run("Sign", func() error { _ = sk.Sign(raw); return nil })
	run("Verify", func() error { return sk.Public().Verify(raw, sig) })
	run("DecodeVerifyKey", func() error { _, err := DecodeVerifyKey(pub); return err })
	key, pt := bytes.Repeat([]byte{1}, 32), make([]byte, 4096)
	run("SealAtRest4K", func() error { _, err := SealAtRest(rand.Reader, key, nil, pt); return err })
	ch := need[SessionKey](b)(DecodeSessionKey(key)).Channel(PatientToDoctor, Hash{1})
	run("ChannelSeal4K", func() error { _, err := ch.Seal(1, nil, pt); return err })
	run("EncodeHash", func() error { _ = H(LabelInfo, raw, pub, sig); return nil })
}

func BenchmarkHPKE(b *testing.B) {
	for _, suite := range bothSuites {
		k := mustKEM(b, suite)
		pub, secret := k.Public(), k.SecretBytes()
		raw := pub.Bytes()
		c := sealTo(b, k, nil, nil, make([]byte, 1024))
		b.Run(suite.String()+"/Seal1K", func(b *testing.B) {
			for b.Loop() {
				sealTo(b, k, nil, nil, make([]byte, 1024))
			}
		})
		b.Run(suite.String()+"/Open1K", func(b *testing.B) {
			for b.Loop() {
				need[Opened](b)(k.Open(nil, nil, c))
			}
		})
		b.Run(suite.String()+"/Generate", func(b *testing.B) {
			for b.Loop() {
				mustKEM(b, suite)
			}
		})
		b.Run(suite.String()+"/DecodePublic", func(b *testing.B) {
			for b.Loop() {
				need[KEMPublicKey](b)(DecodeKEMPublicKey(suite, raw))
			}
		})
		b.Run(suite.String()+"/DecodePrivate", func(b *testing.B) {
			for b.Loop() {
				need[KEMPrivateKey](b)(DecodeKEMPrivateKey(suite, secret))
			}
		})
	}
}

func BenchmarkProtocol(b *testing.B) {
	issuer, x, info := mustIssuer(b), mustScalar(b), []byte("info")
	X := x.Public()
	pk := need[PartialKey](b)(issuer.Issue(rand.Reader, info, X, info))
	proof := need[[]byte](b)(ProvePossession(rand.Reader, x, Hash{1}))
	v := newRun(b, issuer, SuiteX25519)
	b.Run("Issue", func(b *testing.B) {
		for b.Loop() {
			need[PartialKey](b)(issuer.Issue(rand.Reader, info, X, info))
		}
	})
	b.Run("Accept", func(b *testing.B) {
		for b.Loop() {
			need[Scalar](b)(Accept(x, info, pk, issuer.Public()))
		}
	})
	b.Run("ImplicitKey", func(b *testing.B) {
		for b.Loop() {
			need[Point](b)(ImplicitKey(info, pk.R, issuer.Public()))
		}
	})
	b.Run("ProvePossession", func(b *testing.B) {
		for b.Loop() {
			need[[]byte](b)(ProvePossession(rand.Reader, x, Hash{1}))
		}
	})
	b.Run("VerifyPossession", func(b *testing.B) {
		for b.Loop() {
			if err := VerifyPossession(X, Hash{1}, proof); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("SessionKey", func(b *testing.B) {
		for b.Loop() {
			need[SessionKey](b)(v.a.Initiator(v.si, v.r.A))
		}
	})
}
