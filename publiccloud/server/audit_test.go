package server_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"medunion/api/auditexport"
	"medunion/api/command"
	"medunion/ecc"
	"medunion/publiccloud/internal/peers"
	"medunion/publiccloud/server"
)

// operations exports the trail of operations and returns what was done, with the texts of the events.
func (w *world) operations() (what []string, text string) {
	w.Helper()
	var out bytes.Buffer
	x := server.AuditExport{Trail: server.TrailOperations, Job: auditexport.Job{Stdout: &out}}
	_, err := server.ExportAudit(w.Context(), w.config, x)
	w.ok(err)
	for line := range strings.Lines(out.String()) {
		var e struct {
			Outcome   string
			Extension []struct {
				Extension []struct{ URL, ValueString string }
			}
		}
		w.ok(json.Unmarshal([]byte(line), &e))
		for _, x := range e.Extension[0].Extension {
			if x.URL == "event" {
				what = append(what, strings.TrimSuffix(x.ValueString+" "+strings.Trim(e.Outcome, "0"), " "))
			}
		}
	}
	return what, out.String()
}

// Every step of a key stands in the trail of operations with its key and version and who made it, in the order in
// which it was made, and no secret.
func TestKeyOperationsAreRecorded(t *testing.T) {
	w := keysWorld(t)
	w.ok(rotate(w.tools(), "challenge", 30*time.Second))
	w.ok(w.roots(0).AwaitRoots(t.Context(), 20*time.Second))
	w.ok(destroy(later(w.tools(), 20*time.Minute), "challenge", 1))
	w.ok(w.tools().Rewrap(t.Context(), nil))
	w.ok(w.roots(0).AwaitRoots(t.Context(), 20*time.Second))
	from := time.Now().Add(2 * time.Hour)
	_, err := w.roots(0).Announce(t.Context(), from, from.Add(48*time.Hour))
	w.ok(err)
	w.ok(w.roots(0).AwaitRoots(t.Context(), 20*time.Second))
	w.ok(w.roots(100 * time.Hour).Retire(t.Context()))
	what, text := w.operations()
	want := []string{"key version added", "key version current", "key version destroyed", "key file sealed anew", "root announced", "root retired", "audit exported"}
	if !slices.Equal(what, want) {
		t.Errorf("%q", what)
	}
	for _, part := range []string{`"key challenge"`, `"key root"`, `"` + command.Operator() + `"`, "good from " + from.UTC().Format("2006-01-02T15:04:05Z"), "left in the clear"} {
		if !strings.Contains(text, part) {
			t.Errorf("%s is not in %s", part, text)
		}
	}
}

// The commands verify both trails, and an export against them; one that was altered, or a key file that is not this
// public cloud's, does not verify. What makes no sense is refused before anything is opened.
func TestAuditOfBothTrails(t *testing.T) {
	w := newWorld(t)
	d := w.doctor(ecc.SuiteX25519)
	out, cursor := filepath.Join(t.TempDir(), "out"), filepath.Join(t.TempDir(), "cursor")
	c := d.Credential.Hash()
	x := server.AuditExport{Trail: server.TrailRegistrations, Job: auditexport.Job{Out: out, Cursor: cursor}}
	done, err := server.ExportAudit(t.Context(), w.config, x)
	w.ok(err)
	b, err := os.ReadFile(out)
	w.ok(err)
	exported := string(b)
	if done.Exported == 0 || !strings.Contains(exported, auditexport.Hex(c)) || strings.Contains(exported, string(d.ID)) {
		t.Errorf("%+v: %s", done, exported)
	}
	v, err := server.VerifyAudit(t.Context(), w.config, peers.Must(auditexport.ReadExport(strings.NewReader(exported))))
	if err != nil || v.Registrations != done.Number || v.Operations != 1 {
		t.Errorf("%+v %v", v, err)
	}
	altered := peers.Must(auditexport.ReadExport(strings.NewReader(strings.Replace(exported, "Practitioner", "Patient", 1))))
	if _, err := server.VerifyAudit(t.Context(), w.config, altered); !errors.Is(err, auditexport.ErrDiffers) {
		t.Errorf("an altered export: %v", err)
	}
	w.doctor(ecc.SuiteX25519)
	if lag, err := server.LagOfAudit(t.Context(), w.config, server.TrailRegistrations, cursor); err != nil || lag.Entries != 1 {
		t.Errorf("%+v %v", lag, err)
	}
	for _, bad := range []server.AuditExport{{Trail: "searches"}, {Trail: server.TrailOperations, Job: auditexport.Job{Event: []string{"registered"}}},
		{Trail: server.TrailRegistrations, Job: auditexport.Job{Follow: true}}} {
		if bad.Check() == nil {
			t.Errorf("%+v is accepted", bad)
		}
	}
}
