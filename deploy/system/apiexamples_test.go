package system_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"medunion/api/openapi"
)

var updateExamples = flag.Bool("update-examples", false, "write the examples of the OpenAPI documents anew")

// examplesFolder holds a file of examples for each document, which refers to them.
const examplesFolder = "../../api/openapi/examples"

// TestExamplesOfDocuments calls every operation of every OpenAPI document in one run of all
// parties. The examples in the documents are of such a run: each has still the members that
// the operation takes and answers. After a change of an interface, "go test ./deploy/system
// -run TestExamplesOfDocuments -update-examples" writes them anew.
func TestExamplesOfDocuments(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the whole suite")
	}
	r := everyOperation(t)
	for _, d := range openapi.Documents {
		for _, known := range r.routes[d] {
			if !r.called[d][known.operation] {
				t.Errorf("%s: nothing called %s", d, known.operation)
			}
		}
		path := filepath.Join(examplesFolder, string(d)+".json")
		if *updateExamples {
			ok(t, os.WriteFile(path, exampleFile(r.kept[d]), 0o644))
			continue
		}
		compareExamples(t, d, r.kept[d], must(os.ReadFile(path)))
	}
}

// exampleSet is the file of one document: a document with examples only.
type exampleSet struct {
	Components struct {
		Examples map[string]oneExample `json:"examples"`
	} `json:"components"`
}

type oneExample struct {
	Summary string          `json:"summary,omitempty"`
	Value   json.RawMessage `json:"value"`
}

func exampleFile(kept map[string]sample) []byte {
	var set exampleSet
	set.Components.Examples = map[string]oneExample{}
	for name, s := range kept {
		set.Components.Examples[name] = oneExample{Summary: exampleSummary(name), Value: s.value}
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	if err := e.Encode(set); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// compareExamples wants an example for whatever the run has shown, with the same members.
func compareExamples(t *testing.T, d openapi.Document, kept map[string]sample, file []byte) {
	t.Helper()
	var set exampleSet
	ok(t, json.Unmarshal(file, &set))
	for _, name := range slices.Sorted(maps.Keys(kept)) {
		stored, found := set.Components.Examples[name]
		if !found {
			t.Errorf("%s: the examples lack %s: run with -update-examples", d, name)
			continue
		}
		now, then := shape(kept[name].value), shape(stored.Value)
		for _, path := range slices.Sorted(maps.Keys(now)) {
			if !then[path] {
				t.Errorf("%s: the example %s lacks %s: run with -update-examples", d, name, path)
			}
		}
		for _, path := range slices.Sorted(maps.Keys(then)) {
			if !now[path] {
				t.Errorf("%s: the example %s shows %s, which did not come: run with -update-examples", d, name, path)
			}
		}
	}
}

// shape is the set of the members of a JSON value, with their types; elements of a list
// count as one.
func shape(value json.RawMessage) map[string]bool {
	var v any
	if err := json.Unmarshal(value, &v); err != nil {
		panic(err)
	}
	out := map[string]bool{}
	collectShape(out, "", v)
	return out
}

func collectShape(out map[string]bool, at string, v any) {
	switch v := v.(type) {
	case map[string]any:
		for name, member := range v {
			collectShape(out, at+"/"+name, member)
		}
	case []any:
		for _, element := range v {
			collectShape(out, at+"/*", element)
		}
	default:
		out[fmt.Sprintf("%s %T", at, v)] = true
	}
}

// everyOperation lets all parties work while a recorder listens: to what this test asks by
// hand, and, at the portal, to what the agents ask.
func everyOperation(t *testing.T) *recorder {
	t.Helper()
	r, err := newRecorder(http.DefaultTransport)
	ok(t, err)
	before := http.DefaultClient.Transport
	http.DefaultClient.Transport = r
	t.Cleanup(func() { http.DefaultClient.Transport = before })
	w := newExampleWorld(t, r)
	for _, step := range []struct {
		what string
		do   func()
	}{{"records", w.records}, {"doctor", w.doctorSetUp}, {"patient", w.patientSetUp}, {"directory", w.directory}, {"visit", w.wholeExampleVisit},
		{"afterwards", w.afterwards}, {"ends", w.endedVisits}, {"by hand", w.byHand}, {"the last", w.last}} {
		t.Log(step.what)
		step.do()
	}
	return r
}
