package fhirbundle_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"medunion/api/fhirbundle"
)

const synthea = "../../deploy/local/testdata/synthea"

func syntheaFiles(tb testing.TB) map[string][]byte {
	tb.Helper()
	paths, err := filepath.Glob(synthea + "/*.json")
	if err != nil || len(paths) != 12 {
		tb.Fatalf("%d files, %v", len(paths), err)
	}
	files := map[string][]byte{}
	for _, p := range paths {
		if files[filepath.Base(p)], err = os.ReadFile(p); err != nil {
			tb.Fatal(err)
		}
	}
	return files
}

func TestSplitKeepsEveryByte(t *testing.T) {
	const odd = "{ \"resourceType\" :\t\"Observation\",\r\n \"id\":\"a\\u002d1\", \"value\":1.50, \"u\":\"\\/ü\\ud83d\\ude00<&>\" \n}"
	const bundle = "\n{ \"type\" : \"collection\" , \"entry\" : [ {\"resource\" : " + odd +
		" , \"fullUrl\" : \"urn:x\\u003ay\" } ,{\"resource\":{\"resourceType\":\"Patient\"}}\n] , \"resourceType\" : \"Bundle\" }\n"
	entries, err := fhirbundle.Split([]byte(bundle))
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 2 || string(entries[0].Resource) != odd {
		t.Fatalf("%d entries, first %q", len(entries), entries[0].Resource)
	}
	if e := entries[0]; e.FullURL != "urn:x:y" || e.Type != "Observation" || e.ID != "a-1" {
		t.Errorf("%q %q %q", e.FullURL, e.Type, e.ID)
	}
	if e := entries[1]; e.FullURL != "" || e.ID != "" || string(e.Resource) != `{"resourceType":"Patient"}` {
		t.Errorf("%+v", e)
	}
}

