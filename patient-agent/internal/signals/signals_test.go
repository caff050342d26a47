package signals_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"medunion/api/fhirbundle"
	"medunion/patient-agent/internal/signals"
)

const recordings = "../../../deploy/local/testdata/signals/"

type sampledData struct {
	Origin     struct{ Value, Unit, System, Code any }
	Period     json.Number
	Dimensions int
	Data       string
}

type observation struct {
	ID   string
	Code struct {
		Coding []struct{ System, Code, Display string }
	}
	EffectivePeriod struct{ Start, End string }
	Value           *sampledData `json:"valueSampledData"`
	Component       []struct {
		Code struct {
			Text   string
			Coding []struct{ System, Code, Display string }
		}
		Value *sampledData `json:"valueSampledData"`
	}
}

func readFile(tb testing.TB, path string) []byte {
	tb.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	return data
}

func fromCSV(tb testing.TB, name string, data []byte, o signals.Options) observation {
	tb.Helper()
	e, err := signals.FromCSV(name, bytes.NewReader(data), o)
	if err != nil {
		tb.Fatal(err)
	}
	validate(tb, e)
	var got observation
	if err := json.Unmarshal(e.Resource, &got); err != nil {
		tb.Fatal(err)
	}
	if e.Type != "Observation" || e.ID != got.ID || e.FullURL != "urn:uuid:"+got.ID {
		tb.Errorf("%s %s %s", e.Type, e.ID, e.FullURL)
	}
	return got
}

// validate checks an Observation against the R4 schema that hospitals use.
func validate(tb testing.TB, e fhirbundle.Entry) {
	tb.Helper()
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(readFile(tb, "../../../privatecloud/internal/fhir/fhir.schema.min.json")))
	if err != nil {
		tb.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("r4.json", document); err != nil {
		tb.Fatal(err)
	}
	schema, err := compiler.Compile("r4.json#/definitions/" + e.Type)
	if err != nil {
		tb.Fatal(err)
	}
	tree, err := jsonschema.UnmarshalJSON(bytes.NewReader(e.Resource))
	if err != nil {
		tb.Fatal(err)
	}
	if err := schema.Validate(tree); err != nil {
		tb.Error(err)
	}
}

func TestRing(t *testing.T) {
	data := readFile(t, "testdata/ring-10s.csv")
	got := fromCSV(t, "ring-10s.csv", data, signals.Options{Hz: "32"})
	if want := strings.Join(strings.Fields(string(data)), " "); got.Value.Data != want {
		t.Error("the samples changed")
	}
	if got.Value.Period != "31.25" || got.Value.Dimensions != 1 || got.Value.Origin.Code != "[arb'U]" {
		t.Errorf("%+v", got.Value)
	}
	if len(got.Code.Coding) != 1 || got.Code.Coding[0].Code != "150452" || got.EffectivePeriod.Start != "" {
		t.Errorf("%+v", got)
	}
}

func TestECG(t *testing.T) {
	data := readFile(t, "testdata/mitdb-100-5s-360hz.csv")
	start := time.Date(2024, 2, 29, 23, 59, 58, 0, time.FixedZone("", 3600))
	got := fromCSV(t, "mitdb-100-5s-360hz.csv", data, signals.Options{Start: start})
	rows, err := csv.NewReader(bytes.NewReader(data)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Component) != 2 || got.Value != nil {
		t.Fatalf("%d leads", len(got.Component))
	}
	for lead, c := range got.Component {
		var want []string
		for _, row := range rows[1:] {
			want = append(want, row[lead+1])
		}
		if c.Value.Data != strings.Join(want, " ") || c.Value.Period != "2.777777777778" || c.Value.Origin.Code != "mV" {
			t.Errorf("lead %d changed", lead)
		}
	}
	for i, want := range []string{"MLII 131328", "V5 131335"} {
		if c := got.Component[i].Code; c.Text+" "+c.Coding[0].Code != want {
			t.Errorf("%+v", c)
		}
	}
	if c := got.Code.Coding; c[0].Code != "11524-6" || c[1].Code != "131328" {
		t.Errorf("%v", c)
	}
	if p := got.EffectivePeriod; p.Start != "2024-02-29T23:59:58.000+01:00" || p.End != "2024-03-01T00:00:03.000+01:00" {
		t.Errorf("%v", p)
	}
}

