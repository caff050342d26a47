package httpserver

import (
	"errors"
	"io"
	"sync/atomic"
	"time"

	"medunion/api/problem"
)

// bodyBudget bounds the bodies that one server holds in memory at once, in bytes. Each is
// bounded by itself; strangers may send many.
const bodyBudget = 128 << 20

var errBudget = errors.New("httpserver: as many bodies are held as fit into memory")

// budget counts bytes as they come, so that a body that was only announced takes no room.
// Who finds none left is sent away at once: waiting with half a body would keep it from others.
type budget struct {
	limit int64
	used  atomic.Int64
}

// spender reads a body and counts it.
type spender struct {
	io.ReadCloser
	budget *budget
	spent  int64
}

func (b *budget) of(body io.ReadCloser) *spender { return &spender{ReadCloser: body, budget: b} }

// Read implements io.Reader. Without room it fails with Unavailable.
func (s *spender) Read(p []byte) (int, error) {
	n, err := s.ReadCloser.Read(p)
	s.spent += int64(n)
	if s.budget.used.Add(int64(n)) > s.budget.limit {
		return 0, problem.Unavailable(time.Second, errBudget)
	}
	return n, err
}

// settle gives back what the request has held.
func (s *spender) settle() { s.budget.used.Add(-s.spent) }
