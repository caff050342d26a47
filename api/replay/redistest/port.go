package redistest

import (
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
	"testing"
)

// Ports of servers, their cluster buses 10000 above: all of them below the range from which
// Linux hands out ports by itself, so that nobody gets them by chance in between.
const (
	firstPort = 10100
	ports     = 6000
)

var (
	portMu   sync.Mutex
	lastPort = rand.IntN(ports)
)

// freePort finds a port, free as its bus port is, that this process has not given before.
func freePort(t testing.TB) int {
	t.Helper()
	portMu.Lock()
	defer portMu.Unlock()
	for range ports {
		lastPort = (lastPort + 1) % ports
		if port := firstPort + lastPort; isFree(port) && isFree(port+10000) {
			return port
		}
	}
	t.Fatal("no free loopback port")
	return 0
}

func isFree(port int) bool {
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return false
	}
	return l.Close() == nil
}
