package system_test

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// After two whole visits, every question and a revocation, nothing of the canary
// patient can be read in any store, log, metric or Redis key, and what identifies her
// by design in stores is in no log and no metric.
func TestCanary(t *testing.T) {
	heavy(t)
	t.Parallel()
	dir := t.TempDir()
	p := part(t, partCanary, dir)
	p.awaitEnd(2 * time.Minute)
	if code := p.cmd.ProcessState.ExitCode(); code != 0 {
		t.Fatalf("the visits failed: %d\n%s", code, tail(p.read(p.stderr)))
	}
	k := readKnown(t, dir)
	everywhere, logs := k.needles()
	if hits, files := search(t, filepath.Join(dir, "state"), everywhere); len(hits) > 0 || files < 10 {
		t.Errorf("of %d files of the data folder can be read: %q", files, hits)
	}
	if hits, files := search(t, filepath.Join(dir, "out"), everywhere); len(hits) > 0 || files < 5 {
		t.Errorf("of %d dumps of Redis and metrics can be read: %q", files, hits)
	}
	metrics := filepath.Join(dir, "metrics")
	moveMetrics(t, filepath.Join(dir, "out"), metrics)
	if hits, files := search(t, metrics, append(logs, everywhere...)); len(hits) > 0 || files < 7 {
		t.Errorf("of %d metrics can be read: %q", files, hits)
	}
	for _, path := range []string{p.stdout, p.stderr} {
		if found := in(p.read(path), append(logs, everywhere...)); len(found) > 0 {
			t.Errorf("%s tells %q", filepath.Base(path), found)
		}
	}
	spoke(t, string(p.read(p.stderr)))
	plant(t, dir, p.stderr, everywhere)
}

func readKnown(t *testing.T, dir string) (k known) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, "known.json"))
	ok(t, err)
	ok(t, json.Unmarshal(b, &k))
	if len(k.Canaries) != 13 || len(k.Patient) != 32 || len(k.Logs) < 9 || len(k.Hashes) < 15 {
		t.Fatalf("too little is known to search for: %d, %d, %d", len(k.Canaries), len(k.Logs), len(k.Hashes))
	}
	return k
}

// needles are what may be read nowhere, and what may not be in logs and metrics.
func (k known) needles() (everywhere, logs []needle) {
	for _, c := range append(k.Canaries, k.Patient) {
		everywhere = append(everywhere, needleOf(c, []byte(c)))
	}
	raw, _ := hex.DecodeString(k.Patient)
	everywhere = append(everywhere, needleOf("ID_P", raw))
	for _, s := range k.Logs {
		logs = append(logs, needleOf(s, []byte(s)))
	}
	for _, h := range k.Hashes {
		b, _ := hex.DecodeString(h)
		logs = append(logs, needleOf(h, b))
	}
	return everywhere, logs
}

func moveMetrics(t *testing.T, from, to string) {
	ok(t, os.Mkdir(to, 0o700))
	list, err := filepath.Glob(filepath.Join(from, "metrics-*"))
	ok(t, err)
	for _, path := range list {
		ok(t, os.Rename(path, filepath.Join(to, filepath.Base(path))))
	}
}

// spoke makes sure that every party has logged, refusals among it.
func spoke(t *testing.T, log string) {
	t.Helper()
	for _, party := range []string{"publiccloud", "hospital-1", "hospital-2", "portal", "authority", "doctor"} {
		if !strings.Contains(log, `"party":"`+party+`"`) {
			t.Errorf("%s has logged nothing", party)
		}
	}
	for _, what := range []string{`"status":403`, `"status":400`, `"status":404`, `"level":"DEBUG"`} {
		if !strings.Contains(log, what) {
			t.Errorf("no line of the logs has %s: too little went wrong", what)
		}
	}
}

// plant puts one canary where it must not be and sees that the search would say so.
func plant(t *testing.T, dir, log string, needles []needle) {
	t.Helper()
	for i, path := range []string{filepath.Join(dir, "state", "mongo", "planted"), filepath.Join(dir, "state", "keys", "publiccloud")} {
		f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		ok(t, err)
		_, err = f.Write(needles[i].forms[i])
		ok(t, err)
		ok(t, f.Close())
	}
	if hits, _ := search(t, filepath.Join(dir, "state"), needles); len(hits) != 2 {
		t.Errorf("of two planted canaries the search finds %q", hits)
	}
	b, err := os.ReadFile(log)
	ok(t, err)
	line := `{"level":"INFO","msg":"imported ` + string(needles[2].forms[0]) + `"}`
	if len(in(append(b, line...), needles)) != 1 {
		t.Error("a canary in the log is not found")
	}
}
