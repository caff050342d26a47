package httpserver

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"medunion/api/problem"
)

// Check is one thing that a service needs in order to answer, such as its store. Its name
// is shown to whoever asks /readyz, its errors are for the log.
type Check struct {
	Name  string
	Probe func(context.Context) error
}

// errLocked is the cause of a KeysUnlocked that fails.
var errLocked = errors.New("the keys are locked")

// KeysUnlocked is the check of a service whose keys can be locked while it runs.
func KeysUnlocked(unlocked func() bool) Check {
	return Check{Name: "keys", Probe: func(context.Context) error {
		if !unlocked() {
			return errLocked
		}
		return nil
	}}
}

const (
	// readyTimeout bounds all checks of one /readyz together.
	readyTimeout = 2 * time.Second
	// readyFor is how long an answer is given again: probes cannot be used as load.
	readyFor = time.Second
)

// outcome is what one check found.
type outcome struct {
	name string
	took time.Duration
	err  error
}

// readiness runs the checks, all at once, and remembers what they found for readyFor.
type readiness struct {
	mu     sync.Mutex // held while the checks run: whoever asks meanwhile waits for the same answer
	checks []Check
	found  []outcome
	at     time.Time
	ending <-chan struct{} // closed when the instance shuts down; may be nil
}

// look returns the outcome of every check, in the order of the checks.
func (r *readiness) look(ctx context.Context) []outcome {
	r.mu.Lock()
	defer r.mu.Unlock()
	if time.Since(r.at) < readyFor {
		return r.found
	}
	// The answer is for others too: it must not end with this caller.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), readyTimeout)
	defer cancel()
	found := make([]outcome, len(r.checks))
	var all sync.WaitGroup
	for i, c := range r.checks {
		all.Go(func() {
			start := time.Now()
			err := c.Probe(ctx)
			found[i] = outcome{c.Name, time.Since(start), err}
		})
	}
	all.Wait()
	r.found, r.at = found, time.Now()
	return found
}

// stopping says that the instance shuts down: a balancer should turn to another.
func (r *readiness) stopping() bool {
	select {
	case <-r.ending:
		return true
	default:
		return false
	}
}

var errStopping = errors.New("not ready: the service shuts down")

// err is nil if all checks pass, else a problem that names those that failed.
func (r *readiness) err(found []outcome) error {
	if r.stopping() {
		return problem.Unavailable(readyTimeout, errStopping)
	}
	var names []string
	var causes []error
	for _, o := range found {
		if o.err != nil {
			names = append(names, o.name)
			causes = append(causes, fmt.Errorf("not ready: %s: %s", o.name, problem.Reason(o.err)))
		}
	}
	if names == nil {
		return nil
	}
	p := problem.Unavailable(readyTimeout, errors.Join(causes...))
	p.Detail = "Not ready: " + strings.Join(names, ", ") + "."
	return p
}

var readyDesc = prometheus.NewDesc("medunion_ready", "1 if the check of /readyz passes, else 0.", []string{"check"}, nil)

// Describe implements prometheus.Collector.
func (r *readiness) Describe(ch chan<- *prometheus.Desc) { ch <- readyDesc }

// Collect implements prometheus.Collector: a scrape is a probe like any other.
func (r *readiness) Collect(ch chan<- prometheus.Metric) {
	for _, o := range r.look(context.Background()) {
		value := 1.0
		if o.err != nil {
			value = 0
		}
		ch <- prometheus.MustNewConstMetric(readyDesc, prometheus.GaugeValue, value, o.name)
	}
}
