package fhir_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"medunion/privatecloud/internal/fhir"
)

const synthea = "../../../deploy/local/testdata/synthea"

func syntheaPaths(tb testing.TB) []string {
	tb.Helper()
	paths, err := filepath.Glob(synthea + "/*.json")
	if err != nil || len(paths) != 12 {
		tb.Fatalf("%d files, %v", len(paths), err)
	}
	return paths
}

func readFile(tb testing.TB, path string) []byte {
	tb.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	return data
}

// collection wraps resources, each with an optional "fullUrl " before it.
func collection(resources ...string) string {
	var entries []string
	for _, r := range resources {
		entry := ""
		if url, rest, ok := strings.Cut(r, " {"); ok && !strings.HasPrefix(r, "{") {
			entry, r = `"fullUrl":"`+url+`",`, "{"+rest
		}
		entries = append(entries, "{"+entry+`"resource":`+r+"}")
	}
	return `{"resourceType":"Bundle","type":"collection","entry":[` + strings.Join(entries, ",") + `]}`
}

func patient(id string) string {
	return `{"resourceType":"Patient","id":"` + id + `"}`
}

// observation has a subject and further members.
func observation(id, subject, more string) string {
	return `{"resourceType":"Observation","id":"` + id + `","status":"final","code":{"text":"x"},` +
		`"subject":{"reference":"` + subject + `"}` + more + `}`
}

func parse(t *testing.T, text string) (fhir.Bundle, fhir.Report) {
	t.Helper()
	b, r, err := fhir.Parse(strings.NewReader(text), fhir.DefaultLimits)
	if err != nil {
		t.Fatalf("%v", err)
	}
	return b, r
}

// records lists per patient the Type/id of what she has.
func records(b fhir.Bundle) map[string]string {
	all := map[string]string{}
	for _, p := range b.Patients {
		var names []string
		for _, i := range p.Entries {
			names = append(names, b.Entries[i].Type+"/"+b.Entries[i].ID)
		}
		all[p.ID] = strings.Join(names, " ")
	}
	return all
}

func reasons(r fhir.Report) string {
	var lines []string
	for _, p := range r.Problems {
		lines = append(lines, p.String())
	}
	return strings.Join(lines, "\n")
}

var errStop = errors.New("stop")
