package freeport_test

import (
	"net"
	"testing"

	"medunion/deploy/internal/freeport"
)

// No address is given twice, and none at which somebody listens.
func TestNoAddressIsGivenTwice(t *testing.T) {
	seen := map[string]bool{}
	for range 300 {
		a, err := freeport.Address()
		if err != nil {
			t.Fatal(err)
		}
		l, err := net.Listen("tcp", a)
		if err != nil || seen[a] {
			t.Fatalf("%s: given before %v, %v", a, seen[a], err)
		}
		defer l.Close()
		seen[a] = true
	}
}
