package redistest

import (
	"math/rand/v2"
	"net"
	"strconv"
	"testing"
)

// freePort finds a port whose cluster bus port, 10000 above, is free as well. Both lie below the range from
// which Linux hands out ports by itself, so nobody gets them by chance in between.
func freePort(t testing.TB) int {
	t.Helper()
	for range 200 {
		port := 10100 + rand.IntN(12000)
		if isFree(port) && isFree(port+10000) {
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
