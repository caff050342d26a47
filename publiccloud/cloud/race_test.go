//go:build race

package cloud_test

// raceEnabled: timings under the race detector say nothing.
const raceEnabled = true
