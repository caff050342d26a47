package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Allowed licences are listed, also by choice; another one, none, and a file that names
// nothing are refused, and nothing is listed then.
func TestLicences(t *testing.T) {
	bom := func(components string) string { return `{"bomFormat":"CycloneDX","components":[` + components + `]}` }
	tests := []struct{ name, bom, want, refused string }{
		{"declared", bom(`{"group":"@a","name":"b","version":"1","licenses":[{"license":{"id":"MIT"}}]}`), "MIT\t@a/b\t1\n", ""},
		{"found in its files", bom(`{"name":"c","version":"v2","evidence":{"licenses":[{"license":{"id":"ISC"}}]}}`), "ISC\tc\tv2\n", ""},
		{"a choice", bom(`{"name":"d","licenses":[{"expression":"(GPL-3.0-only OR MIT)"}]}`), "(GPL-3.0-only OR MIT)\td\t\n", ""},
		{"our own", bom(`{"group":"@medunion","name":"ui","version":"0"}`), "Apache-2.0\t@medunion/ui\t0\n", ""},
		{"Go's own", bom(`{"name":"golang.org/x/sys","version":"v1","evidence":{"licenses":[{"license":{"id":"BSD-Source-Code"}}]}}`), "BSD-3-Clause\tgolang.org/x/sys\tv1\n", ""},
		{"not Go's", bom(`{"name":"x","licenses":[{"license":{"id":"BSD-Source-Code"}}]}`), "", "BSD-Source-Code"},
		{"another", bom(`{"name":"e","licenses":[{"license":{"id":"AGPL-3.0-only"}}]}`), "", "AGPL-3.0-only"},
		{"one of two", bom(`{"name":"f","licenses":[{"license":{"id":"MIT"}},{"license":{"id":"GPL-2.0-only"}}]}`), "", "GPL-2.0-only"},
		{"by name only", bom(`{"name":"g","licenses":[{"license":{"name":"Custom"}}]}`), "", "Custom"},
		{"none", bom(`{"name":"h","version":"3"}`), "", "h 3 has no licence"},
		{"empty", bom(``), "", "no list"},
		{"another format", `{"components":[{"name":"a"}]}`, "", "no list"},
	}
	for _, tt := range tests {
		path := filepath.Join(t.TempDir(), "x.cdx.json")
		if err := os.WriteFile(path, []byte(tt.bom), 0o600); err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		err := run(&out, []string{path})
		if out.String() != tt.want || (err == nil) != (tt.refused == "") || err != nil && !strings.Contains(err.Error(), tt.refused) {
			t.Errorf("%s: %q, %v", tt.name, out.String(), err)
		}
	}
}
