package server

import (
	"time"

	"github.com/redis/go-redis/v9"

	"medunion/api/httpserver"
	"medunion/api/telemetry"
)

// meters are what is measured from the first connection on.
type meters struct {
	operations *httpserver.Operations
	window     *telemetry.Window
	mongo      *telemetry.Mongo
}

func newMeters(c Config) (meters, error) {
	o := httpserver.NewOperations()
	err := o.Trace(c.Edge, "publiccloud", c.Logger)
	return meters{o, telemetry.NewWindow(o.Registry), telemetry.NewMongo(o.Registry, o.Tracer)}, err
}

// watch says what makes the public cloud ready, and what else is measured.
func (p *parts) watch(c Config) *httpserver.Operations {
	clocks := telemetry.NewClocks(c.Now, c.Future, telemetry.Clock{Store: "redis", Ask: p.window.Time}, telemetry.Clock{Store: "mongodb", Ask: p.store.Time})
	o := p.meters.operations
	o.Require([]httpserver.Check{{Name: "mongodb", Probe: p.store.Ping}, {Name: "redis", Probe: p.window.Ready}, {Name: "clock", Probe: clocks.Probe},
		{Name: "keys", Probe: p.lease.Probe}},
		clocks,
		telemetry.NewRedisPools(map[string]func() *redis.PoolStats{"window": p.window.PoolStats}),
		telemetry.NewMoments("prekey_not_after", "When the service's own prekeys end.", "", map[string]func() time.Time{"": p.cloud.PrekeysEnd}),
		telemetry.Gauge("revoked_credentials", "Credentials that are revoked and have not ended, when the list was signed last; -1 before. A list names 65535 at most.",
			func() float64 { return float64(p.cloud.Revoked()) }),
		telemetry.BackupAge(p.store.Database().LastBackup),
		telemetry.KeysOpenable(p.lease.Degraded))
	return o
}
