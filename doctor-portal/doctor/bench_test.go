package doctor_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"medunion/api/message"
	"medunion/doctor-portal/doctor"
	"medunion/doctor-portal/internal/peers"
	"medunion/ecc"
)

// Each benchmark of a step stands beside its floor: the bare cryptography that the
// step cannot do without, on inputs of the same size. Run them with
//
//	go test -bench . -run - ./doctor-portal/doctor

// benchSuites runs a step and its floor in both suites.
func benchSuites(b *testing.B, step, floor func(*testing.B, *bench)) {
	for _, suite := range []ecc.Suite{ecc.SuiteX25519, ecc.SuiteXWing} {
		for name, run := range map[string]func(*testing.B, *bench){"step": step, "floor": floor} {
			b.Run(fmt.Sprintf("%s/%s", suite, name), func(b *testing.B) {
				s := newScene(b, suite)
				run(b, &bench{scene: s, kem: peers.Must(ecc.GenerateKEM(suite, s.Rand)), sign: peers.Must(ecc.GenerateSigningKey(s.Rand)),
					x: peers.Must(ecc.GenerateScalar(s.Rand))})
			})
		}
	}
}

// bench is a scene with spare keys for the floors.
type bench struct {
	*scene
	kem  ecc.KEMPrivateKey
	sign ecc.SigningKey
	x    ecc.Scalar
}

func (k *bench) verify(n int, tbs, sig []byte) {
	for range n {
		k.Ok(k.sign.Public().Verify(tbs, sig))
	}
}

func (k *bench) seal(body []byte) []byte {
	s := peers.Must(k.kem.Public().Setup(k.Rand, nil))
	return peers.Must(s.Seal(nil, body))
}

func (k *bench) open(c []byte) { peers.Must(k.kem.Open(nil, nil, c)) }

// agree is one side of a session key and its two channels: A_X, K1, K2, K3.
func (k *bench) agree(initiator bool) {
	r := peers.Must(ecc.GenerateScalar(k.Rand))
	a := ecc.Agreement{Label: ecc.LabelSEK1, TH: message.Hash{1}, CInitiator: message.Hash{2}, CResponder: message.Hash{3},
		RInitiator: r.Public(), RResponder: k.x.Public(), EncResponder: make([]byte, k.Suite.EncSize())}
	s := ecc.Secrets{S: k.x, R: r, X1: make([]byte, 32), X2: make([]byte, 32)}
	A := peers.Must(k.p.Cred.ImplicitKey(k.Pins))
	if initiator {
		peers.Must(a.Initiator(s, A))
		return
	}
	a.RInitiator, a.RResponder = a.RResponder, a.RInitiator
	peers.Must(a.Responder(s, A))
}

// BenchmarkAnswerM1: Eq. 14-19.
func BenchmarkAnswerM1(b *testing.B) {
	benchSuites(b, func(b *testing.B, k *bench) {
		for b.Loop() {
			b.StopTimer()
			m1 := k.p.M1(k.d)
			b.StartTimer()
			_, _, err := k.d.AnswerM1(context.Background(), m1)
			k.Ok(err)
		}
	}, func(b *testing.B, k *bench) {
		m1 := k.p.M1(k.d)
		body, m2 := make([]byte, len(m1.Ciphertext)), make([]byte, 3000)
		c, sig := k.seal(body), k.sign.Sign(body)
		for b.Loop() {
			k.open(c)
			k.verify(3, body, sig) // Cred_P, Sig_P1, and Cred_D, which must still hold
			k.agree(false)
			k.sign.Sign(m2)
			k.seal(m2)
		}
	})
}

// BenchmarkReceiveM3: Eq. 24 and the checks of the consent.
func BenchmarkReceiveM3(b *testing.B) {
	benchSuites(b, func(b *testing.B, k *bench) {
		for b.Loop() {
			b.StopTimer()
			v := k.answered()
			m3 := k.p.M3(k.p.Consent(nil))
			b.StartTimer()
			k.Ok(v.ReceiveM3(m3))
		}
	}, func(b *testing.B, k *bench) {
		tbs := make([]byte, 300)
		sig, c := k.sign.Sign(tbs), k.channel()
		ct := peers.Must(c.Seal(2, nil, make([]byte, 2000)))
		for b.Loop() {
			peers.Must(c.Open(2, nil, ct))
			k.verify(4, tbs, sig) // σ_P, the assertion, one σ_L, Sig_P2
		}
	})
}

