package telemetry

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Moments is a gauge of moments, in seconds since 1970: when something ends, or when it was
// made. A moment that is not known (zero) has no value.
type Moments struct {
	desc *prometheus.Desc
	at   map[string]func() time.Time
}

// NewMoments makes the gauge medunion_NAME_timestamp_seconds. Its label, if one is named,
// tells the moments apart; without one there is one moment, under "".
func NewMoments(name, help, label string, at map[string]func() time.Time) *Moments {
	var labels []string
	if label != "" {
		labels = []string{label}
	}
	return &Moments{prometheus.NewDesc("medunion_"+name+"_timestamp_seconds", help, labels, nil), at}
}

// Describe implements prometheus.Collector.
func (m *Moments) Describe(ch chan<- *prometheus.Desc) { ch <- m.desc }

// Collect implements prometheus.Collector.
func (m *Moments) Collect(ch chan<- prometheus.Metric) {
	for name, at := range m.at {
		var labels []string
		if name != "" {
			labels = []string{name}
		}
		if t := at(); !t.IsZero() && t.Unix() != 0 {
			ch <- prometheus.MustNewConstMetric(m.desc, prometheus.GaugeValue, float64(t.UnixMilli())/1000, labels...)
		}
	}
}

// Gauge is one number, asked for at each scrape.
func Gauge(name, help string, value func() float64) prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "medunion_" + name, Help: help}, value)
}

// Counter is one count, asked for at each scrape; it never falls while the process lives.
func Counter(name, help string, value func() float64) prometheus.Collector {
	return prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "medunion_" + name, Help: help}, value)
}

// Tally is a family of counts, asked for at each scrape; what it is labelled by is a
// constant of the program.
type Tally struct {
	desc  *prometheus.Desc
	count func() map[string]uint64
}

// NewTally makes the counter medunion_NAME_total.
func NewTally(name, help, label string, count func() map[string]uint64) *Tally {
	return &Tally{prometheus.NewDesc("medunion_"+name+"_total", help, []string{label}, nil), count}
}

// Describe implements prometheus.Collector.
func (t *Tally) Describe(ch chan<- *prometheus.Desc) { ch <- t.desc }

// Collect implements prometheus.Collector.
func (t *Tally) Collect(ch chan<- prometheus.Metric) {
	for name, n := range t.count() {
		ch <- prometheus.MustNewConstMetric(t.desc, prometheus.CounterValue, float64(n), name)
	}
}
