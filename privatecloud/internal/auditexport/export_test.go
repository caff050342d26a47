package auditexport_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/mongo"
	"go.mongodb.org/mongo-driver/mongo/options"

	"medunion/api/problem"
	"medunion/deploy/local/embedmongo"
	"medunion/deploy/local/embedredis"
	"medunion/ecc"
	"medunion/privatecloud/hospital"
	"medunion/privatecloud/internal/auditexport"
	"medunion/privatecloud/internal/peers"
)

// ward is a hospital over real stores, whose trail has an event for each import.
type ward struct {
	t *testing.T
	w *peers.World
	h *peers.Hospital
	s peers.Stores
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
	c := w.h.Identity().Credential
	return auditexport.Options{Site: auditexport.Site{ID: w.h.ID(), Credential: c.Hash(), Address: string(c.Info.Attribute), Record: w.h.RecordName},
		CursorFile: cursor, Poll: 5 * time.Millisecond, Open: auditexport.File(out).Open}
}

func (w *ward) run(o auditexport.Options) auditexport.Cursor {
	w.t.Helper()
	c, err := auditexport.Run(w.t.Context(), w.h, o)
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
	if _, err := auditexport.Run(t.Context(), w.h, w.options(out, "")); !errors.Is(err, os.ErrExist) {
		t.Errorf("written over a file: %v", err)
	}
}

func (w *ward) compare(export string, want error) {
	w.t.Helper()
	c, err := auditexport.ReadExport(strings.NewReader(export))
	if err == nil {
		trail, terr := w.h.TrailAfter(w.t.Context(), hospital.Link{}, 100)
		if terr != nil {
			w.t.Fatal(terr)
		}
		for _, a := range trail {
			c.Compare(w.options("", "").Site, a)
		}
		err = c.Err()
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
	for want, f := range map[string]auditexport.Filter{
		"1 2 3 4": {}, "3 4": {SinceNumber: 3}, "2 3": {Patient: fmt.Sprintf("%x", name)}, "3": {Events: []string{hospital.EventDeskCode}},
		"1 2": {Events: []string{hospital.EventImported}, Outcome: "success"}, "": {Outcome: "failure"},
		"4": {From: now.Add(-time.Hour), To: now.Add(time.Hour), Events: []string{hospital.EventExported}},
	} {
		o := w.options(filepath.Join(dir, "events "+want), "")
		o.Filter = f
		w.run(o)
		if got := strings.Join(numbers(t, read(t, filepath.Join(dir, "events "+want))), " "); got != want || f.Check() != nil {
			t.Errorf("%+v: %q, %v", f, got, f.Check())
		}
	}
	for _, f := range []auditexport.Filter{{From: now, To: now}, {Events: []string{"nothing"}}, {Outcome: "maybe"}} {
		if f.Check() == nil {
			t.Errorf("%+v is accepted", f)
		}
	}
	for _, f := range []auditexport.Filter{{From: now.Add(time.Hour)}, {To: now.Add(-time.Hour)}, {Doctor: "L-1"}, {Patient: "p"}} {
		o := w.options(filepath.Join(dir, "none"), "")
		o.Filter = f
		if c := w.run(o); c.Exported != 0 || c.Number != 4 {
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
	if _, err := auditexport.Run(t.Context(), w.h, w.options(filepath.Join(dir, "all"), cursor)); !errors.Is(err, hospital.ErrTrail) {
		t.Errorf("cut off behind the cursor: %v", err)
	}
	w.imports(1) // another entry in its place
	if _, err := auditexport.Run(t.Context(), w.h, w.options(filepath.Join(dir, "all"), cursor)); !errors.Is(err, hospital.ErrTrail) {
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
	if _, err := auditexport.Run(t.Context(), w.h, o); !errors.Is(err, hospital.ErrTrail) {
		t.Errorf("an altered entry: %v", err)
	}
	if read(t, filepath.Join(dir, "new")) != "" {
		t.Error("events of the batch with the altered entry were exported")
	}
}

// Following feeds a receiver: what comes while it is away reaches it when it is back, and
// nothing is left out.
func TestFollow(t *testing.T) {
	w := newWard(t)
	cert, pool := pair(t, "siem")
	config := &tls.Config{Certificates: []tls.Certificate{cert}}
	first := listen(t, config)
	var address atomic.Value
	address.Store(first.listener.Addr().String())
	o := w.options("", filepath.Join(t.TempDir(), "cursor"))
	o.Follow = true
	o.Open = func(ctx context.Context, _ auditexport.Cursor) (auditexport.Sink, error) {
		r, err := auditexport.ParseReceiver("tls://"+address.Load().(string), &tls.Config{RootCAs: pool})
		if err != nil {
			return nil, err
		}
		return r.Open(ctx, "st-anna")
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { _, err := auditexport.Run(ctx, w.h, o); done <- err }()
	w.imports(3)
	await(t, func() bool { return len(first.messages()) >= 3 })
	first.drop()
	w.imports(4)
	second := listen(t, config)
	address.Store(second.listener.Addr().String())
	await(t, func() bool { return seen(append(first.messages(), second.messages()...)) == 7 })
	w.imports(2)
	await(t, func() bool { return seen(append(first.messages(), second.messages()...)) == 9 })
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if c, err := auditexport.ReadCursor(o.CursorFile); err != nil || c.Number != 9 {
		t.Errorf("%+v %v", c, err)
	}
}

// drop ends the listener and its connections, as a receiver that restarts.
func (r *receiver) drop() {
	r.listener.Close()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.conns {
		c.Close()
	}
}

func seen(messages []string) int {
	ids := map[string]bool{}
	for _, m := range messages {
		_, rest, _ := strings.Cut(m, `"id":"audit-`)
		n, _, _ := strings.Cut(rest, `"`)
		ids[n] = true
	}
	return len(ids)
}

func await(t *testing.T, what func() bool) {
	t.Helper()
	for range 600 {
		if what() {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal("it does not come")
}
