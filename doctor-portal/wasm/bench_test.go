//go:build !js

package main_test

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// BenchmarkAgainstNative runs the benchmarks of the doctor's steps (package doctor) as
// WebAssembly in Node.js, whose engine is Chromium's, and natively on the same machine,
// in turns. It reports the median time of each step in both and their ratio. Rounds and
// repetitions are its own: -benchtime=1x suits it. WebAssembly knows no time but that of
// the wall: the numbers are of a machine that does nothing else.
func BenchmarkAgainstNative(b *testing.B) {
	if _, err := exec.LookPath("node"); err != nil {
		b.Skip("no Node.js here to run WebAssembly in")
	}
	native, wasm := compile(b, nil), compile(b, []string{"GOOS=js", "GOARCH=wasm"})
	loader := filepath.Join(strings.TrimSpace(run(b, nil, "go", "env", "GOROOT")), "lib/wasm/go_js_wasm_exec")
	times := [2]map[string][]float64{{}, {}}
	for range 3 {
		for i, command := range [][]string{{native}, {loader, wasm}} {
			out := run(b, nil, command[0], append(command[1:], "-test.run=^$", "-test.bench=.", "-test.benchtime=20x")...)
			for name, t := range steps(out) {
				times[i][name] = append(times[i][name], t)
			}
		}
	}
	if len(times[0]) < 10 || len(times[0]) != len(times[1]) {
		b.Fatalf("%d steps natively, %d as WebAssembly", len(times[0]), len(times[1]))
	}
	for _, name := range slices.Sorted(maps.Keys(times[0])) {
		b.Run(name, func(b *testing.B) {
			n, w := median(times[0][name]), median(times[1][name])
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(n, "native-µs")
			b.ReportMetric(w, "wasm-µs")
			b.ReportMetric(w/n, "ratio")
		})
	}
}

// compile builds the benchmarks of package doctor for a platform.
func compile(b *testing.B, platform []string) string {
	b.Helper()
	to := filepath.Join(b.TempDir(), "bench")
	run(b, platform, "go", "test", "-c", "-o", to, "medunion/doctor-portal/doctor")
	return to
}

func run(b *testing.B, env []string, name string, args ...string) string {
	b.Helper()
	cmd := exec.CommandContext(b.Context(), name, args...)
	cmd.Env = append(os.Environ(), env...)
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		b.Fatalf("%s: %v\n%s%s", name, err, out, said.String())
	}
	return string(out)
}

var stepLine = regexp.MustCompile(`(?m)^Benchmark(\S+?)(?:-\d+)?\s.*?([\d.]+) step-µs`)

// steps are the times in microseconds by the names of the benchmarks.
func steps(out string) map[string]float64 {
	found := map[string]float64{}
	for _, m := range stepLine.FindAllStringSubmatch(out, -1) {
		if t, err := strconv.ParseFloat(m[2], 64); err == nil {
			found[m[1]] = t
		}
	}
	return found
}

func median(v []float64) float64 {
	slices.Sort(v)
	return v[len(v)/2]
}
