// Command testcount reads the stream of "go test -json" from its standard input and the
// reports of vitest whose files it is given, prints one line per package and everything
// that a failed test wrote, and ends with the plain line "N passed, N failed, N skipped".
//
//	go test -json ./... | testcount [name=report.json ...]
//
// Tests are counted at the leaves: a test with subtests stands for them and is
// not counted again, unless it failed while all of them passed. A package that
// does not build, or that ends without naming a failed test, is one failure.
package main

import (
	"fmt"
	"os"
	"strings"
)

func main() {
	tally, err := Count(os.Stdin, os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, "testcount:", err)
		tally.Failed++
	}
	for _, arg := range os.Args[1:] {
		name, path, _ := strings.Cut(arg, "=")
		tally.Add(CountVitest(name, path, os.Stdout))
	}
	fmt.Println(tally)
	if tally.Failed > 0 || tally.Passed == 0 {
		os.Exit(1)
	}
}
