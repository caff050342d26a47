package visit

import (
	"crypto/rand"
	"log/slog"
	"os"
	"slices"
	"syscall"
	"testing"
	"time"

	"medunion/deploy/local/source"
	"medunion/deploy/local/suite"
	"medunion/ecc"
	"medunion/ecc/vault"
)

// BenchmarkVisit times one visit to its diagnosis, M1 to M12 with two hospitals, over
// HTTP and the embedded stores; all medians. Beside it, measured in the same run: floor-ms,
// the curve, HPKE and signature work of all parties in it, one after the other on one core;
// argon2id-ms, the one derivation of the patient's verification key from her passphrase, which is
// slow on purpose; and cpu-ms, what the whole process has computed meanwhile.
func BenchmarkVisit(b *testing.B) {
	for _, s := range []ecc.Suite{ecc.SuiteX25519, ecc.SuiteXWing} {
		b.Run(s.String(), func(b *testing.B) { benchmarkVisit(b, s) })
	}
}

func benchmarkVisit(b *testing.B, es ecc.Suite) {
	p, plan := benchParties(b, es)
	f := newFloor(b, es)
	var visits, cpus, floors, argons []time.Duration
	for b.Loop() {
		cpu, begun := processTime(b), time.Now()
		o, err := p.Consult(b.Context(), plan)
		if err == nil {
			err = p.diagnose(b.Context(), o, &Diagnosis{})
		}
		if err != nil {
			b.Fatal(err)
		}
		visits, cpus = append(visits, time.Since(begun)), append(cpus, processTime(b)-cpu)
		floors, argons = append(floors, f.run(b)), append(argons, argon2id(b))
		if _, err := p.Doctor.CloseVisit(o.ID); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(0, "ns/op") // would count the floor
	for unit, d := range map[string][]time.Duration{"visit-ms": visits, "cpu-ms": cpus, "floor-ms": floors, "argon2id-ms": argons} {
		slices.Sort(d)
		b.ReportMetric(float64(d[len(d)/2].Microseconds())/1e3, unit)
	}
}

// argon2id derives a verification key as the patient's agent does.
func argon2id(b *testing.B) time.Duration {
	begun := time.Now()
	if _, err := vault.DeriveSeed([]byte("a passphrase"), make([]byte, 16), vault.DefaultParams); err != nil {
		b.Fatal(err)
	}
	return time.Since(begun)
}

// processTime is the CPU time of all threads of this process.
func processTime(b *testing.B) time.Duration {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		b.Fatal(err)
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

func benchParties(b *testing.B, es ecc.Suite) (*Parties, Plan) {
	s, err := suite.Start(b.Context(), suite.Options{Dir: b.TempDir(), Suite: es, Hospitals: 2, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Close() })
	src, err := source.Read(os.DirFS("../testdata/synthea"), 2)
	if err != nil {
		b.Fatal(err)
	}
	plan := NewPlan(src)
	src.Files = []source.File{plan.File}
	if err := Import(b.Context(), s, src); err != nil {
		b.Fatal(err)
	}
	p, err := Join(b.Context(), s, plan, &Log{})
	if err != nil {
		b.Fatal(err)
	}
	return p, plan
}

// What one visit with two hospitals and five locators cannot go without.
const (
	hpkeSealed = 9  // M1, M2, M4, M5, M6 and M7 at two hospitals, M12; its receipt is the tenth opened below
	signed     = 17 // Sig_P1, P2, D1, D2, D3 twice, D5, D7, C, C2, HPC1 twice, HPC2 twice, HPC3, idx, σ_P
	verified   = 38 // the same by those who receive them, credentials, certificates, prekeys, σ_L
	agreed     = 6  // both sides of SEK_1 and of two SEK_2
)

type floor struct {
	kem  ecc.KEMPrivateKey
	sign ecc.SigningKey
	a, r ecc.Scalar
	peer ecc.Point
}

func newFloor(b *testing.B, s ecc.Suite) floor {
	var f floor
	var err [4]error
	f.kem, err[0] = ecc.GenerateKEM(s, rand.Reader)
	f.sign, err[1] = ecc.GenerateSigningKey(rand.Reader)
	f.a, err[2] = ecc.GenerateScalar(rand.Reader)
	f.r, err[3] = ecc.GenerateScalar(rand.Reader)
	for _, e := range err {
		if e != nil {
			b.Fatal(e)
		}
	}
	f.peer = f.a.Public()
	return f
}

func (f floor) run(b *testing.B) time.Duration {
	begun := time.Now()
	tbs := make([]byte, 500)
	for range hpkeSealed {
		s, err := f.kem.Public().Setup(rand.Reader, tbs[:80])
		if err != nil {
			b.Fatal(err)
		}
		c, err := s.Seal(tbs[:120], tbs)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := f.kem.Open(tbs[:80], tbs[:120], c); err != nil {
			b.Fatal(err)
		}
	}
	var sig []byte
	for range signed {
		sig = f.sign.Sign(tbs)
	}
	for range verified {
		if err := f.sign.Public().Verify(tbs, sig); err != nil {
			b.Fatal(err)
		}
	}
	f.agree(b)
	return time.Since(begun)
}

// agree does the multiplications of Eq. 17, 22, 39 and 44: an ephemeral and four
// products a side, and the implicit key.
func (f floor) agree(b *testing.B) {
	for range agreed {
		own, err := ecc.GenerateScalar(rand.Reader)
		if err != nil {
			b.Fatal(err)
		}
		a := ecc.Agreement{Label: ecc.LabelSEK1, TH: ecc.Hash{1}, CInitiator: ecc.Hash{2}, CResponder: ecc.Hash{3},
			RInitiator: own.Public(), RResponder: f.r.Public(), EncResponder: make([]byte, f.kem.Suite().EncSize())}
		if _, err := a.Initiator(ecc.Secrets{S: f.a, R: own, X1: make([]byte, 32), X2: make([]byte, 32)}, f.peer); err != nil {
			b.Fatal(err)
		}
	}
}
