package auditevents_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/mongo"
	"go.mongodb.org/mongo-driver/mongo/options"

	"medunion/api/auditexport"
	"medunion/api/problem"
	"medunion/deploy/local/embedmongo"
	"medunion/deploy/local/embedredis"
	"medunion/ecc"
	"medunion/privatecloud/hospital"
	"medunion/privatecloud/internal/auditevents"
	"medunion/privatecloud/internal/peers"
)

// ward is a hospital over real stores, whose trail has an event for each import.
type ward struct {
	t *testing.T
	w *peers.World
	h *peers.Hospital
	s peers.Stores

	filter auditevents.Filter // of the exports
}

func newWard(t *testing.T) *ward {
	t.Helper()
	uri := os.Getenv("MONGODB_URI")
	if uri == "" {
		m, err := embedmongo.Start(embedmongo.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { m.Close() })
		uri = m.URI()
	}
	r, err := embedredis.Start(embedredis.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	w := peers.NewWorld(ecc.SuiteX25519)
	s := peers.NewStores(uri, r.Addr())
	return &ward{t: t, w: w, s: s, h: w.NewHospital(t, "st-anna", s)}
}

// imports adds n events to the trail.
func (w *ward) imports(n int) {
	w.t.Helper()
	for i := range n {
		if _, err := w.h.ImportPatient(w.t.Context(), fmt.Sprint("mrn-", i), nil); err != nil {
			w.t.Fatal(problem.Reason(err))
		}
	}
}

func (w *ward) options(out, cursor string) auditexport.Options {
	return auditexport.Options{CursorFile: cursor, Poll: 5 * time.Millisecond, Open: auditexport.File(out, cursor != "").Open}
}

func (w *ward) trail(f auditevents.Filter) auditevents.Trail {
	c := w.h.Identity().Credential
	site := auditevents.Site{ID: w.h.ID(), Credential: c.Hash(), Address: string(c.Info.Attribute), Record: w.h.RecordName}
	return auditevents.Trail{Source: w.h, Site: site, Filter: f}
}

func (w *ward) run(o auditexport.Options) auditexport.Cursor {
	w.t.Helper()
	c, err := auditexport.Run(w.t.Context(), w.trail(w.filter), o)
	if err != nil {
		w.t.Fatal(problem.Reason(err))
	}
	return c
}

// audit is the collection of the trail, for whoever has the database.
func (w *ward) audit() *mongo.Collection {
	client, err := mongo.Connect(w.t.Context(), options.Client().ApplyURI(w.s.URI))
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = client.Disconnect(context.Background()) })
	return client.Database(w.s.Database).Collection("audit")
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// numbers are those of the events in a file, in their order.
func numbers(t *testing.T, text string) (out []string) {
	t.Helper()
	for line := range strings.Lines(text) {
		_, rest, _ := strings.Cut(line, `"id":"audit-`)
		n, _, _ := strings.Cut(rest, `"`)
		out = append(out, n)
	}
	return out
}

// An export goes on where the last one ended, also after one that broke off in the middle
// of a line: each event is in the file once, and all of it is what the trail says.
func TestExportGoesOn(t *testing.T) {
	w, dir := newWard(t), t.TempDir()
	out, cursor := filepath.Join(dir, "events"), filepath.Join(dir, "cursor")
	w.imports(3)
	if c := w.run(w.options(out, cursor)); c.Number != 3 || c.Exported != 3 || c.Recorded.IsZero() {
		t.Errorf("%+v", c)
	}
	if err := os.WriteFile(out, []byte(read(t, out)+`{"resourceType":"Audit`), 0o600); err != nil {
		t.Fatal(err)
	}
	w.imports(2)
	w.run(w.options(out, cursor))
	if got := strings.Join(numbers(t, read(t, out)), " "); got != "1 2 3 4 5" {
		t.Errorf("the file holds %s", got)
	}
	w.run(w.options(out, cursor)) // nothing new
	for _, path := range []string{out, cursor} {
		if i, err := os.Stat(path); err != nil || i.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v %v", path, i.Mode(), err)
		}
	}
	w.compare(read(t, out), nil)
	w.compare(strings.Replace(read(t, out), "Custodian", "Other", 1)+"\n", auditexport.ErrDiffers)
	w.compare(strings.Replace(read(t, out), `"action":"C"`, `"action":"D"`, 1), auditexport.ErrDiffers)
	w.compare(strings.ReplaceAll(read(t, out), "audit-5", "audit-6"), auditexport.ErrDiffers)
	if _, err := auditexport.Run(t.Context(), w.trail(w.filter), w.options(out, "")); !errors.Is(err, os.ErrExist) {
		t.Errorf("written over a file: %v", err)
	}
}

