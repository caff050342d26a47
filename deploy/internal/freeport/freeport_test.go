package freeport_test

import (
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"medunion/deploy/internal/freeport"
)

const child = "MEDUNION_FREEPORT_CHILD"

func addresses(t *testing.T, n int) (out []string) {
	for range n {
		out = append(out, freeport.For(t))
	}
	return out
}

// No address is given twice, none at which somebody listens, and none to two processes.
func TestNoAddressIsGivenTwice(t *testing.T) {
	if os.Getenv(child) != "" {
		os.Stdout.WriteString(strings.Join(addresses(t, 150), "\n") + "\n")
		return
	}
	seen := addresses(t, 300)
	cmd := exec.Command(os.Args[0], "-test.run=TestNoAddressIsGivenTwice")
	cmd.Env = append(os.Environ(), child+"=yes")
	out, err := cmd.Output()
	for line := range strings.Lines(string(out)) {
		if strings.HasPrefix(line, "127.") {
			seen = append(seen, strings.TrimSpace(line))
		}
	}
	if err != nil || len(seen) != 450 {
		t.Fatalf("%d addresses, %v", len(seen), err)
	}
	if all := slices.Sorted(slices.Values(seen)); len(slices.Compact(all)) != len(seen) {
		t.Error("an address was given twice")
	}
	for _, a := range seen {
		l, err := net.Listen("tcp", a)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
	}
}
