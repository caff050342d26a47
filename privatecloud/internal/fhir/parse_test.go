package fhir_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"medunion/api/fhirbundle"
	"medunion/api/message"
	"medunion/privatecloud/internal/fhir"
)

var update = flag.Bool("update", false, "write the golden files")

func TestSyntheaBytesUnchanged(t *testing.T) {
	for n, path := range syntheaPaths(t) {
		data := readFile(t, path)
		b, report, err := fhir.Parse(bytes.NewReader(data), fhir.DefaultLimits)
		if err != nil || len(report.Problems) > 0 || b.Type != "transaction" {
			t.Fatalf("file %d: %v %v", n, err, report.Problems)
		}
		var source struct {
			Entry []struct{ Resource json.RawMessage }
		}
		if err := json.Unmarshal(data, &source); err != nil {
			t.Fatal(err)
		}
		if len(b.Entries) != len(source.Entry) || len(b.Patients) != 1 || len(b.Patients[0].Entries) != len(b.Entries) {
			t.Fatalf("file %d: %d of %d entries", n, len(b.Entries), len(source.Entry))
		}
		var spliced []fhirbundle.Entry
		for i, e := range b.Entries {
			if e.Index != i || !bytes.Equal(e.Raw, source.Entry[i].Resource) {
				t.Errorf("file %d: entry %d changed", n, i)
			}
			spliced = append(spliced, fhirbundle.Entry{FullURL: e.FullURL, Resource: e.Raw})
		}
		again, err := fhirbundle.Split(fhirbundle.Collection(spliced))
		if err != nil {
			t.Fatal(err)
		}
		for i, e := range again {
			if !bytes.Equal(e.Resource, b.Entries[i].Raw) {
				t.Errorf("file %d: entry %d changed by Collection and Split", n, i)
			}
		}
	}
}

// The golden file shows, over the twelve patients, how many resources of which
// type go to which department and class.
func TestSyntheaGolden(t *testing.T) {
	rules := fhir.DefaultRules()
	classes, err := fhir.NewClassifier(message.DefaultClassRules, message.DefaultClasses)
	if err != nil {
		t.Fatal(err)
	}
	counts := map[string]map[string]int{}
	for _, path := range syntheaPaths(t) {
		b, _ := parse(t, string(readFile(t, path)))
		for _, e := range b.Entries {
			key := rules.Department(e.Visit) + " " + classes.Class(e)
			if counts[key] == nil {
				counts[key] = map[string]int{}
			}
			counts[key][e.Type]++
			undated := e.Type == "Patient" || e.Type == "Organization" || e.Type == "Practitioner"
			if e.Date.IsZero() != undated || (e.Visit == nil) != undated || (e.Patient == "") != (undated && e.Type != "Patient") {
				t.Errorf("entry %d, %s: date %v, visit %v, patient %q", e.Index, e.Type, e.Date.IsZero(), e.Visit != nil, e.Patient)
			}
		}
	}
	golden(t, "testdata/synthea.golden.json", counts)
}

func golden(t *testing.T, path string, value any) {
	t.Helper()
	got, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	got = append(got, '\n')
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want := readFile(t, path); !bytes.Equal(got, want) {
		t.Errorf("%s differs:\n%s", path, got)
	}
}

func TestParseRefusesBundle(t *testing.T) {
	syntax := errors.New("a syntax error")
	small := fhir.DefaultLimits
	small.BundleBytes, small.Entries, small.Patients = 400, 3, 1
	transaction := func(method string) string {
		return `{"resourceType":"Bundle","type":"transaction","entry":[{"request":{"method":"` + method +
			`","url":"Patient"},"resource":` + patient("1") + `}]}`
	}
	for _, tt := range []struct {
		name, text string
		want       error
	}{
		{"batch", `{"resourceType":"Bundle","type":"batch"}`, fhir.ErrBundleType},
		{"searchset", `{"resourceType":"Bundle","type":"searchset"}`, fhir.ErrBundleType},
		{"no type", `{"resourceType":"Bundle"}`, fhir.ErrBundleType},
		{"not a bundle", patient("1"), fhirbundle.ErrFormat},
		{"no resource", `{"resourceType":"Bundle","type":"collection","entry":[{"fullUrl":"x"}]}`, fhirbundle.ErrFormat},
		{"DELETE", transaction("DELETE"), fhir.ErrMethod},
		{"PATCH", transaction("PATCH"), fhir.ErrMethod},
		{"no request", strings.Replace(collection(patient("1")), "collection", "transaction", 1), fhir.ErrMethod},
		{"too many bytes", collection(patient("1"), patient(strings.Repeat("2", 400))), fhir.ErrTooLarge},
		{"too many entries", collection(`{"resourceType":"A"}`, `{"resourceType":"A"}`, `{"resourceType":"A"}`, `{"resourceType":"A"}`), fhir.ErrTooLarge},
		{"too many patients", collection(patient("1"), patient("2")), fhir.ErrTooLarge},
		{"same type and id", collection("urn:a "+patient("1"), "urn:b "+patient("1")), fhir.ErrDuplicate},
		{"same fullUrl", collection("urn:a "+patient("1"), "urn:a "+patient("2")), fhir.ErrDuplicate},
		{"a name twice inside", collection(`{"resourceType":"Patient","id":"1","name":[{"text":"a","text":"b"}]}`), syntax},
		{"trailing bytes", collection(patient("1")) + "x", syntax},
		{"truncated", collection(patient("1"))[:60], syntax},
		{"invalid UTF-8", collection("{\"resourceType\":\"Patient\",\"id\":\"\xff\"}"), syntax},
		{"too deep", collection(`{"resourceType":"Patient","extension":` + strings.Repeat("[", 90) + strings.Repeat("]", 90) + `}`), syntax},
		{"empty", "", syntax},
	} {
		b, report, err := fhir.Parse(strings.NewReader(tt.text), small)
		ok := errors.Is(err, tt.want)
		if tt.want == syntax {
			var at *fhirbundle.SyntaxError
			ok = errors.As(err, &at)
		}
		if !ok || len(b.Entries)+len(b.Patients) > 0 {
			t.Errorf("%s: %v, %d entries", tt.name, err, len(b.Entries))
		}
		if report.Refused != 1 || report.Bundles != 0 || len(report.Problems) != 1 || report.Problems[0].Entry != -1 {
			t.Errorf("%s: %+v", tt.name, report)
		}
	}
}

