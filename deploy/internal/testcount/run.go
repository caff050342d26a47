package main

import (
	"fmt"
	"io"
	"strings"
)

// test is one test or subtest; action is empty while it has not ended.
type test struct {
	action      string
	output      strings.Builder
	hasChild    bool
	childFailed bool
}

// run is one package's tests, in the order in which they began.
type run struct {
	names  []string
	tests  map[string]*test
	output strings.Builder
}

func (r *run) testEvent(e event) {
	t := r.tests[e.Test]
	if t == nil {
		t = &test{}
		r.tests[e.Test] = t
		r.names = append(r.names, e.Test)
	}
	switch e.Action {
	case "output":
		t.output.WriteString(e.Output)
	case "pass", "fail", "skip":
		t.action = e.Action
	}
}

// count tallies the leaves and prints what the failed and the skipped tests
// said. A test that never ended (a crash, a timeout) has failed.
func (r *run) count(w io.Writer) Tally {
	r.linkParents()
	var sum Tally
	for _, name := range r.names {
		t := r.tests[name]
		switch {
		case t.failed():
			fmt.Fprint(w, t.output.String())
			if !t.childFailed {
				sum.Failed++
			}
		case t.hasChild:
		case t.action == "skip":
			fmt.Fprint(w, t.output.String())
			sum.Skipped++
		default:
			sum.Passed++
		}
	}
	if sum.Failed > 0 {
		fmt.Fprint(w, r.output.String())
	}
	return sum
}

func (r *run) linkParents() {
	for name, t := range r.tests {
		for i := strings.LastIndexByte(name, '/'); i > 0; i = strings.LastIndexByte(name[:i], '/') {
			parent := r.tests[name[:i]]
			if parent == nil {
				continue
			}
			parent.hasChild = true
			parent.childFailed = parent.childFailed || t.failed()
		}
	}
}

func (t *test) failed() bool { return t.action == "fail" || t.action == "" }
