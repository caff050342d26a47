package httpserver

import (
	"errors"
	"io"
	"strings"
	"testing"

	"medunion/api/problem"
)

// Bodies share one budget; what a request has held comes back when it ends.
func TestBudget(t *testing.T) {
	b := &budget{limit: 10}
	read := func(s *spender) error { _, err := io.ReadAll(s); return err }
	first, second := b.of(io.NopCloser(strings.NewReader("123456"))), b.of(io.NopCloser(strings.NewReader("123456")))
	if err := read(first); err != nil {
		t.Fatal(err)
	}
	if err := read(second); !errors.Is(err, problem.KindUnavailable) {
		t.Errorf("beyond the budget: %v", err)
	}
	second.settle()
	if third := b.of(io.NopCloser(strings.NewReader("1234"))); read(third) != nil {
		t.Error("there was room")
	} else {
		third.settle()
	}
	first.settle()
	if b.used.Load() != 0 {
		t.Errorf("%d bytes are still held", b.used.Load())
	}
}
