package httpserver_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"medunion/api/httpserver"
)

const (
	crowd = 64       // connections at once
	sent  = 8 << 20  // bytes that each may send
	bound = 64 << 20 // bytes by which the heap may grow, while half a gigabyte arrives
)

// Whatever a crowd sends, a server holds little of it: what is refused is not kept, and
// what is read ends at its cap.
func TestMemoryIsBounded(t *testing.T) {
	if testing.Short() {
		t.Skip("sends gigabytes")
	}
	s := hasty(t)
	s.log.silence()
	const json = "POST /slow HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"
	for name, c := range map[string]struct{ head, again string }{
		"one header":                 {"GET /echo HTTP/1.1\r\nHost: h\r\nA: ", "a"},
		"many headers":               {"GET /echo HTTP/1.1\r\nHost: h\r\n", "A: a\r\n"},
		"a request line":             {"GET /", "a"},
		"a body beyond its cap":      {json + "Content-Length: 99999999\r\n\r\n", " "},
		"chunks beyond their cap":    {json + "Transfer-Encoding: chunked\r\n\r\n", "400\r\n" + strings.Repeat(" ", 1024) + "\r\n"},
		"one chunk without an end":   {json + "Transfer-Encoding: chunked\r\n\r\n7fffffff\r\n", "["},
		"a chunk's extension":        {json + "Transfer-Encoding: chunked\r\n\r\n1;", "a"},
		"a trailer":                  {json + "Transfer-Encoding: chunked\r\n\r\n0\r\nA: ", "a"},
		"a compressed body":          {json + "Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n7fffffff\r\n", "a"},
		"a refused body":             {"POST /refused HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n7fffffff\r\n", "a"},
		"brackets up to the cap":     {json + fmt.Sprintf("Content-Length: %d\r\n\r\n", httpserver.MessageBody(httpserver.MessageCap)), "["},
		"objects up to the cap":      {json + fmt.Sprintf("Content-Length: %d\r\n\r\n", httpserver.MessageBody(httpserver.MessageCap)), `[{"a":`},
		"requests without an answer": {"", "GET /echo HTTP/1.1\r\nHost: h\r\n\r\n"},
	} {
		if grown := s.flood(t, c.head, c.again); grown > bound {
			t.Errorf("%s: the heap grew by %d MiB", name, grown>>20)
		} else {
			t.Logf("%s: %d KiB", name, grown>>10)
		}
	}
	if a := s.do(t, "GET", "/echo", ""); a.status != 200 {
		t.Errorf("afterwards: %d", a.status)
	}
}

// flood sends the head and then the rest, again and again, on many connections, and
// returns by how much the heap of this process grew in the meantime.
func (s *site) flood(t *testing.T, head, again string) (grown uint64) {
	t.Helper()
	rest := bytes.Repeat([]byte(again), 1+32<<10/len(again))
	runtime.GC()
	base := heap()
	var peak atomic.Uint64
	done := make(chan struct{})
	var watch, all sync.WaitGroup
	watch.Go(func() {
		for {
			peak.Store(max(peak.Load(), heap()))
			select {
			case <-done:
				return
			case <-time.After(2 * time.Millisecond):
			}
		}
	})
	for range crowd {
		all.Go(func() {
			conn, err := net.Dial("tcp", s.addr)
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			_ = conn.SetDeadline(time.Now().Add(3 * time.Second))
			_, err = io.WriteString(conn, head)
			for n := 0; err == nil && n < sent; n += len(rest) {
				_, err = conn.Write(rest)
			}
		})
	}
	all.Wait()
	close(done)
	watch.Wait()
	return max(peak.Load(), base) - base
}

func heap() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