func TestParseReturnsReadErrors(t *testing.T) {
	_, report, err := fhir.Parse(iotest.ErrReader(errStop), fhir.DefaultLimits)
	if !errors.Is(err, errStop) || strings.Contains(reasons(report), "stop") {
		t.Errorf("%v, %s", err, reasons(report))
	}
}

func TestParseLeavesOutAndReports(t *testing.T) {
	limits := fhir.DefaultLimits
	limits.ResourceBytes = 1000
	text := collection(
		patient("1"),
		`{"resourceType":"Starship","id":"s1","captain":"x"}`,
		`{"resourceType":"Starship","id":"s2"}`,
		`{"resourceType":"no type at all","id":"s3"}`,
		observation("o1", "Patient/1", `,"valueString":"`+strings.Repeat("x", 1000)+`"`),
		`{"resourceType":"Observation","id":"o2","code":{"text":"x"},"subject":{"reference":"Patient/1"},"status":"nonsense"}`,
		observation("o3", "Patient/1", `,"colour":"red"`),
		observation("o4", "Patient/1", `,"component":[{"code":{"text":"x"}},{"valueInteger":1.5}]`),
		observation("o5", "Patient/1", `,"contained":[{"resourceType":"Patient","gender":"x"}]`),
		observation("o6", "Patient/1", `,"contained":[{"resourceType":"Starship"}]`),
		observation("o7", "Patient/1", `,"contained":[{"id":"x"}]`),
		observation("o8", "Patient/1", `,"contained":[{"resourceType":"Patient","contained":[]}]`),
		`{"resourceType":"Observation","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/1"}}`,
		"urn:uuid:11111111-2222-3333-4444-555555555555 "+
			`{"resourceType":"Observation","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/1"}}`,
	)
	b, report, err := fhir.Parse(strings.NewReader(text), limits)
	if err != nil {
		t.Fatal(err)
	}
	if got := records(b)["1"]; got != "Patient/1 Observation/o6 Observation/11111111-2222-3333-4444-555555555555" {
		t.Errorf("kept %s", got)
	}
	const want = `entry 1: Starship: resources of this type are not stored
entry 2: Starship: resources of this type are not stored
entry 3: (malformed): resources of this type are not stored
entry 4: Observation: more than 1000 bytes
entry 5: Observation: not valid by the R4 schema (enum) at /status
entry 6: Observation: not valid by the R4 schema (additionalProperties)
entry 7: Observation: not valid by the R4 schema (required) at /component/1
entry 8: Observation: not valid by the R4 schema (enum) at /contained/0/gender
entry 10: Observation: not valid by the R4 schema (required) at /contained/0
entry 11: Observation: not valid by the R4 schema (nesting) at /contained/0/contained
entry 12: Observation: neither an id nor a fullUrl of the form urn:uuid at /id`
	if got := reasons(report); got != want {
		t.Errorf("reported:\n%s", got)
	}
	if c := report.Resources["Starship"]; c != (fhir.Counts{Found: 2, Unknown: 2}) {
		t.Errorf("%+v", c)
	}
	if c := report.Resources["Observation"]; c != (fhir.Counts{Found: 10, TooLarge: 1, Invalid: 7}) {
		t.Errorf("%+v", c)
	}
}

// The schema that HL7's own examples must pass includes elements called
// "description", which a careless trimming of the schema loses.
func TestElementsCalledDescription(t *testing.T) {
	_, report := parse(t, collection(patient("1"),
		`{"resourceType":"DocumentReference","id":"d","status":"current","description":"x","subject":{"reference":"Patient/1"},"content":[{"attachment":{"title":"x"}}]}`,
		`{"resourceType":"CarePlan","id":"c","status":"active","intent":"plan","description":"x","subject":{"reference":"Patient/1"}}`))
	if len(report.Problems) > 0 {
		t.Error(reasons(report))
	}
}