func TestWholeRecordingsFit(t *testing.T) {
	var all []fhirbundle.Entry
	for name, hz := range map[string]string{"ring_data.csv": "32", "mitdb-100-60s-360hz.csv": ""} {
		entries, err := signals.Load(name, bytes.NewReader(readFile(t, recordings+name)), signals.Options{Hz: hz})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		all = append(all, entries...)
	}
	for _, name := range []string{"heart-rate", "blood-pressure", "ekg", "satO2", "vitals-panel"} {
		all = append(all, load(t, "testdata/Observation-"+name+".json")...)
	}
	all = append(all, load(t, "testdata/Patient-example.json")...)
	bundle, err := signals.Bundle(all)
	if err != nil {
		t.Fatal(err)
	}
	entries, err := fhirbundle.Split(bundle)
	if err != nil || len(entries) != 8 || len(bundle) > signals.MaxBytes {
		t.Fatalf("%d entries in %d bytes, %v", len(entries), len(bundle), err)
	}
	for i, e := range entries {
		validate(t, e)
		if !bytes.Equal(e.Resource, all[i].Resource) {
			t.Errorf("entry %d changed", i)
		}
	}
}

func load(t *testing.T, path string) []fhirbundle.Entry {
	t.Helper()
	data := readFile(t, path)
	entries, err := signals.Load(path, bytes.NewReader(data), signals.Options{})
	if err != nil || len(entries) != 1 || !bytes.Equal(entries[0].Resource, bytes.TrimSpace(data)) {
		t.Fatalf("%s: %v", filepath.Base(path), err)
	}
	return entries
}

func TestFirstSeconds(t *testing.T) {
	data := readFile(t, "testdata/ring-10s.csv")
	for first, want := range map[time.Duration]int{
		0: 320, time.Second: 32, 1500 * time.Millisecond: 48, 31 * time.Millisecond: 0, 32 * time.Millisecond: 1, time.Hour: 320,
	} {
		e, err := signals.FromCSV("x", bytes.NewReader(data), signals.Options{Hz: "32", First: first})
		if want == 0 {
			if err == nil {
				t.Errorf("%v: an empty recording", first)
			}
			continue
		}
		var got observation
		if err != nil || json.Unmarshal(e.Resource, &got) != nil || len(strings.Fields(got.Value.Data)) != want {
			t.Errorf("%v: %v, %d samples", first, err, len(strings.Fields(got.Value.Data)))
		}
	}
}

func TestSamplesKeepTheirText(t *testing.T) {
	got := fromCSV(t, "a_12.5Hz.csv", []byte("1.50\r\n-0.000\n1e5\n NaN \nL\nU\nE\n\"\"\n\"7.0\"\n12345678901234567890.10\n\n"), signals.Options{})
	if got.Value.Data != "1.50 -0.000 1e5 E L U E E 7.0 12345678901234567890.10" || got.Value.Period != "80" {
		t.Errorf("%+v", got.Value)
	}
	ecg := fromCSV(t, "x", []byte("\ufeffI_uV,aVR_mV,time_ms\n1,,10\n,2,14\n"), signals.Options{Hz: "250"})
	if ecg.Component[0].Value.Data != "1 E" || ecg.Component[1].Value.Data != "E 2" ||
		ecg.Component[0].Code.Coding[0].Code != "131329" || ecg.Component[1].Code.Coding[0].Code != "131390" {
		t.Errorf("%+v", ecg.Component)
	}
	rate := fromCSV(t, "x", []byte("60\n61\n"), signals.Options{Kind: signals.HeartRate, Hz: "0.2"})
	if rate.Value.Period != "5000" || rate.Value.Origin.Code != "/min" || rate.Code.Coding[0].Code != "8867-4" {
		t.Errorf("%+v", rate)
	}
}

func TestSameRecordingSameIdentifier(t *testing.T) {
	id := func(text, hz string) string { return fromCSV(t, "x", []byte(text), signals.Options{Hz: hz}).ID }
	a := id("1\n2\n", "32")
	if a != id("1\n2", "32") || a == id("1\n3", "32") || a == id("1\n2", "33") {
		t.Error("the identifier does not follow from the content")
	}
	if len(a) != 36 || a[14] != '8' || !strings.Contains("89ab", a[19:20]) {
		t.Errorf("%s is no UUID of version 8", a)
	}
}

