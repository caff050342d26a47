package floor

import (
	"testing"

	"medunion/ecc"
)

// Every operation succeeds on the inputs made for it, in both suites: a floor that
// failed at its first operation would be too low.
func TestRun(t *testing.T) {
	for _, s := range []ecc.Suite{ecc.SuiteX25519, ecc.SuiteXWing} {
		f := New(t, s, Ops{Open: []int{100}, Seal: []int{100}, Generate: 1, Sign: 1, Verify: 1, Points: 1, VerifyKeys: 1, KEMKeys: 1,
			Draw: 1, Agree: 1, Issue: 1, Accept: 1, Prove: 1, Proofs: 1, AEAD: []int{100, 200}, Hash: []int{100}})
		f.Run()
		f.Run()
	}
}

// Twice the operations cost more than once: nothing is left out.
func TestCost(t *testing.T) {
	one := testing.AllocsPerRun(10, New(t, ecc.SuiteX25519, Ops{Open: []int{100}, Agree: 1, Generate: 1}).Run)
	two := testing.AllocsPerRun(10, New(t, ecc.SuiteX25519, Ops{Open: []int{100, 100}, Agree: 2, Generate: 2}).Run)
	if two < 2*one-1 {
		t.Errorf("%v allocations for one of each, %v for two", one, two)
	}
}
