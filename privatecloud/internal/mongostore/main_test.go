package mongostore_test

import (
	"flag"
	"os"
	"testing"
)

// The tests of faults wait for the driver to find its primary again, and not for a processor.
func TestMain(m *testing.M) {
	flag.Parse()
	_ = flag.Set("test.parallel", "8")
	os.Exit(m.Run())
}
