package e2e_test

import (
	"io/fs"
	"log/slog"
	"net/http"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	doctorweb "medunion/doctor-portal/web"
)

// program is the name and the size in bytes of the doctor's role as it is sent.
func program(t testing.TB) (string, int64) {
	t.Helper()
	files, err := fs.Glob(doctorweb.Built(), "assets/*.wasm.br")
	if err != nil || len(files) != 1 {
		t.Fatalf("%d programs are in the built page: %v", len(files), err)
	}
	info, err := fs.Stat(doctorweb.Built(), files[0])
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSuffix(files[0], ".br"), info.Size()
}

// programBudget bounds what a doctor downloads once for her role, in bytes.
const programBudget = 1_575_000

// The doctor's role stays within its budget, and is sent compressed.
func TestProgramIsSmall(t *testing.T) {
	w := sharedWorld(t)
	name, size := program(t)
	t.Logf("%s: %d bytes in brotli", path.Base(name), size)
	if size > programBudget {
		t.Errorf("the program has grown to %d bytes, beyond its budget of %d", size, programBudget)
	}
	q, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.Portal+"/"+name, nil)
	if err != nil {
		t.Fatal(err)
	}
	q.Header.Set("Accept-Encoding", "br")
	a, err := http.DefaultClient.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Body.Close()
	if a.Header.Get("Content-Encoding") != "br" || a.ContentLength != size || a.Header.Get("Content-Type") != "application/wasm" {
		t.Errorf("it is sent as %q of %d bytes, %s", a.Header.Get("Content-Encoding"), a.ContentLength, a.Header.Get("Content-Type"))
	}
}

// BenchmarkFirstScreen times the doctor's page from its address to its first usable
// screen, which needs her role, beside the same browser opening a page without a program,
// in turn; both medians in milliseconds.
func BenchmarkFirstScreen(b *testing.B) {
	if absent != nil {
		b.Skip(absent)
	}
	w, err := startWorld(b.Context(), b.TempDir(), slog.DiscardHandler)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = w.Close() })
	var usable, bare []time.Duration
	for b.Loop() {
		usable = append(usable, timed(func() {
			d := chromium.Person(b, "doctor")
			d.Open(w.Portal + "/")
			d.Reads("Set up this browser")
		}))
		bare = append(bare, timed(func() {
			d := chromium.Person(b, "doctor")
			d.Open(w.Authority + "/")
			d.Reads("Development authority")
		}))
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(median(usable), "usable-ms")
	b.ReportMetric(median(bare), "bare-ms")
	b.ReportMetric(median(usable)/median(bare), "ratio")
}

func timed(f func()) time.Duration {
	began := time.Now()
	f()
	return time.Since(began)
}

// median is in milliseconds.
func median(d []time.Duration) float64 {
	slices.Sort(d)
	return float64(d[len(d)/2].Microseconds()) / 1e3
}