// An entry's bytes must not be overwritten when a caller appends to them.
func TestEntriesDoNotShareCapacity(t *testing.T) {
	entries, err := fhirbundle.Split(fhirbundle.Collection([]fhirbundle.Entry{
		{Resource: json.RawMessage(`{"resourceType":"A"}`)}, {Resource: json.RawMessage(`{"resourceType":"B"}`)},
	}))
	if err != nil {
		t.Fatal(err)
	}
	_ = append(entries[0].Resource, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"...)
	if string(entries[1].Resource) != `{"resourceType":"B"}` {
		t.Error("appending to one entry changed the next")
	}
}

func TestCollectionGolden(t *testing.T) {
	got := fhirbundle.Collection([]fhirbundle.Entry{
		{FullURL: "urn:uuid:1", Resource: json.RawMessage("{ \"resourceType\":\"A\" }")},
		{Resource: json.RawMessage(`{"resourceType":"B"}`)},
	})
	const want = `{"resourceType":"Bundle","type":"collection","entry":[` +
		`{"fullUrl":"urn:uuid:1","resource":{ "resourceType":"A" }},{"resource":{"resourceType":"B"}}]}`
	if string(got) != want {
		t.Errorf("%s", got)
	}
	if got := fhirbundle.Collection(nil); string(got) != `{"resourceType":"Bundle","type":"collection"}` {
		t.Errorf("%s", got)
	}
}

func TestSyntheaRoundTrip(t *testing.T) {
	for name, data := range syntheaFiles(t) {
		b, err := fhirbundle.Decode(data)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		again, err := fhirbundle.Split(fhirbundle.Collection(b.Entries))
		if err != nil || len(again) != len(b.Entries) {
			t.Fatalf("%s: %d of %d entries, %v", name, len(again), len(b.Entries), err)
		}
		for i, e := range b.Entries {
			if !bytes.Contains(data, e.Resource) || !bytes.Equal(again[i].Resource, e.Resource) {
				t.Errorf("%s: entry %d changed", name, i)
			}
			if again[i].FullURL != e.FullURL || again[i].Type != e.Type || again[i].ID != e.ID || e.Method != "POST" {
				t.Errorf("%s: entry %d: %+v", name, i, again[i])
			}
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	wrap := func(entry string) string {
		return `{"resourceType":"Bundle","type":"collection","entry":[` + entry + `]}`
	}
	for name, s := range map[string]string{
		"array":                 `[]`,
		"string":                `"Bundle"`,
		"other type":            `{"resourceType":"Patient"}`,
		"no type at all":        `{}`,
		"case of a name":        `{"ResourceType":"Bundle"}`,
		"number as type":        `{"resourceType":"Bundle","type":1}`,
		"unknown member":        `{"resourceType":"Bundle","type":"collection","note":""}`,
		"entry no array":        `{"resourceType":"Bundle","type":"collection","entry":{}}`,
		"entry no object":       wrap(`1`),
		"entry without content": wrap(`{}`),
		"unknown entry member":  wrap(`{"resource":{"resourceType":"A"},"url":"x"}`),
		"resource no object":    wrap(`{"resource":[]}`),
		"resource without type": wrap(`{"resource":{"id":"x"}}`),
		"type is a number":      wrap(`{"resource":{"resourceType":1}}`),
		"id is a number":        wrap(`{"resource":{"resourceType":"A","id":1}}`),
		"fullUrl is a number":   wrap(`{"fullUrl":1,"resource":{"resourceType":"A"}}`),
		"request no object":     wrap(`{"request":"POST","resource":{"resourceType":"A"}}`),
		"request no method":     wrap(`{"request":{},"resource":{"resourceType":"A"}}`),
	} {
		if _, err := fhirbundle.Decode([]byte(s)); !errors.Is(err, fhirbundle.ErrFormat) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := fhirbundle.Split([]byte(`{"resourceType":"Bundle","type":"transaction"}`)); !errors.Is(err, fhirbundle.ErrFormat) {
		t.Errorf("Split of a transaction: %v", err)
	}
	if _, err := fhirbundle.NewEntry("", []byte(`{"resourceType":"A"} x`)); err == nil {
		t.Error("NewEntry takes trailing bytes")
	}
}

func TestErrorsQuoteNothing(t *testing.T) {
	for _, s := range []string{
		`{"resourceType":"Bundle","canary":1}`,
		`{"resourceType":"canary"}`,
		`{"resourceType":"Bundle","entry":[{"canary":1}]}`,
		`{"canary":1,"canary":2}`,
		`{"resourceType":"Bundle","entry":[{"resource":"canary"}]}`,
		`canary`,
	} {
		if _, err := fhirbundle.Decode([]byte(s)); err == nil || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %v", s, err)
		}
	}
}

func TestPages(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.IntRange(250, 2000).Draw(t, "limit")
		var entries []fhirbundle.Entry
		for i := range rapid.IntRange(0, 60).Draw(t, "n") {
			pad := strings.Repeat("x", rapid.IntRange(0, 100).Draw(t, "pad"))
			entries = append(entries, fhirbundle.Entry{
				FullURL:  fmt.Sprintf("urn:<%d>", i)[:rapid.SampledFrom([]int{0, 5}).Draw(t, "url")],
				Resource: json.RawMessage(`{"resourceType":"A","p":"` + pad + `"}`),
			})
		}
		pages, err := fhirbundle.Pages(entries, limit)
		if err != nil {
			t.Fatal(err)
		}
		next := 0
		for i, p := range pages {
			if n := len(fhirbundle.Collection(p)); len(p) == 0 || n > limit {
				t.Fatalf("page %d: %d entries, %d bytes", i, len(p), n)
			}
			if i > 0 && len(fhirbundle.Collection(append(pages[i-1], p[0]))) <= limit {
				t.Fatalf("page %d could hold one entry more", i-1)
			}
			for _, e := range p {
				if !bytes.Equal(e.Resource, entries[next].Resource) {
					t.Fatalf("entry %d out of order", next)
				}
				next++
			}
		}
		if next != len(entries) {
			t.Fatalf("%d of %d entries", next, len(entries))
		}
	})
}

func TestPagesRefusesWhatFitsNowhere(t *testing.T) {
	small := fhirbundle.Entry{Resource: json.RawMessage(`{"resourceType":"A"}`)}
	large := fhirbundle.Entry{Resource: json.RawMessage(`{"resourceType":"` + strings.Repeat("A", 200) + `"}`)}
	if _, err := fhirbundle.Pages([]fhirbundle.Entry{small, large}, 200); err == nil {
		t.Error("an entry beyond the limit got a page")
	}
	exact := len(fhirbundle.Collection([]fhirbundle.Entry{large}))
	if p, err := fhirbundle.Pages([]fhirbundle.Entry{large, large}, exact); err != nil || len(p) != 2 {
		t.Errorf("%d pages, %v", len(p), err)
	}
}

func FuzzSplit(f *testing.F) {
	f.Add(fhirbundle.Collection(nil))
	f.Add([]byte(` {"type":"collection","entry":[ {"fullUrl":"a\u0062", "resource" : { "resourceType":"A" } } ],"resourceType":"Bundle"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		entries, err := fhirbundle.Split(data)
		if err != nil {
			return
		}
		again, err := fhirbundle.Split(fhirbundle.Collection(entries))
		if err != nil || len(again) != len(entries) {
			t.Fatalf("%d of %d entries, %v", len(again), len(entries), err)
		}
		for i, e := range entries {
			if !bytes.Contains(data, e.Resource) || !bytes.Equal(e.Resource, again[i].Resource) ||
				e.FullURL != again[i].FullURL || e.Type != again[i].Type || e.ID != again[i].ID {
				t.Fatalf("entry %d changed", i)
			}
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	var data []byte
	for _, d := range syntheaFiles(b) {
		if len(d) > len(data) {
			data = d
		}
	}
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if _, err := fhirbundle.Decode(data); err != nil {
			b.Fatal(err)
		}
	}
}