func TestFromCSVRefuses(t *testing.T) {
	ring, ecg := signals.Options{Hz: "32"}, signals.Options{Hz: "250"}
	for _, tt := range []struct {
		name, text string
		options    signals.Options
		want       string
	}{
		{"empty", "", ring, "no samples"},
		{"only a header", "I_mV\n", ecg, "no samples"},
		{"no rate", "1\n", signals.Options{}, "rate is unknown"},
		{"rate 0", "1\n", signals.Options{Hz: "0"}, "sampling rate must"},
		{"negative rate", "1\n", signals.Options{Hz: "-1"}, "sampling rate must"},
		{"huge rate", "1\n", signals.Options{Hz: "100001"}, "sampling rate must"},
		{"tiny rate", "1\n", signals.Options{Hz: "0.0001"}, "sampling rate must"},
		{"fraction as rate", "1\n", signals.Options{Hz: "1/3"}, "sampling rate must"},
		{"exponent in rate", "1\n", signals.Options{Hz: "1e3"}, "sampling rate must"},
		{"two columns, no header", "1,2\n", ring, "line 1: 2 fields"},
		{"word among numbers", "1\nZebulon\n", ring, "line 2: field 1 is not"},
		{"plus sign", "1\n+2\n", ring, "line 2"},
		{"no leading digit", "1\n.5\n", ring, "line 2"},
		{"leading zero", "1\n007\n", ring, "line 2"},
		{"hexadecimal", "1\n0x1\n", ring, "line 2"},
		{"infinity", "1\nInf\n", ring, "line 2"},
		{"semicolons", "1;2\n", ring, "header"},
		{"gap line", "1\n\n2\n", ring, "line 2 is empty"},
		{"long number", "1\n" + strings.Repeat("1", 41), ring, "line 2"},
		{"endless line", strings.Repeat("1", 1<<17), ring, "reading the recording"},
		{"no unit", "t_s,I\n0,1\n", ecg, "column 2 of the header"},
		{"foreign unit", "I_mmHg\n1\n", ecg, "channel 1"},
		{"ECG without header", "1\n", signals.Options{Hz: "250", Kind: signals.ECG}, "channel 1"},
		{"two time columns", "t_s,t_ms\n0,0\n", ecg, "two time columns"},
		{"only time", "t_s\n0\n", ecg, "channels"},
		{"short row", "t_s,I_mV\n0,1\n0.004\n", ecg, "line 3: 1 fields"},
		{"PPG with two channels", "a_mV,b_mV\n1,2\n", signals.Options{Hz: "250", Kind: signals.PPG}, "one channel"},
		{"unknown kind", "1\n", signals.Options{Hz: "250", Kind: 9}, "unknown kind"},
		{"gap in time", "t_s,I_mV\n0,1\n0.004,1\n0.012,1\n", ecg, "line 4: the time does not agree"},
		{"other rate", "t_s,I_mV\n0,1\n0.005,1\n0.010,1\n", ecg, "line 4: the time does not agree"},
		{"time goes back", "t_s,I_mV\n0,1\n-0.004,1\n", ecg, "line 3: the time does not agree"},
		{"no time", "t_s,I_mV\n0,1\n,1\n", ecg, "line 3: the time is not"},
	} {
		_, err := signals.FromCSV("recording.csv", strings.NewReader(tt.text), tt.options)
		if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "Zebulon") {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

func TestTooLarge(t *testing.T) {
	long := strings.Repeat("15926.0\n", signals.MaxBytes/8+1)
	if _, err := signals.FromCSV("x", strings.NewReader(long), signals.Options{Hz: "32"}); !errors.Is(err, signals.ErrTooLarge) {
		t.Errorf("%v", err)
	}
	o := signals.Options{Hz: "32", First: time.Minute}
	if _, err := signals.FromCSV("x", strings.NewReader(long), o); err != nil {
		t.Errorf("the first minute: %v", err)
	}
	var entries []fhirbundle.Entry
	for i := range 5 {
		text := strings.Repeat(fmt.Sprintf("%d\n", 15926+i), signals.MaxBytes/6/4)
		e, err := signals.FromCSV("x", strings.NewReader(text), signals.Options{Hz: "32"})
		if err != nil {
			t.Fatal(err)
		}
		entries = append(entries, e)
	}
	if _, err := signals.Bundle(entries); !errors.Is(err, signals.ErrTooLarge) {
		t.Errorf("%v", err)
	}
	if b, err := signals.Bundle(entries[:3]); err != nil || len(b) > signals.MaxBytes {
		t.Errorf("%v", err)
	}
	if _, err := signals.FromFHIR(strings.NewReader(strings.Repeat(" ", signals.MaxBytes+1))); !errors.Is(err, signals.ErrTooLarge) {
		t.Errorf("%v", err)
	}
}

func TestFromFHIR(t *testing.T) {
	const o = `{ "resourceType":"Observation","id":"a", "status":"final","code":{"text":"x"} }`
	const p = `{"resourceType":"Patient","name":[{"text":"x"}]}`
	wrap := func(kind, resources string) string {
		return `{"resourceType":"Bundle","type":"` + kind + `","entry":[` + resources + `]}`
	}
	entry := func(r string) string { return `{"resource":` + r + `}` }
	for name, tt := range map[string]struct {
		text string
		want int // entries, -1: refused
	}{
		"observation":     {o, 1},
		"patient":         {p, 1},
		"collection":      {wrap("collection", entry(p)+","+entry(o)), 2},
		"searchset":       {wrap("searchset", entry(o)), 1},
		"empty bundle":    {wrap("collection", ""), 0},
		"transaction":     {wrap("transaction", entry(o)), -1},
		"two patients":    {wrap("collection", entry(p)+","+entry(p)), -1},
		"twice the same":  {wrap("collection", entry(o)+","+entry(o)), -1},
		"other resource":  {`{"resourceType":"Condition","id":"a"}`, -1},
		"nested bundle":   {wrap("collection", entry(wrap("collection", ""))), -1},
		"no status":       {`{"resourceType":"Observation","code":{"text":"x"}}`, -1},
		"unknown status":  {`{"resourceType":"Observation","status":"x","code":{"text":"x"}}`, -1},
		"Status":          {`{"resourceType":"Observation","Status":"final","code":{"text":"x"}}`, -1},
		"no code":         {`{"resourceType":"Observation","status":"final"}`, -1},
		"code is a word":  {`{"resourceType":"Observation","status":"final","code":"x"}`, -1},
		"a name twice":    {`{"resourceType":"Observation","status":"final","status":"final","code":{"text":"x"}}`, -1},
		"trailing bytes":  {o + "{}", -1},
		"no resourceType": {`{"status":"final"}`, -1},
		"CSV":             {"1\n2\n", -1},
	} {
		entries, err := signals.FromFHIR(strings.NewReader(tt.text))
		if (err != nil) != (tt.want < 0) || err == nil && len(entries) != tt.want {
			t.Errorf("%s: %d entries, %v", name, len(entries), err)
		}
	}
	entries, err := signals.FromFHIR(strings.NewReader(o))
	if err != nil || string(entries[0].Resource) != o {
		t.Errorf("%v", err)
	}
	if _, err := signals.Bundle(append(entries, entries...)); !errors.Is(err, signals.ErrFormat) {
		t.Errorf("the same resource from two files: %v", err)
	}
	if b, err := signals.Bundle(nil); err != nil || string(b) != `{"resourceType":"Bundle","type":"collection"}` {
		t.Errorf("%s %v", b, err)
	}
	if _, err := signals.Load("x.txt", strings.NewReader("1\n"), signals.Options{Hz: "1"}); !errors.Is(err, signals.ErrFormat) {
		t.Errorf("%v", err)
	}
}

func FuzzFromCSV(f *testing.F) {
	f.Add("t_s,I_mV\n0,1\n0.004,-0.5\n", "250")
	f.Add("1\n2\nNaN\n\n", "32")
	f.Fuzz(func(t *testing.T, text, hz string) {
		e, err := signals.FromCSV("x", strings.NewReader(text), signals.Options{Hz: hz})
		if err != nil {
			return
		}
		if _, err := signals.FromFHIR(bytes.NewReader(e.Resource)); err != nil {
			t.Fatalf("%v", err)
		}
	})
}
