// Package freeport finds addresses on loopback for programs that a test starts.
//
// A port that the system hands out for address 0 may be given to a client's connection
// as soon as it is closed again. These ports lie below the range for that, and no
// process is given one twice, so that what was stopped finds its own free again.
package freeport

import (
	"errors"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
)

// The ports: above those of the Redis servers of tests and of their cluster buses, below
// those of Linux's clients.
const (
	first = 26200
	ports = 6500
)

var (
	mu      sync.Mutex
	next    = rand.IntN(ports)
	errNone = errors.New("no port is free")
)

// Address is 127.0.0.1 and a port at which nobody listens, not given before in this process.
func Address() (string, error) {
	mu.Lock()
	defer mu.Unlock()
	for range ports {
		next = (next + 1) % ports
		address := netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), uint16(first+next)).String()
		if l, err := net.Listen("tcp", address); err == nil {
			return address, l.Close()
		}
	}
	return "", errNone
}

// For is Address for a test, which fails if there is none.
func For(t interface {
	Helper()
	Fatal(args ...any)
}) string {
	t.Helper()
	address, err := Address()
	if err != nil {
		t.Fatal(err)
	}
	return address
}
