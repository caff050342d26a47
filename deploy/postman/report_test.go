package postman

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// As newman 6.2.2 wrote it of one request that is right and four that are not.
const sample = `<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="x" tests="5" time="0.101">
  <testsuite name="folder / good" tests="1" failures="0" errors="0">
    <testcase name="fine" time="0.072" classname="FolderGood"/>
  </testsuite>
  <testsuite name="folder / bad" tests="2" failures="1" errors="0">
    <testcase name="wrong"><failure type="AssertionFailure" message="expected 1 to equal 2"><![CDATA[Failed 1 times.]]></failure></testcase>
    <testcase name="fine"/>
  </testsuite>
  <testsuite name="folder / broken" tests="1" failures="0" errors="1">
    <system-err><![CDATA[testScriptError: nothing is not defined]]></system-err>
    <testcase name="fine"/>
  </testsuite>
  <testsuite name="folder / unreached" tests="0" failures="0" errors="1">
    <system-err><![CDATA[RequestError: Error: connect ECONNREFUSED 127.0.0.1:1]]></system-err>
  </testsuite>
  <testsuite name="folder / silent" tests="0" failures="0" errors="0"/>
</testsuites>`

func TestReport(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.xml")
	if err := os.WriteFile(path, []byte(sample), 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := readReport(path)
	if err != nil || len(r.Requests) != 5 {
		t.Fatalf("%d requests: %v", len(r.Requests), err)
	}
	for name, want := range map[string][]string{
		"good":      nil,
		"bad":       {"wrong: expected 1 to equal 2"},
		"broken":    {"testScriptError: nothing is not defined"},
		"unreached": {"RequestError: Error: connect ECONNREFUSED 127.0.0.1:1", "nothing was asserted"},
		"silent":    {"nothing was asserted"},
	} {
		i := slices.IndexFunc(r.Requests, func(q request) bool { return strings.HasSuffix(q.Name, name) })
		if got := r.Requests[i].wrong(); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if _, err := readReport(filepath.Join(t.TempDir(), "absent.xml")); err == nil {
		t.Error("a report that is missing is read")
	}
}
