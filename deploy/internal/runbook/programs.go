package runbook

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// programs are the services' programs by the names that they have in PATH.
var programs = map[string]string{
	"publiccloud": "medunion/publiccloud", "privatecloud": "medunion/privatecloud", "doctor-portal": "medunion/doctor-portal",
	"doctor-agent": "medunion/doctor-portal/agent/cmd", "patient-agent": "medunion/patient-agent",
}

// Programs builds the named programs, all if none is named, and returns a PATH=... on
// which a page finds them before any other.
func Programs(t testing.TB, names ...string) string {
	t.Helper()
	if len(names) == 0 {
		for name := range programs {
			names = append(names, name)
		}
	}
	dir := t.TempDir()
	for _, name := range names {
		if programs[name] == "" {
			t.Fatalf("no program is called %s", name)
		}
		if out, err := exec.Command("go", "build", "-o", filepath.Join(dir, name), programs[name]).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", name, err, out)
		}
	}
	return fmt.Sprintf("PATH=%s%c%s", dir, os.PathListSeparator, os.Getenv("PATH"))
}
