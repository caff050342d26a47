package examples_test

import (
	"testing"

	"medunion/deploy/internal/runbook"
)

// The commands of the page work as they stand there, one after the other in one shell, and
// bring the answers that are shown.
func TestREST(t *testing.T) {
	runbook.Test(t, "../../api/doc/rest.md", runbook.Options{Least: 20})
}
