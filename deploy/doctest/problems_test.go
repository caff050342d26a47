package doctest

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"

	"medunion/api/problem"
)

// catalogue is every kind of problem, with an error of it whose sentence is the kind's own.
func catalogue() (all []*problem.Error) {
	for k := problem.KindInternal; k == problem.KindInternal || k.String() != problem.KindInternal.String(); k++ {
		all = append(all, &problem.Error{Kind: k, Now: time.Date(2026, 3, 2, 9, 14, 7, 125e6, time.UTC), RetryAfter: time.Second})
	}
	return all
}

// The table of problems.md is the code's.
func TestProblemTable(t *testing.T) {
	var b strings.Builder
	b.WriteString("| Type | Status | Title | Detail |\n|---|---|---|---|\n")
	for _, e := range catalogue() {
		d := e.Document("")
		fmt.Fprintf(&b, "| `%s` | %d | %s | %s |\n", d.Type, d.Status, d.Title, d.Detail)
	}
	derived(t, "problems.md", "problems", b.String())
}

var problemSection = regexp.MustCompile(`(?m)^## ([a-z-]+)\n\n\*\*When\.\*\* .+\n\n\*\*Do\.\*\* .+\n\n\*\*Effect\.\*\* .+\n`)

// Each kind is explained: when it comes, what to do, and whether the request had an effect.
func TestProblemsAreExplained(t *testing.T) {
	explained := map[string]bool{}
	for _, m := range problemSection.FindAllStringSubmatch(documents(t)["problems.md"], -1) {
		explained[m[1]] = true
	}
	all := catalogue()
	for _, e := range all {
		if !explained[e.Kind.String()] {
			t.Errorf("problems.md does not explain %s", e.Kind)
		}
	}
	if len(explained) != len(all) || len(all) < 12 {
		t.Errorf("problems.md explains %d kinds, there are %d", len(explained), len(all))
	}
}

// The examples in problems.yaml are what the code makes, to the byte.
func TestProblemExamples(t *testing.T) {
	loader := openapi3.NewLoader()
	spec, err := loader.LoadFromFile(root + "/api/openapi/problems.yaml")
	if err != nil {
		t.Fatal(err)
	}
	const instance = "urn:medunion:request:"
	shown := map[string]string{}
	for name, r := range spec.Components.Responses {
		m := r.Value.Content[problem.MediaType]
		if m == nil {
			continue // an answer that is no problem
		}
		for kind, e := range m.Examples {
			text, err := json.Marshal(e.Value.Value)
			if err != nil {
				t.Fatal(err)
			}
			var d problem.Document
			if err := json.Unmarshal(text, &d); err != nil || !strings.HasPrefix(d.Instance, instance) {
				t.Errorf("%s: %v %s", name, err, text)
			}
			shown[kind] = string(text)
		}
	}
	for _, e := range catalogue() {
		made, err := json.Marshal(e.Document("5d1f8c0e7a9b46338f20c1d4e6a7b899"))
		if err != nil {
			t.Fatal(err)
		}
		if want := canonical(t, string(made)); canonical(t, shown[e.Kind.String()]) != want {
			t.Errorf("problems.yaml shows %s, the code makes %s", shown[e.Kind.String()], want)
		}
	}
}

// canonical sorts the members of a JSON object: YAML keeps no order.
func canonical(t *testing.T, text string) string {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Errorf("%q: %v", text, err)
	}
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