func (k *bench) channel() ecc.Channel {
	return peers.Must(ecc.DecodeSessionKey([]byte(strings.Repeat("k", 32)))).Channel(ecc.PatientToDoctor, message.Hash{})
}

// BenchmarkSearch: M4 and M5 with one entry, Eq. 25, 26, 31, 32.
func BenchmarkSearch(b *testing.B) {
	benchSuites(b, func(b *testing.B, k *bench) {
		v := k.opened()
		for b.Loop() {
			q, m4, err := v.BeginSearch(message.ModeRead, k.Cloud.Prekey())
			k.Ok(err)
			b.StopTimer()
			m5 := k.Cloud.M5(m4)
			b.StartTimer()
			_, err = q.ReceiveM5(m5)
			k.Ok(err)
		}
	}, func(b *testing.B, k *bench) {
		body := make([]byte, 3000)
		sig, c := k.sign.Sign(body), k.seal(body)
		for b.Loop() {
			k.verify(1, body, sig) // the prekey
			peers.Must(ecc.GenerateKEM(k.Suite, k.Rand))
			k.sign.Sign(body)
			k.seal(body)
			k.open(c)
			k.verify(4, body, sig) // the ticket, Cred_HPC twice, Sig_idx
		}
	})
}

// BenchmarkSession: M6 and M7, Eq. 33-35, 42-44.
func BenchmarkSession(b *testing.B) {
	benchSuites(b, func(b *testing.B, k *bench) {
		q, _ := k.searched(k.opened(), message.ModeRead)
		for b.Loop() {
			h, m6, err := q.BeginSession(k.anna.Cred, k.anna.Prekey())
			k.Ok(err)
			b.StopTimer()
			m7 := k.anna.M7(m6)
			b.StartTimer()
			k.Ok(h.ReceiveM7(m7))
		}
	}, func(b *testing.B, k *bench) {
		body := make([]byte, 3000)
		sig, c := k.sign.Sign(body), k.seal(body)
		for b.Loop() {
			k.verify(2, body, sig) // Cred_HPC, the prekey
			peers.Must(ecc.GenerateKEM(k.Suite, k.Rand))
			k.sign.Sign(body)
			k.seal(body)
			k.open(c)
			k.verify(1, body, sig) // Sig_HPC1
			k.agree(true)
		}
	})
}

// BenchmarkReleasePage: one page of 2 MiB, Eq. 48, and Sig_HPC2.
func BenchmarkReleasePage(b *testing.B) {
	content := `{"resourceType":"Bundle","x":"` + strings.Repeat("x", message.PageSize-64) + `"}`
	benchSuites(b, func(b *testing.B, k *bench) {
		b.SetBytes(message.PageSize)
		q, _ := k.searched(k.opened(), message.ModeRead)
		for b.Loop() {
			b.StopTimer()
			v := k.session(q)
			m9 := k.anna.M9(peers.Must(v.M8(message.Filter{})), content)[0]
			b.StartTimer()
			_, r, err := v.ReceiveM9(m9)
			k.Ok(err)
			if r == nil {
				b.Fatal("no release")
			}
			b.StopTimer()
			k.forget(&q) // a visit has at most 64 releases
			b.StartTimer()
		}
	}, func(b *testing.B, k *bench) {
		b.SetBytes(message.PageSize)
		tbs, c := make([]byte, 300), k.channel()
		sig, ct := k.sign.Sign(tbs), peers.Must(c.Seal(2, nil, []byte(content)))
		for b.Loop() {
			ecc.Sum(peers.Must(c.Open(2, nil, ct))) // H(page)
			ecc.Sum(ct)                             // th
			k.verify(1, tbs, sig)
		}
	})
}

// forget begins a new visit.
func (k *bench) forget(q **doctor.Search) { *q, _ = k.searched(k.opened(), message.ModeRead) }
