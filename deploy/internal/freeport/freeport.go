// Package freeport finds addresses on loopback for programs that a test starts.
//
// A port that the system hands out for address 0 may be given to a client's connection
// as soon as it is closed again. These ports lie below the range for that, in blocks
// that one process has for itself, and no process is given one twice: what was stopped
// finds its own free again.
package freeport

import (
	"errors"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
)

// The blocks of ports: above those of the Redis servers of tests and of their cluster
// buses, below those of Linux's clients.
const (
	first  = 26200
	blocks = 65
	size   = 100
)

var (
	mu      sync.Mutex
	tried   = 0
	start   = rand.IntN(blocks)
	left    []string       // addresses of the block that this process has
	claimed []net.Listener // at the first port of each block: as long as it is there, the block is this process'

	errNone = errors.New("no port is free")
)

// Address is 127.0.0.1 and a port at which nobody listens, not given before in this
// process nor to another one that runs.
func Address() (string, error) {
	mu.Lock()
	defer mu.Unlock()
	for len(left) > 0 || claim() {
		address := left[0]
		left = left[1:]
		if l, err := net.Listen("tcp", address); err == nil {
			return address, l.Close()
		}
	}
	return "", errNone
}

// claim takes the next block that is nobody's, and reports whether there was one.
func claim() bool {
	for ; tried < blocks; tried++ {
		at := first + (start+tried)%blocks*size
		l, err := net.Listen("tcp", loopback(at))
		if err != nil {
			continue
		}
		claimed = append(claimed, l)
		for port := at + 1; port < at+size; port++ {
			left = append(left, loopback(port))
		}
		tried++
		return true
	}
	return false
}

func loopback(port int) string {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), uint16(port)).String()
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
