package server

import (
	"context"
	"io"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"

	"medunion/api/httpserver"
	"medunion/api/telemetry"
	"medunion/privatecloud/hospital"
	"medunion/privatecloud/internal/fhir"
)

// meters are what is measured from the first connection on.
type meters struct {
	operations *httpserver.Operations
	window     *telemetry.Window
	mongo      *telemetry.Mongo
	imports    *prometheus.CounterVec
}

func newMeters(c Config) (meters, error) {
	o := httpserver.NewOperations()
	err := o.Trace(c.Edge, "privatecloud", c.Logger)
	m := meters{o, telemetry.NewWindow(o.Registry), telemetry.NewMongo(o.Registry, o.Tracer), prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "medunion_import_resources_total", Help: "Resources that imports found, by what became of them."}, []string{"outcome"})}
	o.Registry.MustRegister(m.imports)
	return m, err
}

// watch says what makes the hospital ready, and what else is measured.
func (p *parts) watch() *httpserver.Operations {
	clocks := telemetry.NewClocks(p.config.Now, p.params.Future,
		telemetry.Clock{Store: "redis", Ask: p.window.Time}, telemetry.Clock{Store: "mongodb", Ask: p.store.Time})
	o := p.meters.operations
	o.Require([]httpserver.Check{{Name: "mongodb", Probe: p.store.Ping}, {Name: "redis", Probe: p.window.Ready}, {Name: "clock", Probe: clocks.Probe},
		{Name: "audit", Probe: p.hospital.AuditReady}, {Name: "revocations", Probe: p.hospital.RevocationsReady}, {Name: "keys", Probe: p.lease.Probe}}, clocks,
		telemetry.NewRedisPools(map[string]func() *redis.PoolStats{"window": p.window.PoolStats, "sessions": p.redis.PoolStats}))
	o.Require(nil, append(p.moments(), telemetry.BackupAge(p.store.Database().LastBackup), telemetry.KeysOpenable(p.lease.Degraded))...)
	o.Require(nil, auditMetrics(p.hospital)...)
	return o
}

// moments are when things end, and how old they are.
func (p *parts) moments() []prometheus.Collector {
	issued := func() time.Time { return p.cloud.Revocations().Issued.Time() }
	credential := func() time.Time { return p.hospital.Identity().Credential.Info.NotAfter.Time() }
	return []prometheus.Collector{
		telemetry.NewMoments("prekey_not_after", "When the service's own prekeys end.", "", map[string]func() time.Time{"": p.hospital.PrekeyEnd}),
		telemetry.NewMoments("credential_not_after", "When the service's credential ends.", "", map[string]func() time.Time{"": credential}),
		telemetry.NewMoments("revocation_list_issued", "When the revocation list in use was signed.", "", map[string]func() time.Time{"": issued}),
	}
}

// auditMetrics are those of the trail, by what happened: a constant of package hospital.
func auditMetrics(h *hospital.Hospital) []prometheus.Collector {
	return []prometheus.Collector{
		telemetry.NewTally("audit_appended", "Events that this instance wrote into the audit trail, by what happened.", "event",
			func() map[string]uint64 { return h.AuditCounts().Appended }),
		telemetry.Counter("audit_append_failures_total", "Events that could not be written into the audit trail; what they tell of was refused.",
			func() float64 { return float64(h.AuditCounts().Failures) }),
		telemetry.Gauge("audit_waiting_events", "Events that are not durable yet.", func() float64 { return float64(h.AuditCounts().Waiting) }),
		telemetry.Gauge("audit_lag_seconds", "How long the oldest event that is not durable yet has waited.", func() float64 { return h.AuditCounts().Lag.Seconds() }),
	}
}

type importBundle = func(ctx context.Context, r io.Reader, dryRun bool) (fhir.Report, error)

// counted counts what real imports find.
func (p *parts) counted(run importBundle) importBundle {
	return func(ctx context.Context, r io.Reader, dryRun bool) (fhir.Report, error) {
		report, err := run(ctx, r, dryRun)
		if !dryRun {
			n := report.Total()
			for outcome, count := range map[string]int{"stored": n.Stored, "updated": n.Updated, "unchanged": n.Unchanged, "invalid": n.Invalid,
				"unknown": n.Unknown, "too_large": n.TooLarge, "unplaced": n.Unplaced} {
				p.meters.imports.WithLabelValues(outcome).Add(float64(count))
			}
		}
		return report, err
	}
}
