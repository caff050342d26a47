package fhir_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"medunion/privatecloud/internal/fhir"
)

func store(_ context.Context, b fhir.Bundle, r *fhir.Report) error {
	for _, e := range b.Entries {
		r.Count(e.Type, fhir.Stored)
	}
	return nil
}

func writeFiles(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestImportSynthea(t *testing.T) {
	var steps []fhir.Progress
	report, err := fhir.ImportFolder(context.Background(), synthea, fhir.DefaultLimits, store,
		func(p fhir.Progress) { steps = append(steps, p) })
	if err != nil {
		t.Fatal(err)
	}
	total := fhir.Counts{Found: 1399, Stored: 1399}
	if report.Files != 12 || report.Bundles != 12 || report.Patients != 12 || report.Total() != total || len(report.Problems) > 0 {
		t.Errorf("%+v", report)
	}
	last := steps[len(steps)-1]
	if len(steps) != 12 || last.File != 12 || last.Files != 12 || last.Bytes != last.Total || last.Total != report.Bytes || last.Found != 1399 {
		t.Errorf("%d steps, last %+v", len(steps), last)
	}
	var text bytes.Buffer
	if err := report.Text(&text); err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/report.golden.json", strings.Split(text.String(), "\n"))
}

func TestImportFolderOrderAndProblems(t *testing.T) {
	dir := writeFiles(t, map[string]string{
		"b.json":       collection(patient("b")),
		"a/z.json":     collection(patient("az"), `{"resourceType":"Starship"}`),
		"c.json":       `{"resourceType":"Bundle","type":"batch"}`,
		"Zebulon.json": "not JSON",
		"d.txt":        "not read",
		"e.json":       collection(patient("e")),
	})
	outside := writeFiles(t, map[string]string{"f.json": collection(patient("f"))})
	if err := os.Symlink(filepath.Join(outside, "f.json"), filepath.Join(dir, "x.txt")); err != nil {
		t.Fatal(err)
	}
	var order []string
	report, err := fhir.ImportFolder(context.Background(), dir, fhir.DefaultLimits,
		func(_ context.Context, b fhir.Bundle, r *fhir.Report) error {
			order = append(order, b.Patients[0].ID)
			r.Count("Patient", fhir.Unchanged)
			return nil
		}, nil)
	if err != nil || strings.Join(order, " ") != "az b e" {
		t.Fatalf("%v, %v", order, err)
	}
	if report.Files != 5 || report.Bundles != 3 || report.Refused != 2 || report.Resources["Patient"].Unchanged != 3 {
		t.Errorf("%+v", report)
	}
	const want = `file 1: JSON refused at byte 0: a value is missing
file 2: entry 1: Starship: resources of this type are not stored
file 4: the bundle is neither a transaction nor a collection`
	if got := reasons(report); got != want {
		t.Errorf("%s", got)
	}
	var out bytes.Buffer
	if err := report.JSON(&out); err != nil || strings.Contains(out.String(), "Zebulon") {
		t.Errorf("%v %s", err, out.String())
	}
	var decoded struct {
		Total     fhir.Counts
		Resources map[string]fhir.Counts
		Problems  []fhir.Problem
	}
	if err := json.Unmarshal(out.Bytes(), &decoded); err != nil || decoded.Total != report.Total() || len(decoded.Problems) != 3 {
		t.Errorf("%v %s", err, out.String())
	}
}

func TestImportFolderStops(t *testing.T) {
	dir := writeFiles(t, map[string]string{"Zebulon1.json": collection(patient("1")), "Zebulon2.json": collection(patient("2"))})
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	fail := func(context.Context, fhir.Bundle, *fhir.Report) error { return errStop }
	end := func(_ context.Context, b fhir.Bundle, r *fhir.Report) error { cancel(); return store(ctx, b, r) }
	for name, tt := range map[string]struct {
		ctx    context.Context
		fn     func(context.Context, fhir.Bundle, *fhir.Report) error
		dir    string
		want   error
		stored int
	}{
		"fn fails":     {context.Background(), fail, dir, errStop, 0},
		"context ends": {ctx, end, dir, context.Canceled, 1},
		"no folder":    {context.Background(), store, dir + "/Zebulon", os.ErrNotExist, 0},
	} {
		report, err := fhir.ImportFolder(tt.ctx, tt.dir, fhir.DefaultLimits, tt.fn, nil)
		if !errors.Is(err, tt.want) || strings.Contains(err.Error(), "Zebulon") || report.Total().Stored != tt.stored {
			t.Errorf("%s: %v, %+v", name, err, report)
		}
	}
}

func TestImportFolderRefusesLinksOut(t *testing.T) {
	outside := writeFiles(t, map[string]string{"f.json": collection(patient("f"))})
	dir := t.TempDir()
	if err := os.Symlink(filepath.Join(outside, "f.json"), filepath.Join(dir, "Zebulon.json")); err != nil {
		t.Fatal(err)
	}
	report, err := fhir.ImportFolder(context.Background(), dir, fhir.DefaultLimits, store, nil)
	if err == nil || strings.Contains(err.Error(), "Zebulon") || report.Files != 0 {
		t.Errorf("%v, %+v", err, report)
	}
}

func TestReportAddsUpAndStaysSmall(t *testing.T) {
	var sum fhir.Report
	for range 3 {
		var one fhir.Report
		one.Count("Patient", fhir.Stored)
		one.Count("Patient", fhir.Updated)
		one.Bytes = 5
		sum.Add(one)
	}
	if sum.Resources["Patient"] != (fhir.Counts{Stored: 3, Updated: 3}) || sum.Bytes != 15 {
		t.Errorf("%+v", sum)
	}
	var bad []string
	for i := range 1500 {
		bad = append(bad, `{"resourceType":"A`+strings.Repeat("x", i%30)+strings.Repeat("y", i/30%8)+`"}`)
	}
	_, report := parse(t, collection(bad...))
	if len(report.Problems) != 1000 || report.Omitted != 500 || report.Total().Unknown != 1500 {
		t.Errorf("%d problems, %d omitted", len(report.Problems), report.Omitted)
	}
}