func TestEveryClassifiedTypeHasASchema(t *testing.T) {
	for _, r := range message.DefaultClassRules {
		_, report := parse(t, collection(`{"resourceType":"`+r.ResourceType+`","id":"x","nonsense":1}`))
		if report.Resources[r.ResourceType].Invalid != 1 {
			t.Errorf("%s is not validated", r.ResourceType)
		}
	}
}

func TestReportsAndErrorsHoldNoContent(t *testing.T) {
	const canary = "Zebulon"
	texts := []string{
		collection(`{"resourceType":"` + canary + ` Smith"}`),
		collection(`{"resourceType":"Patient","id":"1","` + canary + `":"` + canary + `"}`),
		collection(`{"resourceType":"Patient","id":"1","gender":"` + canary + `"}`),
		collection(`{"resourceType":"Patient","id":"` + canary + `","birthDate":"` + canary + `"}`),
		collection(observation("1", "urn:uuid:"+canary, "")),
		collection(patient(canary), observation("1", "Patient/"+canary, `,"encounter":{"reference":"Encounter/`+canary+`"}`)),
		collection(patient("1"), patient("2"), `{"resourceType":"Group","id":"`+canary+`","type":"person","actual":true,"member":[{"entity":{"reference":"Patient/1"}},{"entity":{"reference":"Patient/2"}}]}`),
		collection(patient(canary), patient(canary)),
		`{"resourceType":"Bundle","type":"` + canary + `"}`,
		`{"resourceType":"Bundle","` + canary + `":1}`,
		canary,
	}
	for i, text := range texts {
		_, report, err := fhir.Parse(strings.NewReader(text), fhir.DefaultLimits)
		var out bytes.Buffer
		if errors.Join(report.Text(&out), report.JSON(&out)) != nil {
			t.Fatal("the report cannot be written")
		}
		if len(report.Problems) == 0 {
			t.Errorf("text %d: nothing reported", i)
		}
		if err != nil {
			out.WriteString(err.Error())
		}
		if strings.Contains(out.String(), canary) {
			t.Errorf("text %d: %s", i, out.String())
		}
	}
}

func TestParseConcurrently(t *testing.T) {
	data := string(readFile(t, syntheaPaths(t)[0]))
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			if _, r, err := fhir.Parse(strings.NewReader(data), fhir.DefaultLimits); err != nil || len(r.Problems) > 0 {
				t.Errorf("%v %v", err, r.Problems)
			}
		})
	}
	group.Wait()
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(collection(patient("1"), observation("o", "Patient/1", ""), `{"resourceType":"X"}`)))
	f.Add([]byte(collection("urn:uuid:a "+patient("1"), observation("o", "urn:uuid:a", `,"encounter":{"reference":"Encounter/e"}`),
		`{"resourceType":"Encounter","id":"e","status":"finished","class":{"code":"EMER"},"subject":{"reference":"Patient/1"}}`)))
	f.Fuzz(func(t *testing.T, data []byte) {
		b, report, err := fhir.Parse(bytes.NewReader(data), fhir.DefaultLimits)
		if err != nil {
			if len(b.Entries) > 0 || report.Refused != 1 {
				t.Fatalf("refused, yet %d entries", len(b.Entries))
			}
			return
		}
		total := report.Total()
		if total.Found != len(b.Entries)+total.Invalid+total.Unknown+total.TooLarge+total.Unplaced {
			t.Fatalf("%d resources are not accounted for: %+v", total.Found-len(b.Entries), total)
		}
		owner := map[int]string{}
		for _, p := range b.Patients {
			for _, i := range p.Entries {
				if e := b.Entries[i]; e.Patient != "" && e.Patient != "Patient/"+p.ID {
					t.Fatal("a resource in a foreign record")
				}
				owner[i] = p.ID
			}
		}
		for i, e := range b.Entries {
			if _, ok := owner[i]; !ok || !bytes.Contains(data, e.Raw) || !json.Valid(e.Raw) || e.ID == "" {
				t.Fatalf("entry %d", i)
			}
		}
	})
}

func BenchmarkParse(b *testing.B) {
	var files [][]byte
	size := 0
	for _, path := range syntheaPaths(b) {
		files = append(files, readFile(b, path))
		size += len(files[len(files)-1])
	}
	for _, data := range files { // compiles the schemas
		if _, _, err := fhir.Parse(bytes.NewReader(data), fhir.DefaultLimits); err != nil {
			b.Fatal(err)
		}
	}
	b.SetBytes(int64(size))
	for b.Loop() {
		for _, data := range files {
			if _, _, err := fhir.Parse(bytes.NewReader(data), fhir.DefaultLimits); err != nil {
				b.Fatal(err)
			}
		}
	}
}