func (w *ward) compare(export string, want error) {
	w.t.Helper()
	c, err := auditexport.ReadExport(strings.NewReader(export))
	if err == nil {
		_, err = auditexport.Verify(w.t.Context(), c, w.trail(auditevents.Filter{}))
	}
	if !errors.Is(err, want) {
		w.t.Errorf("%v, want %v", err, want)
	}
}

// A filter takes what it says; what it leaves out is verified all the same.
func TestFilters(t *testing.T) {
	w, dir := newWard(t), t.TempDir()
	w.imports(2)
	if _, _, err := w.h.NewDeskCode(t.Context(), "mrn-1"); err != nil {
		t.Fatal(err)
	}
	if err := w.h.RecordExport(t.Context(), "kim", "all of it"); err != nil {
		t.Fatal(err)
	}
	name, err := w.h.RecordOf(t.Context(), "mrn-1")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	type general = auditexport.Filter
	for want, f := range map[string]auditevents.Filter{
		"1 2 3 4": {}, "3 4": {Filter: general{SinceNumber: 3}}, "2 3": {Patient: fmt.Sprintf("%x", name)},
		"3":   {Filter: general{Events: []string{hospital.EventDeskCode}}},
		"1 2": {Filter: general{Events: []string{hospital.EventImported}, Outcome: "success"}}, "": {Filter: general{Outcome: "failure"}},
		"4": {Filter: general{From: now.Add(-time.Hour), To: now.Add(time.Hour), Events: []string{hospital.EventExported}}},
	} {
		w.filter = f
		w.run(w.options(filepath.Join(dir, "events "+want), ""))
		if got := strings.Join(numbers(t, read(t, filepath.Join(dir, "events "+want))), " "); got != want {
			t.Errorf("%+v: %q", f, got)
		}
	}
	for _, f := range []auditevents.Filter{{Filter: general{From: now.Add(time.Hour)}}, {Filter: general{To: now.Add(-time.Hour)}}, {Doctor: "L-1"}, {Patient: "p"}} {
		w.filter = f
		if c := w.run(w.options(filepath.Join(dir, "none"), "")); c.Exported != 0 || c.Number != 4 {
			t.Errorf("%+v: %+v", f, c)
		}
		os.Remove(filepath.Join(dir, "none"))
	}
}

// Whoever alters, removes or exchanges an entry, or cuts off what was exported, is found out,
// and nothing behind that place leaves.
func TestBrokenTrail(t *testing.T) {
	w, dir := newWard(t), t.TempDir()
	w.imports(6)
	cursor := filepath.Join(dir, "cursor")
	w.run(w.options(filepath.Join(dir, "all"), cursor))
	audit, before := w.audit(), string(read(t, filepath.Join(dir, "all")))
	at := func(n int) bson.D { return bson.D{{Key: "_id", Value: int64(n)}} }
	if _, err := audit.DeleteOne(t.Context(), at(6)); err != nil {
		t.Fatal(err)
	}
	if _, err := auditexport.Run(t.Context(), w.trail(w.filter), w.options(filepath.Join(dir, "all"), cursor)); !errors.Is(err, hospital.ErrTrail) {
		t.Errorf("cut off behind the cursor: %v", err)
	}
	w.imports(1) // another entry in its place
	if _, err := auditexport.Run(t.Context(), w.trail(w.filter), w.options(filepath.Join(dir, "all"), cursor)); !errors.Is(err, hospital.ErrTrail) {
		t.Errorf("another trail: %v", err)
	}
	if read(t, filepath.Join(dir, "all")) != before {
		t.Error("something was exported of a broken trail")
	}
	set := bson.D{{Key: "$set", Value: bson.D{{Key: "hash", Value: make([]byte, 32)}}}}
	if _, err := audit.UpdateOne(t.Context(), at(4), set); err != nil {
		t.Fatal(err)
	}
	o := w.options(filepath.Join(dir, "new"), "")
	o.Follow = true // a broken trail ends also this
	if _, err := auditexport.Run(t.Context(), w.trail(w.filter), o); !errors.Is(err, hospital.ErrTrail) {
		t.Errorf("an altered entry: %v", err)
	}
	if read(t, filepath.Join(dir, "new")) != "" {
		t.Error("events of the batch with the altered entry were exported")
	}
}
