// Package floor is for benchmarks: the bare cryptography that a step of the protocol
// cannot do without, done beside the step in the same run. The ratio of both says what
// the step's own work costs, on whatever machine and under whatever load.
package floor

import (
	"crypto/rand"
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"

	"medunion/ecc"
)

// Ops says how often a step must do each operation.
type Ops struct {
	Open, Seal []int // HPKE messages, by the size of their plaintexts in bytes
	Generate   int   // one-time HPKE key pairs
	Sign       int   // signatures over 400 bytes
	Verify     int

	// What arrives as bytes is decoded before it is used.
	Points, VerifyKeys, KEMKeys int

	Draw   int // an ephemeral r and R = rP; Agree holds its own
	Agree  int // one side of a session key: r, rP, A_X, K1, K2, K3, and its confirmation
	Issue  int // partial keys (Eq. 2, 3)
	Accept int // partial keys (Eq. 4)
	Prove  int // proofs of possession made
	Proofs int // and verified

	AEAD []int // sealings or openings in a session or at rest, by size in bytes
	Hash []int // SHA-256, by size in bytes
}

// tbsSize is that of what a step signs: between 250 and 600 bytes.
const tbsSize = 400

// Floor holds inputs for the operations. It is for one goroutine.
type Floor struct {
	ops   Ops
	suite ecc.Suite

	kem       ecc.KEMPrivateKey
	sign      ecc.SigningKey
	info, aad []byte
	opened    [][]byte // ciphertexts
	bodies    [][]byte
	tbs, sig  []byte

	point, verifyKey, kemKey []byte

	x, secret ecc.Scalar
	pubX      ecc.Point
	issuer    *ecc.Issuer
	partial   ecc.PartialKey
	proof     []byte
	agreement ecc.Agreement

	channel      ecc.Channel
	closed, open [][]byte
}

// New draws keys and makes inputs of the sizes that ops names.
func New(tb testing.TB, s ecc.Suite, ops Ops) *Floor {
	tb.Helper()
	f := &Floor{ops: ops, suite: s, info: make([]byte, 80), aad: make([]byte, 127), tbs: make([]byte, tbsSize)}
	f.kem, f.sign = must(ecc.GenerateKEM(s, rand.Reader)), must(ecc.GenerateSigningKey(rand.Reader))
	f.x, f.secret = must(ecc.GenerateScalar(rand.Reader)), must(ecc.GenerateScalar(rand.Reader))
	f.sig, f.pubX = f.sign.Sign(f.tbs), f.x.Public()
	f.verifyKey, f.kemKey, f.point = f.sign.Public().Bytes(), f.kem.Public().Bytes(), f.pubX.Bytes()
	f.issuer = must(ecc.NewIssuer(must(ecc.GenerateScalar(rand.Reader)), make32()))
	f.partial = must(f.issuer.Issue(rand.Reader, f.tbs, f.pubX, f.tbs))
	f.proof = must(ecc.ProvePossession(rand.Reader, f.x, ecc.Hash{1}))
	f.agreement = ecc.Agreement{Label: ecc.LabelSEK1, TH: ecc.Hash{1}, CInitiator: ecc.Hash{2}, CResponder: ecc.Hash{3},
		RResponder: f.pubX, EncResponder: make([]byte, s.EncSize())}
	f.messages(ops)
	return f
}

func (f *Floor) messages(ops Ops) {
	f.channel = must(ecc.DecodeSessionKey(make32())).Channel(ecc.PatientToDoctor, ecc.Hash{1})
	for _, n := range ops.Open {
		f.opened = append(f.opened, must(must(f.kem.Public().Setup(rand.Reader, f.info)).Seal(f.aad, make([]byte, n))))
	}
	for _, n := range ops.Seal {
		f.bodies = append(f.bodies, make([]byte, n))
	}
	for _, n := range ops.AEAD {
		f.closed = append(f.closed, make([]byte, n))
	}
	for _, n := range ops.Hash {
		f.open = append(f.open, make([]byte, n))
	}
}

func make32() []byte {
	b := make([]byte, 32)
	rand.Read(b)
	return b
}

