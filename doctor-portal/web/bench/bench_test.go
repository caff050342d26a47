package bench

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// measured is what the page tells of one record, in milliseconds; see main.tsx.
type measured struct {
	First, Complete, Search, Timeline, All, Frame, Longest float64
	Lines, Entries                                         int
}

// small is the record that the others are compared with.
const small = 50

// policy is the portal's for its page.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'"

// site is the folder of the built page.
var site string

// build makes the page once for all tests, in a folder that TestMain removes.
var build = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "medunion-bench")
	if err != nil {
		return "", err
	}
	site = dir
	cmd := exec.Command("npx", "--no-install", "vite", "build", "--config", "bench/vite.config.js", "--outDir", dir, "--logLevel", "warn")
	cmd.Dir = ".."
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return dir, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if site != "" {
		_ = os.RemoveAll(site)
	}
	os.Exit(code)
}

// open shows the page in a Chromium of its own.
func open(tb testing.TB) context.Context {
	tb.Helper()
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		tb.Skip("no Chromium")
	}
	dir, err := build()
	if err != nil {
		tb.Skipf("the page cannot be built here (npm ci in doctor-portal/web?): %v", err)
	}
	files := http.FileServer(http.Dir(dir))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", policy)
		files.ServeHTTP(w, r)
	}))
	tb.Cleanup(server.Close)
	flags := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]), chromedp.ExecPath(chromium), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.WindowSize(1366, 900), chromedp.Flag("disable-component-update", true))
	ctx, stop := chromedp.NewExecAllocator(tb.Context(), flags...)
	tb.Cleanup(stop)
	ctx, cancel := chromedp.NewContext(ctx)
	tb.Cleanup(cancel)
	if err := chromedp.Run(ctx, chromedp.Navigate(server.URL), chromedp.Poll("window.measure !== undefined", nil, chromedp.WithPollingTimeout(time.Minute))); err != nil {
		tb.Fatal(err)
	}
	measure(tb, ctx, small) // what is compiled and cached once
	return ctx
}

func measure(tb testing.TB, ctx context.Context, resources int) (m measured) {
	tb.Helper()
	script := fmt.Sprintf("window.measure(%d)", resources)
	if err := chromedp.Run(ctx, chromedp.Evaluate(script, &m, awaited)); err != nil {
		tb.Fatal(err)
	}
	return m
}

// TestLongRecord: of 5,000 entries only those in sight are in the document, and none is lost.
func TestLongRecord(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a page")
	}
	const entries = 5000
	m := measure(t, open(t), entries)
	if m.Entries != entries || m.Lines < 5 || m.Lines > 200 {
		t.Errorf("%d entries of %d, %d lines in the document", m.Entries, entries, m.Lines)
	}
}

func BenchmarkRecord(b *testing.B) {
	for _, n := range []int{small, 500, 5000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) { record(b, n) })
	}
}

// record reports medians, and how many times that of the small record the first content took.
func record(b *testing.B, resources int) {
	ctx := open(b)
	var all, base []measured
	for b.Loop() {
		base = append(base, measure(b, ctx, small))
		all = append(all, measure(b, ctx, resources))
	}
	report := func(name string, of func(measured) float64) {
		b.ReportMetric(median(all, of), name+"-ms")
		b.ReportMetric(median(all, of)/median(base, of), name+"-x50")
	}
	report("first", func(m measured) float64 { return m.First })
	report("complete", func(m measured) float64 { return m.Complete })
	report("search", func(m measured) float64 { return m.Search })
	report("timeline", func(m measured) float64 { return m.Timeline })
	report("frame", func(m measured) float64 { return m.Frame })
	b.ReportMetric(median(all, func(m measured) float64 { return m.Longest }), "longest-ms")
	b.ReportMetric(0, "ns/op") // the metrics above say it
}

func median(all []measured, of func(measured) float64) float64 {
	values := make([]float64, 0, len(all))
	for _, m := range all {
		values = append(values, of(m))
	}
	slices.Sort(values)
	return values[len(values)/2]
}

// awaited waits for the promise that a script gives.
func awaited(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }
