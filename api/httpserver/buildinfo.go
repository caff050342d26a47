package httpserver

import (
	"github.com/prometheus/client_golang/prometheus"

	"medunion/api/version"
)

// buildInfo is the gauge medunion_build_info, always 1: what was built, by its labels.
func buildInfo() prometheus.Collector {
	v := version.Get()
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "medunion_build_info", Help: "What this program was built from; always 1.",
		ConstLabels: prometheus.Labels{"version": v.Version, "commit": v.Commit, "goversion": v.Go}}, func() float64 { return 1 })
}