// Run does every operation as often as it is due.
func (f *Floor) Run() {
	for _, c := range f.opened {
		must(f.kem.Open(f.info, f.aad, c))
	}
	f.decode()
	for range f.ops.Verify {
		check(f.sign.Public().Verify(f.tbs, f.sig))
	}
	f.register()
	for range f.ops.Draw {
		must(ecc.GenerateScalar(rand.Reader)).Public()
	}
	for range f.ops.Agree {
		f.agree()
	}
	for range f.ops.Generate {
		must(ecc.GenerateKEM(f.suite, rand.Reader))
	}
	for range f.ops.Sign {
		f.sign.Sign(f.tbs)
	}
	for _, b := range f.bodies {
		must(must(f.kem.Public().Setup(rand.Reader, f.info)).Seal(f.aad, b))
	}
	for i, b := range f.closed {
		must(f.channel.Seal(uint64(i+1), f.aad, b))
	}
	for _, b := range f.open {
		ecc.Sum(b)
	}
}

func (f *Floor) decode() {
	for range f.ops.Points {
		must(ecc.DecodePoint(f.point))
	}
	for range f.ops.VerifyKeys {
		must(ecc.DecodeVerifyKey(f.verifyKey))
	}
	for range f.ops.KEMKeys {
		must(ecc.DecodeKEMPublicKey(f.suite, f.kemKey))
	}
}

func (f *Floor) register() {
	for range f.ops.Proofs {
		check(ecc.VerifyPossession(f.pubX, ecc.Hash{1}, f.proof))
	}
	for range f.ops.Issue {
		must(f.issuer.Issue(rand.Reader, f.tbs, f.pubX, f.tbs))
	}
	for range f.ops.Prove {
		must(ecc.ProvePossession(rand.Reader, f.x, ecc.Hash{1}))
	}
	for range f.ops.Accept {
		must(ecc.Accept(f.x, f.tbs, f.partial, f.issuer.Public()))
	}
}

func (f *Floor) agree() {
	r := must(ecc.GenerateScalar(rand.Reader))
	a := f.agreement
	a.RInitiator = r.Public()
	peer := must(ecc.ImplicitKey(f.tbs, f.partial.R, f.issuer.Public()))
	k := must(a.Initiator(ecc.Secrets{S: f.secret, R: r, X1: f.tbs[:ecc.ExportSize], X2: f.tbs[:ecc.ExportSize]}, peer))
	k.Confirm("D", f.tbs)
}

// Compare runs a step and its floor by turns in one loop and reports the medians of their
// CPU time in microseconds, and their ratio. The median leaves out what the garbage
// collector has the step do at times; its threads' own time does not count.
// prepare makes a step's input, which is not measured, and returns the step.
func Compare(b *testing.B, s ecc.Suite, ops Ops, prepare func() (step func())) {
	b.Helper()
	Beside(b, New(b, s, ops).Run, prepare)
}

// Beside is Compare with a floor of the caller's own.
func Beside(b *testing.B, floor func(), prepare func() (step func())) {
	b.Helper()
	runtime.LockOSThread() // CPU is of one thread
	defer runtime.UnlockOSThread()
	var steps, floors []time.Duration
	for b.Loop() {
		step := prepare()
		start := CPU()
		step()
		middle := CPU()
		floor()
		steps, floors = append(steps, middle-start), append(floors, CPU()-middle)
	}
	s, f := median(steps), median(floors)
	b.ReportMetric(0, "ns/op") // would count the preparation
	b.ReportMetric(float64(s.Nanoseconds())/1e3, "step-µs")
	b.ReportMetric(float64(f.Nanoseconds())/1e3, "floor-µs")
	b.ReportMetric(float64(s)/float64(f), "ratio")
}

// EachSuite runs a benchmark in both suites.
func EachSuite(b *testing.B, run func(b *testing.B, s ecc.Suite)) {
	for _, s := range []ecc.Suite{ecc.SuiteX25519, ecc.SuiteXWing} {
		b.Run(s.String(), func(b *testing.B) { run(b, s) })
	}
}

func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}

func check(err error) {
	if err != nil {
		panic(fmt.Errorf("floor: %w", err))
	}
}

func must[T any](v T, err error) T {
	check(err)
	return v
}
