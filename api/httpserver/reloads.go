package httpserver

import (
	"github.com/prometheus/client_golang/prometheus"

	"medunion/api/certs"
)

// counted is a source that counts the contents that it could not take, and knows whether the
// one of now is such.
type counted interface {
	Failures() uint64
	Failing() bool
}

var (
	reloadFailuresDesc = prometheus.NewDesc("medunion_reload_failures_total", "Contents of certificate files and lists of peers that could not be taken: what was in force still is.", nil, nil)
	reloadFailedDesc   = prometheus.NewDesc("medunion_reload_failed", "1 while a certificate file or the list of peers holds what could not be taken, else 0.", nil, nil)
	shownDesc          = prometheus.NewDesc("medunion_peer_certificate_not_after_timestamp_seconds", "When the certificate ends that the service shows to the clouds it calls.", nil, nil)
)

// reloads measures what Secured.Watch watches.
type reloads struct {
	secured *Secured
	more    []certs.Source
}

// Reloads are the metrics of the pair and of the further sources that Watch is given too.
func (s *Secured) Reloads(more ...certs.Source) prometheus.Collector { return reloads{s, more} }

// Describe implements prometheus.Collector.
func (r reloads) Describe(ch chan<- *prometheus.Desc) {
	ch <- reloadFailuresDesc
	ch <- reloadFailedDesc
	ch <- shownDesc
}

// Collect implements prometheus.Collector. Without a certificate to show there is no moment.
func (r reloads) Collect(ch chan<- prometheus.Metric) {
	n, failing := r.secured.Failures(), r.secured.Failing()
	for _, source := range r.more {
		if c, ok := source.(counted); ok {
			n, failing = n+c.Failures(), failing || c.Failing()
		}
		if pair, ok := source.(*certs.Pair); ok {
			ch <- prometheus.MustNewConstMetric(shownDesc, prometheus.GaugeValue, float64(pair.NotAfter().Unix()))
		}
	}
	ch <- prometheus.MustNewConstMetric(reloadFailuresDesc, prometheus.CounterValue, float64(n))
	ch <- prometheus.MustNewConstMetric(reloadFailedDesc, prometheus.GaugeValue, oneIf(failing))
}

func oneIf(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
