package auditexport_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"medunion/api/auditexport"
)

// A job that makes no sense is refused before anything is opened.
func TestJobsRefused(t *testing.T) {
	now, known := time.Now(), []string{"refused", "released"}
	for name, j := range map[string]auditexport.Job{
		"no time between": {From: now, To: now}, "an event that is none": {Event: []string{"nothing"}}, "no outcome": {Outcome: "maybe"},
		"followed without a cursor": {Follow: true}, "two places": {Out: "x", Syslog: "unix:///dev/log"}, "no receiver": {Syslog: "tcp://siem"},
		"a cursor that would pass what was not asked for": {To: now, Cursor: "c"},
	} {
		if j.Check(known) == nil {
			t.Errorf("%s is accepted", name)
		}
	}
	if err := (auditexport.Job{Event: known, Outcome: "failure", From: now, Follow: true, Cursor: "c"}).Check(known); err != nil {
		t.Error(err)
	}
	if err := (auditexport.Job{From: now, To: now.Add(1)}).Check(known); err != nil {
		t.Error(err)
	}
}

// What the trail keeps of an export names the filters and nothing that they were set to.
func TestWords(t *testing.T) {
	j := auditexport.Job{Event: []string{"refused"}, SinceNumber: 4711}
	if w := j.Words(map[string]bool{"patient": true, "doctor": false}); w != "a part of it, by event, patient, since number" {
		t.Error(w)
	}
	if w := (auditexport.Job{}).Words(nil); w != "all of it" {
		t.Error(w)
	}
}

// Two exports on one cursor exclude each other; the metrics say how far one came, under the trail's name.
func TestJob(t *testing.T) {
	w, dir := &chained{}, t.TempDir()
	w.adds(2)
	j := auditexport.Job{Cursor: filepath.Join(dir, "cursor"), Out: filepath.Join(dir, "out"), Metrics: filepath.Join(dir, "prom")}
	lock, err := j.Lock()
	if err != nil {
		t.Fatal(err)
	}
	if second, err := j.Lock(); err == nil {
		t.Error("two exports have one cursor", second.Close())
	}
	if c, err := j.Run(t.Context(), w, auditexport.Sender{Trail: "operations"}); err != nil || c.Exported != 2 {
		t.Errorf("%+v %v", c, err)
	}
	if err := lock.Close(); err != nil {
		t.Error(err)
	}
	if m := read(t, j.Metrics); !strings.Contains(m, "medunion_audit_exported_entry{trail=\"operations\"} 2\n") {
		t.Error(m)
	}
	if i, err := os.Stat(j.Out); err != nil || i.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", i, err)
	}
}
