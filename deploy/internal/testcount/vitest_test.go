package main

import (
	"path/filepath"
	"strings"
	"testing"
)

// The reports are shortened ones that vitest 5 wrote.
func TestCountVitest(t *testing.T) {
	const file = `{"name":"/web/src/a.test.ts","startTime":1000,"endTime":1250,`
	for name, c := range map[string]struct {
		report string
		want   Tally
		says   string
	}{
		"passed and skipped": {`{"success":true,"testResults":[` + file + `"status":"passed","assertionResults":[
{"fullName":"a adds","status":"passed","failureMessages":[]},{"fullName":"a waits","status":"skipped"},{"fullName":"a later","status":"todo"}]}]}`,
			Tally{1, 0, 2}, "a waits: skipped"},
		"one failed": {`{"success":false,"testResults":[` + file + `"status":"failed","message":"","assertionResults":[
{"fullName":"a adds","status":"passed"},{"fullName":"a subtracts","status":"failed","failureMessages":["expected 1 to be 2"]}]}]}`,
			Tally{1, 1, 0}, "expected 1 to be 2"},
		"a file that does not load": {`{"success":false,"testResults":[` + file + `"status":"failed","message":"no module x","assertionResults":[]}]}`,
			Tally{0, 1, 0}, "no module x"},
		"an error outside of the tests": {`{"success":false,"testResults":[` + file + `"status":"passed","assertionResults":[{"fullName":"a","status":"passed"}]}]}`,
			Tally{1, 1, 0}, "outside of the tests"},
		"no test at all": {`{"success":true,"testResults":[]}`, Tally{0, 1, 0}, "ran none"},
		"half a report":  {`{"success":true,"testRes`, Tally{0, 1, 0}, "unexpected end"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "report.json")
			write(t, path, c.report)
			var out strings.Builder
			if got := CountVitest("web", path, &out); got != c.want || !strings.Contains(out.String(), c.says) {
				t.Fatalf("counted %v, want %v:\n%s", got, c.want, out.String())
			}
		})
	}
	if got := CountVitest("web", filepath.Join(t.TempDir(), "absent"), &strings.Builder{}); got != (Tally{Failed: 1}) {
		t.Errorf("without a report: %v", got)
	}
}
